"""Products of few spikes: equal to dense ones, and taken where they are faster."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import snnconv
from snnconv.graph import Affine
from snnconv.neurons import IF, LIF
from snnconv.runtime.compiled import products

from ...helpers.dense import dense_network


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
@pytest.mark.parametrize(("density", "n_columns"), [(0.0, 256), (0.02, 256), (0.6, 256), (0.02, 16), (1.0, 100)])
def test_sparse_products_equal_dense_ones(density, n_columns, dtype, monkeypatch):
    monkeypatch.setattr(products.os, "cpu_count", lambda: 3)
    rng = np.random.default_rng(0)
    x = (rng.random((5, 60, 64)) < density) * rng.choice([-1, 1, 2], (5, 60, 64))
    x = x.astype(dtype)
    kernel = rng.normal(size=(64, n_columns)).astype("float64" if dtype == "float64" else "float32")
    product = tf.function(products.SPARSE.matmul)(tf.constant(x), tf.constant(kernel))
    # sums of 64 numbers near 1, in another order
    np.testing.assert_allclose(product, x @ kernel, atol=1e-13 if dtype == "float64" else 2e-5)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("neuron", "dt", "most"), [(LIF(), 0.001, 1), (IF(amplitude=0.2), 0.2, 2)], ids=["LIF", "IF"])
def test_sparse_products_are_taken_where_few_neurons_spike(neuron, dt, most, dtype):
    graph = dense_network((30, 200, 300, 300, 4), neuron)
    x = np.random.default_rng(0).normal(size=(4, 30))
    simulator = snnconv.Simulator(graph, dt, dtype)
    record = ["lif0.spikes", "lif1.spikes", "lif1.rates"]
    result, dense = simulator.run(x, 40, record), snnconv.Simulator(graph, dt, dtype, sparse=False).run(x, 40, record)
    assert result.spikes["lif0"].max() >= most
    assert result.spikes["lif1"].sum() > 100
    np.testing.assert_array_equal(result.spikes["lif1"], dense.spikes["lif1"])
    np.testing.assert_array_equal(result.rates["lif1"], dense.rates["lif1"])
    np.testing.assert_allclose(result.output, dense.output, atol=1e-4)
    (stepper,) = simulator._engines[0]._steppers.values()
    text = str(
        stepper.chunk.function.get_concrete_function(
            *_arguments(stepper, simulator._engines[0].model.arrays, x, dtype)
        ).graph.as_graph_def()
    )
    assert text.count('op: "SparseMatrixMatMul"') == 2, "for 300 columns; 4 are too few"
    kept = {name: stepper._dtype(node) for name, node in simulator._engines[0].model._by_name.items()}
    in_bytes = [name for name in graph.populations if kept[name] == tf.bool]
    assert in_bytes == (["lif0", "lif1"] if isinstance(neuron, LIF) else [])


def _arguments(stepper, arrays, x, dtype):
    held = {"x": tf.constant(np.resize(x, (stepper._program.batch_size, x.shape[1])), dtype)}
    constant, trains, state = stepper.before(arrays, held, None)
    return arrays, constant, trains, {}, state, tf.constant(0), tf.constant(1), None


def test_break_even_rises_with_the_width():
    assert products.break_even(27) < 0 < products.break_even(128) < products.break_even(512) < 1 / 3


def test_spikes_that_others_take_too_stay_numbers():
    """A branch that adds spikes up needs them as numbers, and so does an output."""
    graph = dense_network((30, 200, 300, 4), LIF())
    spikes = Affine(name="twice", inputs=("lif0",), shape=(200,), scale=np.full((), 2.0))
    for extra in ({"outputs": {"y": "dense2", "z": "lif0"}}, {"nodes": (*graph.nodes, spikes)}):
        changed = dataclasses.replace(graph, **extra)
        model = snnconv.Simulator(changed)._engines[0].model
        assert not model.fits_bool(model._by_name["lif0"])
        assert not model.fits_bool(model._by_name["lif1"]), "4 columns"
    assert not snnconv.Simulator(graph, precision="bfloat16")._engines[0].model.fits_bool(graph["lif0"])
