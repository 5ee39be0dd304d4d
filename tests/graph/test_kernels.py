"""Kernels that are kept as factors: they read as the product, and take no memory of their own."""

import copy
import dataclasses
import gc
import pickle
import tracemalloc

import h5py
import keras
import numpy as np
import pytest

import snnconv
from snnconv.graph import Dense, Input, SpikingGraph
from snnconv.graph.nodes.kernels import scaled
from snnconv.neurons import numpy_ops

from ..helpers.networks import sequential

WEIGHTS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
OUT, IN = np.linspace(0.5, 2, 4), np.linspace(-3, 3, 6)[:, None]


def node(**fields):
    return Dense(name="d", inputs=("x",), shape=(4,), **fields)


def folded():
    first = node(kernel=scaled(WEIGHTS, OUT))
    return dataclasses.replace(first, kernel=scaled(first.kernel, IN))


def test_factors_read_as_their_product_in_float64():
    kernel = folded().kernel
    np.testing.assert_array_equal(kernel, WEIGHTS * OUT * IN, strict=True)  # to the last bit: one factor after another
    with pytest.raises(ValueError, match="read-only"):
        kernel[0] = 0


def test_a_kernel_that_is_read_and_handed_on_stays_factors():
    other = folded()
    for _ in range(3):
        other = dataclasses.replace(other, inputs=("y",))
    large = node(kernel=scaled(np.ones((1000, 1000), "float32"), np.full(1000, 2.0)))
    tracemalloc.start()
    many = [dataclasses.replace(large, name=f"d{number}") for number in range(5)]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1 << 18  # a product takes 8 MB
    assert all(each.kernel[0, 0] == 2 for each in many)
    np.testing.assert_array_equal(other.kernel, folded().kernel)


@pytest.mark.parametrize("part", [lambda k: k[:3], lambda k: k[::-1], lambda k: k.T, lambda k: k + 0])
def test_a_part_of_a_kernel_is_not_taken_for_the_whole(part):
    kernel = folded().kernel
    np.testing.assert_array_equal(node(kernel=part(kernel)).kernel, part(WEIGHTS * OUT * IN))


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda each: pickle.loads(pickle.dumps(each))])
def test_factors_are_copied_and_pickled(copied):
    np.testing.assert_array_equal(copied(folded()).kernel, WEIGHTS * OUT * IN)


def test_a_converted_network_takes_no_memory_for_its_kernels():
    layers = [keras.layers.Dense(1024), snnconv.layers.LIF(name="lif"), keras.layers.Dense(1024, activation="relu")]
    model = sequential((1024,), *layers)
    snnconv.convert(model, verbose=False)  # imports and compiles what it needs
    gc.collect()
    tracemalloc.start()
    graph = snnconv.convert(model, verbose=False)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    n_weights = 2 * 1024**2
    assert held < n_weights  # a byte a weight; the products would take eight
    kernel = graph.populations["lif"].kernel
    np.testing.assert_array_equal(kernel, graph.populations["lif"].trained.kernel * graph.populations["lif"].gain)


def large_graph() -> SpikingGraph:
    trained = np.random.default_rng(0).normal(size=(600, 500)).astype("float32")
    kernel = scaled(scaled(trained, np.linspace(0.5, 2, 500)), np.linspace(-3, 3, 600)[:, None])
    dense = Dense(name="d", inputs=("x",), shape=(500,), kernel=kernel, trained={"kernel": trained})
    return SpikingGraph((Input(name="x", shape=(600,)), dense), {"output": "d"})


def test_a_file_keeps_the_factors(tmp_path):
    graph, path = large_graph(), tmp_path / "g.snn.h5"
    graph.save(path)
    snnconv.load(path)
    tracemalloc.start()
    found = snnconv.load(path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1.5 * 4 * 600 * 500  # the trained weights in float32, and not the product of 8 bytes each
    np.testing.assert_array_equal(found["d"].kernel, graph["d"].kernel, strict=True)
    found.save(tmp_path / "again.snn.h5")
    np.testing.assert_array_equal(snnconv.load(tmp_path / "again.snn.h5")["d"].kernel, graph["d"].kernel)


@pytest.mark.parametrize("changed", ["nodes/d/kernel", "scales/1/0", "nodes/d/trained/kernel"])
def test_factors_that_do_not_give_the_kernel_of_a_file_are_not_taken(tmp_path, changed):
    large_graph().save(tmp_path / "g.snn.h5")
    with h5py.File(tmp_path / "g.snn.h5", "a") as file:
        file[changed][0] = 7.0
        expected = file["nodes/d/kernel"][()]
    np.testing.assert_array_equal(snnconv.load(tmp_path / "g.snn.h5")["d"].kernel, expected)


@pytest.mark.parametrize("shape", [(7,), (600, 500, 1), (0,)])
def test_factors_of_a_damaged_file_that_fit_no_kernel_are_not_taken(tmp_path, shape):
    large_graph().save(tmp_path / "g.snn.h5")
    with h5py.File(tmp_path / "g.snn.h5", "a") as file:
        del file["scales/1/0"]
        file["scales/1/0"] = np.ones(shape)
        expected = file["nodes/d/kernel"][()]
    np.testing.assert_array_equal(snnconv.load(tmp_path / "g.snn.h5")["d"].kernel, expected)


@pytest.mark.parametrize("between", [(), (3,), (2, 3)])
def test_products_over_the_last_axis_keep_the_others(between):
    x = np.random.default_rng(1).normal(size=(4, *between, 6))
    dense = node(kernel=WEIGHTS, bias=np.arange(4.0))
    np.testing.assert_allclose(dense.apply(x, xp=numpy_ops), x @ WEIGHTS + np.arange(4.0), rtol=1e-12)
    assert dense.apply(x[:0], xp=numpy_ops).shape == (0, *between, 4)
