"""Calibration: spike heights, initial voltages, speed and biases from a few hundred samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import ConversionError, ParameterError
from ...graph import Inputs, Population, SpikingGraph
from ...graph.passes.spikes import set_spike_heights
from ...graph.report import with_actions
from ...neurons import IF, LIF
from ...neurons.base import steps_as
from ...runtime.arguments import check_graph, check_steps
from ...runtime.rates import rate_values
from ...text.progress import track
from .currents import correct_currents
from .heights import best_heights, by_channel, percentile_heights
from .speed import best_speed, error, rate_outputs, spiking_outputs

HALF_THRESHOLD = 0.5
SCALES = (1.0, 2.0, 4.0)
SYNAPSES = (None, 0.001, 0.002)


def calibrate(
    graph: SpikingGraph,
    x: Any,
    n_steps: int = 32,
    *,
    dt: float = 0.001,
    percentile: float | None = None,
    target_rate: float | None = None,
    scales: Iterable[float] = SCALES,
    synapses: Iterable[float | None] = SYNAPSES,
    correct: bool = True,
) -> SpikingGraph:
    """Make a network of IF or LIF neurons accurate within `n_steps` steps, read as their mean.

    A relu converts to IF neurons with spikes of the same height everywhere, and so does a function of means to
    Follower neurons. Here each channel gets a height of its own, from its activations at the samples, and spikes at
    most once per step. LIF neurons keep their rate function; they
    get time constants shorter by the factor of `scales`, and the lowpass of `synapses`, with which the outputs come
    closest to those in rates. Voltages of both start at half the threshold, so that counts are rounded to the nearest
    number and not down; and biases correct the remaining mean error, if the outputs come closer by it. A LIF network
    that does not get closer by any of this is left as it was. Other neurons stay as they are, and so do populations
    that have an initial voltage already, since they were trained for it.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        A few hundred samples, scaled as in training.
    n_steps : int
        Number of steps after which the answer will be read.
    dt : float
        Length of a step, in seconds.
    percentile : float or None
        Percentile of an IF channel's activations that becomes `target_rate`. None: the spike heights with the least
        squared error; with a `target_rate`, the largest activation.
    target_rate : float or None
        Rate of IF neurons at that percentile, in Hz, at most 1/dt. None: 1/dt, a spike at every step.
    scales : iterable of float
        Factors for the rates of LIF neurons to try. ``(1,)`` keeps their time constants.
    synapses : iterable of float or None
        Time constants of a lowpass behind every population to try where there are LIF neurons and no synapses yet, in
        seconds; None: no synapse.
    correct : bool
        Whether to correct biases.

    Returns
    -------
    SpikingGraph
        Its report says what was chosen.

    Raises
    ------
    ConversionError
        If no population can be calibrated.
    ParameterError, InputError
        If a parameter or the samples are out of range.

    References
    ----------
    Bu et al. (2022), "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks",
    for the start at half the threshold. `heights` and `currents` name theirs.
    """
    check_graph(graph, "calibrate")
    n_steps = check_steps(n_steps, dt)
    if target_rate is not None and not 0 < target_rate <= 1 / dt:
        raise ParameterError(f"target_rate must lie between 0 and 1/dt = {1 / dt:g} Hz. Received {target_rate!r}.")
    names = _names(graph)
    if not names:
        kinds = sorted({view.neuron.kind for view in graph.populations.values()})
        raise ConversionError(
            f"there is no population of IF or LIF neurons to calibrate that has no initial voltage yet. Received "
            f"neurons {kinds}."
        )
    lif = [name for name in names if steps_as(graph.populations[name].neuron, LIF)]
    if len(lif) == len(names) and (percentile is not None or target_rate is not None):
        raise ParameterError("percentile and target_rate set the spike heights of IF neurons, and there are none.")
    xs = graph.check_inputs(x, "float32")
    wanted = rate_outputs(graph, xs)
    levelled = [name for name in (*names, *followers) if name not in lif]
    heights = _heights(graph, xs, levelled, n_steps, dt, percentile, target_rate)
    found = _at_half(set_spike_heights(graph, heights, dt) if heights else graph, names)
    scale, synapse = 1.0, None
    if lif:
        found, scale, synapse = best_speed(found, xs, n_steps, dt, scales, synapses)
    tried = [found, *([correct_currents(found, xs, n_steps, dt, names)] if correct and names else [])]
    if (
        len(lif) == len(names) and not followers
    ):  # IF neurons must not be left with spikes of any height, and as many as they like
        tried.append(graph)
    if len(tried) > 1:
        errors = [error(spiking_outputs(each, xs, n_steps, dt), wanted) for each in tried]
        found = tried[int(np.argmin(errors))]
    if found is graph:
        actions = dict.fromkeys(names, f"left as it was: nothing comes closer to the rates in {n_steps} steps")
    else:
        actions = {name: _action(name in lif, n_steps, scale, synapse) for name in (*names, *followers)}
    return dataclasses.replace(found, report=with_actions(found.report, actions))


def can_be_calibrated(graph: SpikingGraph) -> bool:
    """Whether there is a population to calibrate."""
    return bool(_names(graph))


def _names(graph: SpikingGraph) -> list[str]:
    """Populations of IF and LIF neurons without an initial voltage of their own."""
    populations = (node for node in graph.nodes if isinstance(node, Population))
    fits = [node for node in populations if steps_as(node.neuron, LIF) or steps_as(node.neuron, IF)]
    return [node.name for node in fits if not node.initial_voltage]


def _heights(
    graph: SpikingGraph,
    xs: Inputs,
    names: list[str],
    n_steps: int,
    dt: float,
    percentile: float | None,
    target_rate: float | None,
) -> dict[str, np.ndarray]:
    """Spike heights of IF and Follower populations, by channel."""
    heights = {}
    with track(len(names), what="calibrating") as advance:
        for name, values in rate_values(graph, xs, names).items():
            activations = by_channel(values)
            if percentile is None and target_rate is None:
                heights[name] = best_heights(activations, n_steps)
            else:
                share = 1.0 if target_rate is None else target_rate * dt
                heights[name] = percentile_heights(activations, 100 if percentile is None else percentile) / share
            advance()
    return heights


def _at_half(graph: SpikingGraph, names: list[str]) -> SpikingGraph:
    """The graph with the voltages of populations starting at half the threshold."""
    return graph.replace(
        dataclasses.replace(node, initial_voltage=HALF_THRESHOLD)
        if isinstance(node, Population) and node.name in names
        else node
        for node in graph.nodes
    )


def _action(is_lif: bool, n_steps: int, scale: float, synapse: float | None) -> str:
    speed = f", rates × {scale:g}" if is_lif and scale != 1 else ""
    lowpass = "" if synapse is None else f", lowpass of {synapse * 1e3:g} ms"
    return f"calibrated for {n_steps} steps{speed}{lowpass}"
