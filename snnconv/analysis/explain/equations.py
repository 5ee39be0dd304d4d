"""Points of a neuron's rate curve, and a synapse's coefficients with its equation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ParameterError
from ...neurons import Neuron
from ...neurons.synapses import Synapse

RATES = (10.0, 50.0, 100.0, 200.0, 400.0, 800.0)  # Hz, at which a table shows current and interval


@dataclass(frozen=True)
class RatePoint:
    """One point of a rate curve.

    Parameters
    ----------
    rate : float
        In Hz.
    current : float
        The constant current J that gives it.
    interval : float
        Mean time between two spikes, in seconds.
    interval_steps : float
        The same in steps.
    output : float
        Mean output of the neuron: amplitude · rate.
    """

    rate: float
    current: float
    interval: float
    interval_steps: float
    output: float


@dataclass(frozen=True)
class FilterNumbers:
    """A synapse with its coefficients.

    Parameters
    ----------
    node, kind : str
    tau : float
        Time constant, in seconds.
    a : float
        exp(-dt/tau): what is left of the filter's output after a step without input.
    own_step : float
        Share of a spike's effect that comes in the spike's own step; the shares of all steps add up to 1.
    equation : str
    """

    node: str
    kind: str
    tau: float
    a: float
    own_step: float
    equation: str


def rate_point(neuron: Neuron, rate: float, dt: float) -> RatePoint | None:
    """The point of the rate curve at a rate in Hz, or None where the neuron has no such rate."""
    try:
        gain, bias = neuron.gain_bias(rate, 0.0)
    except ParameterError:
        return None
    current = float(np.max(gain + bias))
    reached = float(np.max(neuron.rate(np.asarray(current)))) / neuron.amplitude
    if not math.isclose(reached, rate, rel_tol=1e-6):  # a staircase has the nearest of its steps
        rate = reached
    return RatePoint(rate, current, 1 / rate, 1 / (rate * dt), neuron.amplitude * rate)


def filter_numbers(node: str, synapse: Synapse, dt: float) -> FilterNumbers:
    """A synapse with its coefficients for steps of `dt` seconds."""
    own_step, _ = synapse.step(np.ones(()), synapse.initial_state(()), dt)
    a = math.exp(-dt / synapse.tau)
    return FilterNumbers(node, synapse.kind, synapse.tau, a, float(own_step), synapse.equation)
