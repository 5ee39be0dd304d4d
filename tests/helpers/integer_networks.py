"""Spiking graphs, made of nodes and without Keras, that the tests of `snnconv.quantize` turn into integers."""

import dataclasses
import functools
import math

import numpy as np
from sklearn.datasets import load_digits

import snnconv
from snnconv.graph import (
    Add,
    AveragePool,
    Concatenate,
    Conv,
    Dense,
    Filter,
    Input,
    Pad,
    Population,
    Reshape,
    SpikingGraph,
)
from snnconv.neurons import IF, LIF
from snnconv.neurons.synapses import Lowpass
from snnconv.quantize import Analog, quantize

DT = 0.001
DYADIC_DT = 2.0**-10  # so that dt times a dyadic number is one


class Line:
    """A graph whose nodes follow each other, under construction; with branches where one goes back."""

    def __init__(self, shape):
        self.nodes = [Input(name="x", shape=shape)]
        self.last = self.nodes[0]

    def add(self, kind, name, shape=None, others=(), **fields):
        """Add a node behind the last one and others, of the same shape if none is given."""
        shape = self.last.shape if shape is None else shape
        inputs = (self.last.name, *(node.name for node in others))
        self.last = kind(name=name, inputs=inputs, shape=tuple(shape), **fields)
        self.nodes.append(self.last)
        return self

    def back_to(self, node):
        """Let the next node follow an earlier one."""
        self.last = node
        return self

    def plus(self, name, *others):
        return self.add(Add, name, others=others)

    def joined(self, name, *others):
        channels = self.last.shape[-1] + sum(node.shape[-1] for node in others)
        axis = len(self.last.shape) - 1
        return self.add(Concatenate, name, (*self.last.shape[:-1], channels), others, axis=axis)

    def dense(self, name, kernel, bias=None):
        kernel = np.asarray(kernel, "float64")
        bias = None if bias is None else np.asarray(bias, "float64")
        return self.add(Dense, name, (*self.last.shape[:-1], kernel.shape[1]), kernel=kernel, bias=bias)

    def conv(self, name, kernel, bias=None, strides=1, padding=0, dilation=1, groups=1):
        rank = kernel.ndim - 2
        settings = {"strides": (strides,) * rank, "padding": ((padding,) * 2,) * rank, "dilation": (dilation,) * rank}
        places = [
            (n + 2 * padding - (w - 1) * dilation - 1) // strides + 1
            for n, w in zip(self.last.shape, kernel.shape, strict=False)
        ][:rank]
        shape = (*places, kernel.shape[-1])
        return self.add(Conv, name, shape, kernel=kernel, bias=bias, groups=groups, **settings)

    def pool(self, name, size=2, strides=None, padding=0):
        strides = size if strides is None else strides
        *space, channels = self.last.shape
        rank = len(space)
        places = [(n + 2 * padding - size) // strides + 1 for n in space]
        settings = {"size": (size,) * rank, "strides": (strides,) * rank, "padding": ((padding,) * 2,) * rank}
        return self.add(AveragePool, name, (*places, channels), **settings)

    def pad(self, name, before, after):
        *space, channels = self.last.shape
        padding = (*((before, after),) * len(space), (0, 0))
        return self.add(Pad, name, (*(n + before + after for n in space), channels), padding=padding)

    def flatten(self, name="flat"):
        return self.add(Reshape, name, (int(np.prod(self.last.shape)),))

    def synapse(self, name, tau=0.005):
        return self.add(Filter, name, synapse=Lowpass(tau))

    def neurons(self, name, neuron, bias=0.0):
        bias = np.asarray(bias, "float64")
        return self.add(Population, name, neuron=neuron, neuron_bias=bias, gain=np.ones(()))

    def graph(self, name="net"):
        return SpikingGraph(tuple(self.nodes), {"y": self.last.name}, name)


def random_line(seed, *, conv=False, neuron="LIF", synapse=False, tau_ref=0.002, min_voltage=0.0):
    """A network of two or three populations with random weights, which fire at about a tenth of the steps."""
    rng = np.random.default_rng(seed)
    line = Line((5, 6, 2)) if conv else Line((7,))
    # rates of some 100 Hz at amplitude 0.01 give outputs around 1
    model = (
        LIF(tau_rc=float(rng.uniform(0.005, 0.03)), tau_ref=tau_ref, min_voltage=min_voltage)
        if neuron == "LIF"
        else IF(min_voltage=min_voltage, max_spikes=1)
    )
    high = 2.0 if neuron == "LIF" else 100.0  # drive that makes neurons fire

    def weights(*shape):
        return rng.normal(0, high / np.sqrt(np.prod(shape[:-1])), shape)

    def behind(name):
        if synapse:
            line.synapse(f"{name}.synapse", float(rng.uniform(0.002, 0.01)))

    if conv:
        line.conv("c1", weights(3, 3, 2, 4), rng.normal(0.3, 0.3, 4) * high, padding=int(rng.integers(2)))
        line.neurons("n1", model, rng.normal(0.3, 0.3, 4) * high)
        behind("n1")
        if line.last.shape[0] % 2 == 0 or rng.random() < 0.5:
            line.pool("pool")
        groups = int(rng.choice([1, 2, 4]))
        settings = {"strides": int(rng.integers(1, 3)), "padding": 1, "groups": groups}
        line.conv("c2", weights(2, 2, 4 // groups, 4), **settings)
        line.neurons("n2", model, rng.normal(0.2, 0.3, line.last.shape) * high)
        line.flatten()
    else:
        line.dense("d1", weights(7, 6), rng.normal(0.3, 0.3, 6) * high).neurons("n1", model, rng.normal(size=6))
        behind("n1")
        line.dense("d2", weights(6, 5)).neurons("n2", model, rng.normal(0.5, 0.3, 5) * high)
    behind("n2")
    n_in = line.last.shape[0]
    return line.dense("out", rng.normal(size=(n_in, 3)), rng.normal(size=3)).graph()


def two_outputs():
    """The network of `random_line` with a second output, of 4 values."""
    line = random_line(0)
    *_, last = line.nodes
    kernel = np.random.default_rng(1).normal(size=(last.kernel.shape[0], 4))
    other = dataclasses.replace(last, name="other", shape=(4,), kernel=kernel, bias=np.zeros(4))
    return dataclasses.replace(line, nodes=(*line.nodes, other), outputs={"y": last.name, "other": other.name})


def with_start(graph, voltage):
    """The graph with all its neurons at a voltage before the first step."""
    nodes = [
        dataclasses.replace(node, initial_voltage=voltage) if isinstance(node, Population) else node
        for node in graph.nodes
    ]
    return dataclasses.replace(graph, nodes=tuple(nodes))


@functools.cache
def calibrated_digits(spikes="signed"):
    """64-24-16-10 for 8 x 8 digits, calibrated for 16 steps: random features, outputs by least squares; and the digits.

    Its neurons start at half their threshold, and each has a threshold of its own.
    """
    rng = np.random.default_rng(0)
    x, y = load_digits(return_X_y=True)
    x = x[:300] / 16
    line, values = Line((64,)), x
    for number, (n_in, n) in enumerate(((64, 24), (24, 16)), 1):
        kernel, bias = rng.normal(0, 1.5 / math.sqrt(n_in), (n_in, n)), rng.normal(0, 0.1, n)
        line.dense(f"d{number}", kernel, bias).neurons(f"n{number}", IF(1.0, min_voltage=-math.inf))
        values = np.maximum(values @ kernel + bias, 0)
    out = np.linalg.lstsq(values, np.eye(10)[y[:300]], rcond=None)[0]
    return snnconv.calibrate(line.dense("out", out).graph("digits"), x, 16, spikes=spikes), x


SPIKES = Analog(bits=1)  # inputs that are 0 or 1


def quarter_leak_network():
    """2 inputs, one LIF neuron that loses a quarter of its voltage in a step, 2 outputs."""
    neuron = LIF(tau_rc=-DT / math.log(0.75), tau_ref=0.002, amplitude=DT)
    line = Line((2,)).dense("dense", [[2.8], [-1.2]], [0.1]).neurons("lif", neuron, 0.1)
    return line.dense("out", [[1.0, -0.5]], [0.2, 0.0]).graph()


def quantised_by_hand():
    """That network in 4 bits, for inputs that are 0 or 1."""
    return quantize(quarter_leak_network(), 4, dt=DT, fraction_bits=4, threshold_bits=2, input=SPIKES)
