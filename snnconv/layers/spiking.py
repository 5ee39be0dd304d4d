"""Training in spikes and with noise: the options that all layers of neurons share, and what they do to an output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError
from ..neurons import Neuron
from ..neurons.spike_train import spike_count


@dataclass(frozen=True)
class SpikingTraining:
    """Spikes and noise that a layer sees in training.

    Parameters
    ----------
    spiking : bool
        Whether training sees the mean output over `n_steps` steps of `dt` seconds.
    n_steps : int or None
        Number of these steps; needed where `spiking` is true.
    dt : float
        Length of a step, in seconds.
    initial_voltage : float or "uniform"
        Voltage before the first step, where the threshold is 1; "uniform" draws one in 0…1 per neuron and sample.
    noise : float
        Standard deviation of the noise on the rates of neurons that fire, in Hz.
    seed : int or None
        Seed of voltages and noise.
    """

    spiking: bool = False
    n_steps: int | None = None
    dt: float = 0.001
    initial_voltage: float | str = 0.0
    noise: float = 0.0
    seed: int | None = None

    def check(self) -> None:
        """Raise ParameterError where an option is out of its range."""
        n_steps, voltage = self.n_steps, self.initial_voltage
        if self.spiking and n_steps is None:
            raise ParameterError("spiking=True needs n_steps: the number of time steps that the network will run.")
        is_whole = isinstance(n_steps, (int, np.integer)) and not isinstance(n_steps, bool)
        if n_steps is not None and not (is_whole and n_steps >= 1):
            raise ParameterError(f"n_steps must be a whole number above 0. Received {n_steps!r}.")
        if not (math.isfinite(self.dt) and self.dt > 0):
            raise ParameterError(f"dt must be above 0 seconds. Received {self.dt!r}.")
        is_number = isinstance(voltage, (int, float, np.number))
        if voltage != "uniform" and not (is_number and -math.inf < voltage <= 1):
            raise ParameterError(
                f"initial_voltage must be 'uniform' or a number up to 1, the threshold. Received {voltage!r}."
            )
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise ParameterError(f"noise must be a standard deviation in Hz, 0 or more. Received {self.noise!r}.")

    def random_numbers(self) -> keras.random.SeedGenerator | None:
        """A generator for `output` and `noisy`, or None where they draw nothing."""
        draws = self.noise or self.initial_voltage == "uniform"
        return keras.random.SeedGenerator(self.seed) if draws else None

    def output(self, neuron: Neuron, J: Any, rate: Any, generator: keras.random.SeedGenerator | None) -> Any:
        """The mean output of the steps where training is spiking, with the gradient of the rate; else the rate."""
        if not self.spiking or self.n_steps is None:
            return rate
        voltage: Any = self.initial_voltage
        if voltage == "uniform":
            voltage = keras.random.uniform(ops.shape(J), dtype=J.dtype, seed=generator)
        return rate + ops.stop_gradient(mean_output(neuron, J, self.n_steps, self.dt, voltage) - rate)

    def noisy(self, output: Any, amplitude: Any, generator: keras.random.SeedGenerator | None) -> Any:
        """The output with noise on the neurons that fire, which never makes one negative."""
        if not self.noise:
            return output
        drawn = keras.random.normal(ops.shape(output), dtype=output.dtype, seed=generator)
        noise = ops.maximum(self.noise * amplitude * drawn, -output)
        return output + ops.stop_gradient(ops.where(output > 0, noise, ops.zeros_like(output)))


def mean_output(neuron: Neuron, J: Any, n_steps: int, dt: float, initial_voltage: Any) -> Any:
    """Mean output over `n_steps` steps of `dt` seconds, without a gradient.

    Parameters
    ----------
    J : (n, *units) tensor
        Input current, constant in time.
    initial_voltage : float, or tensor that broadcasts against J
        Voltage before the first step.

    Returns
    -------
    (n, *units) tensor
        ``amplitude · spikes / (n_steps · dt)``.
    """
    J = ops.stop_gradient(J)  # before the loop too, so that no step is kept for the way back
    zero: Any = ops.zeros_like(J)
    state = {**dict.fromkeys(neuron.state, zero), "voltage": zero + initial_voltage}
    if neuron.has_spike_train(dt):
        spikes = spike_count(n_steps, *neuron.spike_train(J, state, dt, ops).phases(), ops)
    else:
        spikes = zero
        for _ in range(n_steps):
            fired, state = neuron.step(J, state, dt, ops)
            spikes = spikes + fired
    return ops.stop_gradient(spikes * (neuron.amplitude / (n_steps * dt)))
