"""Networks as the simulator runs them: biases added by the neurons, synapses behind kernels."""

import dataclasses
import gc
import tracemalloc

import numpy as np
import pytest

import snnconv
from snnconv.graph import Affine, Dense, Filter, Input, Population, Reshape, SpikingGraph
from snnconv.graph.passes import commute_synapses, move_biases
from snnconv.neurons import LIF
from snnconv.runtime import reference
from snnconv.runtime.compiled.model import Model

from ..helpers.dense import dense_network


def test_neurons_add_the_bias_of_a_dense_layer_that_feeds_them_alone():
    graph = dense_network((30, 20, 10, 4), LIF())
    moved = move_biases(graph)
    assert [moved[name].bias is None for name in ("dense0", "dense1", "dense2")] == [True, True, False]
    x = np.random.default_rng(0).normal(size=(4, 30))
    ours, theirs = reference.run(moved, x, 50, record="all"), reference.run(graph, x, 50, record="all")
    for name in graph.populations:
        np.testing.assert_array_equal(ours.voltages[name], theirs.voltages[name])


def test_a_bias_stays_where_neurons_have_their_own():
    graph = dense_network((30, 20, 4), LIF())
    own = dataclasses.replace(graph["lif0"], neuron_bias=np.full(20, 0.1))
    graph = dataclasses.replace(graph, nodes=tuple(own if node.name == "lif0" else node for node in graph.nodes))
    assert move_biases(graph)["dense0"].bias is not None


# Synapses on the cheaper side


@pytest.mark.parametrize("sizes", [(6, 20, 8, 3), (6, 8, 20, 3)], ids=["narrowing", "widening"])
def test_synapses_move_behind_kernels_that_give_less(sizes):
    graph = dense_network(sizes, LIF(), synapse=snnconv.synapses.Lowpass(0.005))
    moved = commute_synapses(graph)
    shapes = {node.name: node.shape for node in moved.nodes if isinstance(node, Filter)}
    assert shapes == {"lif0.synapse": (8,), "lif1.synapse": (3,)}
    x = np.random.default_rng(0).normal(size=(3, 50, 6))
    before, after = (reference.run(each, x, 50, record="all") for each in (graph, moved))
    for name, spikes in before.spikes.items():
        assert spikes.any()
        np.testing.assert_array_equal(after.spikes[name], spikes)
    np.testing.assert_allclose(after.output, before.output, atol=1e-12)


def test_a_bias_stays_behind_the_synapse():
    graph = dense_network((6, 20, 8, 3), LIF(), synapse=snnconv.synapses.Lowpass(0.005))
    moved = commute_synapses(graph)
    assert moved["dense1"].bias is None
    np.testing.assert_array_equal(moved["lif1"].neuron_bias, graph["dense1"].bias)
    assert isinstance(moved[moved.outputs["y"]], Affine), "the output's bias has no population to go to"


def test_synapses_pass_reshapes_but_stay_before_branches():
    spikes = Population(
        name="lif", inputs=("x",), shape=(2, 3), neuron=LIF(), neuron_bias=np.zeros(()), gain=np.ones(())
    )
    synapse = Filter(name="synapse", inputs=("lif",), shape=(2, 3), synapse=snnconv.synapses.Lowpass(0.01))
    flat = Reshape(name="flat", inputs=("synapse",), shape=(6,))
    dense = Dense(name="dense", inputs=("flat",), shape=(2,), kernel=np.ones((6, 2)))
    nodes = (Input(name="x", shape=(2, 3)), spikes, synapse, flat, dense)
    moved = commute_synapses(SpikingGraph(nodes, {"y": "dense"}))
    assert [node.name for node in moved.nodes] == ["x", "lif", "flat", "dense", "synapse"]
    assert moved.outputs == {"y": "synapse"}
    branching = SpikingGraph(nodes, {"y": "dense", "filtered": "synapse"})
    assert commute_synapses(branching).nodes == branching.nodes


# Memory


def test_kernels_are_held_once():
    """A constant of TensorFlow keeps the array of NumPy beside its own, which `tracemalloc` counts."""
    graph = dense_network((512, 1024, 512, 4), LIF())
    Model(graph, 0.001, "float32", sparse=True)  # imports what it needs
    gc.collect()
    tracemalloc.start()
    model = Model(graph, 0.001, "float32", sparse=True)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(np.asarray(array).nbytes for array in model.arrays) > 4 << 20
    assert held < 1 << 20
