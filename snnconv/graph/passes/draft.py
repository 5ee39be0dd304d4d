"""Graphs made of another one: the part that some nodes need, and a draft to be changed node by node."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from .. import Node, SpikingGraph


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


class Draft:
    """The nodes of a graph, to be replaced and bypassed one by one, without a new graph for each.

    Parameters
    ----------
    graph : SpikingGraph
        It stays as it is.
    """

    def __init__(self, graph: SpikingGraph):
        self._graph = graph
        self._nodes = {node.name: node for node in graph.nodes}
        self._outputs = dict(graph.outputs)
        self._consumers: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
        for node in graph.nodes:
            for name in dict.fromkeys(node.inputs):
                self._consumers[name].append(node.name)

    def __getitem__(self, name: str) -> Node:
        return self._nodes[name]

    def consumers(self, name: str) -> list[Node]:
        """The nodes that node `name` feeds."""
        return [self._nodes[consumer] for consumer in self._consumers[name]]

    def is_output(self, name: str) -> bool:
        """Whether the node gives one of the outputs."""
        return name in self._outputs.values()

    def update(self, nodes: Mapping[str, Node]) -> None:
        """Put nodes with the same inputs in the place of those of the same name."""
        self._nodes.update(nodes)

    def bypass(self, name: str) -> None:
        """Take out a node of one input; what it fed is fed by its input."""
        (source,) = self._nodes.pop(name).inputs
        self._consumers[source].remove(name)
        for consumer in self._consumers.pop(name):
            node = self._nodes[consumer]
            inputs = tuple(source if feeding == name else feeding for feeding in node.inputs)
            self._nodes[consumer] = dataclasses.replace(node, inputs=inputs)
            if consumer not in self._consumers[source]:
                self._consumers[source].append(consumer)
        self._outputs = {label: source if given == name else given for label, given in self._outputs.items()}

    def graph(self) -> SpikingGraph:
        """The graph as it has become."""
        return dataclasses.replace(self._graph, nodes=tuple(self._nodes.values()), outputs=self._outputs)
