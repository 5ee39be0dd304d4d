"""Products of spikes in float16, for GPUs: their matrix units multiply it at some ten times the rate of float32.

A spike is a small whole number, which float16 holds. A weight, where the largest of its channel lies below 2^15, is the
sum of two such numbers to 2^-23 of the largest, which are multiplied one after the other and added up in float32. A
single one has the 11 bits to which TensorFloat-32 rounds.

Measured on an H100, in units of a float32 product's time, with the distance from float64 in units of a sum of 16,384:
one part 0.09 (3e-4, as TensorFloat-32, which takes 0.14), two 0.15 (1e-7; float32 itself 4e-7), three parts in bfloat16
0.22 (5e-8). Values that are no spikes would need six products in bfloat16, whose sums are rounded down, to 2e-5.
Convolutional networks took 1.3 times as long with two parts as in float32, and 0.4 to 0.6 of it with one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla
from tensorflow.compiler.xla import xla_data_pb2

from .. import tensorflow_ops
from .products import namespace

MOST_EXACT = 2048
"""Whole number up to which float16 holds all."""
_PARTS = {"float32": 2, "tensorfloat32": 1}
_DROPPED = 13  # bits of float32 that float16 lacks
_LEAST, _MOST = 2.0**-14, 2.0**15  # of what float16 holds to 11 bits
_TINY = 2.0**-100  # for channels of zeros

Product = Callable[..., tf.Tensor]
messages: Any = xla_data_pb2


@cache
def in_halves(precision: str, is_sure: bool) -> SimpleNamespace:
    """Array namespace with products in float16 of what float16 holds.

    Parameters
    ----------
    precision : {"float32", "tensorfloat32"}
    is_sure : bool
        Whether it holds all values, or is asked when they are there.
    """
    n_parts = _PARTS[precision]
    products: dict[str, Product] = {"matmul": _matmul} if n_parts > 1 else {"matmul": _matmul, "conv": _conv}
    return namespace(
        **{
            name: _Chosen(product, getattr(tensorflow_ops, name), n_parts, is_sure)
            for name, product in products.items()
        }
    )


class _Chosen:
    """The product in parts, where float16 holds the values; else the plain one."""

    def __init__(self, product: Product, plain: Product, n_parts: int, is_sure: bool):
        self._product, self._plain, self._n_parts, self._is_sure = product, plain, n_parts, is_sure

    def __call__(self, x: tf.Tensor, kernel: tf.Tensor, *options: Any) -> tf.Tensor:
        if self._is_sure:
            return self._in_parts(x, kernel, *options)
        return tf.cond(
            _are_held(x), lambda: self._in_parts(x, kernel, *options), lambda: self._plain(x, kernel, *options)
        )

    def _in_parts(self, x: tf.Tensor, kernel: tf.Tensor, *options: Any) -> tf.Tensor:
        parts, scale = _parts(kernel, self._n_parts)
        # one product with the parts of a weight behind each other, the smallest first
        values = tf.concat([tf.cast(x, tf.float16)] * len(parts), -1)
        return self._product(values, tf.concat(parts, -2), *options) * scale


def _parts(kernel: Any, n_parts: int) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Parts that add up to a kernel in units of a scale, a power of two for each output channel."""
    largest = tf.reduce_max(tf.abs(kernel), tuple(range(kernel.shape.rank - 1)))
    scale = _masked(tf.maximum(largest, _TINY), 23) * (2 / _MOST)
    rest, parts = kernel / scale, []
    for _ in range(n_parts):
        # bits, since XLA takes a cast to float16 and back for one that does nothing
        part = _masked(rest, _DROPPED, rounded=True)
        parts.insert(0, tf.cast(part, tf.float16))
        rest -= part
    return parts, scale


def _masked(x: tf.Tensor, n_bits: int, rounded: bool = False) -> Any:
    """Numbers without their last bits, which are rounded or left out."""
    half = 1 << (n_bits - 1) if rounded else 0
    return tf.bitcast((tf.bitcast(x, tf.int32) + half) & (-1 << n_bits), tf.float32)


def _are_held(x: tf.Tensor) -> tf.Tensor:
    """Whether float16 holds all values to their last bit."""
    size = tf.abs(x)
    are_short = tf.bitcast(x, tf.int32) & ((1 << _DROPPED) - 1) == 0
    return tf.reduce_all(are_short & ((size == 0) | ((size >= _LEAST) & (size <= _MOST))))


def _matmul(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Product over the last axis of `x`, added up in float32, which XLA alone has."""
    axes = messages.DotDimensionNumbers(lhs_contracting_dimensions=[x.shape.rank - 1], rhs_contracting_dimensions=[0])
    return xla.dot_general(x, kernel, axes, preferred_element_type=tf.float32)


def _conv(x: tf.Tensor, kernel: tf.Tensor, strides: Any, padding: Any, dilation: Any, groups: int) -> tf.Tensor:
    """Convolution added up in float32; see `tensorflow_ops.conv`."""
    n = len(strides)
    space = list(range(1, n + 1))
    axes = messages.ConvolutionDimensionNumbers(
        input_batch_dimension=0,
        input_spatial_dimensions=space,
        input_feature_dimension=n + 1,
        kernel_spatial_dimensions=range(n),
        kernel_input_feature_dimension=n,
        kernel_output_feature_dimension=n + 1,
        output_batch_dimension=0,
        output_spatial_dimensions=space,
        output_feature_dimension=n + 1,
    )
    ones = (1,) * n
    return xla.conv(x, kernel, strides, padding, ones, dilation, axes, groups, preferred_element_type=tf.float32)
