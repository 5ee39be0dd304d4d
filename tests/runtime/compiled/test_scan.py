"""Scans with several steps in each round of their loop, as GPUs run them: the same spikes."""

import numpy as np
import pytest

import snnconv
from snnconv.neurons import LIF
from snnconv.runtime import tensorflow_ops
from snnconv.runtime.compiled import engine, scan
from snnconv.runtime.compiled.halves import in_halves
from snnconv.runtime.compiled.scan import together

from ...helpers.dense import dense_network
from ..test_scan import EACH_KIND, network

pytestmark = pytest.mark.compiled

BY_DEFAULT = ("LIF", "IF")  # spikes in bits, and counts; the others in the full suite


@pytest.fixture
def on_a_gpu(monkeypatch):
    """TensorFlow's CPU, taken for a GPU."""
    monkeypatch.setattr(engine, "is_gpu", lambda device: True)
    monkeypatch.setattr(scan, "_MOST_TOGETHER", 4)  # XLA takes minutes to compile 25 steps for a CPU


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k in BY_DEFAULT else pytest.mark.full) for k in EACH_KIND]
)
def test_rounds_change_no_spike(kind, on_a_gpu):
    graph, dtype = network(EACH_KIND[kind]), "float64"
    x = np.random.default_rng(1).normal(0, 1, (5, 38, 6))
    simulator = snnconv.Simulator(graph, dtype=dtype, chunk_steps=12)  # the last chunk ends inside a round
    found = simulator.run(x, 38, record="all")
    expected = snnconv.reference.run(graph, x, 38, record="all")
    for name, spikes in expected.spikes.items():
        assert np.abs(spikes).sum() > 50
        np.testing.assert_array_equal(found.spikes[name], spikes)
        np.testing.assert_allclose(found.voltages[name], expected.voltages[name], atol=1e-9)  # rounding of 38 steps
    for name in graph.populations:
        for variable, values in expected.state[name].items():
            np.testing.assert_allclose(found.state[name][variable], values, rtol=1e-9, atol=1e-9)


def test_a_gpu_gets_one_program_in_rounds_and_a_cpu_does_not(on_a_gpu):
    graph = dense_network((4, 6, 3), LIF())
    for compile, is_whole in (("auto", True), ("parts", False)):
        model = snnconv.Simulator(graph, compile=compile)._engines[0].model
        assert (model.is_one_program, model.platform) == (is_whole, "gpu")
        products = [model.products(node, True) for node in model.nodes if node.name == "dense1"]
        assert products == [in_halves("float32", True) if is_whole else tensorflow_ops]


def test_a_cpu_gets_parts():
    model = snnconv.Simulator(dense_network((4, 6, 3), LIF()))._engines[0].model
    assert (model.is_one_program, model.platform) == (False, "cpu")
    assert all(model.products(node, True) is tensorflow_ops for node in model.nodes)


@pytest.mark.parametrize(("steps", "expected"), [(100, 25), (32, 16), (24, 24), (97, 1), (1, 1), (500, 25)])
def test_a_round_is_the_largest_divisor_that_fits(steps, expected):
    assert together(steps) == expected
