"""Array namespaces of linear nodes with other products than `snnconv.runtime.tensorflow_ops` has.

`SPARSE` skips zeros, for what spikes alone feed. A product with spikes costs a look at each value, its share of the
output, and per spike one row of the kernel. Measured on a CPU, in units of a dense product's time per multiplication:
the look 26, the output 0.05 a column, a row 650 and 3.1 a column. So a kernel 512 columns wide gains below 21 % of
spikes, three times at 5 %; one of 27 columns never does. Convolutions always lose: gathering their windows costs more
than the dense convolution.

`BFLOAT16` multiplies rounded numbers. Kernels and values keep 8 significant bits, which 0/1 spikes need none of.
TensorFlow rounds each sum to bfloat16 too, on some processors at each term: it has no products of bfloat16 that give
float32.
What comes behind (biases, neurons, averages) is in float32 again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import tensorflow as tf

from .. import tensorflow_ops

LOOK, OUTPUT, ROW, COLUMN = 26, 0.05, 650, 3.1
SAMPLED_VALUES = 1 << 17
LEAST_ROWS = 64  # of spikes, for a thread of their own


def break_even(n_columns: int) -> float:
    """Share of values that are not 0 below which the sparse product is the faster one."""
    return ((1 - OUTPUT) * n_columns - LOOK) / (ROW + COLUMN * n_columns)


def _sparse_matmul(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Product over the last axis of `x`, sparse where few of its values, sampled when it runs, are not 0.

    `x` may be of bool, where all spikes are 0 or 1.
    """
    n_inputs, n_columns = cast(tuple[int, int], tuple(kernel.shape))
    densest = break_even(n_columns)
    if densest <= 0:
        return tensorflow_ops.matmul(tf.cast(x, kernel.dtype), kernel)
    flat = tf.reshape(x, (-1, n_inputs))
    n_rows = max(SAMPLED_VALUES // n_inputs, 8)
    rows = tf.cast(tf.linspace(0, tf.shape(flat)[0] - 1, n_rows), tf.int32)
    density = tf.reduce_mean(tf.cast(tf.cast(tf.gather(flat, rows), tf.bool), tf.float32))
    flat = tf.cond(
        density < densest,
        lambda: _matmul_of_few(flat, kernel),
        lambda: tf.matmul(tf.cast(flat, kernel.dtype), kernel),
    )
    return tf.reshape(flat, (*x.shape[:-1], n_columns)) if len(x.shape) > 2 else flat


def _matmul_of_few(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    places = _places(x)
    if x.dtype == tf.bool:
        ones = tf.ones(tf.shape(places)[:1], kernel.dtype)
        shape = tf.shape(x, tf.int64)
        spikes = tf.raw_ops.SparseTensorToCSRSparseMatrix(indices=places, values=ones, dense_shape=shape)
    else:
        spikes = tf.raw_ops.DenseToCSRSparseMatrix(dense_input=x, indices=places)
    return tf.raw_ops.SparseMatrixMatMul(a=spikes, b=kernel)


def _places(x: tf.Tensor) -> tf.Tensor:
    """Rows and columns of what is not 0; `tf.where` takes one thread, so that parts of the rows are given to each."""
    n_threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
    n_rows = x.shape[0] or 0
    n_parts = max(min(n_threads, n_rows // LEAST_ROWS), 1)
    ends = [n_rows * part // n_parts for part in range(1, n_parts)]
    parts = [tf.add(tf.where(x[start:stop]), [start, 0]) for start, stop in zip([0, *ends], [*ends, None], strict=True)]
    return tf.concat(parts, 0) if n_parts > 1 else tf.where(x)


def _in_bfloat16(product: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """The product of values and a kernel that are both rounded to bfloat16, in the type of the values."""

    def rounded(x: tf.Tensor, kernel: tf.Tensor, *options: Any) -> Any:
        return tf.cast(product(tf.cast(x, tf.bfloat16), tf.cast(kernel, tf.bfloat16), *options), x.dtype)

    return rounded


def namespace(**products: Callable[..., tf.Tensor]) -> SimpleNamespace:
    """The names of `tensorflow_ops`, with these products in place of its own."""
    return SimpleNamespace(**{name: getattr(tensorflow_ops, name) for name in tensorflow_ops.__all__} | products)


SPARSE = namespace(matmul=_sparse_matmul)
BFLOAT16 = namespace(
    **{name: _in_bfloat16(getattr(tensorflow_ops, name)) for name in ("matmul", "conv", "conv_transpose")}
)
