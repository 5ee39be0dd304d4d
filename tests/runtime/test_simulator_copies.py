"""Graphs, results and simulators copied, pickled, and handed to other processes."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest
import tensorflow as tf

import snnconv
from snnconv.errors import ParameterError
from snnconv.neurons import LIF

from ..helpers.dense import dense_network

X = np.random.default_rng(0).uniform(0, 3, (3, 4)).astype("float32")
WAYS = pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))], ids=["copy", "deep", "pickle"]
)


@pytest.fixture(scope="module")
def graph():
    return dense_network((4, 6, 3), LIF())


@WAYS
def test_graphs(graph, copied):
    again = copied(graph)
    np.testing.assert_array_equal(again.rate_output(X), graph.rate_output(X))
    assert not again.nodes[1].kernel.flags.writeable
    name = next(iter(graph.populations))
    assert copied(graph.populations[name]).neuron == graph.populations[name].neuron


@WAYS
def test_integer_graphs(graph, copied):
    integers = snnconv.quantize.quantize(graph)
    again = copied(snnconv.IntegerSimulator(integers))
    expected = snnconv.IntegerSimulator(integers).run(X / 3, 20).output
    np.testing.assert_array_equal(again.run(X / 3, 20).output, expected)


@WAYS
def test_results(graph, copied):
    result = snnconv.Simulator(graph).run(X, 20, record="all")
    again = copied(result)
    for name, spikes in result.spikes.items():
        np.testing.assert_array_equal(again.spikes[name], spikes)
    assert again.state.keys() == result.state.keys()
    with pytest.raises(snnconv.errors.RecordError, match="spikes of 'nowhere' were not recorded"):
        again.spikes["nowhere"]


@WAYS
def test_simulators_keep_settings_and_drawn_voltages(graph, copied):
    simulator = snnconv.Simulator(graph, 0.0005, "float64", "uniform", chunk_steps=7)
    expected = simulator.predict(X, 30)
    again = copied(simulator)
    assert (again.dt, again.dtype) == (0.0005, "float64")
    np.testing.assert_array_equal(again.predict(X, 30), expected)


def test_a_simulator_with_a_strategy_stays():
    simulator = snnconv.Simulator(dense_network((4, 3), LIF()), strategy=tf.distribute.OneDeviceStrategy("CPU:0"))
    with pytest.raises(ParameterError, match="belongs to its process"):
        pickle.dumps(simulator)


@pytest.mark.full
def test_other_processes_take_a_simulator(graph):
    joblib = pytest.importorskip("joblib")
    simulator = snnconv.Simulator(graph)
    expected = simulator.predict(X, 30)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(simulator.predict, (X, 30)), expected)
    (found,) = joblib.Parallel(n_jobs=2)([joblib.delayed(simulator.predict)(X, 30)])
    np.testing.assert_array_equal(found, expected)
