"""Maxima over windows and over all places."""

from __future__ import annotations

import math
from typing import Any

from keras import layers as kl

from ....graph.nodes import Difference, MaxPool, RunningSum
from ..builder import Builder
from ..registry import handles
from .pooling import adaptive_windows
from .shape import output_shape, padding_pairs, require_channels_last, reshape


@handles(kl.MaxPooling1D, kl.MaxPooling2D, kl.MaxPooling3D, inside_time=True)
def max_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    require_channels_last(layer, build)
    ones = (1,) * lead
    size, strides = (*ones, *layer.pool_size), (*ones, *layer.strides)
    padding = padding_pairs(layer.padding, build.shape(x)[:-1], size, strides, (1,) * len(size))
    return _pool(build, x, output_shape(layer, build, x, lead=lead), size, strides, padding)


@handles(kl.GlobalMaxPooling1D, kl.GlobalMaxPooling2D, kl.GlobalMaxPooling3D, inside_time=True)
def global_max_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    require_channels_last(layer, build)
    *space, channels = build.shape(x)
    size = (*(1,) * lead, *space[lead:])
    places = (*space[:lead], *(1 for _ in space[lead:]), channels)
    y = _pool(build, x, places, size, (1,) * len(size), ((0, 0),) * len(size))
    return reshape(build, y, output_shape(layer, build, x, lead=lead), "reshape")


def adaptive_max_pooling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    shape, size = adaptive_windows(layer, build, x, lead, "MaxPooling")
    return _pool(build, x, shape, size, size, ((0, 0),) * len(size))


for _dimensions in "123":  # from Keras 3.13 on
    if hasattr(kl, f"AdaptiveMaxPooling{_dimensions}D"):
        handles(getattr(kl, f"AdaptiveMaxPooling{_dimensions}D"), inside_time=True)(adaptive_max_pooling)


def _pool(build: Builder, x: str, shape: tuple[int, ...], size: Any, strides: Any, padding: Any) -> str:
    if math.prod(size) == 1 and shape == build.shape(x):
        return x
    window = {"size": size, "strides": strides, "padding": padding}
    if not build.carries_spikes(x):
        return build.add(MaxPool, "max", (x,), shape, **window)
    total = build.add(RunningSum, "sum", (x,), build.shape(x))
    most = build.add(MaxPool, "max", (total,), shape, **window)
    return build.add(Difference, "difference", (most,), shape)
