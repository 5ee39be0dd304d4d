"""Coded inputs in the circuit: the rate code is a layer of IF neurons, one for each input."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ...quantize import Analog, EncodedInput, IntegerGraph, RateCode, SpikingLayer
from ...quantize.neurons import IntegerIF
from ...quantize.nodes import FloatNeuron, FloatOrigin
from ...quantize.proofs import proven


def with_encoder(graph: IntegerGraph) -> IntegerGraph:
    """The graph with numbers as its inputs, and a layer behind them that gives the spikes of their rate code.

    The code's accumulator, ``a += q; a >= T: spike, a -= T``, is the voltage of an IF neuron with threshold T, a weight
    of 1, and T >> 1 at the start.
    """
    source, code = graph.input, graph.input.code
    if not isinstance(code, RateCode):
        return graph
    numbers = Analog(bits=code.bits, low=code.low, high=code.high, factor=code.factor, offset=code.offset)
    given = proven(EncodedInput(name=source.name, shape=source.shape, code=numbers), source.ranges["value"], 1)
    n, shape, T = math.prod(source.shape), source.shape, code.period
    layer = SpikingLayer(
        name=_free_name(graph, f"{source.name}.spikes"),
        inputs=(source.name,),
        shape=shape,
        input_shape=(1, n),
        kernel=np.ones((1, 1, n), "int8"),
        bias=np.zeros(shape, "int32"),
        shift=0,
        synapse_bits=1,
        strides=(1,),
        padding=((0, 0),),
        dilation=(1,),
        groups=n,
        origin=FloatOrigin(
            scale=np.ones(shape),
            weights=np.ones((1, 1, n)),
            biases=np.zeros(shape),
            input_unit=code.step,
            fraction_bits=1,
        ),
        neuron=IntegerIF(
            threshold=np.full(shape, T, "int32"),
            floor=np.zeros(shape, "int32"),
            ceiling=np.full(shape, T - 1, "int32"),
            start=np.full(shape, T >> 1, "int32"),
            is_rectified=False,
        ),
        float_neuron=FloatNeuron(
            threshold_bits=0, tau_rc=0.0, tau_ref=0.0, min_voltage=0.0, amplitude=1.0, initial_voltage=(T >> 1) / T
        ),
    )
    encoder = proven(layer, given.ranges["value"], graph.settings.n_steps)
    behind = [
        dataclasses.replace(node, inputs=(encoder.name,)) if node.inputs == (source.name,) else node
        for node in graph.nodes[1:]
    ]
    return dataclasses.replace(graph, nodes=(given, encoder, *behind))


def _free_name(graph: IntegerGraph, name: str) -> str:
    taken = {node.name for node in graph.nodes}
    while name in taken:
        name += "_"
    return name
