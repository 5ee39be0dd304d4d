"""Activations in spikes: the neuron of each with its gain and bias, or one that the user puts in its place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ...errors import ConversionError
from ...neurons import IF, Neuron, PiecewiseLinear, Sigmoid, Softplus, Softsign, Tanh
from ...neurons.accumulating import Accumulating
from ...neurons.integrate import RELU
from ...text.advice import argument

READOUTS = ("softmax", "sigmoid", "tanh")
"""Activations that a reader applies to the network's output, outside the spiking network."""

ALIASES = {
    "swish": "silu", "hard_swish": "hard_silu",
    "softmax_v2": "softmax", "log_softmax_v2": "log_softmax", "identity": "linear",  # of tf.nn and tf
}  # fmt: skip
"""Other names of activations: Keras' own, and those of TensorFlow's functions."""

# Highest rate that a fit may ask for at the largest value of the activation, in Hz, and as a share of 1/tau_ref.
_MOST_HERTZ, _MOST_OF_LIMIT = 250.0, 0.95


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
    in_hertz: dict[str, Any] = {"threshold": threshold / plain.amplitude}
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
    "sparsemax": "softmax",
}


def activation_name(activation: Any) -> str:
    """Name of an activation that is given as its name or as a function, or of a layer class."""
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", type(activation).__name__)
    return ALIASES.get(name, name)


def spiking(name: str, parameters: dict[str, Any]) -> Tuned | None:
    """The neuron that gives the activation, or None where none does."""
    return _SPIKING[name](**parameters) if name in _SPIKING else None


def advice(name: str) -> str:
    """The advice for an activation that has no neuron."""
    instead = _INSTEAD.get(name, "relu, leaky_relu, sigmoid or tanh")
    key = name if name.isidentifier() else "the function"
    return (
        f"has the activation '{name}', which has no spiking equivalent. Use {instead} or an snnconv layer, "
        f"register it with snnconv.register_function if each value depends on one value, or name a neuron to take its "
        f"place: {argument('swap_activations', {key: RELU})}"
    )


def function(activation: Any, parameters: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """The activation as a function of arrays."""
    if activation == "prelu":
        activation, parameters = "leaky_relu", {"negative_slope": float(np.mean(parameters["negative_slope"]))}
    compute = keras.activations.get(activation)
    return lambda x: np.asarray(keras.ops.convert_to_numpy(compute(keras.ops.convert_to_tensor(x), **parameters)))


class Swaps:
    """The neurons of `swap_activations`, and which of them have found an activation.

    Parameters
    ----------
    swaps : mapping of activation to Neuron
        Keys are names of activations, functions, layer classes, or names of layer classes.
    largest : callable
        Gives the largest value of a layer's output, by the layer's name, on some inputs.
    """

    def __init__(self, swaps: Mapping[Any, Neuron] | None = None, largest: Callable[[str], float] = lambda name: 1.0):
        self._swaps: dict[str, tuple[Hashable, Neuron]] = {
            activation_name(key): (key, neuron) for key, neuron in (swaps or {}).items()
        }
        self._largest = largest
        self._used: set[Hashable] = set()

    @property
    def unused(self) -> list[Any]:
        """Keys that no activation matched."""
        return [key for key, _ in self._swaps.values() if key not in self._used]

    def find(self, activation: str, layer: Any, layer_name: str, compute: Callable[[], Any]) -> Tuned | None:
        """The neuron for an activation of a layer, tuned to it; None where nobody asked for one.

        Parameters
        ----------
        compute : callable
            Gives the activation as a function of arrays.
        """
        for name in (activation, type(layer).__name__):
            if name in self._swaps:
                key, neuron = self._swaps[name]
                self._used.add(key)
                if isinstance(neuron, (IF, Accumulating)):
                    return Tuned.of(neuron)
                return fitted(neuron, compute(), self._largest(layer_name))
        return None


def fitted(neuron: Neuron, activation: Callable[[np.ndarray], np.ndarray], largest: float) -> Tuned:
    """The gain and the amplitude with which a neuron comes closest to an activation between 0 and `largest`.

    It starts to fire at an input of 0, so that its threshold swallows nothing. Among the rates that it may reach at
    `largest`, and the amplitudes, those with the smallest squared error over the range are taken; the amplitude it
    came with does not count. What is left for a LIF with tau_ref = 2 ms and tau_rc = 20 ms in the place of a relu is
    8 % of `largest` (root mean square): its rate rises steeply at first and less and less later.

    Raises
    ------
    ConversionError
        If the activation is negative for the most part.
    """
    x = np.linspace(0, largest, 201)
    wanted = np.asarray(activation(x.astype("float32")), "float64")
    limit = min(_MOST_HERTZ, _MOST_OF_LIMIT / max(getattr(neuron, "tau_ref", 0.0), 1e-9))
    best: tuple[float, float, float, float] | None = None
    for max_rate in np.linspace(limit / 20, limit, 191):
        gain, bias = (float(value) for value in neuron.gain_bias(max_rate, 0.0))
        gain = gain / largest
        rates = neuron.with_amplitude(1.0).rate(gain * x + bias)
        amplitude = float(rates @ wanted / (rates @ rates))
        error = float(np.mean((amplitude * rates - wanted) ** 2))
        if amplitude > 0 and (best is None or error < best[0]):
            best = (error, gain, bias, amplitude)
    if best is None:
        raise ConversionError(f"swap_activations: a {neuron.kind} cannot take the place of a negative activation.")
    _, gain, bias, amplitude = best
    return Tuned(neuron.with_amplitude(amplitude), gain, bias)
