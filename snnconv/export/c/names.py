"""Names and types of what the program holds of each node."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...quantize import EncodedInput, IntegerGraph, IntegerLayer, IntegerNode, ReadoutLayer, SpikingLayer
from ...quantize.ranges import Range
from ..integers import identifiers
from ..params.numbers import c_type


@dataclass(frozen=True, eq=False)
class Names:
    """What generated code calls things.

    Parameters
    ----------
    graph : IntegerGraph
    """

    graph: IntegerGraph
    plain: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", identifiers(node.name for node in self.graph.nodes))

    def macro(self, node: IntegerNode, what: str) -> str:
        """A macro of params.h."""
        return f"SNN_{self.plain[node.name].upper()}_{what}"

    def array(self, node: IntegerNode, what: str) -> str:
        """A constant array of params.h."""
        return f"snn_{self.plain[node.name]}_{what}"

    def state(self, node: IntegerNode, what: str) -> str:
        """A field of the network's struct."""
        return f"net->{self.plain[node.name]}_{what}"

    def value(self, node: IntegerNode) -> str:
        """What a node sends, as an array."""
        return "input" if self.is_given(node) else self.state(node, "value")

    def is_given(self, node: IntegerNode) -> bool:
        """Whether a node sends what the caller gives, as it is."""
        return isinstance(node, EncodedInput) and node.code.is_constant

    def source(self, node: IntegerNode) -> IntegerNode:
        """The node that feeds a node."""
        return self.graph[node.inputs[0]]

    def fields(self, node: IntegerNode) -> list[tuple[str, str, int, str]]:
        """Fields of the struct for a node: type, name, number, and what it is."""
        n, name = int(np.prod(node.shape)), self.plain[node.name]
        ranges, found = node.ranges, []
        if isinstance(node, IntegerLayer) and node.synapse:
            found.append((c_type(ranges["synapse"]), f"{name}_current", n, "filtered sum of weighted inputs"))
        if isinstance(node, SpikingLayer):
            found.append((c_type(ranges["voltage"].with_zero()), f"{name}_voltage", n, "V"))
            if node.refractory_steps:
                found.append((c_type(ranges["refractory"]), f"{name}_refractory", n, "r, steps of rest to come"))
        if isinstance(node, ReadoutLayer):
            return [*found, ("int32_t", f"{name}_total", n, "Y, the sum over time")]
        if self.is_given(node):
            return found
        if isinstance(node, EncodedInput):
            # both codes keep what they need in numbers no larger than a period and a code together
            most = getattr(node.code, "period", 0) + node.code.codes.high
            found.append((c_type(Range(0, most)), f"{name}_sum", n, "accumulator of the rate code"))
            found = found if hasattr(node.code, "period") else []
        return [*found, (c_type(ranges["value"]), f"{name}_value", n, "what it sends at this step")]
