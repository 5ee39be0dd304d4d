"""Kernels that are kept as factors: they read as the product, and take no memory of their own."""

import copy
import dataclasses
import gc
import pickle
import tracemalloc

import keras
import numpy as np
import pytest

import snnconv
from snnconv.graph import Dense
from snnconv.graph.nodes.kernels import scaled

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
    layers = [keras.layers.Dense(1024), snnconv.layers.LIF(), keras.layers.Dense(1024, activation="relu")]
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
