"""Neurons, and the activations that become neurons, as layers and as functions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers as kl
from keras import ops

from ....layers import IF, LIF, QuantizedReLU, Rate, SteppedLIF
from ..builder import Builder, without_leading_ones
from ..registry import handles
from .functions import operation_type

MOST_SLOPE_BYTES = 60_000  # an attribute in HDF5 has at most 64 KiB


@handles(LIF, IF, QuantizedReLU, Rate, SteppedLIF, inside_time=True)
def neurons(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    voltage = 0.0 if layer.initial_voltage == "uniform" else layer.initial_voltage  # a run draws those
    return build.population(x, layer.neuron, layer.gain, layer.bias, initial_voltage=voltage)


@handles(kl.Activation, inside_time=True)
def activation(layer: kl.Activation, build: Builder, x: str, lead: int = 0) -> str:
    return build.activate(x, layer.activation)


@handles(operation_type(lambda x: keras.activations.relu(x, 0.1)))
@handles(kl.ReLU, inside_time=True)
def relu(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    slope, most = float(layer.negative_slope), layer.max_value
    most = None if most is None else float(most)
    return build.activate(x, "relu", negative_slope=slope, max_value=most, threshold=float(layer.threshold))


@handles(operation_type(ops.leaky_relu))
@handles(kl.LeakyReLU, inside_time=True)
def leaky_relu(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return build.activate(x, "leaky_relu", negative_slope=float(layer.negative_slope))


@handles(kl.PReLU, inside_time=True)
def prelu(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    slopes = build.weights(alpha=layer.alpha)["alpha"].astype("float64")
    if (slopes == slopes.flat[0]).all():
        slopes = slopes.flat[0]
    if slopes.nbytes > MOST_SLOPE_BYTES:
        raise build.error(
            f"has {slopes.size} slopes, more than a file can hold beside a neuron. Share them between places, as in "
            f"PReLU(shared_axes=[1, 2])."
        )
    return build.activate(x, "prelu", negative_slope=without_leading_ones(slopes))


@handles(kl.ELU, inside_time=True)
def elu(layer: kl.ELU, build: Builder, x: str, lead: int = 0) -> str:
    return build.activate(x, "elu", alpha=float(layer.alpha))


@handles(kl.Softmax)
def softmax(layer: kl.Softmax, build: Builder, x: str) -> str:
    axis = layer.axis if isinstance(layer.axis, int) or len(layer.axis) > 1 else layer.axis[0]
    return build.activate(x, "softmax", axis=axis)
