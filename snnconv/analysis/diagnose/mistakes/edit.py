"""Changes to a graph that mistakes are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ....graph import Affine, Filter, Input, Linear, Node, Population, SpikingGraph, Stateful, Weighted
from ....neurons.base import Array, State
from ..case import Case, population

MARK = "mistake"


@dataclass(frozen=True, eq=False, kw_only=True)
class Relu(Linear, abstract=True):
    """``max(x, 0)``."""

    kind: ClassVar[str] = "Relu"

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.maximum(xs[0], 0.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Delay(Stateful, abstract=True):
    """The input one step late; 0 at the first step."""

    kind: ClassVar[str] = "Delay"

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return {"last": xp.zeros((n, *self.shape), dtype)}

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        return state["last"], {"last": x + xp.zeros_like(state["last"])}

    def rate(self, x: Array, xp: Any) -> Array:
        return x


def before(graph: SpikingGraph, name: str, slot: str, kind: type[Node], **fields: Any) -> SpikingGraph:
    """The graph with one more node right before a population."""
    node = graph[name]
    new = kind(name=f"{MARK} in {slot} before {name}", inputs=node.inputs, shape=node.shape, **fields)
    rewired = dataclasses.replace(node, inputs=(new.name,))
    nodes = [each for old in graph.nodes for each in ((new, rewired) if old is node else (old,))]
    return dataclasses.replace(graph, nodes=tuple(nodes))


def behind(graph: SpikingGraph, name: str, slot: str, kind: type[Node], **fields: Any) -> SpikingGraph:
    """The graph with one more node behind `name`, which feeds all that `name` fed; only one for a slot of mistakes."""
    node = graph[name]
    new = kind(name=f"{MARK} in {slot} behind {name}", inputs=(name,), shape=node.shape, **fields)
    if any(each.name == new.name for each in graph.nodes):
        return graph  # of several populations that it feeds, the first put it there
    nodes: list[Node] = []
    for old in graph.nodes:
        if name in old.inputs:
            old = dataclasses.replace(old, inputs=tuple(new.name if each == name else each for each in old.inputs))
        nodes += [old, new] if old is node else [old]
    return dataclasses.replace(graph, nodes=tuple(nodes))


def scaled(graph: SpikingGraph, name: str, slot: str, scale: Any) -> SpikingGraph:
    """The graph with the input of a population multiplied by `scale`."""
    return before(graph, name, slot, Affine, scale=np.asarray(scale, "float64"))


def swap(graph: SpikingGraph, name: str, change: Callable[[Node], Node]) -> SpikingGraph:
    """The graph with another node of the same name."""
    nodes = (change(node) if node.name == name else node for node in graph.nodes)
    return dataclasses.replace(graph, nodes=tuple(nodes))


def with_neuron_bias(graph: SpikingGraph, name: str, bias: Any) -> SpikingGraph:
    """The graph with another bias of a population's neurons."""
    bias = np.asarray(bias, "float64")
    return swap(graph, name, lambda node: dataclasses.replace(node, neuron_bias=bias))  # pyright: ignore


def linear(graph: SpikingGraph, name: str) -> Weighted | None:
    """The kernel that a population has to itself, past nodes that mistakes or its gain put in between."""
    node = graph[graph[name].inputs[0]]
    while isinstance(node, (Affine, Relu)) and (node.name == f"{name}.gain" or node.name.startswith(MARK)):
        node = graph[node.inputs[0]]
    return node if isinstance(node, Weighted) else None


def way(graph: SpikingGraph, name: str) -> Iterator[Node]:
    """The nodes between a population and what feeds it: other populations, known spikes and inputs, which come too."""
    seen, todo = set(), list(graph[name].inputs)
    while todo:
        node = graph[todo.pop()]
        if node.name in seen:
            continue
        seen.add(node.name)
        yield node
        if not isinstance(node, (Population, Input)):
            todo += node.inputs


def senders(case: Case, graph: SpikingGraph, name: str) -> list[str]:
    """The nodes that give other populations' spikes to this one."""
    return [node.name for node in way(graph, name) if isinstance(node, Population) or node.name in case.senders]


def data_inputs(case: Case, graph: SpikingGraph, name: str) -> list[str]:
    """The inputs of the network itself that reach this population without another one in between."""
    known = {f"spikes of {sender}" for sender in case.senders}
    return [node.name for node in way(graph, name) if isinstance(node, Input) and node.name not in known]


def filters(graph: SpikingGraph, name: str) -> list[Filter]:
    """The synapses between this population and those before it."""
    return [node for node in way(graph, name) if isinstance(node, Filter)]


def gain(graph: SpikingGraph, name: str) -> np.ndarray | None:
    """The gain of a population, or None where it does nothing."""
    values = population(graph, name).gain
    return None if np.all(values == 1) else values
