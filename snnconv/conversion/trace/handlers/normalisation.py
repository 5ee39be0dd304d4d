"""Layers that scale and shift by fixed numbers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras.src.applications.convnext import LayerScale, StochasticDepth  # ConvNeXt's own: no public name

from ..builder import Builder, to_numpy
from ..registry import handles
from .shape import broadcast, constant


@handles(kl.BatchNormalization, inside_time=True)
def batch_normalization(layer: kl.BatchNormalization, build: Builder, x: str, lead: int = 0) -> str:
    arrays = build.weights(
        gamma=layer.gamma, beta=layer.beta, moving_mean=layer.moving_mean, moving_variance=layer.moving_variance
    )
    values = {key: array.astype("float64") for key, array in arrays.items()}
    scale = values.get("gamma", 1.0) / np.sqrt(values["moving_variance"] + layer.epsilon)
    offset = values.get("beta", 0.0) - scale * values["moving_mean"]
    rank = len(build.shape(x)) + 1 - lead
    axis = layer.axis % rank if isinstance(layer.axis, int) else layer.axis[0] % rank  # pyright: ignore
    behind = (-1, *(1,) * (rank - 1 - axis))
    return build.affine(x, scale.reshape(behind), offset.reshape(behind), "normalised", **arrays)


@handles(kl.Normalization)
def normalization(layer: Any, build: Builder, x: str) -> str:
    if layer.mean is None:
        raise build.error("has no mean and variance yet. Call its adapt(data), or pass both to it.")
    mean, _ = constant(build, layer.mean, build.shape(x))
    variance, _ = constant(build, layer.variance, build.shape(x))
    deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
    trained = {"mean": to_numpy(layer.mean), "variance": to_numpy(layer.variance)}
    if layer.invert:
        return build.affine(x, deviation, mean, "normalised", **trained)
    return build.affine(x, 1 / deviation, -mean / deviation, "normalised", **trained)


@handles(kl.Rescaling, inside_time=True)
def rescaling(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return scaled(build, x, layer.scale, layer.offset, "rescaled")


@handles(StochasticDepth)
def stochastic_depth(layer: Any, build: Builder, x: str) -> str:
    """After training nothing."""
    return x


@handles(LayerScale)
def layer_scale(layer: Any, build: Builder, x: str) -> str:
    return build.affine(x, to_numpy(layer.gamma), suffix="scaled", gamma=to_numpy(layer.gamma))


def scaled(build: Builder, x: str, scale: Any, offset: Any = None, suffix: str = "scaled") -> str:
    """``scale * x + offset`` with constants, which may be wider than the signal."""
    scale, shape = constant(build, scale, build.shape(x))
    if offset is not None:
        offset, shape = constant(build, offset, shape)
    return build.affine(broadcast(build, x, shape, "repeated"), scale, offset, suffix)
