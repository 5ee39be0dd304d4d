"""Convolutions: ordinary, by channel, separable and transposed."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers as kl
from keras import ops

from ....graph.nodes import Conv, ConvTranspose
from ..builder import Builder, to_numpy
from ..registry import handles
from .dense import require_floats
from .functions import operation_type
from .shape import padding_pairs, spatial_shape, with_channels_last


@handles(kl.Conv1D, kl.Conv2D, kl.Conv3D, inside_time=True)
def conv(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    y = _convolution(layer, build, x, to_numpy(layer.kernel), layer.bias, layer.groups, lead=lead)
    return build.activate(y, layer.activation)


@handles(operation_type(lambda x: ops.conv(x, np.ones((2, 4, 3), "float32"))))
def conv_operation(operation: Any, build: Builder, inputs: str, kernel: Any) -> str:
    if isinstance(kernel, str) or not isinstance(inputs, str):
        raise build.error("has a kernel that is a signal. A signal and a constant kernel convert.")
    if operation.data_format == "channels_first":
        raise build.error("has data_format='channels_first'. Use 'channels_last'.")
    *size, channels = build.shape(inputs)
    weights = to_numpy(kernel)
    window, n = weights.shape[:-2], len(size)
    strides, dilation = (
        (value,) * n if isinstance(value, int) else tuple(value)
        for value in (operation.strides, operation.dilation_rate)
    )
    padding = padding_pairs(operation.padding, tuple(size), window, strides, dilation)
    shape = tuple(
        (m + sum(pair) - (w - 1) * d - 1) // s + 1
        for m, pair, w, d, s in zip(size, padding, window, dilation, strides, strict=True)
    )
    geometry = {"strides": strides, "padding": padding, "dilation": dilation, "groups": channels // weights.shape[-2]}
    return build.conv(inputs, weights, None, (*shape, weights.shape[-1]), **geometry)


@handles(kl.DepthwiseConv1D, kl.DepthwiseConv2D, inside_time=True)
def depthwise_conv(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    kernel = _by_channel(to_numpy(layer.kernel))
    y = _convolution(layer, build, x, kernel, layer.bias, kernel.shape[-1] // layer.depth_multiplier, lead=lead)
    return build.activate(y, layer.activation)


@handles(kl.SeparableConv1D, kl.SeparableConv2D, inside_time=True)
def separable_conv(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return build.activate(_separable(layer, build, x, lead=lead), layer.activation)


@with_channels_last
def _separable(layer: Any, build: Builder, x: str, lead: int) -> str:
    depthwise = _by_channel(to_numpy(layer.depthwise_kernel))
    y = _correlation(layer, build, x, depthwise, None, build.shape(x)[-1], lead, suffix="depthwise")
    rank = len(build.shape(y)) - 1
    pointwise = to_numpy(layer.pointwise_kernel).reshape(*(1,) * rank, *layer.pointwise_kernel.shape[-2:])
    shape, ones = (*build.shape(y)[:-1], pointwise.shape[-1]), (1,) * rank
    return build.conv(y, pointwise, layer.bias, shape, strides=ones, padding=((0, 0),) * rank, dilation=ones, groups=1)


@handles(kl.Conv1DTranspose, kl.Conv2DTranspose, kl.Conv3DTranspose, inside_time=True)
def conv_transpose(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return build.activate(_transposed(layer, build, x, lead=lead), layer.activation)


@with_channels_last
def _transposed(layer: Any, build: Builder, x: str, lead: int) -> str:
    shape, ones = spatial_shape(layer, build, x, lead=lead), (1,) * lead
    kernel = _in_time(np.swapaxes(to_numpy(layer.kernel), -1, -2), build, x, lead)
    strides, dilation = (*ones, *layer.strides), (*ones, *layer.dilation_rate)
    padding = []
    for n, m, s, w, d in zip(build.shape(x), shape, strides, kernel.shape[:-2], dilation, strict=False):
        surplus = (n - 1) * s + (w - 1) * d + 1 - m
        before = max(surplus, 0) // 2 if layer.padding == "same" else 0
        padding.append((before, surplus - before))
    arrays = build.weights(kernel=kernel, bias=layer.bias)
    return build.add(
        ConvTranspose, "linear", (x,), shape,
        **arrays, strides=strides, padding=tuple(padding), dilation=dilation, trained=arrays,
    )  # fmt: skip


def _correlation(
    layer: Any, build: Builder, x: str, kernel: np.ndarray, bias: Any, groups: int, lead: int, suffix: str = "linear"
) -> str:
    """The convolution of a layer with this kernel, (*window, channels // groups, filters), channels behind places."""
    require_floats(layer, build)
    ones, kernel = (1,) * lead, _in_time(kernel, build, x, lead)
    space, window = build.shape(x)[:-1], kernel.shape[:-2]
    strides, dilation = (*ones, *layer.strides), (*ones, *layer.dilation_rate)
    padding = padding_pairs(layer.padding, space, window, strides, dilation)
    sizes = zip(space, window, strides, dilation, padding, strict=True)
    shape = tuple((n + sum(pair) - (w - 1) * d - 1) // s + 1 for n, w, s, d, pair in sizes)
    arrays = build.weights(kernel=kernel, bias=bias)
    return build.add(
        Conv, suffix, (x,), (*shape, kernel.shape[-1]),
        **arrays, strides=strides, padding=padding, dilation=dilation, groups=groups, trained=arrays,
    )  # fmt: skip


_convolution = with_channels_last(_correlation)


def _in_time(kernel: np.ndarray, build: Builder, x: str, lead: int) -> np.ndarray:
    """The kernel with a window of 1 along the axes that TimeDistributed adds."""
    if len(build.shape(x)) > 4:
        raise build.error(
            f"is a convolution inside a TimeDistributed, which makes it one in {len(build.shape(x)) - 1} dimensions. "
            f"There are convolutions in 1, 2 and 3."
        )
    return kernel[(None,) * lead]


def _by_channel(kernel: np.ndarray) -> np.ndarray:
    """Keras' (*window, channels, multiplier) as the kernel of a convolution with one group per channel."""
    return kernel.reshape(*kernel.shape[:-2], 1, -1)
