"""The equations of neurons and synapses in words, with a model's numbers in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ParameterError
from ...neurons import Neuron, SteppedLIF
from ...neurons.synapses import Synapse
from ...text.plain import number

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


def rate_equation(neuron: Neuron) -> str:
    """The firing rate in Hz at a constant current J."""
    words = _RATES.get(neuron.kind)
    return f"F(J) of snnconv.neurons.{neuron.kind}" if words is None else words(neuron.parameters())


def step_equation(neuron: Neuron) -> str:
    """What a step does to the voltage v."""
    words = _STEPS.get(neuron.kind)
    if words is None:
        return "v += spikes due at the mean current so far; floor(v) spikes, and v loses as many"
    return words(neuron.parameters())


def current_unit(neuron: Neuron) -> str:
    """What the current J is measured in."""
    units = {"LIF": "thresholds", "SteppedLIF": "thresholds", "IF": "Hz", "PiecewiseLinear": "Hz"}
    return units.get(neuron.kind, "no unit")


def rate_point(neuron: Neuron, rate: float, dt: float) -> RatePoint | None:
    """The point of the rate curve at a rate in Hz, or None where the neuron has no such rate."""
    try:
        gain, bias = neuron.gain_bias(rate, 0.0)
    except ParameterError:
        return None
    current = float(np.max(gain + bias))
    reached = float(neuron.rate(np.asarray(current))) / neuron.amplitude
    if not math.isclose(reached, rate, rel_tol=1e-6):  # a staircase has the nearest of its steps
        rate = reached
    return RatePoint(rate, current, 1 / rate, 1 / (rate * dt), neuron.amplitude * rate)


def filter_numbers(node: str, synapse: Synapse, dt: float) -> FilterNumbers:
    """A synapse with its coefficients for steps of `dt` seconds."""
    own_step, _ = synapse.step(np.ones(()), synapse.initial_state(()), dt)
    equation = _FILTERS.get(synapse.kind, f"snnconv.synapses.{synapse.kind}")
    return FilterNumbers(node, synapse.kind, synapse.tau, math.exp(-dt / synapse.tau), float(own_step), equation)


def _lif_rate(values: dict[str, Any]) -> str:
    excess = "J - 1"
    if values["smoothing"]:
        excess = f"s·softplus((J - 1)/s), s = {number(values['smoothing'])}"
    refractory, membrane = number(values["tau_ref"]), number(values["tau_rc"])
    condition = "" if values["smoothing"] else " for J > 1, else 0"
    highest = f"; < {number(1 / values['tau_ref'])} Hz" if values["tau_ref"] else ""
    return f"1/({refractory} + {membrane}·ln(1 + 1/({excess}))) Hz{condition}{highest}"


def _stepped_rate(values: dict[str, Any]) -> str:
    neuron = SteppedLIF(**values)
    steps = f"floor(ln(1 + 1/(J - 1))·{number(-1 / math.log1p(-neuron.leak))}) + {1 + neuron.refractory_steps}"
    return f"1/({number(neuron.dt)}·({steps})) Hz for J > 1, else 0; ≤ {number(neuron.highest_rate)} Hz"


def _if_rate(values: dict[str, Any]) -> str:
    limit = values["rate_limit"]
    return "max(J, 0) Hz" if limit is None else f"min(max(J, 0), {number(limit)}) Hz"


def _piecewise_rate(values: dict[str, Any]) -> str:
    top = "J" if values["max_rate"] is None else f"min(J, {number(values['max_rate'])})"
    slope, threshold = values["negative_slope"], values["threshold"]
    below = "0" if not np.any(slope) else f"negative_slope·(J - {number(threshold)})"
    return f"{top} Hz for J > {number(threshold)}, else {below}"


def _lif_step(values: dict[str, Any]) -> str:
    return (
        f"v += (J - v)·(1 - exp(-free/{number(values['tau_rc'])})), free: the part of the step outside the "
        f"refractory period, in s; v > 1 is a spike, then v = 0 for {number(values['tau_ref'])} s from the crossing "
        f"on; v ≥ {number(values['min_voltage'])}"
    )


def _stepped_step(values: dict[str, Any]) -> str:
    neuron = SteppedLIF(**values)
    return (
        f"v += {number(neuron.leak)}·(J - v); v > 1 is a spike, then v = 0, held for the next "
        f"{neuron.refractory_steps} steps; v ≥ {number(neuron.min_voltage)}; all for steps of {number(neuron.dt)} s"
    )


def _if_step(values: dict[str, Any]) -> str:
    negative = "max(J, 0)" if values["min_voltage"] is None else "J"
    most = values["max_spikes"]
    count = "floor(v)" if most is None else f"min(floor(v), {most})"
    floor = values["min_voltage"]
    kept = "" if floor is None or math.isinf(floor) else f"; v ≥ {number(floor)}"
    return f"v += {negative}·dt; n = {count} spikes, v -= n{kept}"


_RATES: dict[str, Callable[[dict[str, Any]], str]] = {
    "LIF": _lif_rate,
    "SteppedLIF": _stepped_rate,
    "IF": _if_rate,
    "PiecewiseLinear": _piecewise_rate,
    "Sigmoid": lambda values: f"{number(values['max_rate'])} / (1 + exp(-J)) Hz",
    "Tanh": lambda values: f"{number(values['max_rate'])}·tanh(J) Hz",
    "Softplus": lambda values: f"{number(values['unit_rate'])}·ln(1 + exp(J)) Hz",
    "Softsign": lambda values: f"{number(values['max_rate'])}·J / (1 + |J|) Hz",
}
_STEPS: dict[str, Callable[[dict[str, Any]], str]] = {"LIF": _lif_step, "SteppedLIF": _stepped_step, "IF": _if_step}
_FILTERS = {
    "Lowpass": "y += (1 - a)·(x - y)",
    "Alpha": "two lowpasses y += (1 - a)·(x - y) in series, solved exactly",
}
