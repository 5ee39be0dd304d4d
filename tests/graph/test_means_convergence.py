"""Every function of means by itself: behind spikes, its error falls as 1/T."""

import json

import numpy as np
import pytest

from snnconv.graph import Function, Input, Population, RunningMean, SpikingGraph
from snnconv.neurons import Follower, numpy_ops
from snnconv.neurons.functions import FUNCTIONS
from snnconv.runtime import reference

SHAPE = (4, 6)
SIGNALS = {
    "multiply": 3,
    "divide": 2,
    "maximum": 2,
    "minimum": 2,
    "tanh_of_sum": 2,
    "masked": 2,
    "chosen": 3,
    "einsum": 2,
}
"""Functions of several signals, and how many they are given."""
SETTINGS = {
    "threshold": {"threshold": 0.1, "default_value": -0.3},
    "power": {"exponent": 2.5},
    "clip": {"x_min": 0.5, "x_max": 0.9},
    "differs": {"value": 0.0},
    "without": {"value": 0.0},
    "einsum": {"equation": "nij,nkj->nik"},
}
OF_DATA = ("differs", "without")  # of numbers as they come in, which no spikes carry
NAMES = sorted(FUNCTIONS)


def network(name):
    """Inputs, each sent in spikes and averaged; the function of these means, and what sends it in spikes."""
    settings = SETTINGS.get(name, {}) if FUNCTIONS[name].elementwise else SETTINGS.get(name, {"axis": [1]})
    n_inputs, nodes = SIGNALS.get(name, 1), []
    for k in range(n_inputs):
        nodes += [
            Input(name=f"x{k}", shape=SHAPE),
            follower(f"sent{k}", f"x{k}", SHAPE),
            RunningMean(name=f"mean{k}", inputs=(f"sent{k}",), shape=SHAPE),
        ]
    means = tuple(f"{'x' if name in OF_DATA else 'mean'}{k}" for k in range(n_inputs))
    text = json.dumps(settings)
    probe = Function(name="f", inputs=means, shape=(), function=name, settings=text)
    shape = probe.apply(*(np.ones((1, *SHAPE)) for _ in means), xp=numpy_ops).shape[1:]
    value = Function(name="f", inputs=means, shape=shape, function=name, settings=text)
    return SpikingGraph((*nodes, value, follower("y", "f", shape)), {"y": "y"})


def follower(name, source, shape):
    """Neurons whose rate is 1 Hz for an input of 1, and a spike's height 1/dt."""
    return Population(
        name=name,
        inputs=(source,),
        shape=shape,
        neuron=Follower(amplitude=1.0),
        neuron_bias=np.zeros(()),
        gain=np.ones(()),
    )


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", NAMES)
def test_the_error_falls_as_one_over_time(name):
    """From 100 to 1,600 steps of 40 ms by a factor of 16; half of it is asked for, since an error can be 0 by chance.

    Inputs lie where no function jumps, at 0.6 to 1.2: in the long run a mean is off by half a spike in 64 s, 0.008.
    """
    graph, dt = network(name), 0.04
    rng = np.random.default_rng(NAMES.index(name))
    x = {node.name: 0.6 + 0.6 * rng.random((3, *SHAPE)) for node in graph.inputs}
    rates = graph.rate_output(x)
    off = [np.abs(reference.run(graph, x, n, dt).output.mean(1) - rates).mean() for n in (100, 1600)]
    assert off[1] <= off[0] / 8 + 1e-4
    assert off[1] <= 0.03 * max(1.0, np.abs(rates).mean())
