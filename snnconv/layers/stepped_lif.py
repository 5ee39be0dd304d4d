"""Leaky integrate-and-fire neurons in whole steps, as integer hardware counts them, as a Keras layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from .. import neurons
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
        self._neuron = neurons.SteppedLIF(tau_rc, tau_ref, amplitude, min_voltage, dt, leak_bits)
        self._sloped = self._neuron.smooth(gradient_smoothing)
        self.gradient_smoothing = gradient_smoothing
        super().__init__(
            max_rates, intercepts, spiking=spiking, n_steps=n_steps, dt=dt, initial_voltage=initial_voltage,
            noise=noise, shared_axes=shared_axes, seed=seed, **kwargs,
        )  # fmt: skip

    @property
    def neuron(self) -> neurons.SteppedLIF:
        return self._neuron

    def rate(self, J: Any, training: bool) -> Any:
        rate = self._neuron.rate(J, ops)
        if not training:
            return rate
        sloped = self._sloped.rate(J, ops)
        return sloped + ops.stop_gradient(rate - sloped)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gradient_smoothing": self.gradient_smoothing}
