"""Averages over windows and over whole axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import layers as kl

from ....graph.nodes import AveragePool
from ..builder import Builder
from ..registry import handles
from .shape import output_shape, padding_pairs, require_channels_last, reshape


@handles(kl.AveragePooling1D, kl.AveragePooling2D, kl.AveragePooling3D, inside_time=True)
def average_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    require_channels_last(layer, build)
    ones = (1,) * lead
    size, strides = (*ones, *layer.pool_size), (*ones, *layer.strides)
    padding = padding_pairs(layer.padding, build.shape(x)[:-1], size, strides, (1,) * len(size))
    shape = output_shape(layer, build, x, lead=lead)
    return _pool(build, x, shape, size, strides, padding)


@handles(kl.GlobalAveragePooling1D, kl.GlobalAveragePooling2D, kl.GlobalAveragePooling3D, inside_time=True)
def global_average_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    require_channels_last(layer, build)
    axes = tuple(range(lead, len(build.shape(x)) - 1))
    return average(build, x, axes, output_shape(layer, build, x, lead=lead))


def adaptive_average_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    shape, size = adaptive_windows(layer, build, x, lead, "AveragePooling")
    return _pool(build, x, shape, size, size, ((0, 0),) * len(size))


def adaptive_windows(
    layer: Any, build: Builder, x: str, lead: int, instead: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape of the output, and the windows that give it side by side."""
    require_channels_last(layer, build)
    shape = output_shape(layer, build, x, lead=lead)
    space = tuple(zip(build.shape(x)[:-1], shape[:-1], strict=True))
    if any(n % m for n, m in space):
        raise build.error(
            f"turns {build.shape(x)} into {shape} by windows of different sizes. Choose an output size that divides "
            f"the input's, or use {instead}."
        )
    return shape, tuple(n // m for n, m in space)


for _dimensions in "123":  # from Keras 3.13 on
    if hasattr(kl, f"AdaptiveAveragePooling{_dimensions}D"):
        handles(getattr(kl, f"AdaptiveAveragePooling{_dimensions}D"), inside_time=True)(adaptive_average_pooling)


def average(build: Builder, x: str, axes: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Mean over whole axes of a sample, in the shape that is wanted of it."""
    *space, channels = build.shape(x)
    size = tuple(n if axis in axes else 1 for axis, n in enumerate(space))
    if math.prod(size) > 1:
        places = tuple(n // s for n, s in zip(space, size, strict=True))
        ones, none = (1,) * len(size), ((0, 0),) * len(size)
        x = _pool(build, x, (*places, channels), size, ones, none)
    if len(space) in axes:
        x = build.dense(x, np.full((channels, 1), 1 / channels))
    return reshape(build, x, shape, "reshape")


def _pool(build: Builder, x: str, shape: tuple[int, ...], size: Any, strides: Any, padding: Any) -> str:
    if len(size) > 3:
        raise build.error(f"averages in {len(size)} dimensions. There are averages in 1, 2 and 3.")
    return build.add(AveragePool, "pool", (x,), shape, size=size, strides=strides, padding=padding)
