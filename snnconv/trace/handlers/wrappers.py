"""Layers around another layer."""

from __future__ import annotations

from typing import Any

from keras import layers as kl

from ..builder import Builder
from ..registry import convert_layer, handler_inside_time, handles


@handles(kl.TimeDistributed, inside_time=True)
def time_distributed(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    """The same layer at every time: a layer that acts on the last axes takes one more axis in front."""
    inside = layer.layer
    handler = handler_inside_time(type(inside))
    if handler is None:
        raise build.error(
            f"holds a layer of type {type(inside).__name__}, which does not convert inside a TimeDistributed. Build "
            f"the model for one time, and let the spiking network's own time stand for it."
        )
    return handler(inside, build, x, lead=lead + 1)


@handles(kl.SpectralNormalization)
def spectral_normalization(layer: Any, build: Builder, x: str) -> str:
    """After training nothing but the layer inside."""
    return convert_layer(layer.layer, build, [x])
