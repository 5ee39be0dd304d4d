"""The members of an integer network's struct: what its nodes keep from step to step, and where their values are."""

from __future__ import annotations

import math

import numpy as np

from ...quantize import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    MaxPool,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
    WeightedNode,
    WeightedSums,
)
from ...quantize.ranges import Range
from ..params.numbers import c_type
from .program import INT32, Field, Names


class Members:
    """Members of the struct by node, and the expressions that read them.

    Parameters
    ----------
    graph : IntegerGraph
    """

    def __init__(self, graph: IntegerGraph) -> None:
        self.graph = graph
        self.names = Names(graph)

    def number(self, layer: IntegerLayer, field: str, per_channel: str = "c") -> int | str:
        """The number for neuron j in an array per neuron: its expression, or itself where it is the same for all.

        Parameters
        ----------
        per_channel : str
            Index of the channel of neuron j, for arrays that are the same at every place.
        """
        array: np.ndarray = getattr(layer, field)
        if array.size and (array == array.flat[0]).all():
            return int(array.flat[0])
        is_shared = array.shape != layer.shape and layer.n_neurons != layer.shape[-1]
        return f"{self.names.array(layer, field)}[{per_channel if is_shared else 'j'}]"

    def value(self, node: IntegerNode) -> str:
        """The array that a node sends."""
        return "input" if is_given(node) else self.names.state(node, "value")

    def value_type(self, node: IntegerNode) -> str:
        """Type of what a node sends."""
        return "snn_input" if is_given(node) else self.kind(node, "value")

    def source(self, node: IntegerNode) -> IntegerNode:
        """The node that feeds a node, for a layer that adds branches the one that its own kernel reads."""
        return self.graph[node.inputs[0]]

    def is_held(self, node: IntegerNode) -> bool:
        """Whether a node sends the same at every step for which the caller gives the same."""
        is_plain = isinstance(node, (SumPool, WeightedSums)) or (isinstance(node, MaxPool) and not node.is_running)
        return is_given(node) or (is_plain and self.is_held(self.source(node)))

    def is_fed_by_held(self, node: IntegerNode) -> bool:
        """Whether a layer's weighted inputs are summed up once for each input that the caller gives."""
        return isinstance(node, IntegerLayer) and all(self.is_held(self.graph[name]) for name in node.inputs)

    def has_events(self, node: IntegerNode) -> bool:
        """Whether the places of a layer's spikes are listed, since a dense layer reads them."""
        return isinstance(node, SpikingLayer) and any(
            isinstance(other, WeightedNode) and not other.strides and other.inputs[0] == node.name
            for other in self.graph.nodes
        )

    def held(self, layer: IntegerLayer) -> str:
        """Comment on what is summed up once for each input: all that drives neurons, where nothing filters it."""
        return "sums of weighted inputs, which stay" if layer.synapse else "weighted inputs and bias, which stay"

    def adds_up(self, node: IntegerNode) -> bool:
        """Whether an output's weighted inputs are added to its sum over time as they come."""
        return isinstance(node, ReadoutLayer) and not node.synapse and not self.is_fed_by_held(node)

    def kind(self, node: IntegerNode, what: str) -> str:
        """Type of a member of the struct."""
        name = self.names.field(node, what)
        return next(found.kind for found in self.fields(node) if found.name == name)

    def fields(self, node: IntegerNode) -> list[Field]:
        """Members of the struct for a node."""
        n, name, ranges = math.prod(node.shape), self.names.plain[node.name], node.ranges
        if is_given(node):
            return []
        if isinstance(node, WeightedSums):
            what = f"sums of weighted inputs{', which stay' if self.is_held(node) else ''}"
            return [Field("int32_t", f"{name}_value", n, what, None)]
        found: list[Field] = []
        if isinstance(node, EncodedInput):
            found.append(Field("snn_input", f"{name}_code", n, "the input that was given last", None))
            if isinstance(node.code, RateCode):
                most, half = node.code.period + node.code.codes.high, f"{self.names.macro(node, 'PERIOD')} / 2"
                found.append(Field(c_type(Range(0, most)), f"{name}_sum", n, "accumulator of the rate code", half))
        if isinstance(node, MaxPool) and node.is_running:
            kind, n_in = c_type(ranges["total"]), math.prod(node.input_shape)
            found.append(Field(kind, f"{name}_total", n_in, "sums over time of what comes in"))
            found.append(Field(kind, f"{name}_most", n, "the largest of them in each window"))
        if isinstance(node, IntegerLayer) and self.is_fed_by_held(node):
            found.append(Field("int32_t", f"{name}_input", n, self.held(node), None))
        if isinstance(node, IntegerLayer) and node.synapse:
            found.append(Field(c_type(ranges["synapse"]), f"{name}_current", n, "filtered sum of weighted inputs"))
        if isinstance(node, SpikingLayer):
            start = self.number(node, "start", f"j % {node.shape[-1]}")
            starts = {"voltage": start if isinstance(start, str) else INT32.literal(start)}
            for member in node.neuron.state:
                kind, what = c_type(ranges[member].with_zero()), node.neuron.meanings[member]
                found.append(Field(kind, f"{name}_{member}", n, what, starts.get(member, "0")))
        if isinstance(node, ReadoutLayer):
            return [*found, Field("int32_t", f"{name}_total", n, "Y, the sum over time")]
        found.append(Field(c_type(ranges["value"]), f"{name}_value", n, "what it sends at this step"))
        if self.has_events(node):
            found.append(Field("int32_t", f"{name}_n_events", None, "values that are not 0"))
            found.append(Field(c_type(Range(0, n - 1)), f"{name}_events", n, "their places", None))
        return found

    def branches(self, layer: IntegerLayer) -> list[str]:
        """The sum of each branch that a layer adds, for its neuron j."""
        return [f"{self.value(self.graph[name])}[j]" for name in layer.branches]

    def events(self, node: IntegerNode) -> tuple[str, str]:
        """The number of a layer's spikes, and the array of their places."""
        return self.names.state(node, "n_events"), self.names.state(node, "events")


def is_given(node: IntegerNode) -> bool:
    """Whether a node sends what the caller gives, as it is."""
    return isinstance(node, EncodedInput) and node.code.is_constant
