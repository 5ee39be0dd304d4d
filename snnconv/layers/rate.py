"""Neurons of any model as a Keras layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from ..errors import ParameterError
from ..neurons import NEURONS, Neuron
from .spiking import SpikingTraining
from .tuned import TunedLayer, Tuning


@keras.saving.register_keras_serializable(package="snnconv")
class Rate(TunedLayer):
    """Neurons of any model, as rates in training and as spikes after conversion.

    ``output = rate(gain · input + bias)``, with the rate function of the neuron.

    This is the layer for a neuron of your own, a subclass of `snnconv.neurons.Neuron`. A file that has such a layer
    in it is read after the module that defines the neuron was imported.

    Parameters
    ----------
    neuron : Neuron or mapping
        The neurons, or their kind under "kind" with the parameters beside it, as configurations have it.
    max_rates, intercepts, shared_axes
        As for `LIF`, in the range that the neuron's `gain_bias` allows.
    gradient_neuron : Neuron, mapping or None
        Neuron whose rate has the slope that training uses, such as one with a soft threshold; None: `neuron` itself.
    spiking, n_steps, dt, initial_voltage, noise, seed
        As for `LIF`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range, or no neuron of that kind is known.

    Examples
    --------
    >>> snnconv.layers.Rate(snnconv.neurons.Softplus(), max_rates=150.0)
    """

    def __init__(
        self,
        neuron: Neuron | Mapping[str, Any],
        max_rates: Tuning = 100.0,
        intercepts: Tuning = 0.0,
        *,
        gradient_neuron: Neuron | Mapping[str, Any] | None = None,
        spiking: bool = False,
        n_steps: int | None = None,
        dt: float = 0.001,
        initial_voltage: float | str = 0.0,
        noise: float = 0.0,
        shared_axes: int | Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        slope = None if gradient_neuron is None else _as_neuron(gradient_neuron)
        training = SpikingTraining(spiking, n_steps, dt, initial_voltage, noise, seed)
        super().__init__(
            _as_neuron(neuron), max_rates, intercepts, training, slope=slope, shared_axes=shared_axes, **kwargs
        )

    def _neuron_config(self) -> dict[str, Any]:
        slope = None if self._slope == self._neuron else _described(self._slope)
        return {"neuron": _described(self._neuron), "gradient_neuron": slope}


def _as_neuron(neuron: Neuron | Mapping[str, Any]) -> Neuron:
    if isinstance(neuron, Neuron):
        return neuron
    if not isinstance(neuron, Mapping) or "kind" not in neuron:
        raise ParameterError(f"Rate: neuron must be a snnconv.neurons.Neuron. Received {neuron!r}.")
    parameters = dict(neuron)
    kind = parameters.pop("kind")
    if kind not in NEURONS:
        raise ParameterError(
            f"Rate: no neuron of the kind {kind!r} is known; there are {', '.join(NEURONS)}. Import the module that "
            f"defines it first."
        )
    return NEURONS[kind](**parameters)


def _described(neuron: Neuron) -> dict[str, Any]:
    return {"kind": neuron.kind, **neuron.parameters()}
