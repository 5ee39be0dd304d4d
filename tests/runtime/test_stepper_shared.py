"""Programs that simulators share, and sums over any number of steps."""

import gc
from pathlib import Path

import numpy as np
import pytest

import snnconv
from snnconv.neurons import IF, LIF
from snnconv.runtime.compiled import scan

from ..helpers.dense import dense_network
from ..helpers.small_graphs import graph_of, inputs_of


@pytest.fixture(scope="module")
def graph():
    return dense_network((4, 6, 5, 3), LIF())


def samples(graph, n=3):
    return np.random.default_rng(0).uniform(0, 3, (n, *graph.inputs[0].shape)).astype("float32")


@pytest.mark.parametrize("n_steps", [10_000, pytest.param(1_000_000, marks=pytest.mark.full)])
def test_means_do_not_depend_on_chunks_or_on_calls_before(graph, n_steps):
    x = samples(graph)
    simulator = snnconv.Simulator(graph)
    once = simulator.predict(x, n_steps)
    simulator.predict(x, 50)
    again = simulator.predict(x, n_steps)
    by_fifty = snnconv.Simulator(graph, chunk_steps=n_steps // 50).predict(x, n_steps)
    # summed in float64: what is left is the rounding of the mean itself to float32
    np.testing.assert_allclose(again, once, rtol=1e-7, atol=1e-7 * np.abs(once).max())
    np.testing.assert_allclose(by_fifty, once, rtol=1e-7, atol=1e-7 * np.abs(once).max())
    if n_steps <= 10_000:
        mean = simulator.run(x, n_steps).output.mean(1, dtype="float64")
        np.testing.assert_allclose(once, mean, rtol=1e-7, atol=1e-7 * np.abs(once).max())


def test_simulators_of_alike_networks_share_programs_and_not_arrays(graph):
    x = samples(graph)
    first = snnconv.Simulator(graph).predict(x, 40)
    n_programs = len(scan._SHARED)
    other = graph.replace(node.map_arrays(lambda array: array * 1.5) for node in graph.nodes)
    second = snnconv.Simulator(other).predict(x, 40)
    assert len(scan._SHARED) == n_programs
    expected = snnconv.reference.run(other, x, 40).output.mean(1)
    np.testing.assert_allclose(second, expected, atol=1e-4 * np.abs(expected).max())
    assert np.abs(second - first).max() > 0.1 * np.abs(first).max()


def test_arrays_of_other_shapes_get_a_program_of_their_own():
    for name in ("affine", "affine per place"):  # one factor per channel, and one per place
        small = graph_of(name)
        expected = snnconv.reference.run(small, inputs_of(small), 40).output.mean(1)
        found = snnconv.Simulator(small).run(inputs_of(small), 40).output.mean(1)
        np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())  # a spike is 1/40


def test_another_neuron_gets_a_program_of_its_own(graph):
    x = samples(graph)
    slow = dense_network((4, 6, 5, 3), LIF(tau_rc=0.05))
    for each in (graph, slow):
        expected = snnconv.reference.run(each, x, 60).output.mean(1)
        np.testing.assert_allclose(snnconv.Simulator(each).predict(x, 60), expected, atol=0.05 * np.abs(expected).max())


def test_a_neuron_with_an_array_for_a_parameter_runs():
    """Its settings have no hash, so that it shares nothing."""

    class Unhashable(float):
        __hash__ = None

    graph = dense_network((4, 6, 5, 3), IF(min_voltage=Unhashable(0.0)))
    x = samples(graph)
    expected = snnconv.reference.run(graph, x, 30).output.mean(1)
    np.testing.assert_allclose(snnconv.Simulator(graph, dtype="float64").predict(x, 30), expected, rtol=1e-9)


@pytest.mark.full
@pytest.mark.compiled
def test_memory_does_not_grow_with_simulators(graph):
    x = samples(graph)
    sizes = []
    for number in range(300):
        scaled = graph.replace(node.map_arrays(lambda array: array * (1 + number / 300)) for node in graph.nodes)  # noqa: B023
        snnconv.Simulator(scaled).predict(x, 20)
        if number % 100 == 50 or number == 299:
            gc.collect()
            pages = Path("/proc/self/statm").read_text().split()[1]
            sizes.append(int(pages) * 4096 / 1e6)
    # it was 1.2 to 3 MB each, 300 MB and more
    assert sizes[-1] - sizes[0] < 20, sizes


@pytest.mark.compiled
def test_one_program_of_all_layers_gives_the_spikes_of_the_parts(cnn, images):
    whole = snnconv.Simulator(cnn, dtype="float64", compile="whole", chunk_steps=20)
    result, expected = whole.run(images, 50, record="all"), snnconv.reference.run(cnn, images, 50, record="all")
    for name in cnn.populations:
        assert np.array_equal(result.spikes[name], expected.spikes[name]), name
        np.testing.assert_allclose(result.voltages[name], expected.voltages[name], atol=1e-9)
    parts = snnconv.Simulator(cnn, dtype="float64")
    np.testing.assert_allclose(whole.predict(images, 50), parts.predict(images, 50), atol=1e-9)
    for simulator, is_one_program in ((whole, True), (parts, None)):
        steppers = simulator._engines[0]._steppers.values()
        assert {each.chunk.function._jit_compile for each in steppers} == {is_one_program}
