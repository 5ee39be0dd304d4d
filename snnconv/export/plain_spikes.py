"""Spikes of height 1, for targets that know no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..graph import Affine, Filter, Node, Population, SpikingGraph
from ..graph.passes import fold_affine


def plain_spikes(graph: SpikingGraph, dt: float, current_scale: Callable[[Population], float]) -> SpikingGraph:
    """The same network with spikes of height 1, and with currents scaled and neuron biases in the kernels before.

    Parameters
    ----------
    current_scale : function of a population
        What its current is multiplied by.
    """
    nodes: list[Node] = []
    heights: dict[str, str] = {}  # what stands for the output of a population or a synapse
    for node in graph.nodes:
        source = graph[node.inputs[0]] if isinstance(node, Filter) else node
        if isinstance(node, Population) or not isinstance(source, Population):
            node = dataclasses.replace(node, inputs=tuple(heights.get(name, name) for name in node.inputs))
        if isinstance(node, Population):
            scale = current_scale(node)
            current = _affine(f"{node.name}.current", node, node.inputs[0], scale, scale * node.neuron_bias)
            node = dataclasses.replace(node, inputs=(current.name,), neuron_bias=np.zeros_like(node.neuron_bias))
            nodes.append(current)
        nodes.append(node)
        if isinstance(source, Population):  # behind a synapse, so that the synapse filters plain spikes
            nodes.append(_affine(f"{node.name}.height", node, node.name, source.neuron.amplitude / dt))
            heights[node.name] = nodes[-1].name
    outputs = {label: heights.get(name, name) for label, name in graph.outputs.items()}
    used = {name for node in nodes for name in node.inputs} | set(outputs.values())
    kept = tuple(node for node in nodes if node.name in used or not isinstance(node, Affine))
    return fold_affine(dataclasses.replace(graph, nodes=kept, outputs=outputs))


def _affine(name: str, node: Node, source: str, scale: float, offset: np.ndarray | None = None) -> Affine:
    return Affine(name=name, inputs=(source,), shape=node.shape, scale=np.asarray(scale), offset=offset)
