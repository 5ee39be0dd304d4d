"""Names and numbers of a float network in C."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ....graph import AveragePool, Filter, Input, Linear, Node, Population, Readout, Reshape, SpikingGraph
from ....neurons import IF, LIF, SteppedLIF
from ...integers import identifiers
from ..names import Field


@dataclass(frozen=True, eq=False)
class Names:
    """What generated code calls things.

    Parameters
    ----------
    graph : SpikingGraph
    dt : float
        Length of a step, in seconds.
    """

    graph: SpikingGraph
    dt: float
    plain: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        names = identifiers([*(node.name for node in self.graph.nodes), *map(_labelled, self.graph.outputs)])
        object.__setattr__(self, "plain", names)

    def macro(self, node: Node, what: str) -> str:
        """A macro of params.h."""
        return f"SNN_{self.plain[node.name].upper()}_{what}"

    def array(self, node: Node, what: str) -> str:
        """A constant array of params.h."""
        return f"snn_{self.plain[node.name]}_{what}"

    def number(self, node: Node, what: str) -> str:
        """A number of an array that broadcasts against the node's shape, at its number j."""
        array = np.asarray(getattr(node, what))
        if array.size == 1:
            return literal(array.item())
        if array.shape[-1:] == node.shape[-1:] and array.size == node.shape[-1] < math.prod(node.shape):
            return f"{self.array(node, what)}[j % {array.size}]"
        return f"{self.array(node, what)}[j]"

    def state(self, node: Node, what: str) -> str:
        """A field of the network's struct."""
        return f"net->{self.plain[node.name]}_{what}"

    def total(self, label: str) -> str:
        """The field with the sum over time of an output, without the struct."""
        return f"{self.plain[_labelled(label)]}_total"

    def source(self, node: Node) -> Node:
        """The node whose value a node reads: nodes that only give values another shape have none of their own."""
        before = self.graph[node.inputs[0]]
        return self.source(before) if isinstance(before, (Reshape, Readout)) else before

    def output(self, label: str) -> Node:
        """The node whose value an output is."""
        node = self.graph[self.graph.outputs[label]]
        return self.source(node) if isinstance(node, (Reshape, Readout)) else node

    def is_held(self, node: Node) -> bool:
        """Whether a value stays for as long as the caller gives no other input."""
        return isinstance(node, Input) or (isinstance(node, Linear) and self.is_held(self.source(node)))

    def is_copied(self, node: Node) -> bool:
        """Whether an input is needed at every step."""
        return isinstance(node, Input) and node.name in self._read_at_steps

    @cached_property
    def _read_at_steps(self) -> set[str]:
        readers = [node for node in self.graph.nodes if isinstance(node, (Population, Filter))]
        return {self.source(node).name for node in readers} | {self.output(label).name for label in self.graph.outputs}

    def fields(self, node: Node) -> list[Field]:
        """Fields of the struct for a node."""
        n, name = math.prod(node.shape), self.plain[node.name]
        if isinstance(node, (Reshape, Readout)) or (isinstance(node, Input) and not self.is_copied(node)):
            return []
        if isinstance(node, Filter):
            return [Field("double", f"{name}_value", n, "filtered input", "0.0")]
        if not isinstance(node, Population):
            what = "the input" if isinstance(node, Input) else "what it gives"
            return [Field("double", f"{name}_value", n, f"{what}{', which stays' if self.is_held(node) else ''}", None)]
        found = [Field("double", f"{name}_voltage", n, "v", literal(node.initial_voltage))]
        if isinstance(node.neuron, LIF):
            found.append(Field("double", f"{name}_refractory", n, "p = expm1(time of rest to come / tau_rc)", "0.0"))
        elif isinstance(node.neuron, SteppedLIF):
            found.append(Field("int32_t", f"{name}_refractory", n, "r, steps of rest to come"))
        return [*found, Field("double", f"{name}_value", n, "spikes at this step, times HEIGHT", "0.0")]

    def constants(self, node: Node) -> dict[str, float | int]:
        """The single numbers of a node, by their names in capitals."""
        if isinstance(node, Filter):
            return {"GAIN": -math.expm1(-self.dt / node.synapse.tau)}
        if isinstance(node, AveragePool):
            return {"WINDOW": float(math.prod(node.size))}
        if not isinstance(node, Population):
            return {}
        neuron: Any = node.neuron
        found: dict[str, float | int] = {"HEIGHT": neuron.amplitude / self.dt}
        if isinstance(neuron, LIF):
            found["DECAY"] = math.exp(-self.dt / neuron.tau_rc)
            found["FREE_STEP"] = -math.expm1(-self.dt / neuron.tau_rc)
            found["GROWN"] = math.exp(neuron.tau_ref / neuron.tau_rc)
            found["GROWN_1"] = math.expm1(neuron.tau_ref / neuron.tau_rc)
        elif isinstance(neuron, SteppedLIF):
            found |= {"LEAK": neuron.leak, "REFRACTORY_STEPS": neuron.refractory_steps}
        elif isinstance(neuron, IF):
            found["DT"] = self.dt
        if neuron.min_voltage is not None and math.isfinite(neuron.min_voltage):
            found["MIN_VOLTAGE"] = float(neuron.min_voltage)
        return found


def literal(number: float | int) -> str:
    """A number in C: decimals that read back as the same double."""
    text = repr(number) if isinstance(number, int) else repr(float(number))
    return f"({text})" if text.startswith("-") else text


def _labelled(label: str) -> str:
    return f"output {label}"
