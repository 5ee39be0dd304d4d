"""Layers that the circuit has beside those of the network: encoders of inputs, and running sums before max pools."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ...errors import ExportError
from ...quantize import (
    Analog,
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    MaxPool,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
)
from ...quantize.neurons import IntegerIF
from ...quantize.origins import FloatNeuron, FloatOrigin
from ...quantize.proofs import proven


def with_encoder(graph: IntegerGraph) -> IntegerGraph:
    """The graph with numbers as its inputs, and a layer behind them that gives the spikes of their rate code.

    The code's accumulator, ``a += q; a >= T: spike, a -= T``, is the voltage of an IF neuron with threshold T, a weight
    of 1, and T >> 1 at the start.

    Raises
    ------
    ExportError
        If layers add branches, which it names.
    """
    _check_branches(graph)
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
    behind = [
        dataclasses.replace(node, inputs=(encoder.name,)) if node.inputs == (source.name,) else node
        for node in graph.nodes[1:]
    ]
    return dataclasses.replace(graph, nodes=(given, encoder, *behind))


def parts(graph: IntegerGraph) -> list[tuple[IntegerNode, IntegerNode]]:
    """The nodes of a graph in order, each with the node that feeds it, and the circuit's own between them.

    Behind inputs in the latency code an encoder, which is called as they are; before a max pool of running sums these
    sums, as outputs that are summed up over time.
    """
    _check_branches(graph)
    found: list[tuple[IntegerNode, IntegerNode]] = []
    if isinstance(graph.input.code, LatencyCode):
        found.append((graph.input, _as_given(graph.input)))
    for node in graph.nodes[1:]:
        source = graph[node.inputs[0]]
        if isinstance(node, MaxPool) and node.is_running:
            layer = ReadoutLayer(**_one_by_one(_free_name(graph, f"{node.name}.sums"), source, 1.0))
            sums = proven(layer, [source.ranges["value"]], graph.settings.n_steps)
            found.append((sums, source))
            source = sums
        found.append((node, source))
    return found


def _check_branches(graph: IntegerGraph) -> None:
    adding = [f"'{node.name}'" for node in graph.nodes if isinstance(node, IntegerLayer) and node.branches]
    if adding:
        raise ExportError(
            f"the circuit has no place for branches that are added or joined, as before {', '.join(adding)}. The "
            f"targets c and params take them."
        )


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
