"""Gains and biases of LIF neurons, refit to rates or time constants that they were not trained with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ...errors import ConversionError
from ...graph import Affine, Population, SpikingGraph
from ...graph.passes import fold_affine
from ...graph.passes import scale_firing_rates as scale_rates
from ...graph.passes.spikes import factors_of
from ...graph.report import with_actions
from ...neurons import LIF, Neuron
from ...neurons.base import steps_as
from ...runtime.arguments import check_graph
from ...runtime.rates import rate_values
from .heights import by_channel

N_CURRENTS = 512  # per channel: order statistics of the data, which stand for its distribution
STEPS = tuple(sorted(product((-1.0, -0.5, 0.0, 0.5, 1.0), repeat=2), key=lambda step: abs(step[0]) + abs(step[1])))
ROUNDS, SHRINK = 20, 0.6  # the last grid is 4e-5 as wide as the first
HIGHEST_START = 0.9  # of 1/tau_ref: above it the curve is flat, and has no slope to search along


@dataclass(frozen=True)
class RefitError:
    """Difference of a population's outputs in rates from those before a refit.

    Parameters
    ----------
    rms : float
        Root of the mean squared difference, over neurons and samples, in units of the output.
    relative : float
        The same, relative to the mean output.
    """

    rms: float
    relative: float

    def __str__(self) -> str:
        return f"rms error {self.rms:.3g}, {self.relative:.1%} of the mean rate"


@dataclass(frozen=True, eq=False)
class Refit:
    """A network that was refit, and what is left of error.

    Parameters
    ----------
    graph : SpikingGraph
        `SpikingGraph.report` tells the errors too.
    errors : mapping of population name to RefitError
        Of every population that was refit, behind all that were refit before it.
    """

    graph: SpikingGraph
    errors: Mapping[str, RefitError]


def refit(
    graph: SpikingGraph,
    x: Any,
    scale_firing_rates: float | Mapping[str, float] = 1.0,
    *,
    tau_rc: float | None = None,
    tau_ref: float | None = None,
) -> Refit:
    """Scale rates with the time constants kept, or change time constants, and refit gain and bias of each channel.

    The rate of a LIF neuron, f(J), is no multiple of its current. For rates s times as high, with time constants of
    one's own choice (those of a chip, say), and outputs as near as can be, each channel gets the gain g and the bias b
    with the least::

        mean over the currents J of the data of  (amplitude/s · f'(g J + b) - amplitude · f(J))²

    where f' is the rate with the new time constants; ``amplitude/s`` is the new amplitude. Rates that the refractory
    period does not allow, above ``1/tau_ref``, are fitted as well as they can be, which the error shows. Layers are
    refit one after another, each for the currents that arrive from those before it. Neurons other than LIF take a
    scale exactly, as in `snnconv.passes.scale_firing_rates`, which for LIF neurons divides the time constants instead
    and is exact too.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        A few hundred samples, scaled as in training.
    scale_firing_rates : float, or mapping of population name to float
        s, above 0.
    tau_rc, tau_ref : float or None
        Time constants of all LIF neurons, in seconds. None: as trained.

    Returns
    -------
    Refit

    Raises
    ------
    ConversionError
        If a name is not that of a population, or there is no LIF neuron to refit.
    ParameterError
        If a time constant is out of range.
    """
    check_graph(graph, "refit")
    factors = factors_of(graph, scale_firing_rates)
    nodes = {name: graph[name] for name in graph.populations}
    neurons = {
        name: _retimed(node.neuron, factors.get(name, 1.0), tau_rc, tau_ref)
        for name, node in nodes.items()
        if isinstance(node, Population) and steps_as(node.neuron, LIF)
    }
    if not neurons:
        raise ConversionError("there is no population of LIF neurons to refit. Other neurons are scaled exactly.")
    neurons = {name: neuron for name, neuron in neurons.items() if neuron != graph.populations[name].neuron}
    wanted = rate_values(graph, x, neurons)
    found = scale_rates(graph, {name: factor for name, factor in factors.items() if name not in neurons})
    for name, neuron in neurons.items():
        found = _with(found, name, neuron, x, wanted[name])
    received = rate_values(found, x, neurons)
    errors = {name: _error(received[name], wanted[name]) for name in neurons}
    report = with_actions(
        found.report, {name: _action(error, factors.get(name, 1.0)) for name, error in errors.items()}
    )
    return Refit(dataclasses.replace(fold_affine(found), report=report), errors)


def _retimed(neuron: LIF, factor: float, tau_rc: float | None, tau_ref: float | None) -> LIF:
    return dataclasses.replace(
        neuron,
        tau_rc=neuron.tau_rc if tau_rc is None else tau_rc,
        tau_ref=neuron.tau_ref if tau_ref is None else tau_ref,
        amplitude=neuron.amplitude / factor,
    )


def _with(graph: SpikingGraph, name: str, neuron: LIF, x: Any, wanted: np.ndarray) -> SpikingGraph:
    """The graph with a population's neurons exchanged, and gain and bias refit."""
    node: Any = graph[name]
    (source,) = node.inputs
    currents = rate_values(graph, x, [source])[source] + node.neuron_bias
    gain, bias = fit_gain_bias(neuron, by_channel(currents).astype("float64"), by_channel(wanted).astype("float64"))
    scale = Affine(name=f"{name}.refit", inputs=node.inputs, shape=node.shape, scale=gain)
    changed = dataclasses.replace(
        node, inputs=(scale.name,), neuron=neuron, neuron_bias=node.neuron_bias * gain + bias, gain=node.gain * gain
    )
    return graph.replace(part for each in graph.nodes for part in ((scale, changed) if each.name == name else (each,)))


def _error(received: np.ndarray, wanted: np.ndarray) -> RefitError:
    rms = float(np.sqrt(((received.astype("float64") - wanted) ** 2).mean()))
    return RefitError(rms, rms / max(float(np.abs(wanted).mean(dtype="float64")), 1e-12))


def _action(error: RefitError, factor: float) -> str:
    return f"refit{'' if factor == 1 else f' to rates × {factor:g}'}: {error}"


def fit_gain_bias(neuron: Neuron, currents: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain g and bias b of each channel that minimise the mean of ``(neuron.rate(g J + b) - output)²``.

    Searched are the current at which the neuron starts to fire and its rate at the largest current, which decide g and
    b and hardly depend on each other, on grids that get finer. The infinite slope of a LIF at its threshold rules out
    derivatives.

    Parameters
    ----------
    neuron : Neuron
        The one to fit, with its amplitude.
    currents : (n, channels) array
        Currents J that occur.
    outputs : (n, channels) array
        What is wanted at each.

    Returns
    -------
    gain, bias : (channels,) arrays
    """
    currents, outputs = _order_statistics(currents, outputs)
    unit = neuron.with_amplitude(1.0)
    limit = 1 / getattr(neuron, "tau_ref", 0.0) if getattr(neuron, "tau_ref", 0.0) else math.inf
    (_, threshold) = unit.max_rates_intercepts(np.ones(()), np.zeros(()))
    highest = currents.max(0)
    highest = np.where(highest > threshold, highest, max(float(highest.max()), float(threshold) + 1))
    span = highest - threshold
    at_highest = outputs.max(0) / neuron.amplitude
    ordinary = unit.rate(highest)
    rate = np.minimum(np.where(at_highest > 0, at_highest, ordinary), HIGHEST_START * limit)

    def tuned(at_span: np.ndarray, at_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gain and bias where the neuron starts to fire `at_span` below the highest current, and fires `at_rate` there.

        In x = (J - highest)/at_span + 1 that is a neuron with the intercept 0.
        """
        gain, bias = neuron.gain_bias(at_rate, 0.0)
        return gain / at_span, bias + gain * (1 - highest / at_span)

    def moved(step: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        wider = span * np.exp(width * step[0])
        if math.isinf(limit):
            return wider, rate * np.exp(width * step[1])
        odds = rate / (limit - rate) * np.exp(width * step[1])
        return wider, limit * odds / (1 + odds)

    width = 1.0
    for _ in range(ROUNDS):
        least = np.full(len(highest), np.inf)
        best = span, rate
        for step in STEPS:
            tried = moved(step)
            gain, bias = tuned(*tried)
            error = ((neuron.rate(gain * currents + bias) - outputs) ** 2).mean(0)
            is_better = error < least
            least = np.where(is_better, error, least)
            best = np.where(is_better, tried[0], best[0]), np.where(is_better, tried[1], best[1])
        span, rate = best
        width *= SHRINK
    return tuned(span, rate)


def _order_statistics(currents: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced order statistics of each channel's currents, the largest among them, and the outputs there."""
    order = np.argsort(currents, 0)
    picked = order[np.unique(np.linspace(0, len(order) - 1, N_CURRENTS).round().astype(int))]
    return np.take_along_axis(currents, picked, 0), np.take_along_axis(outputs, picked, 0)
