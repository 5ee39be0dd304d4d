"""The works' layers in TensorFlow, shared by the two systems that are written in it here."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ..works import Layer


def product(layer: Layer, x: Any) -> Any:
    """Matrix product or convolution, without the bias."""
    if layer.is_convolution:
        padding: Any = layer.padding.upper()
        return tf.nn.conv2d(x, layer.kernel, layer.stride, padding)
    return tf.matmul(tf.reshape(x, (x.shape[0], layer.kernel.shape[0])), layer.kernel)
