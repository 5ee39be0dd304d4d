"""Leaky integrate-and-fire neurons as a Keras layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from .. import neurons
from .spiking import SpikingTraining
from .tuned import TunedLayer, Tuning


@keras.saving.register_keras_serializable(package="snnconv")
class LIF(TunedLayer):
    """Leaky integrate-and-fire neurons, as rates in training and as spikes after conversion.

    ``output = amplitude / (tau_ref + tau_rc · log1p(1/(J - 1)))`` for ``J = gain · input + bias`` above 1, else 0.

    Parameters
    ----------
    max_rates : float, array, (low, high) tuple or keras initializer
        Firing rate at an input of 1, in Hz; below 1/tau_ref. A list or an array holds one value per unit; a tuple is
        a range from which values are drawn uniformly.
    intercepts : likewise
        Input at which a neuron starts to fire, before training; below 1.
    tau_rc, tau_ref : float
        Membrane time constant and refractory period, in seconds.
    amplitude : float
        Output is the rate in Hz times this. The default makes an input of 1 an output of 1.
    min_voltage : float
        Floor of the voltage in the spiking network; 0 or less.
    max_spikes : int
        Most spikes in one step of the spiking network; see `snnconv.neurons.LIF`.
    smoothing : float
        Width of the soft LIF (see `snnconv.neurons.LIF`); 0 means none. The rates then differ from those in spikes.
    gradient_smoothing : float
        Width of the soft LIF whose slope training uses where `smoothing` is 0: the rates stay those of the LIF, and
        only the gradient is smooth. 0 uses the LIF's own slope, which is infinite at threshold; a CNN on Fashion-MNIST
        then lost two to three points of accuracy.
    spiking : bool
        Train for few steps: in training the output is the mean of `n_steps` steps in spikes at a constant current, and
        the slope is that of the rate. In inference the output is the rate either way.
    n_steps : int or None
        Number of these steps; needed where `spiking` is true.
    dt : float
        Length of a step, in seconds.
    initial_voltage : float or "uniform"
        Voltage before the first step, where the threshold is 1. A number becomes the initial voltage of the converted
        network. "uniform" draws one in 0…1 per neuron and sample, and leaves that of the converted network to
        `Simulator`.
    noise : float
        Standard deviation of the noise that training adds to the rates of neurons that fire, in Hz.
    shared_axes : int, sequence of int, or None
        Axes along which gain and bias are shared, counted with the batch as in keras.layers.PReLU. None shares all
        axes between the batch and the last: one value per unit after Dense, one per channel after a convolution.
    seed : int or None
        Seed of what is drawn: the values for (low, high), noise, voltages.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    Hunsberger and Eliasmith (2016), "Training spiking deep networks for neuromorphic hardware", for the soft slope and
    for training with noise. KerasSpiking's "spiking-aware training" is the same idea as `spiking`.
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
        max_spikes: int = 1,
        smoothing: float = 0.0,
        gradient_smoothing: float = 0.02,
        spiking: bool = False,
        n_steps: int | None = None,
        dt: float = 0.001,
        initial_voltage: float | str = 0.0,
        noise: float = 0.0,
        shared_axes: int | Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        neuron = neurons.LIF(tau_rc, tau_ref, amplitude, min_voltage, smoothing, max_spikes)
        slope = dataclasses.replace(neuron, smoothing=smoothing or gradient_smoothing)
        training = SpikingTraining(spiking, n_steps, dt, initial_voltage, noise, seed)
        super().__init__(neuron, max_rates, intercepts, training, slope=slope, shared_axes=shared_axes, **kwargs)
        self.gradient_smoothing = gradient_smoothing

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gradient_smoothing": self.gradient_smoothing}
