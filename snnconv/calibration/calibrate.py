"""Calibration: spike heights, initial voltages and biases from a few hundred samples."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..errors import ConversionError, ParameterError
from ..graph import Population, SpikingGraph
from ..neurons import IF
from ..passes.spike_heights import set_spike_heights
from ..runs import check_steps
from ..runtime.rates import rate_values
from .biases import correct_biases
from .heights import best_heights, by_channel, percentile_heights

HALF_THRESHOLD = 0.5


def calibrate(
    graph: SpikingGraph,
    x: Any,
    n_steps: int = 32,
    *,
    dt: float = 0.001,
    percentile: float | None = None,
    target_rate: float | None = None,
    correct: bool = True,
) -> SpikingGraph:
    """Make a network of IF neurons accurate within `n_steps` steps of at most one spike per neuron.

    A relu converts to neurons with spikes of the same height everywhere. Here each channel gets a height of its own,
    from its activations at the samples; voltages start at half the threshold, so that counts are rounded and not cut
    off; and biases make up for the mean error that is left. Other neurons than IF stay as they are, and so do
    populations that have an initial voltage already, since they were trained for it.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        A few hundred samples, scaled as in training.
    n_steps : int
        Steps that answers will be read after.
    dt : float
        Length of a step, in seconds.
    percentile : float or None
        The percentile of a channel's activations that spikes at `target_rate`. None: heights of the least squared
        error, or the largest activation where there is a `target_rate`.
    target_rate : float or None
        In Hz, at most 1/dt. None: 1/dt, a spike at every step.
    correct : bool
        Whether to correct biases.

    Returns
    -------
    SpikingGraph

    Raises
    ------
    ConversionError
        If no population can be calibrated.
    ParameterError, InputError
        If a parameter or the samples are out of range.

    References
    ----------
    Bu et al. (2022), "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks",
    for the start at half the threshold. `heights` and `biases` name theirs.
    """
    n_steps = check_steps(n_steps, dt)
    if target_rate is not None and not 0 < target_rate <= 1 / dt:
        raise ParameterError(f"target_rate must lie between 0 and 1/dt = {1 / dt:g} Hz. Received {target_rate!r}.")
    names = [node.name for node in graph.nodes if isinstance(node, Population) and _can_be_calibrated(node)]
    if not names:
        kinds = sorted({view.neuron.kind for view in graph.populations.values()})
        raise ConversionError(
            f"there is no population of IF neurons to calibrate, only {kinds}. LIF neurons have their rates from "
            f"training: scale them with scale_firing_rates."
        )
    heights = {}
    for name, values in rate_values(graph, x, names).items():
        activations = by_channel(values)
        if percentile is None and target_rate is None:
            heights[name] = best_heights(activations, n_steps)
        else:
            share = 1.0 if target_rate is None else target_rate * dt
            heights[name] = percentile_heights(activations, 100 if percentile is None else percentile) / share
    graph = set_spike_heights(graph, heights, dt)
    graph = graph.replace(
        dataclasses.replace(node, initial_voltage=HALF_THRESHOLD)
        if isinstance(node, Population) and node.name in heights
        else node
        for node in graph.nodes
    )
    return correct_biases(graph, x, n_steps, dt, names) if correct else graph


def _can_be_calibrated(node: Population) -> bool:
    return isinstance(node.neuron, IF) and not node.initial_voltage
