"""Passes over what happens in time: synapses behind populations or where there is less to filter, windows of means."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from ...errors import ConversionError
from ...neurons import Follower
from ...neurons.accumulating import Accumulating
from ...neurons.synapses import Synapse, as_synapse
from .. import Affine, Filter, Node, Population, Reshape, RunningMean, SpikingGraph, Weighted
from ..report import with_actions, without_actions
from .spikes import named_populations

WINDOWED = "a window of"  # how an action of the report begins


def add_synapses(graph: SpikingGraph, synapse: Synapse | float | Mapping[str, Synapse | float]) -> SpikingGraph:
    """Filter what populations send.

    Parameters
    ----------
    synapse : Synapse, float, or mapping of population name to one of these
        A number is the time constant of a lowpass, in seconds.

    Raises
    ------
    ConversionError
        If a name is not that of a population, or of one that has a synapse.
    """
    names = [node.name for node in graph.nodes if isinstance(node, Population)]
    synapses = dict(synapse) if isinstance(synapse, Mapping) else dict.fromkeys(names, synapse)
    named_populations(graph, synapses, "synapse")
    taken = {node.name for node in graph.nodes}
    if again := [name for name in synapses if f"{name}.synapse" in taken]:
        given = "" if isinstance(synapse, Mapping) else f"={synapse}"
        raise ConversionError(
            f"populations {again} have a synapse already. Leave out synapse{given}, or give it where the Keras model "
            f"is converted."
        )
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        nodes.append(dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs)))
        if node.name in synapses:
            behind = Filter(
                name=f"{node.name}.synapse",
                inputs=(node.name,),
                shape=node.shape,
                synapse=as_synapse(synapses[node.name]),
            )
            nodes.append(behind)
            renamed[node.name] = behind.name
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    return dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs)


def commute_synapses(graph: SpikingGraph) -> SpikingGraph:
    """Filter the currents that a layer receives, and not the spikes that it is sent, unless the currents are more.

    A filter commutes with a kernel but not with a bias, which stays behind the filter: in the bias of the population
    that follows, or in an `Affine`. The outputs stay as they are, up to rounding; the kernel sees plain spikes.
    """
    for node in graph.nodes:
        if isinstance(node, Filter):
            weighted = _kernel_behind(graph, node)
            if weighted is not None and math.prod(weighted.shape) <= math.prod(node.shape):
                graph = _move(graph, node, weighted)
    return graph


def _kernel_behind(graph: SpikingGraph, node: Node) -> Weighted | None:
    """The layer that alone receives what `node` gives, if only its shape changes on the way."""
    consumers = graph.consumers(node.name)
    if len(consumers) != 1 or graph.is_output(node.name):
        return None
    if isinstance(consumers[0], Reshape):
        return _kernel_behind(graph, consumers[0])
    return consumers[0] if isinstance(consumers[0], Weighted) else None


def _move(graph: SpikingGraph, synapse: Filter, weighted: Weighted) -> SpikingGraph:
    behind = graph.consumers(weighted.name)
    bias, last = weighted.bias, synapse.name
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name == synapse.name:
            continue
        inputs = tuple(synapse.inputs[0] if name == synapse.name else name for name in node.inputs)
        if node in behind:
            inputs = tuple(last if name == weighted.name else name for name in inputs)
            if bias is not None and isinstance(node, Population) and last == synapse.name:
                node = dataclasses.replace(node, neuron_bias=node.neuron_bias + bias)
        node = dataclasses.replace(node, inputs=inputs)
        if node.name != weighted.name:
            nodes.append(node)
            continue
        nodes.append(dataclasses.replace(node, bias=None))
        nodes.append(dataclasses.replace(synapse, inputs=(weighted.name,), shape=weighted.shape))
        is_current = all(isinstance(each, Population) for each in behind) and not graph.is_output(weighted.name)
        if bias is not None and not is_current:
            last = f"{weighted.name}.bias"
            nodes.append(
                Affine(name=last, inputs=(synapse.name,), shape=weighted.shape, scale=np.ones(()), offset=bias)
            )
    outputs = {label: last if name == weighted.name else name for label, name in graph.outputs.items()}
    return dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs)


def set_window(graph: SpikingGraph, window: float | None) -> SpikingGraph:
    """Let the functions of means forget, so that outputs follow inputs that change.

    Means and sums are plain up to this time, and from then on those of a lowpass with this time constant. What changes
    more slowly than that is followed. The price is an error that no longer falls with time: half a spike in a window,
    ``amplitude/(2·window)`` in the output of each function. The graph's report tells it.

    Parameters
    ----------
    window : float or None
        In seconds; a good deal longer than a step. None: means since the start, for inputs that are held.

    Raises
    ------
    ConversionError
        If the graph has no functions of means, or neurons that count from the start on.
    ParameterError
        If the window is not above 0.
    """
    counting = [
        node.name for node in graph.nodes if isinstance(node, Population) and isinstance(node.neuron, Accumulating)
    ]
    if window is not None and counting:
        raise ConversionError(
            f"the {graph.populations[counting[0]].neuron.kind} neurons of '{counting[0]}' follow the mean of all their "
            f"input since the start, and have no window. Convert with swap_activations."
        )
    if not any(isinstance(node, RunningMean) for node in graph.nodes):
        raise ConversionError("a window is for functions of means, and the network has none.")
    found = graph.replace(_with_window(node, window) for node in graph.nodes)
    found = dataclasses.replace(found, report=without_actions(found.report, WINDOWED))
    if window is None:
        return found
    errors = {
        node.name: f"{WINDOWED} {window * 1e3:g} ms follows slower changes, off by up to "
        f"{node.neuron.amplitude / (2 * window):.2g}, half a spike in a window"
        for node in graph.nodes
        if isinstance(node, Population) and isinstance(node.neuron, Follower)
    }
    return dataclasses.replace(found, report=with_actions(found.report, errors))


def _with_window(node: Node, window: float | None) -> Node:
    if isinstance(node, RunningMean):
        return dataclasses.replace(node, window=window)
    if isinstance(node, Population) and isinstance(node.neuron, Follower):
        return dataclasses.replace(node, neuron=dataclasses.replace(node.neuron, window=window))
    return node
