"""What each activation of Keras becomes in spikes: the neuron, its gain and its bias; or what to use instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..neurons import IF, Neuron, PiecewiseLinear, Sigmoid, Softplus, Softsign, Tanh
from ..neurons.accumulating import Accumulating

READOUTS = ("softmax", "sigmoid", "tanh")
"""Activations that a reader applies to the network's output, outside the spiking network."""

_ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}


@dataclass(frozen=True)
class Tuned:
    """A neuron with the gain and the bias at which its rate is an activation."""

    neuron: Neuron
    gain: float = 1.0
    bias: float = 0.0

    @classmethod
    def of(cls, neuron: Neuron) -> Tuned:
        """The neuron at the gain at which its output has the slope 1, or is the function it is named after."""
        return cls(neuron) if isinstance(neuron, Accumulating) and not _in_hertz(neuron) else _unit(neuron)


def _in_hertz(neuron: Neuron) -> bool:
    """Whether the current is a rate."""
    return isinstance(neuron, (IF, PiecewiseLinear))


def _unit(neuron: Neuron, slope: float = 1.0, offset: float = 0.0) -> Tuned:
    """The neuron with the current in Hz that makes its output ``slope · x + offset`` where it is linear."""
    return Tuned(neuron, slope / neuron.amplitude, offset / neuron.amplitude)


def _relu(negative_slope: Any = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tuned:
    if not np.any(negative_slope) and max_value is None and not threshold:
        return _unit(IF(min_voltage=-np.inf))
    plain = PiecewiseLinear()
    in_hertz = {"threshold": threshold / plain.amplitude}
    if max_value is not None:
        in_hertz["max_rate"] = max_value / plain.amplitude
    return _unit(PiecewiseLinear(negative_slope=negative_slope, **in_hertz))


def _between_0_and_1(slope: float) -> Tuned:
    """``clip(slope · x + 1/2, 0, 1)``."""
    plain = PiecewiseLinear()
    return _unit(PiecewiseLinear(max_rate=1 / plain.amplitude), slope, 0.5)


_SPIKING: dict[str, Callable[..., Tuned]] = {
    "relu": _relu,
    "relu6": functools.partial(_relu, max_value=6.0),
    "leaky_relu": lambda negative_slope=0.2: _relu(negative_slope),
    "prelu": _relu,
    "hard_sigmoid": functools.partial(_between_0_and_1, 1 / 6),
    "sparse_sigmoid": functools.partial(_between_0_and_1, 1 / 2),
    "sigmoid": lambda: Tuned(Sigmoid()),
    "tanh": lambda: Tuned(Tanh()),
    "softplus": lambda: Tuned(Softplus()),
    "softsign": lambda: Tuned(Softsign()),
}
_INSTEAD = {
    **dict.fromkeys(("elu", "celu", "selu"), "leaky_relu"),
    **dict.fromkeys(("gelu", "silu", "hard_silu", "mish", "glu"), "relu"),
    **dict.fromkeys(("squareplus", "sparse_plus", "exponential"), "softplus"),
    **dict.fromkeys(("log_softmax", "sparsemax"), "softmax, which may stand at the output,"),
    **dict.fromkeys(("hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink"), "tanh"),
}


def activation_name(activation: Any) -> str:
    """Name of an activation that is given as its name or as a function, or of a layer class."""
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", type(activation).__name__)
    return _ALIASES.get(name, name)


def spiking(name: str, parameters: dict[str, Any]) -> Tuned | None:
    """The neuron that gives the activation, or None where none does."""
    return _SPIKING[name](**parameters) if name in _SPIKING else None


def advice(name: str) -> str:
    """What an activation without neuron is told."""
    instead = _INSTEAD.get(name, "relu, leaky_relu, sigmoid or tanh")
    key = f"'{name}'" if name.isidentifier() else "the function"
    return (
        f"has the activation '{name}', which has no spiking equivalent. Use {instead} or an snnconv layer, or name a "
        f"neuron to take its place: swap_activations={{{key}: snnconv.neurons.IF()}}"
    )


def function(activation: Any, parameters: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """The activation as a function of arrays."""
    if activation == "prelu":
        activation, parameters = "leaky_relu", {"negative_slope": float(np.mean(parameters["negative_slope"]))}
    compute = keras.activations.get(activation)
    return lambda x: np.asarray(keras.ops.convert_to_numpy(compute(keras.ops.convert_to_tensor(x), **parameters)))
