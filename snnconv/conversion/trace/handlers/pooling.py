"""Pooling: averages and maxima over windows, and over all places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import layers as kl

from ....graph.nodes import AveragePool, Difference, MaxPool, Pairs, RunningSum
from ..builder import Builder
from ..registry import handles
from .shape import padding_pairs, reshape, spatial_shape, with_channels_last

Shape = tuple[int, ...]


@handles(kl.AveragePooling1D, kl.AveragePooling2D, kl.AveragePooling3D, inside_time=True)
@with_channels_last
def average_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return _average(build, x, *_windows(layer, build, x, lead))


@handles(kl.MaxPooling1D, kl.MaxPooling2D, kl.MaxPooling3D, inside_time=True)
@with_channels_last
def max_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return _maximum(build, x, *_windows(layer, build, x, lead))


@handles(kl.GlobalAveragePooling1D, kl.GlobalAveragePooling2D, kl.GlobalAveragePooling3D, inside_time=True)
@with_channels_last
def global_average_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    axes = tuple(range(lead, len(build.shape(x)) - 1))
    return average(build, x, axes, spatial_shape(layer, build, x, lead=lead))


@handles(kl.GlobalMaxPooling1D, kl.GlobalMaxPooling2D, kl.GlobalMaxPooling3D, inside_time=True)
@with_channels_last
def global_max_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    *space, channels = build.shape(x)
    size = (*(1,) * lead, *space[lead:])
    places = (*space[:lead], *(1 for _ in space[lead:]), channels)
    y = _maximum(build, x, places, size, (1,) * len(size), ((0, 0),) * len(size))
    return reshape(build, y, spatial_shape(layer, build, x, lead=lead), "reshape")


@with_channels_last
def adaptive_average_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return _average(build, x, *_adaptive_windows(layer, build, x, lead, "AveragePooling"))


@with_channels_last
def adaptive_max_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return _maximum(build, x, *_adaptive_windows(layer, build, x, lead, "MaxPooling"))


for _dimensions in "123":  # from Keras 3.13 on
    if hasattr(kl, f"AdaptiveAveragePooling{_dimensions}D"):
        handles(getattr(kl, f"AdaptiveAveragePooling{_dimensions}D"), inside_time=True)(adaptive_average_pooling)
        handles(getattr(kl, f"AdaptiveMaxPooling{_dimensions}D"), inside_time=True)(adaptive_max_pooling)


def average(build: Builder, x: str, axes: tuple[int, ...], shape: Shape) -> str:
    """Mean over whole axes of a sample, in the shape that is wanted of it."""
    *space, channels = build.shape(x)
    size = tuple(n if axis in axes else 1 for axis, n in enumerate(space))
    if math.prod(size) > 1:
        places = tuple(n // s for n, s in zip(space, size, strict=True))
        x = _average(build, x, (*places, channels), size, (1,) * len(size), ((0, 0),) * len(size))
    if len(space) in axes:
        x = build.dense(x, np.full((channels, 1), 1 / channels))
    return reshape(build, x, shape, "reshape")


def _average(build: Builder, x: str, shape: Shape, size: Shape, strides: Shape, padding: Pairs) -> str:
    if len(size) > 3:
        raise build.error(f"averages in {len(size)} dimensions. There are averages in 1, 2 and 3.")
    return build.add(AveragePool, "pool", (x,), shape, size=size, strides=strides, padding=padding)


def _maximum(build: Builder, x: str, shape: Shape, size: Shape, strides: Shape, padding: Pairs) -> str:
    """Maxima of values; of spikes, the changes in the maxima of their running sums."""
    if math.prod(size) == 1 and shape == build.shape(x):
        return x
    window = {"size": size, "strides": strides, "padding": padding}
    if not build.carries_spikes(x):
        return build.add(MaxPool, "max", (x,), shape, **window)
    total = build.add(RunningSum, "sum", (x,), build.shape(x))
    most = build.add(MaxPool, "max", (total,), shape, **window)
    return build.add(Difference, "difference", (most,), shape)


def _windows(layer: Any, build: Builder, x: str, lead: int) -> tuple[Shape, Shape, Shape, Pairs]:
    """Shape of the output, and size, strides and padding of a layer's windows."""
    ones = (1,) * lead
    size, strides = (*ones, *layer.pool_size), (*ones, *layer.strides)
    padding = padding_pairs(layer.padding, build.shape(x)[:-1], size, strides, (1,) * len(size))
    return spatial_shape(layer, build, x, lead=lead), size, strides, padding


def _adaptive_windows(layer: Any, build: Builder, x: str, lead: int, instead: str) -> tuple[Shape, Shape, Shape, Pairs]:
    """The same for a layer that is given the shape of its output, by windows side by side."""
    shape = spatial_shape(layer, build, x, lead=lead)
    space = tuple(zip(build.shape(x)[:-1], shape[:-1], strict=True))
    if any(n % m for n, m in space):
        raise build.error(
            f"turns {build.shape(x)} into {shape} by windows of different sizes. Choose an output size that divides "
            f"the input's, or use {instead}."
        )
    size = tuple(n // m for n, m in space)
    return shape, size, size, ((0, 0),) * len(size)
