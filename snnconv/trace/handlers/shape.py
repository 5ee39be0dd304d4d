"""Layers that put numbers elsewhere, add zeros or leave numbers out."""

from __future__ import annotations

from typing import Any

from keras import layers as kl

from ...graph.nodes import Crop, Pad, Upsample
from ..builder import Builder
from ..registry import handles
from .geometry import broadcast, output_shape, permute, require_channels_last, reshape


@handles(kl.Flatten, kl.Reshape, inside_time=True)
def reshaping(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    if getattr(layer, "data_format", None) is not None:
        require_channels_last(layer, build)
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
def zero_padding(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    if getattr(layer, "data_format", None) is not None:
        require_channels_last(layer, build)
    return pad(build, x, _pairs(layer.padding, lead))


@handles(kl.Cropping1D, kl.Cropping2D, kl.Cropping3D, inside_time=True)
def cropping(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    if getattr(layer, "data_format", None) is not None:
        require_channels_last(layer, build)
    start = tuple(before for before, _ in _pairs(layer.cropping, lead))
    return crop(build, x, start, output_shape(layer, build, x, lead=lead))


@handles(kl.CenterCrop)
def center_crop(layer: Any, build: Builder, x: str) -> str:
    require_channels_last(layer, build)
    height, width, channels = build.shape(x)
    if height < layer.height or width < layer.width:
        raise build.error(f"enlarges images of {height}×{width}. It converts where it only cuts.")
    start = ((height - layer.height) // 2, (width - layer.width) // 2, 0)
    return crop(build, x, start, (layer.height, layer.width, channels))


@handles(kl.UpSampling1D, kl.UpSampling2D, kl.UpSampling3D, inside_time=True)
def up_sampling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    if getattr(layer, "data_format", None) is not None:
        require_channels_last(layer, build)
    interpolation = {"nearest": "nearest", "bilinear": "linear"}.get(getattr(layer, "interpolation", "nearest"))
    if interpolation is None:
        raise build.error(f"has interpolation='{layer.interpolation}'. Use 'nearest' or 'bilinear'.")
    size = (layer.size,) if isinstance(layer.size, int) else tuple(layer.size)
    shape = output_shape(layer, build, x, lead=lead)
    factors = (*(1,) * lead, *size, 1)
    return build.add(Upsample, "upsampled", (x,), shape, factors=factors, interpolation=interpolation)


def pad(build: Builder, x: str, padding: tuple[tuple[int, int], ...]) -> str:
    """Zeros (before, after) each axis of a sample."""
    shape = tuple(n + before + after for n, (before, after) in zip(build.shape(x), padding, strict=True))
    return x if shape == build.shape(x) else build.add(Pad, "padded", (x,), shape, padding=padding)


def crop(build: Builder, x: str, start: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """A box out of a sample."""
    return x if shape == build.shape(x) else build.add(Crop, "cropped", (x,), shape, start=start)


def _pairs(amounts: Any, lead: int) -> tuple[tuple[int, int], ...]:
    """Keras' padding or cropping as (before, after) per axis of a sample."""
    pairs = amounts if isinstance(amounts[0], (tuple, list)) else (amounts,)
    return (*((0, 0),) * lead, *((int(before), int(after)) for before, after in pairs), (0, 0))
