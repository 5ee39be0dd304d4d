"""Functions of running means in a graph: means over time, windows, and the operations that are counted."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError, ConversionWarning, ParameterError
from snnconv.graph import Function, RunningMean
from snnconv.graph.passes import set_window
from snnconv.runtime import reference

from ..helpers.function_layers import between
from ..helpers.hertz import at_100_hertz
from ..helpers.networks import randomise


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return snnconv.convert(randomise(between((6, 4), kl.Activation("silu"))), verbose=False)


def test_chunks_and_steps_one_by_one_give_the_same_means(network):
    x = np.random.default_rng(0).normal(size=(3, 50, 6, 4))
    loop = reference.run(network, x, 50, record="all")
    simulator = snnconv.Simulator(network, dtype="float64")
    first = simulator.run(x[:, :17], 17, record="all")
    second = simulator.run(x[:, 17:], 33, record="all", state=first.state)
    (name,) = network.populations
    np.testing.assert_array_equal(np.concatenate([first.spikes[name], second.spikes[name]], 1), loop.spikes[name])
    for step in range(5):
        np.testing.assert_allclose(simulator.step(x[:, step]), loop.output[:, step], rtol=0, atol=1e-9)


def test_a_window_follows_an_input_that_changes(network):
    """From 0.5 s on the input is another one; a window of 100 ms forgets the first within 0.5 s, but for exp(-5)."""
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(2, 2, 6, 4))
    x = np.concatenate([np.broadcast_to(each[:, None], (2, 500, 6, 4)) for each in (before, after)], 1)
    network = snnconv.passes.scale_firing_rates(network, 10.0)
    rates = network.rate_output(after)
    size = np.abs(rates).mean()
    windowed = reference.run(set_window(network, 0.1), x, 1000).output[:, -100:].mean(1)
    since_start = reference.run(network, x, 1000).output[:, -100:].mean(1)
    assert np.abs(windowed - rates).mean() < 0.1 * size < 0.5 * np.abs(since_start - rates).mean()


def test_windows_are_kept_in_files_and_can_be_taken_back(network, tmp_path):
    windowed = set_window(network, 0.05)
    windowed.save(tmp_path / "w.h5")
    loaded = snnconv.load(tmp_path / "w.h5")
    assert [node.window for node in loaded.nodes if isinstance(node, RunningMean)] == [0.05]
    x = np.random.default_rng(0).normal(size=(2, 6, 4))
    plain = reference.run(set_window(loaded, None), x, 40)
    np.testing.assert_array_equal(plain.output, reference.run(network, x, 40).output)
    fast = snnconv.Simulator(loaded, dtype="float64").run(x, 90)
    np.testing.assert_allclose(fast.output, reference.run(loaded, x, 90).output, rtol=0, atol=1e-9)


def test_the_report_tells_what_a_window_is_off_by():
    """Half a spike in a window of 100 steps of 1 ms, and what a constant input then is off by at most."""
    model = randomise(between((6, 4), kl.Activation("silu")))
    graph = snnconv.convert(model, window=0.1, verbose=False)
    (name,) = graph.populations
    off = graph.populations[name].amplitude / (2 * 0.1)
    (said,) = [line.action for line in graph.report if line.type == "Activation"]
    assert said.endswith(f"a window of 100 ms follows slower changes, off by up to {off:.2g}, half a spike in a window")
    for window, told in ((0.2, ["a window of 200 ms"]), (None, [])):
        (action,) = [line.action for line in set_window(graph, window).report if line.type == "Activation"]
        assert [each for each in ("a window of 100 ms", "a window of 200 ms") if each in action] == told
    x = np.random.default_rng(3).normal(size=(4, 6, 4))
    silu = graph.rate_values({graph.inputs[0].name: x})[name]
    sent = reference.run(graph, x, 600, record=f"{name}.spikes").spikes[name] * 0.2 * off / 0.001
    weights = np.exp(-np.arange(600)[::-1] / 100)  # a spike counts for less, the older it is
    mean = np.tensordot(weights, sent, (0, 1)) / weights.sum()
    assert np.abs(mean - silu).max() < 1.1 * off


def test_windows_that_cannot_be(network):
    with pytest.raises(ParameterError, match=r"window must be None or a time above 0"):
        set_window(network, 0.0)
    relu = snnconv.convert(between((6, 4), kl.ReLU()), verbose=False)
    with pytest.raises(ConversionError, match="the network has none"):
        set_window(relu, 0.1)
    sigmoid = snnconv.convert(between((6, 4), kl.Activation("sigmoid")), verbose=False)
    with pytest.raises(ConversionError, match=r"the Sigmoid neurons of 'activation.*' .* have no window"):
        set_window(sigmoid, 0.1)


def test_calibrated_functions_send_one_signed_spike_a_step(network):
    x = np.random.default_rng(2).normal(size=(60, 6, 4))
    calibrated = snnconv.calibrate(network, x, 32)
    (name,) = calibrated.populations
    result = reference.run(calibrated, x[:8], 32, record=f"{name}.spikes")
    assert set(np.unique(result.spikes[name])) == {-1, 0, 1}
    rates = network.rate_output(x[:8])
    plain = reference.run(at_100_hertz(network), x[:8], 32)
    assert np.abs(result.output.mean(1) - rates).mean() < 0.5 * np.abs(plain.output.mean(1) - rates).mean()
    # at another step length the heights need factors beside those that could not fold
    with pytest.warns(ConversionWarning, match="made for steps of 0.001 s"):
        other = snnconv.Simulator(calibrated, dt=0.002).predict(x[:8], 500)
    assert np.abs(other - rates).mean() < 0.1 * np.abs(rates).mean()


def test_energy_counts_the_arithmetic_of_functions(network):
    report = snnconv.energy(network, np.random.default_rng(0).normal(size=(2, 6, 4)), 20)
    assert [layer.arithmetic for layer in report.layers if layer.arithmetic] == [2 * 24]  # 2 for each of 6 × 4 values
    assert report.arithmetic == 20 * 48 == report.to_dict()["arithmetic"]
    assert "arithmetic" in str(report)
    assert "functions of means" in str(report)
    relu = snnconv.convert(between((6, 4), kl.ReLU()), verbose=False)
    assert "arithmetic" not in str(snnconv.energy(relu, np.zeros((1, 6, 4)), 5))


def test_products_are_counted_by_their_equation():
    node = Function(
        name="f", inputs=("x", "y"), shape=(2, 5), function="einsum", settings='{"equation": "nij,njk->nik"}'
    )
    assert node.n_operations(((2, 3), (3, 5))) == 2 * 3 * 5
    with pytest.raises(ParameterError, match=r"computes 'nothing', which is not known here"):
        dataclasses.replace(node, function="nothing")


def test_targets_refuse_functions_of_means_by_name(network, tmp_path):
    for target, options in (("nir", {}), ("nengo", {}), ("c", {"numbers": "double"})):
        with pytest.raises(snnconv.errors.ExportError, match=r"the functions of means of 'activation.*\.silu'"):
            snnconv.export.export(network, tmp_path / target, target, **options)
