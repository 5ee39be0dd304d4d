"""Small graphs, one for each operation between two populations, that exporters write."""

import dataclasses
import math

import numpy as np

from snnconv.graph import (
    Add,
    Affine,
    AveragePool,
    Concatenate,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Filter,
    Input,
    Pad,
    Permute,
    Population,
    Readout,
    Reshape,
    SpikingGraph,
    Upsample,
)
from snnconv.neurons import LIF
from snnconv.neurons.synapses import Lowpass

NEURON = LIF(tau_ref=0.0, min_voltage=-math.inf, amplitude=0.004)


def normal(*shape):
    """Numbers that depend on the shape alone, and not on which tests ran before."""
    return np.random.default_rng(shape).normal(size=shape)


def population(name, source, shape, neuron=NEURON, bias=None):
    bias = normal(*shape[-1:]) * 0.3 + 1.0 if bias is None else bias
    return Population(name=name, inputs=(source,), shape=shape, neuron=neuron, neuron_bias=bias, gain=np.ones(()))


def network(nodes, shape, source, out_shape):
    """Input -> neurons -> the given nodes -> neurons -> a readout of 3 values."""
    nodes = (
        Input(name="x", shape=shape),
        population("first", "x", shape),
        *nodes,
        population("second", source, out_shape),
        Reshape(name="flat", inputs=("second",), shape=(math.prod(out_shape),)),
        Dense(name="out", inputs=("flat",), shape=(3,), kernel=normal(math.prod(out_shape), 3), bias=normal(3)),
        Readout(name="soft", inputs=("out",), shape=(3,), function="softmax"),
    )
    return SpikingGraph(nodes, {"y": "soft"}, "test")


def conv(window, channels, filters, shape, *, strides=None, padding=None, dilation=None, groups=1):
    n = len(window)
    return Conv(
        name="op",
        inputs=("first",),
        shape=shape,
        kernel=normal(*window, channels // groups, filters),
        bias=normal(filters),
        strides=strides or (1,) * n,
        padding=padding or ((0, 0),) * n,
        dilation=dilation or (1,) * n,
        groups=groups,
    )


def op(kind, shape, **settings):
    return kind(name="op", inputs=("first",), shape=shape, **settings)


POOL = {"size": (2, 2), "strides": (2, 2)}
# name: (shape of the input, the nodes between)
OPERATIONS = {
    "dense": ((5,), [op(Dense, (4,), kernel=normal(5, 4))]),
    "dense on channels": ((4, 3, 5), [op(Dense, (4, 3, 6), kernel=normal(5, 6), bias=normal(6))]),
    "dense on a sequence": ((7, 5), [op(Dense, (7, 6), kernel=normal(5, 6))]),
    "conv1d": ((9, 4), [conv((3,), 4, 6, (4, 6), strides=(2,), padding=((0, 0),))]),
    "conv2d same": ((6, 5, 2), [conv((3, 3), 2, 4, (6, 5, 4), padding=((1, 1), (1, 1)))]),
    "conv2d same, even window": ((6, 5, 2), [conv((2, 2), 2, 4, (6, 5, 4), padding=((0, 1), (0, 1)))]),
    "conv2d same with strides": ((6, 8, 2), [conv((3, 3), 2, 4, (3, 4, 4), strides=(2, 2), padding=((0, 1), (0, 1)))]),
    "conv2d not square": ((6, 5, 2), [conv((1, 3), 2, 4, (6, 3, 4))]),
    "conv2d even and odd": ((6, 5, 2), [conv((2, 3), 2, 4, (5, 3, 4))]),
    "conv2d dilated": ((8, 7, 2), [conv((3, 2), 2, 4, (4, 5, 4), dilation=(2, 2))]),
    "conv2d in groups": ((6, 5, 4), [conv((3, 3), 4, 6, (4, 3, 6), groups=2)]),
    "conv2d depthwise": ((6, 5, 4), [conv((3, 3), 4, 8, (4, 3, 8), groups=4)]),
    "conv3d": ((4, 3, 3, 2), [conv((2, 2, 2), 2, 3, (3, 2, 2, 3))]),
    "transposed": (
        (3, 3, 2),
        [
            op(
                ConvTranspose,
                (6, 6, 3),
                kernel=normal(2, 2, 2, 3),
                bias=normal(3),
                strides=(2, 2),
                padding=((0, 0),) * 2,
                dilation=(1, 1),
            )
        ],
    ),
    "average pool": ((6, 4, 3), [op(AveragePool, (3, 2, 3), padding=((0, 0), (0, 0)), **POOL)]),
    "average pool, padded": ((5, 4, 3), [op(AveragePool, (3, 2, 3), padding=((0, 1), (0, 0)), **POOL)]),
    "upsample": ((3, 2, 2), [op(Upsample, (6, 4, 2), factors=(2, 2, 1))]),
    "upsample, linear": ((3, 2, 2), [op(Upsample, (6, 4, 2), factors=(2, 2, 1), interpolation="linear")]),
    "affine": ((4, 3, 2), [op(Affine, (4, 3, 2), scale=normal(2), offset=normal(2))]),
    "affine per place": ((4, 3, 2), [op(Affine, (4, 3, 2), scale=normal(4, 3, 2))]),
    "permute": ((4, 3, 2), [op(Permute, (2, 4, 3), axes=(2, 0, 1))]),
    "reshape": ((4, 3, 2), [op(Reshape, (6, 4))]),
    "pad": ((4, 3, 2), [op(Pad, (7, 3, 2), padding=((1, 2), (0, 0), (0, 0)))]),
    "crop and conv": (
        (6, 5, 3),
        [
            Crop(name="crop", inputs=("first",), shape=(6, 5, 2), start=(0, 0, 1)),
            dataclasses.replace(conv((3, 3), 2, 4, (4, 3, 4)), inputs=("crop",)),
        ],
    ),
    "flatten, permuted": (
        (4, 3, 2),
        [
            Permute(name="turn", inputs=("first",), shape=(2, 3, 4), axes=(2, 1, 0)),
            Reshape(name="line", inputs=("turn",), shape=(24,)),
            Dense(name="op", inputs=("line",), shape=(5,), kernel=normal(24, 5)),
        ],
    ),
    "residual": (
        (4, 3, 2),
        [
            dataclasses.replace(conv((3, 3), 2, 2, (4, 3, 2), padding=((1, 1), (1, 1))), name="inner"),
            Add(name="op", inputs=("first", "inner"), shape=(4, 3, 2)),
        ],
    ),
    "twice the same": ((5,), [Add(name="op", inputs=("first", "first"), shape=(5,))]),
    "concatenate": (
        (4, 3, 2),
        [
            dataclasses.replace(conv((1, 1), 2, 3, (4, 3, 3)), name="inner"),
            Concatenate(name="join", inputs=("inner", "first"), shape=(4, 3, 5), axis=2),
            dataclasses.replace(conv((3, 3), 5, 4, (2, 1, 4)), inputs=("join",)),
        ],
    ),
    "concatenate places": (
        (4, 3, 2),
        [
            dataclasses.replace(conv((1, 1), 2, 2, (4, 3, 2)), name="inner"),
            Concatenate(name="op", inputs=("inner", "first"), shape=(8, 3, 2), axis=0),
        ],
    ),
    "synapse": (
        (5,),
        [
            Filter(name="filter", inputs=("first",), shape=(5,), synapse=Lowpass(0.005)),
            Dense(name="op", inputs=("filter",), shape=(4,), kernel=normal(5, 4), bias=normal(4)),
        ],
    ),
}


def graph_of(name, **neurons):
    """The network around an operation; `neurons` are other neurons than `NEURON`, by population."""
    shape, nodes = OPERATIONS[name]
    return with_neurons(network(nodes, shape, nodes[-1].name, nodes[-1].shape), **neurons)


def with_neurons(graph, **neurons):
    """The graph with other neurons in the named populations."""
    nodes = [
        dataclasses.replace(node, neuron=neurons[node.name]) if node.name in neurons else node for node in graph.nodes
    ]
    return graph.replace(nodes)


def inputs_of(graph, n=4):
    return np.random.default_rng(1).random((n, *graph.inputs[0].shape)) * 2
