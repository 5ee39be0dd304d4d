"""Integrate-and-fire neurons as a Keras layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from .. import neurons
from .spiking import SpikingTraining
from .tuned import TunedLayer, Tuning


@keras.saving.register_keras_serializable(package="snnconv")
class IF(TunedLayer):
    """Integrate-and-fire neurons: a ReLU with a bias, ``output = amplitude · max(gain · input + bias, 0)``.

    With the defaults the output is ``relu(input)`` before training.

    Parameters
    ----------
    max_rates, intercepts, amplitude, shared_axes, seed
        As for `LIF`; max_rates has no upper limit.
    min_voltage, max_spikes
        See `snnconv.neurons.IF`.
    spiking, n_steps, dt, initial_voltage, noise
        As for `LIF`. With `spiking` and `max_spikes` the rate ends at ``max_spikes/dt``, in training and in inference.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    def __init__(
        self,
        max_rates: Tuning = 100.0,
        intercepts: Tuning = 0.0,
        *,
        amplitude: float = 0.01,
        min_voltage: float | None = None,
        max_spikes: int | None = None,
        spiking: bool = False,
        n_steps: int | None = None,
        dt: float = 0.001,
        initial_voltage: float | str = 0.0,
        noise: float = 0.0,
        shared_axes: int | Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        limit = max_spikes / dt if spiking and max_spikes and dt > 0 else None
        neuron = neurons.IF(amplitude, min_voltage, max_spikes, limit)
        training = SpikingTraining(spiking, n_steps, dt, initial_voltage, noise, seed)
        super().__init__(neuron, max_rates, intercepts, training, shared_axes=shared_axes, **kwargs)

    def _neuron_config(self) -> dict[str, Any]:
        config = super()._neuron_config()
        del config["rate_limit"]  # follows from the others
        return config
