"""Segments of a graph that is one chain: the linear nodes from one population to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...graph import Conv, Filter, Input, Linear, Node, Population, SpikingGraph, Stateful
from ...neurons import numpy_ops


@dataclass(frozen=True, eq=False)
class Segment:
    """The linear nodes before a population, with their source.

    Parameters
    ----------
    population : Population
    source : Node
        The population or the inputs' first before them; the synapse behind it is left out.
    synapse : Filter or None
        Between the source and the linear nodes.
    nodes : tuple of Linear
        In execution order.
    """

    population: Population
    source: Node
    synapse: Filter | None
    nodes: tuple[Linear, ...]

    @property
    def conv(self) -> Conv | None:
        """The one convolution in two dimensions that the segment is, if so."""
        (*_, last), shape = self.nodes or (None,), self.source.shape
        return last if len(self.nodes) == 1 and isinstance(last, Conv) and len(shape) == 3 else None

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The input current of the population, for (n, *shape) values of the source."""
        start = self.source.name if self.synapse is None else self.synapse.name
        values = {start: x}
        for node in self.nodes:
            values[node.name] = node.apply(*(values[name] for name in node.inputs), xp=numpy_ops)
        return values[self.population.inputs[0]]


def segments(graph: SpikingGraph, refuse: Callable[[str, str, str], None]) -> list[Segment]:
    """The segments before the populations from the second on, each fed by the population before.

    Parameters
    ----------
    refuse : function (layer, what, advice)
        Told of everything that is no chain.
    """
    populations = [node for node in graph.nodes if isinstance(node, Population)]
    found = []
    for number, population in enumerate(populations):
        nodes, sources = _behind(graph, population)
        if number == 0:
            if any(not isinstance(source, Input) for source in sources):
                refuse(population.name, "the synapse before the first population", "Filter the inputs before")
            continue
        synapse = next((source for source in sources if isinstance(source, Filter)), None)
        source = sources[0] if synapse is None else graph[synapse.inputs[0]]
        if len(sources) != 1 or source is not populations[number - 1]:
            refuse(population.name, "the connections other than from the layer before", "Take layers in one chain")
            continue
        found.append(Segment(population, source, synapse, nodes))
    return found


def _behind(graph: SpikingGraph, population: Population) -> tuple[tuple[Linear, ...], list[Node]]:
    """The linear nodes before a population, and the nodes with a state, or inputs, that feed them."""
    waiting, linear, sources = list(population.inputs), set(), []
    while waiting:
        node = graph[waiting.pop()]
        if isinstance(node, (Stateful, Input)):
            sources += [node] if node not in sources else []
        elif node.name not in linear:
            linear.add(node.name)
            waiting += node.inputs
    return tuple(node for node in graph.nodes if node.name in linear and isinstance(node, Linear)), sources
