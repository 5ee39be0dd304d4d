"""Functions of means in the loops of their neurons: the spikes, voltages and states of the NumPy loop."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.graph import Affine, Function, Input, Population, RunningMean, SpikingGraph
from snnconv.neurons import Follower
from snnconv.neurons.functions import FUNCTIONS
from snnconv.runtime.compiled import engine, scan

from ...helpers.networks import randomise

N_STEPS = 23


@pytest.fixture(scope="module")
def transformer():
    keras.utils.set_random_seed(0)
    tokens = keras.Input((5, 8))
    x = kl.LayerNormalization()(kl.Dense(8)(tokens))
    x = kl.Add()([x, kl.MultiHeadAttention(2, 4)(x, x)])
    x = kl.Dense(6, activation="gelu")(x)
    return snnconv.convert(randomise(keras.Model(tokens, kl.Dense(3)(x))), verbose=False)


def _compare(graph, **options):
    x = np.random.default_rng(0).normal(size=(3, N_STEPS, 5, 8))
    expected = snnconv.reference.run(graph, x, N_STEPS, record="all")
    simulator = snnconv.Simulator(graph, dtype="float64", chunk_steps=8, **options)  # the last chunk has one of padding
    found = simulator.run(x, N_STEPS, record="all")
    for name, spikes in expected.spikes.items():
        assert np.abs(spikes).sum() > 50
        np.testing.assert_array_equal(found.spikes[name], spikes)
        np.testing.assert_allclose(found.voltages[name], expected.voltages[name], atol=1e-9)  # rounding of 23 steps
    for name, state in expected.state.items():
        for variable, values in state.items():
            assert found.state[name][variable].shape == values.shape
            np.testing.assert_allclose(found.state[name][variable], values, rtol=1e-9, atol=1e-9)
    # without records and state, loops carry less
    np.testing.assert_allclose(simulator.predict(x, N_STEPS), expected.output.mean(1), rtol=0, atol=1e-9)
    return simulator


@pytest.mark.compiled
def test_functions_run_in_the_loop_of_their_neurons(transformer):
    simulator = _compare(transformer)
    (stepper, *_) = simulator._engines[0]._steppers.values()
    loops = [[node.kind for node in chain] for chain in stepper._chains.values() if len(chain) > 1]
    whole = ["RunningMean", "Function", "Affine", "Population"]
    assert loops.count(whole) == 2  # the norm and gelu; attention has products of several means
    assert ["Affine", "Population"] in loops


@pytest.mark.full
@pytest.mark.compiled
def test_rounds_of_a_gpu_run_them_too(transformer, monkeypatch):
    monkeypatch.setattr(engine, "is_gpu", lambda device: True)
    monkeypatch.setattr(scan, "_MOST_TOGETHER", 4)
    _compare(transformer, compile="parts")


def test_a_name_that_is_given_to_another_function_means_that(monkeypatch):
    ones = np.ones(())
    nodes = (
        Input(name="x", shape=(4,)),
        RunningMean(name="m", inputs=("x",), shape=(4,)),
    )
    x = np.random.default_rng(0).uniform(0.5, 1, (2, 4))
    for power in (2, 3):
        monkeypatch.delitem(FUNCTIONS, "risen", raising=False)
        snnconv.register_function(lambda x, xp, power=power: x**power, "risen")
        function = Function(name="f", inputs=("m",), shape=(4,), function="risen")
        current = Affine(name="j", inputs=("f",), shape=(4,), scale=100 * ones)
        sent = Population(name="p", inputs=("j",), shape=(4,), neuron=Follower(), neuron_bias=0 * ones, gain=ones)
        graph = SpikingGraph((*nodes, function, current, sent), {"output": "p"})
        # half a spike of height 10 in 100 steps
        np.testing.assert_allclose(snnconv.Simulator(graph).predict(x, 100), x**power, atol=0.0501)
