"""Give every population a kernel of its own."""

from __future__ import annotations

import dataclasses

from ..graph import Affine, Node, Population, SpikingGraph, Weighted


def split_kernels(graph: SpikingGraph) -> SpikingGraph:
    """Copy a kernel that several nodes share for each population that scales what it gives, so that the gain folds."""
    nodes: list[Node] = []
    for node in graph.nodes:
        source = graph[node.inputs[0]] if isinstance(node, Affine) else None
        if isinstance(source, Weighted) and isinstance(node, Affine) and _shares(graph, source, node):
            copy = dataclasses.replace(
                source, name=f"{source.name}@{graph.consumers(node.name)[0].name}", folded=(*source.folded, source.name)
            )
            nodes.append(copy)
            node = dataclasses.replace(node, inputs=(copy.name,))
        nodes.append(node)
    used = {name for node in nodes for name in node.inputs} | set(graph.outputs.values())
    return graph.replace(node for node in nodes if node.name in used or not isinstance(node, Weighted))


def _shares(graph: SpikingGraph, source: Weighted, affine: Affine) -> bool:
    is_shared = len(graph.consumers(source.name)) > 1 or graph.is_output(source.name)
    behind = graph.consumers(affine.name)
    is_gain = len(behind) == 1 and isinstance(behind[0], Population) and affine.scale.ndim <= 1
    return is_shared and is_gain and not graph.is_output(affine.name)
