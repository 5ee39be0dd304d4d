"""Fold zero padding into the convolutions after it."""

from __future__ import annotations

import dataclasses

from ..graph import Conv, Node, SpikingGraph
from ..graph.nodes import Pad


def fold_padding(graph: SpikingGraph) -> SpikingGraph:
    """Let convolutions pad for themselves: a `Pad` that feeds nothing else vanishes."""
    nodes: dict[str, Node] = {node.name: node for node in graph.nodes}
    for node in graph.nodes:
        pad = nodes[node.inputs[0]] if isinstance(node, Conv) else None
        if isinstance(node, Conv) and isinstance(pad, Pad) and not any(pad.padding[-1]):
            padding = tuple(
                (before + own_before, after + own_after)
                for (before, after), (own_before, own_after) in zip(pad.padding, node.padding, strict=False)
            )
            folded = (*node.folded, pad.name)
            nodes[node.name] = dataclasses.replace(node, inputs=pad.inputs, padding=padding, folded=folded)
    used = {name for node in nodes.values() for name in node.inputs} | set(graph.outputs.values())
    kept = tuple(node for node in nodes.values() if not isinstance(node, Pad) or node.name in used)
    return dataclasses.replace(graph, nodes=kept)
