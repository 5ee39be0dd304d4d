"""Speed: the rate scale and the synapse with which LIF neurons tell their rates in a few steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product

import numpy as np

from ...graph import Filter, Inputs, Population, Readout, SpikingGraph
from ...graph.passes import add_synapses, fold_affine, scale_firing_rates
from ...neurons import LIF
from ...neurons.base import steps_as
from ...runtime.rates import rate_values
from ...text.progress import track
from .fitting import fit_layers
from .outcome import Values, error


def best_speed(
    graph: SpikingGraph,
    xs: Inputs,
    fitted: Callable[[SpikingGraph], Mapping[str, np.ndarray]],
    scales: Iterable[float],
    synapses: Iterable[float | None],
) -> tuple[SpikingGraph, float, float | None]:
    """Choose the rate scale and the synapse with which a network, once it is fitted, comes closest to its rates.

    A LIF network settles in times of the order of tau_rc, and tells its values by spikes, so that a faster one says
    more in the same steps; up to where rates near 1/dt come out too low, for which currents and amplitudes make up in
    part. A short lowpass keeps neurons from firing on coincidences of spikes.

    Parameters
    ----------
    xs : Inputs
    fitted : function
        The mean outputs of a graph, fitted to `xs`.
    scales : iterable of float
        Of LIF populations; see `snnconv.passes.scale_firing_rates`.
    synapses : iterable of float or None
        Time constants of a lowpass behind every population, in seconds. A graph that has filters keeps them.

    Returns
    -------
    graph, scale, synapse
    """
    names = [node.name for node in graph.nodes if isinstance(node, Population) and steps_as(node.neuron, LIF)]
    has_own = any(isinstance(node, Filter) for node in graph.nodes)
    tried = list(product(scales, (None,) if has_own else synapses))
    wanted = rate_outputs(graph, xs) if len(tried) > 1 else {}
    found = []
    with track(len(tried), what="choosing rates and synapses") as advance:
        for scale, synapse in tried:
            each = graph if scale == 1 else fold_affine(scale_firing_rates(graph, dict.fromkeys(names, scale)))
            each = each if synapse is None else add_synapses(each, synapse)
            missed = error(dict(fitted(each)), wanted) if len(tried) > 1 else 0.0
            found.append((missed, len(found), each, scale, synapse))
            advance()
    _, _, best, scale, synapse = min(found, key=lambda one: one[:2])
    return best, scale, synapse


def rate_outputs(graph: SpikingGraph, xs: Inputs) -> Values:
    """Outputs in rates, before a softmax or the like, by name."""
    ends = _ends(graph)
    values = rate_values(graph, xs, ends.values())
    return {label: values[name] for label, name in ends.items()}


def spiking_outputs(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float) -> Values:
    """Outputs in spikes, the mean over all steps, before a softmax or the like, by name."""
    return fit_layers(graph, xs, n_steps, dt, {}, correct=False).means


def _ends(graph: SpikingGraph) -> dict[str, str]:
    """The node behind each output, without a function at the end."""
    nodes = {label: graph[name] for label, name in graph.outputs.items()}
    return {label: node.inputs[0] if isinstance(node, Readout) else node.name for label, node in nodes.items()}
