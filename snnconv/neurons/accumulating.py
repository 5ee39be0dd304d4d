"""Neurons whose rate is any function of their mean current: what `Sigmoid`, `Tanh` and others share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from ..errors import ParameterError
from .base import Array, Neuron, State, check_tuning

# A spike is due when the voltage is this close to the threshold. At a constant current whole numbers of spikes fall
# due after round numbers of steps, where the last digit of a tanh would decide between one step and the next.
_TIE = 1e-6


class Accumulating(Neuron, abstract=True):
    """A neuron that keeps account of how many spikes it owes.

    After n steps with the mean current m it should have sent ``n·dt·F(m)`` spikes, F being its rate in Hz. The
    voltage is what it has not sent yet::

        m += (J - m)/n
        v += n·dt·F(m) - (n-1)·dt·F(m before)
        floor(v) spikes;  v -= floor(v)

    At a constant current the mean output is within amplitude/T of ``rate(J)`` after a time T. Behind other spiking
    neurons m goes to its limit as 1/T, and the mean output with it: to F of the mean current, not to a mean of F. It
    is therefore meant for inputs that are held: where an input changes, the output follows its mean since the start.

    Where F is nowhere negative, a neuron that has sent too much waits. Where it is, spikes are negative in part: a
    step with a count of -1 takes amplitude/dt away. Hardware whose spikes have no sign cannot hold such a neuron.
    """

    state: ClassVar[tuple[str, ...]] = ("voltage", "mean_current", "n_steps", "n_due")

    @abstractmethod
    def firing_rate(self, J: Array, xp: Any = np) -> Array:
        """F: the rate at a constant current, in Hz; below 0 for negative spikes."""

    @abstractmethod
    def current(self, firing_rate: np.ndarray) -> np.ndarray:
        """The current that gives a rate in Hz, for rates in `rate_range`."""

    @property
    def starting_current(self) -> float:
        """The current at an intercept: where the slope is largest, or firing starts."""
        return 0.0

    @property
    @abstractmethod
    def rate_range(self) -> tuple[float, float]:
        """The rate from `starting_current` on, and the highest rate, in Hz."""

    @property
    @abstractmethod
    def fires_negative(self) -> bool:
        """Whether spikes can be negative."""

    @property
    def max_spikes_per_step(self) -> int | None:
        return None

    def rate(self, J: Array, xp: Any = np) -> Array:
        return self.amplitude * self.firing_rate(J, xp)

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        n_steps = state["n_steps"] + 1
        mean = state["mean_current"] + (J - state["mean_current"]) / n_steps
        n_due = n_steps * dt * self.firing_rate(mean, xp)
        v = state["voltage"] + (n_due - state["n_due"])
        zero = xp.zeros_like(v)
        spikes = xp.floor(xp.maximum(v + _TIE, zero))
        if self.fires_negative:
            spikes = spikes - xp.floor(xp.maximum(_TIE - v, zero))
        return spikes, {"voltage": v - spikes, "mean_current": mean, "n_steps": n_steps, "n_due": n_due}

    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        low, high = self.rate_range
        if not (np.all(np.greater(max_rates, low)) and np.all(np.less(max_rates, high))):
            raise ParameterError(
                f"max_rates of a {self.kind} neuron must lie above {low:g} Hz, its rate at the intercept, and below "
                f"{high:g} Hz. Received {np.min(max_rates):g}…{np.max(max_rates):g} Hz."
            )
        max_rates, intercepts = check_tuning(max_rates, intercepts, np.inf)
        current = self.current(max_rates)
        gain = (current - self.starting_current) / (1 - intercepts)
        return gain, current - gain

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        gain, bias = np.asarray(gain, "float64"), np.asarray(bias, "float64")
        return self.firing_rate(gain + bias), (self.starting_current - bias) / gain
