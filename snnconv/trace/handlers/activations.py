"""Neurons, and the activations that become neurons."""

from __future__ import annotations

from typing import Any

from keras import layers as kl

from ...layers import IF, LIF
from ..builder import Builder
from ..registry import handles


@handles(LIF, IF, inside_time=True)
def neurons(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return build.population(x, layer.neuron, layer.gain, layer.bias)


@handles(kl.Activation, inside_time=True)
def activation(layer: kl.Activation, build: Builder, x: str, lead: int = 0) -> str:
    return build.activate(x, layer.activation)


@handles(kl.ReLU, inside_time=True)
def relu(layer: kl.ReLU, build: Builder, x: str, lead: int = 0) -> str:
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
