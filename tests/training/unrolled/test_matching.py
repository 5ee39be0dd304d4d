"""Layers that learn the rates of another network of the same shape."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import reference
from snnconv.errors import ParameterError
from snnconv.training.unrolled.matching import matching

N_STEPS = 8


def network(name="dense"):
    keras.utils.set_random_seed(0)
    layers = [kl.Dense(12, activation="relu", name=name), kl.Dense(12, activation="relu"), kl.Dense(4)]
    return snnconv.convert(keras.Sequential([keras.Input((9,)), *layers]), verbose=False)


def disturbed(graph):
    """The graph with other kernels, calibrated."""
    rng = np.random.default_rng(0)
    nodes = tuple(
        dataclasses.replace(node, kernel=node.kernel + 0.5 * node.kernel.std() * rng.normal(size=node.kernel.shape))
        if hasattr(node, "kernel")
        else node
        for node in graph.nodes
    )
    return snnconv.calibrate(dataclasses.replace(graph, nodes=nodes), samples(), N_STEPS)


def samples(n=200):
    return np.random.default_rng(1).random((n, 9))


def distance(teacher, graph, x):
    """Squared distance of the mean outputs from the teacher's rates, in the unit of each channel that fits best."""
    spikes, rates = reference.run(graph, x, N_STEPS, record="all.spikes").spikes, teacher.rate_values(x)
    found = 0.0
    for name, counts in spikes.items():
        mean, rate = counts.mean(1), rates[name]
        factor = (mean * rate).sum(0) / np.maximum((mean * mean).sum(0), 1e-9)
        found += float(np.mean((mean * factor - rate) ** 2) / np.mean(rate**2))
    return found


@pytest.mark.sampled(1)
@pytest.mark.parametrize("surrogate", ["rate", "arctan"])
def test_layers_come_closer_to_the_teacher(surrogate):
    teacher, x = network(), samples()
    graph = disturbed(teacher)
    spiking = graph.to_keras(N_STEPS, surrogate=surrogate)
    model = matching(spiking, graph, teacher, graph.check_inputs(x, "float32"), 1.0)
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(spiking(x)))
    model.compile(keras.optimizers.Adam(0.01), loss=lambda y, answer: 0.0 * keras.ops.mean(answer), jit_compile=False)
    model.fit(x, np.zeros((len(x), 4)), epochs=15, verbose=0)
    after = distance(teacher, graph.with_weights_of(spiking), x)
    assert after < 0.6 * distance(teacher, graph, x)  # what is left is the grain of 8 steps, for the most part


def test_networks_without_a_common_population_are_refused():
    graph = disturbed(network())
    other = dataclasses.replace(graph, nodes=graph.nodes[:2], outputs={"output": graph.nodes[1].name})
    with pytest.raises(ParameterError, match="teacher_layers needs populations of the same names and shapes"):
        matching(graph.to_keras(4), graph, other, graph.check_inputs(samples(8), "float32"), 1.0)
