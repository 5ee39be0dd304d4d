"""The part of a graph that some of its nodes depend on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from ..spiking_graph import SpikingGraph


def part(graph: SpikingGraph, names: Iterable[str], outputs: Mapping[str, str]) -> SpikingGraph:
    """The named nodes and all that feed them, as a graph.

    Parameters
    ----------
    outputs : mapping of str to str
        Name of each output of the part, and of the node that gives it.
    """
    needed = {*names, *outputs.values()}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    nodes = tuple(node for node in graph.nodes if node.name in needed)
    return dataclasses.replace(graph, nodes=nodes, outputs=outputs, report=())
