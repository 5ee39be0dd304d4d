"""Names and types of what the program holds of each node."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...quantize import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
)
from ...quantize.ranges import Range
from ..integers import identifiers
from ..params.numbers import c_type


class Field(NamedTuple):
    """An array in the network's struct.

    Parameters
    ----------
    kind : str
        Type of its numbers.
    name : str
    n : int
    what : str
        What it is, for a comment.
    start : str or None
        What a number is before the first step, in C, at the index j; None where a reset leaves it as it is.
    """

    kind: str
    name: str
    n: int
    what: str
    start: str | None = "0"


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

    def number(self, layer: IntegerLayer, what: str, per_channel: str = "c") -> str:
        """A number of an array per neuron, for neuron j; the number itself where it is the same for all.

        Parameters
        ----------
        per_channel : str
            Index of the channel of neuron j, for arrays that are the same at every place.
        """
        array: np.ndarray = getattr(layer, what)
        if array.size and (array == array.flat[0]).all():
            value = int(array.flat[0])
            return f"({value})" if value < 0 else str(value)
        is_shared = array.shape != layer.shape and layer.n_neurons != layer.shape[-1]
        return f"{self.array(layer, what)}[{per_channel if is_shared else 'j'}]"

    def state(self, node: IntegerNode, what: str) -> str:
        """A field of the network's struct."""
        return f"net->{self.plain[node.name]}_{what}"

    def value(self, node: IntegerNode) -> str:
        """What a node sends, as an array."""
        return "input" if self.is_given(node) else self.state(node, "value")

    def value_type(self, node: IntegerNode) -> str:
        """Type of what a node sends."""
        return "snn_input" if self.is_given(node) else self.kind(node, "value")

    def is_given(self, node: IntegerNode) -> bool:
        """Whether a node sends what the caller gives, as it is."""
        return isinstance(node, EncodedInput) and node.code.is_constant

    def is_held(self, node: IntegerNode) -> bool:
        """Whether a node sends the same at every step for which the caller gives the same."""
        return self.is_given(node) or (isinstance(node, SumPool) and self.is_held(self.source(node)))

    def is_fed_by_held(self, node: IntegerNode) -> bool:
        """Whether a layer's weighted inputs are summed up once for each input that the caller gives."""
        return isinstance(node, IntegerLayer) and self.is_held(self.source(node))

    def source(self, node: IntegerNode) -> IntegerNode:
        """The node that feeds a node."""
        return self.graph[node.inputs[0]]

    def kind(self, node: IntegerNode, what: str) -> str:
        """Type of a field of the struct."""
        name = f"{self.plain[node.name]}_{what}"
        return next(found.kind for found in self.fields(node) if found.name == name)

    def fields(self, node: IntegerNode) -> list[Field]:
        """Fields of the struct for a node."""
        n, name, ranges = math.prod(node.shape), self.plain[node.name], node.ranges
        if self.is_given(node):
            return []
        found: list[Field] = []
        if isinstance(node, EncodedInput):
            found.append(Field("snn_input", f"{name}_code", n, "the input that was given last", None))
            if isinstance(node.code, RateCode):
                most, half = node.code.period + node.code.codes.high, f"{self.macro(node, 'PERIOD')} / 2"
                found.append(Field(c_type(Range(0, most)), f"{name}_sum", n, "accumulator of the rate code", half))
        if self.is_fed_by_held(node):
            found.append(Field("int32_t", f"{name}_input", n, "sums of weighted inputs, which stay", None))
        if isinstance(node, IntegerLayer) and node.synapse:
            found.append(Field(c_type(ranges["synapse"]), f"{name}_current", n, "filtered sum of weighted inputs"))
        if isinstance(node, SpikingLayer):
            kind = c_type(ranges["voltage"].with_zero())
            start = self.number(node, "start", f"j % {node.shape[-1]}")
            found.append(Field(kind, f"{name}_voltage", n, "V", start))
            if node.refractory_steps:
                found.append(Field(c_type(ranges["refractory"]), f"{name}_refractory", n, "r, steps of rest to come"))
        if isinstance(node, ReadoutLayer):
            return [*found, Field("int32_t", f"{name}_total", n, "Y, the sum over time")]
        return [*found, Field(c_type(ranges["value"]), f"{name}_value", n, "what it sends at this step")]
