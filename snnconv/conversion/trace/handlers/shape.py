"""Layers that put numbers elsewhere, add zeros or leave numbers out; and shapes and axes for the other handlers.

Keras counts axes with the one of the samples, a graph without it. `lead` is the number of axes that a TimeDistributed
puts before those of the layer inside it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as kl

from ....graph.nodes import Crop, Pad, Pairs, Permute, Reshape, Upsample
from ....graph.passes.channels import MARK
from ..builder import Builder, to_numpy
from ..registry import handles

Handler = Callable[..., str]


def with_channels_last(handler: Handler) -> Handler:
    """A handler that is given channels behind places, whatever the layer has; what it gives is put back into order."""

    @functools.wraps(handler)
    def handled(layer: Any, build: Builder, x: str, *args: Any, lead: int = 0, **options: Any) -> str:
        if getattr(layer, "data_format", None) != "channels_first":
            return handler(layer, build, x, *args, lead=lead, **options)
        rank = len(build.shape(x))
        last = (*range(lead), *range(lead + 1, rank), lead)
        y = handler(layer, build, permute(build, x, last, "channels_last"), *args, lead=lead, **options)
        if len(build.shape(y)) != rank:
            return y
        shape = build.shape(y)
        first = (*range(lead), rank - 1, *range(lead, rank - 1))
        return build.add(
            Permute, "channels_first", (y,), tuple(shape[axis] for axis in first),
            axes=first, folded=() if lead else (f"{layer.name}{MARK}",),
        )  # fmt: skip

    return handled


@handles(kl.Flatten, inside_time=True)
@with_channels_last
def flatten(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    shape = build.shape(x)
    return reshape(build, x, (*shape[:lead], math.prod(shape[lead:])), "reshape")


@handles(kl.Reshape, inside_time=True)
def reshaping(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return reshape(build, x, output_shape(layer, build, x, lead=lead), "reshape")


@handles(kl.Permute, inside_time=True)
def permuting(layer: kl.Permute, build: Builder, x: str, lead: int = 0) -> str:
    return permute(build, x, (*range(lead), *(axis - 1 + lead for axis in layer.dims)), "permuted")


@handles(kl.RepeatVector, inside_time=True)
def repeat_vector(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    shape = output_shape(layer, build, x, lead=lead)
    x = reshape(build, x, (*shape[:-2], 1, shape[-1]), "vector")
    return broadcast(build, x, shape, "repeated")


@handles(kl.ZeroPadding1D, kl.ZeroPadding2D, kl.ZeroPadding3D, inside_time=True)
@with_channels_last
def zero_padding(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return pad(build, x, _pairs(layer.padding, lead))


@handles(kl.Cropping1D, kl.Cropping2D, kl.Cropping3D, inside_time=True)
@with_channels_last
def cropping(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    start = tuple(before for before, _ in _pairs(layer.cropping, lead))
    return crop(build, x, start, spatial_shape(layer, build, x, lead=lead))


@handles(kl.CenterCrop)
@with_channels_last
def center_crop(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    height, width, channels = build.shape(x)
    if height < layer.height or width < layer.width:
        raise build.error(f"enlarges images of {height}×{width}. It converts where it only cuts.")
    start = ((height - layer.height) // 2, (width - layer.width) // 2, 0)
    return crop(build, x, start, (layer.height, layer.width, channels))


@handles(kl.UpSampling1D, kl.UpSampling2D, kl.UpSampling3D, inside_time=True)
@with_channels_last
def up_sampling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    interpolation = {"nearest": "nearest", "bilinear": "linear"}.get(getattr(layer, "interpolation", "nearest"))
    if interpolation is None:
        raise build.error(f"has interpolation='{layer.interpolation}'. Use 'nearest' or 'bilinear'.")
    size = (layer.size,) if isinstance(layer.size, int) else tuple(layer.size)
    shape = spatial_shape(layer, build, x, lead=lead)
    factors = (*(1,) * lead, *size, 1)
    return build.add(Upsample, "upsampled", (x,), shape, factors=factors, interpolation=interpolation)


def output_shape(layer: keras.layers.Layer, build: Builder, *xs: str, lead: int = 0) -> tuple[int, ...]:
    """Shape of a layer's output for one sample, `lead` axes in front included."""
    shapes = [(None, *build.shape(x)[lead:]) for x in xs]
    inner = layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)[1:]
    return (*build.shape(xs[0])[:lead], *inner)


def spatial_shape(layer: Any, build: Builder, x: str, lead: int = 0) -> tuple[int, ...]:
    """The same with channels behind places, in what comes in and goes out, whatever the layer has."""
    if getattr(layer, "data_format", None) != "channels_first":
        return output_shape(layer, build, x, lead=lead)
    *places, channels = build.shape(x)[lead:]
    inner = layer.compute_output_shape((None, channels, *places))[1:]
    return (*build.shape(x)[:lead], *inner[1:], inner[0])


def padding_pairs(
    padding: str, size: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Pairs:
    """Zeros (before, after) each spatial axis for Keras' 'valid', 'same' or 'causal'."""
    pairs = []
    for n, w, s, d in zip(size, window, strides, dilation, strict=True):
        if padding == "same":
            total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
            pairs.append((total // 2, total - total // 2))
        else:
            pairs.append(((w - 1) * d, 0) if padding == "causal" else (0, 0))
    return tuple(pairs)


def reshape(build: Builder, x: str, shape: tuple[int, ...], suffix: str) -> str:
    """The same numbers in another shape; `suffix` names the node among those of the layer."""
    return x if shape == build.shape(x) else build.add(Reshape, suffix, (x,), shape)


def permute(build: Builder, x: str, axes: tuple[int, ...], suffix: str) -> str:
    """The axes of a sample in another order."""
    if axes == tuple(range(len(axes))):
        return x
    shape = build.shape(x)
    return build.add(Permute, suffix, (x,), tuple(shape[axis] for axis in axes), axes=axes)


def broadcast(build: Builder, x: str, shape: tuple[int, ...], suffix: str) -> str:
    """The numbers repeated along the axes that are longer in `shape`, after new axes in front where it has more."""
    size = (*(1,) * (len(shape) - len(build.shape(x))), *build.shape(x))
    if size == shape:
        return reshape(build, x, shape, suffix)
    x = reshape(build, x, size, f"{suffix}_axes")
    factors = tuple(wide // narrow for wide, narrow in zip(shape, size, strict=True))
    return build.add(Upsample, suffix, (x,), shape, factors=factors)


def constant(build: Builder, value: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    """A constant without an axis for the samples, and the shape that one of `shape` takes on together with it.

    Raises
    ------
    ConversionError
        If it differs between samples, does not fit, or holds NaN or infinity.
    """
    array = build.weights(constant=to_numpy(value))["constant"].astype("float64")
    if array.ndim == len(shape) + 1 and array.shape[0] == 1:
        array = array[0]
    try:
        together = np.broadcast_shapes(array.shape, shape)
    except ValueError:
        together = ()
    if len(together) != len(shape):
        raise build.error(
            f"has a constant of shape {array.shape} beside a signal of shape {shape} (without the samples). Give it a "
            f"shape that fits, with 1 along the samples."
        )
    return array, together


def pad(build: Builder, x: str, padding: tuple[tuple[int, int], ...]) -> str:
    """Zeros (before, after) each axis of a sample."""
    shape = tuple(n + before + after for n, (before, after) in zip(build.shape(x), padding, strict=True))
    return x if shape == build.shape(x) else build.add(Pad, "padded", (x,), shape, padding=padding)


def crop(build: Builder, x: str, start: tuple[int, ...], shape: tuple[int, ...], suffix: str = "cropped") -> str:
    """A box out of a sample."""
    return x if shape == build.shape(x) else build.add(Crop, suffix, (x,), shape, start=start)


def _pairs(amounts: Any, lead: int) -> tuple[tuple[int, int], ...]:
    """Keras' padding or cropping as (before, after) per axis of a sample."""
    pairs = amounts if isinstance(amounts[0], (tuple, list)) else (amounts,)
    return (*((0, 0),) * lead, *((int(before), int(after)) for before, after in pairs), (0, 0))
