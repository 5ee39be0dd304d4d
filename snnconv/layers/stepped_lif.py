"""Leaky integrate-and-fire neurons in whole steps, as integer hardware counts them, as a Keras layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from .. import neurons
from .spiking import SpikingTraining
from .tuned import TunedLayer, Tuning


@keras.saving.register_keras_serializable(package="snnconv")
class SteppedLIF(TunedLayer):
    """Leaky integrate-and-fire neurons for networks that become integers: see `snnconv.neurons.SteppedLIF`.

    ``output = (amplitude/dt) / (n + R)``, with n the steps to the threshold and R those of the refractory period: a
    staircase over the current, in training and in inference. The gradient is that of the soft LIF through its middle.

    Parameters
    ----------
    max_rates, intercepts, tau_rc, tau_ref, amplitude, min_voltage, shared_axes, seed
        As for `LIF`. max_rates and intercepts are those of the smooth curve through the staircase; max_rates must be
        below ``1 / (dt·(1 + R))``.
    dt : float
        Length of a step, in seconds. The converted network runs and becomes integers for this dt only.
    leak_bits : int
        Fractional bits of the leak: what `snnconv.quantize` calls fraction_bits.
    gradient_smoothing : float
        Width of the soft LIF whose slope training uses; see `LIF`.
    spiking, n_steps, initial_voltage, noise
        As for `LIF`.

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
        tau_rc: float = 0.02,
        tau_ref: float = 0.002,
        amplitude: float = 0.01,
        min_voltage: float = 0.0,
        dt: float = 0.001,
        leak_bits: int = 12,
        gradient_smoothing: float = 0.02,
        spiking: bool = False,
        n_steps: int | None = None,
        initial_voltage: float | str = 0.0,
        noise: float = 0.0,
        shared_axes: int | Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        neuron = neurons.SteppedLIF(tau_rc, tau_ref, amplitude, min_voltage, dt, leak_bits)
        slope = neuron.smooth(gradient_smoothing)
        training = SpikingTraining(spiking, n_steps, dt, initial_voltage, noise, seed)
        super().__init__(neuron, max_rates, intercepts, training, slope=slope, shared_axes=shared_axes, **kwargs)
        self.gradient_smoothing = gradient_smoothing

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gradient_smoothing": self.gradient_smoothing}
