"""Layers that the circuit has beside those of the network: encoders of inputs, and running sums before max pools."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ...quantize import (
    Analog,
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    MaxPool,
    Range,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
    WeightedSums,
)
from ...quantize.neurons import IntegerIF
from ...quantize.nodes import with_ranges
from ...quantize.origins import FloatNeuron, FloatOrigin
from ...quantize.proofs import proven


def with_encoder(graph: IntegerGraph) -> IntegerGraph:
    """The graph with numbers as its inputs, and a layer behind them that gives the spikes of their rate code.

    The code's accumulator, ``a += q; a >= T: spike, a -= T``, is the voltage of an IF neuron with threshold T, a weight
    of 1, and T >> 1 at the start.
    """
    source, code = graph.input, graph.input.code
    if not isinstance(code, RateCode):
        return graph
    given = _as_given(source)
    T = code.period
    layer = SpikingLayer(
        **_one_by_one(_free_name(graph, f"{source.name}.spikes"), source, code.step),
        neuron=IntegerIF(
            threshold=np.full(source.shape, T, "int32"),
            floor=np.zeros(source.shape, "int32"),
            ceiling=np.full(source.shape, T - 1, "int32"),
            start=np.full(source.shape, T >> 1, "int32"),
            is_rectified=False,
        ),
        float_neuron=FloatNeuron(
            threshold_bits=0, tau_rc=0.0, tau_ref=0.0, min_voltage=0.0, amplitude=1.0, initial_voltage=(T >> 1) / T
        ),
    )
    encoder = proven(layer, [given.ranges["value"]], graph.settings.n_steps)
    behind = []
    for node in graph.nodes[1:]:
        inputs = tuple(encoder.name if name == source.name else name for name in node.inputs)
        behind.append(dataclasses.replace(node, inputs=inputs))
    return dataclasses.replace(graph, nodes=(given, encoder, *behind))


@dataclass(frozen=True, eq=False)
class CircuitPart:
    """A node, the node that feeds it, and the sums of a branch that it adds, if it does."""

    node: IntegerNode
    source: IntegerNode
    added: WeightedSums | None = None


def parts(graph: IntegerGraph) -> list[CircuitPart]:
    """The nodes of a graph in order, and the circuit's own between them.

    Behind inputs in the latency code an encoder, which is called as they are; before a max pool of running sums these
    sums, as outputs that are summed up over time. Of several branches each adds the one before, and the layer the last.
    """
    added = _added(graph)
    found: list[CircuitPart] = []
    if isinstance(graph.input.code, LatencyCode):
        found.append(CircuitPart(graph.input, _as_given(graph.input)))
    for node in graph.nodes[1:]:
        source, branch = graph[node.inputs[0]], added.get(node.name)
        if isinstance(node, MaxPool) and node.is_running:
            layer = ReadoutLayer(**_one_by_one(_free_name(graph, f"{node.name}.sums"), source, 1.0))
            sums = proven(layer, [source.ranges["value"]], graph.settings.n_steps)
            found.append(CircuitPart(sums, source))
            source = sums
        if isinstance(node, WeightedSums) and branch is not None:
            node = _with_added(node, branch)
        found.append(CircuitPart(node, source, branch))
    return found


def _added(graph: IntegerGraph) -> dict[str, WeightedSums]:
    """The branch whose sums each node adds, by name of the node, with the ranges of what it adds itself."""
    found: dict[str, WeightedSums] = {}
    for layer in graph.nodes:
        if isinstance(layer, IntegerLayer):
            branches = [node.name for node in graph.nodes if node.name in layer.branches]  # as they come
            for name, adding in pairwise((*branches, layer.name)):
                branch: Any = graph[name]
                found[adding] = _with_added(branch, found[name]) if name in found else branch
    return found


def _with_added(node: WeightedSums, branch: WeightedSums) -> WeightedSums:
    """A branch with the range of the sum of its own sums and those of another."""
    own, other = node.ranges["value"], branch.ranges["value"]
    return with_ranges(node, {**node.ranges, "value": Range(own.low + other.low, own.high + other.high)})


def _as_given(source: EncodedInput) -> EncodedInput:
    """The input with its numbers as they are."""
    code = source.code
    numbers = Analog(bits=code.bits, low=code.low, high=code.high, factor=code.factor, offset=code.offset)
    given = EncodedInput(name=source.name, shape=source.shape, code=numbers)
    return proven(given, [], 1)


def _one_by_one(name: str, source: IntegerNode, unit: float) -> dict[str, Any]:
    """Fields of a layer that gives each number of its source, which stands for `unit`, to one neuron."""
    n, shape = math.prod(source.shape), source.shape
    return {
        "name": name,
        "inputs": (source.name,),
        "shape": shape,
        "input_shape": (1, n),
        "kernel": np.ones((1, 1, n), "int8"),
        "bias": np.zeros(shape, "int32"),
        "shift": 0,
        "synapse_bits": 1,
        "strides": (1,),
        "padding": ((0, 0),),
        "dilation": (1,),
        "groups": n,
        "origin": FloatOrigin(
            scale=np.ones(shape),
            weights=np.ones((1, 1, n)),
            biases=np.zeros(shape),
            input_unit=unit,
            fraction_bits=1,
        ),
    }


def _free_name(graph: IntegerGraph, name: str) -> str:
    taken = {node.name for node in graph.nodes}
    while name in taken:
        name += "_"
    return name
