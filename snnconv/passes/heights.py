"""Make populations give plain spike counts."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..graph import Affine, Node, Population, SpikingGraph
from .fold import fold_affine


def expose_spike_height(graph: SpikingGraph, dt: float) -> SpikingGraph:
    """Give every spike the height 1 and move the factor amplitude/dt into the kernels that follow.

    The outputs of the graph stay as they are at this `dt`; its rate outputs too.
    """
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        nodes.append(node)
        if isinstance(node, Population) and node.neuron.amplitude != dt:
            nodes[-1] = dataclasses.replace(node, neuron=node.neuron.with_amplitude(dt))
            scale = Affine(
                name=f"{node.name}.height",
                inputs=(node.name,),
                shape=node.shape,
                scale=np.asarray(node.neuron.amplitude / dt),
            )
            nodes.append(scale)
            renamed[node.name] = scale.name
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    return fold_affine(dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs))
