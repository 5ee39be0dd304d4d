"""The array namespace for linear nodes in bfloat16: `snnconv.runtime.tensorflow_ops`, with products of rounded numbers.

Kernels and values keep 8 significant bits, which 0/1 spikes need none of. TensorFlow adds up in float32 and rounds each
sum to bfloat16 too: it has no products of bfloat16 that give float32. What comes behind (biases, neurons, averages) is
in float32 again.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from . import tensorflow_ops
from .tensorflow_ops import *  # noqa: F403
from .tensorflow_ops import Pairs


def matmul(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Product over the last axis of `x`."""
    return _widened(tensorflow_ops.matmul(*_rounded(x, kernel)), x)


def conv(
    x: tf.Tensor,
    kernel: tf.Tensor,
    strides: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
    groups: int,
) -> tf.Tensor:
    """Convolution in 1, 2 or 3 dimensions; see `numpy_ops.conv`."""
    return _widened(tensorflow_ops.conv(*_rounded(x, kernel), strides, padding, dilation, groups), x)


def conv_transpose(
    x: tf.Tensor, kernel: tf.Tensor, strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...]
) -> tf.Tensor:
    """Transposed convolution in 1, 2 or 3 dimensions; see `numpy_ops.conv_transpose`."""
    return _widened(tensorflow_ops.conv_transpose(*_rounded(x, kernel), strides, padding, dilation), x)


def _rounded(x: tf.Tensor, kernel: tf.Tensor) -> tuple[Any, Any]:
    return tf.cast(x, tf.bfloat16), tf.cast(kernel, tf.bfloat16)


def _widened(y: tf.Tensor, x: tf.Tensor) -> Any:
    return tf.cast(y, x.dtype)
