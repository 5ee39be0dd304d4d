"""The array namespace for what spikes alone feed: `snnconv.tensorflow_ops`, with products that skip zeros.

A product with 0/1 spikes costs a pass over them and, per spike, one row of the kernel. Measured on CPUs, in units of a
dense product's time per multiplication: the pass as much as 88 columns of the kernel, a row 3.4 times its columns. So a
kernel 512 columns wide gains below 24 % of spikes, three times at 3 %; one of fewer than 88 columns never does.
Convolutions always lose: gathering their windows costs more than the dense convolution.
"""

from __future__ import annotations

from typing import cast

import tensorflow as tf

from .. import tensorflow_ops
from ..tensorflow_ops import *  # noqa: F403

PASS_COLUMNS, ROW_COST = 88, 3.4
SAMPLED_VALUES = 1 << 17


def matmul(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Product over the last axis of `x`, sparse where few of its values, sampled when it runs, are not 0."""
    n_inputs, n_columns = cast(tuple[int, int], tuple(kernel.shape))
    densest = break_even(n_columns)
    if densest <= 0 or x.dtype != tf.float32:  # TensorFlow has the sparse product in float32 only
        return tensorflow_ops.matmul(x, kernel)
    flat = tf.reshape(x, (-1, n_inputs))
    n_rows = max(SAMPLED_VALUES // n_inputs, 8)
    rows = tf.cast(tf.linspace(0, tf.shape(flat)[0] - 1, n_rows), tf.int32)
    density = tf.reduce_mean(tf.cast(tf.gather(flat, rows) != 0, tf.float32))
    flat = tf.cond(
        density < densest,
        lambda: tf.raw_ops.SparseMatMul(a=flat, b=kernel, a_is_sparse=True),
        lambda: tf.matmul(flat, kernel),
    )
    return tf.reshape(flat, (*x.shape[:-1], n_columns)) if len(x.shape) > 2 else flat


def break_even(n_columns: int) -> float:
    """Share of values that are not 0 below which the sparse product is the faster one."""
    return (1 - PASS_COLUMNS / n_columns) / ROW_COST
