"""Neurons that the user puts in the place of activations."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from ..errors import ConversionError
from ..neurons import IF, Neuron
from ..neurons.accumulating import Accumulating
from .activations import Tuned, activation_name

# Highest rate that a fit may ask for at the largest value of the activation, in Hz, and as a share of 1/tau_ref.
_MOST_HERTZ, _MOST_OF_LIMIT = 250.0, 0.95


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
