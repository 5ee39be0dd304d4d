"""Synapses inside the neurons that they lead to: NIR's CubaLIF.

A lowpass commutes with the weights behind it, so that it can filter their sum just as well. That sum has the biases in
it, though, which then rise with the synapse's time constant instead of being there from the first step on.
"""

from __future__ import annotations

import numpy as np

from ...graph import Filter, Input, Node, Population, SpikingGraph, Stateful
from ...synapses import Lowpass
from .builder import Builder


def move_synapses(graph: SpikingGraph, build: Builder) -> tuple[SpikingGraph, dict[str, float]]:
    """The graph without synapses, and the time constant of the one that each population has taken over.

    What cannot be moved is told to `build`.
    """
    taken: dict[str, float] = {}
    for node in graph.nodes:
        if not isinstance(node, Population):
            continue
        sources = _behind(graph, node)
        synapses = [source.synapse for source in sources if isinstance(source, Filter)]
        if not synapses:
            continue
        if len(synapses) < len(sources) or any(synapse != synapses[0] for synapse in synapses):
            advice = "Write it with --synapse-node LI"
            build.limit(node.name, "the different synapses before one CubaLIF", None, advice)
        elif not isinstance(synapses[0], Lowpass):
            build.limit(node.name, "the Alpha synapse before a CubaLIF", None, "Convert with a Lowpass synapse")
        else:
            taken[node.name] = synapses[0].tau
            if _has_bias(graph, node):
                instead = "rising with the time constant of the synapse"
                build.limit(node.name, "the biases behind a synapse", instead, "Write it with --synapse-node LI")
    for name in graph.outputs.values():
        for source in [graph[name]] if isinstance(graph[name], Filter) else _behind(graph, graph[name]):
            if isinstance(source, Filter):
                advice = "Write it with --synapse-node LI"
                build.limit(source.name, "the synapse before an output", "left out", advice)
    renamed = {node.name: node.inputs[0] for node in graph.nodes if isinstance(node, Filter)}
    return graph.replace((node for node in graph.nodes if not isinstance(node, Filter)), renamed), taken


def _behind(graph: SpikingGraph, node: Node) -> list[Node]:
    """The nodes with a state, or inputs, whose values reach a node through linear nodes."""
    waiting, seen, found = list(node.inputs), set(), []
    while waiting:
        source = graph[waiting.pop()]
        if source.name in seen:
            continue
        seen.add(source.name)
        if isinstance(source, (Stateful, Input)):
            found.append(source)
        else:
            waiting += source.inputs
    return found


def _has_bias(graph: SpikingGraph, population: Population) -> bool:
    """Whether a population receives a current where all else is silent."""
    if np.any(population.neuron_bias):
        return True
    waiting = list(population.inputs)
    while waiting:
        node = graph[waiting.pop()]
        if isinstance(node, (Stateful, Input)):
            continue
        if any(np.any(array) for key, array in node.arrays().items() if key in ("bias", "offset")):
            return True
        waiting += node.inputs
    return False
