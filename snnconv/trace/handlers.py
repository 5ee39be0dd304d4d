"""How each Keras layer becomes nodes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers as kl

from ..graph import Add, AveragePool, Concatenate
from ..layers import IF, LIF
from .builder import Builder
from .registry import handles


@handles(kl.InputLayer, kl.Identity, kl.ActivityRegularization)
@handles(kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.SpatialDropout3D, kl.AlphaDropout)
@handles(kl.GaussianDropout, kl.GaussianNoise)
def pass_on(layer: Any, build: Builder, x: str) -> str:
    """Layers that do nothing outside training."""
    return x


@handles(LIF, IF)
def neurons(layer: Any, build: Builder, x: str) -> str:
    return build.population(x, layer.neuron, layer.gain, layer.bias)


@handles(kl.Dense)
def dense(layer: kl.Dense, build: Builder, x: str) -> str:
    return build.activate(build.dense(x, layer.kernel, layer.bias), layer.activation)


@handles(kl.Conv1D, kl.Conv2D, kl.Conv3D)
def conv(layer: Any, build: Builder, x: str) -> str:
    _require_channels_last(layer, build)
    size = build.shape(x)[:-1]
    padding = _padding(layer.padding, size, layer.kernel_size, layer.strides, layer.dilation_rate)
    y = build.conv(
        x, layer.kernel, layer.bias, _output_shape(layer, build, x),
        strides=layer.strides, padding=padding, dilation=layer.dilation_rate, groups=layer.groups,
    )  # fmt: skip
    return build.activate(y, layer.activation)


@handles(kl.AveragePooling1D, kl.AveragePooling2D, kl.AveragePooling3D)
def average_pooling(layer: Any, build: Builder, x: str) -> str:
    _require_channels_last(layer, build)
    ones = (1,) * len(layer.pool_size)
    padding = _padding(layer.padding, build.shape(x)[:-1], layer.pool_size, layer.strides, ones)
    shape = _output_shape(layer, build, x)
    return build.add(AveragePool, "pool", (x,), shape, size=layer.pool_size, strides=layer.strides, padding=padding)


@handles(kl.GlobalAveragePooling1D, kl.GlobalAveragePooling2D, kl.GlobalAveragePooling3D)
def global_average_pooling(layer: Any, build: Builder, x: str) -> str:
    _require_channels_last(layer, build)
    *size, channels = build.shape(x)
    ones, none = (1,) * len(size), ((0, 0),) * len(size)
    pooled = build.add(AveragePool, "pool", (x,), (*ones, channels), size=tuple(size), strides=ones, padding=none)
    return build.reshape(pooled, _output_shape(layer, build, x))


@handles(kl.Flatten, kl.Reshape)
def reshape(layer: Any, build: Builder, x: str) -> str:
    if getattr(layer, "data_format", None) is not None:
        _require_channels_last(layer, build)
    return build.reshape(x, _output_shape(layer, build, x))


@handles(kl.BatchNormalization)
def batch_normalization(layer: kl.BatchNormalization, build: Builder, x: str) -> str:
    arrays = build.weights(
        gamma=layer.gamma, beta=layer.beta, moving_mean=layer.moving_mean, moving_variance=layer.moving_variance
    )
    values = {key: array.astype("float64") for key, array in arrays.items()}
    scale = values.get("gamma", 1.0) / np.sqrt(values["moving_variance"] + layer.epsilon)
    offset = values.get("beta", 0.0) - scale * values["moving_mean"]
    rank = len(build.shape(x)) + 1
    axis = layer.axis % rank if isinstance(layer.axis, int) else layer.axis[0] % rank  # pyright: ignore
    broadcast = (-1, *(1,) * (rank - 1 - axis))
    return build.affine(x, scale.reshape(broadcast), offset.reshape(broadcast), "normalised", **arrays)


@handles(kl.Rescaling)
def rescaling(layer: Any, build: Builder, x: str) -> str:
    return build.affine(x, layer.scale, layer.offset, "rescaled")


@handles(kl.Activation)
def activation(layer: kl.Activation, build: Builder, x: str) -> str:
    return build.activate(x, layer.activation)


@handles(kl.ReLU)
def relu(layer: kl.ReLU, build: Builder, x: str) -> str:
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        raise build.error(
            f"is a ReLU with max_value={layer.max_value}, negative_slope={layer.negative_slope}, "
            f"threshold={layer.threshold}. Only the plain ReLU converts."
        )
    return build.activate(x, "relu")


@handles(kl.Softmax)
def softmax(layer: kl.Softmax, build: Builder, x: str) -> str:
    if layer.axis not in (-1, len(build.shape(x))):
        raise build.error(f"works along axis={layer.axis}. Only the last axis converts.")
    return build.activate(x, "softmax")


@handles(kl.Add)
def add(layer: kl.Add, build: Builder, *xs: str) -> str:
    return build.add(Add, "sum", xs, _output_shape(layer, build, *xs))


@handles(kl.Average)
def average(layer: kl.Average, build: Builder, *xs: str) -> str:
    return build.affine(add(layer, build, *xs), 1 / len(xs), suffix="mean")


@handles(kl.Concatenate)
def concatenate(layer: kl.Concatenate, build: Builder, *xs: str) -> str:
    axis = layer.axis % (len(build.shape(xs[0])) + 1)
    if axis == 0:
        raise build.error(f"joins samples (axis={layer.axis}). Only axes of one sample can be joined.")
    return build.add(Concatenate, "joined", xs, _output_shape(layer, build, *xs), axis=axis - 1)


def _output_shape(layer: keras.layers.Layer, build: Builder, *xs: str) -> tuple[int, ...]:
    shapes = [(None, *build.shape(x)) for x in xs]
    return tuple(layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)[1:])


def _require_channels_last(layer: Any, build: Builder) -> None:
    if layer.data_format != "channels_last":
        raise build.error(f"has data_format='{layer.data_format}'. Build the model with 'channels_last'.")


def _padding(
    padding: str, size: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Zeros (before, after) each spatial axis for Keras' 'valid', 'same' or 'causal'."""
    pairs = []
    for n, w, s, d in zip(size, window, strides, dilation, strict=True):
        if padding == "same":
            total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
            pairs.append((total // 2, total - total // 2))
        else:
            pairs.append(((w - 1) * d, 0) if padding == "causal" else (0, 0))
    return tuple(pairs)
