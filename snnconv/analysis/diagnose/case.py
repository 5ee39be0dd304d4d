"""One population with all that feeds it, from inputs that are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...graph import Affine, Input, Inputs, Node, Population, SpikingGraph
from ...graph.passes.draft import part
from ...neurons import Neuron

CURRENT = "current"


@dataclass(frozen=True, eq=False)
class Case:
    """A population whose spikes are to be explained.

    Parameters
    ----------
    graph : SpikingGraph
        The population and what feeds it. Populations whose spikes are known are inputs, with the spike height behind.
    target : str
        The population.
    inputs : Inputs
    senders : mapping of str to Neuron
        Neurons of the populations that are known, by the node that gives their output.
    n_steps : int
    dt : float
        Length of a step, in seconds.
    """

    graph: SpikingGraph
    target: str
    inputs: Inputs
    senders: Mapping[str, Neuron]
    n_steps: int
    dt: float

    @property
    def population(self) -> Population:
        """The population itself."""
        return population(self.graph, self.target)

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of the populations that run: the target, and those before it whose spikes are not known."""
        return tuple(node.name for node in self.graph.nodes if isinstance(node, Population))

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.inputs.n


def make_case(
    graph: SpikingGraph,
    target: str,
    xs: Inputs,
    known: Mapping[str, np.ndarray],
    n_steps: int,
    dt: float,
) -> Case:
    """The part of a graph that decides the spikes of `target`, from inputs and known spikes on.

    Parameters
    ----------
    xs : Inputs
        Of the graph.
    known : mapping of str to (n, n_steps, *units) array
        Spikes of populations that are not to be computed.
    """
    nodes: list[Node] = []
    given: dict[str, np.ndarray] = dict(xs)
    for node in graph.nodes:
        if isinstance(node, Population) and node.name in known and node.name != target:
            height = np.asarray(node.neuron.amplitude / dt)
            spikes = Input(name=f"spikes of {node.name}", shape=node.shape)
            nodes += [spikes, Affine(name=node.name, inputs=(spikes.name,), shape=node.shape, scale=height)]
            given[spikes.name] = known[node.name]
        else:
            nodes.append(node)
    needed = part(dataclasses.replace(graph, nodes=tuple(nodes)), [target], {CURRENT: target})
    inputs = Inputs(
        {node.name: given[node.name] for node in needed.inputs}, {node.name: node.shape for node in needed.inputs}
    )
    senders = {
        node.name: node.neuron
        for node in graph.nodes
        if isinstance(node, Population) and f"spikes of {node.name}" in inputs
    }
    return Case(needed, target, inputs, senders, n_steps, dt)


def population(graph: SpikingGraph, name: str) -> Population:
    """The population of that name."""
    node = graph[name]
    if not isinstance(node, Population):
        raise TypeError(f"'{name}' is no population.")
    return node
