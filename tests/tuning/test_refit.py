"""Gains and biases refit for other rates and time constants."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError, ParameterError
from snnconv.neurons import IF, LIF
from snnconv.tuning.calibrate import refit
from snnconv.tuning.calibrate.refit import fit_gain_bias

from ..helpers.command import fails, run
from ..helpers.examples import at_most
from ..helpers.networks import random_cnn, randomise

RNG = np.random.default_rng(0)
X = RNG.random((60, 12, 12, 2))


@pytest.fixture(scope="module")
def cnn():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(cnn):
    return snnconv.convert(cnn, verbose=False)


@given(scale=st.floats(0.2, 8), top=st.floats(1, 500), seed=st.integers(0, 99))
@at_most(10)
def test_for_if_neurons_the_fit_is_exact(scale, top, seed):
    """A ReLU s times as steep, at amplitude/s, is the same: gain s, bias 0."""
    currents = np.random.default_rng(seed).normal(0, top, (400, 3))
    neuron = IF(amplitude=0.01)
    gain, bias = fit_gain_bias(neuron.scale_rates(scale)[0], currents, neuron.rate(currents))
    np.testing.assert_allclose(gain, scale, rtol=1e-9)
    np.testing.assert_allclose(bias, 0, atol=1e-9 * top * scale)


@pytest.mark.parametrize(("tau_rc", "tau_ref", "scale"), [(0.02, 0.002, 1.5), (0.005, 0.0, 1.0), (0.1, 0.001, 2.0)])
def test_no_gain_and_bias_nearby_are_better(tau_rc, tau_ref, scale):
    currents = RNG.gamma(2, 2, (2000, 4)) - 1
    outputs = LIF(0.02, 0.002, amplitude=0.01).rate(currents)
    neuron = LIF(tau_rc, tau_ref, amplitude=0.01 / scale)
    gain, bias = fit_gain_bias(neuron, currents, outputs)

    def error(gain, bias):
        return ((neuron.rate(gain * currents + bias) - outputs) ** 2).mean(0)

    least = error(gain, bias)
    assert (np.sqrt(least) < 0.12 * outputs.mean(0)).all()
    for change in (0.97, 1.03):
        # the fit sees 512 of the 2000 currents, which moves its least error by little
        assert (least <= error(gain * change, bias) * 1.01).all()
        assert (least <= error(gain, bias + (change - 1) * gain) * 1.01).all()


def test_the_same_time_constants_give_back_the_same_curve():
    currents = RNG.gamma(2, 2, (500, 2))
    neuron = LIF(amplitude=0.01)
    gain, bias = fit_gain_bias(neuron, currents, neuron.rate(currents))
    np.testing.assert_allclose(gain * currents + bias, currents, rtol=1e-3)


def test_the_error_reported_is_the_error_measured(graph):
    found = refit(graph, X, 1.5)
    before, after = graph.rate_values(X), found.graph.rate_values(X)
    assert set(found.errors) == {"lif1", "lif2"}
    for name, error in found.errors.items():
        rms = np.sqrt(((after[name] - before[name]) ** 2).mean())
        # the report computes in float32
        assert error.rms == pytest.approx(rms, rel=1e-3)
        assert error.relative == pytest.approx(rms / before[name].mean(), rel=1e-3)
        assert 0 < error.relative < 0.3
        (line,) = [line for line in found.graph.report if line.layer == name]
        assert f"refit to rates × 1.5: {error}" in line.action


def test_rates_scale_and_time_constants_stay(graph):
    found = refit(graph, X, 1.5).graph
    for name in ("lif1", "lif2"):
        old, new = graph.populations[name].neuron, found.populations[name].neuron
        assert (new.tau_rc, new.tau_ref) == (old.tau_rc, old.tau_ref)
        rates = [each.rate_values(X)[name].mean() / each.populations[name].neuron.amplitude for each in (graph, found)]
        assert rates[1] / rates[0] == pytest.approx(1.5, rel=0.05)
    assert not [node for node in found.nodes if node.kind == "Affine"], "every gain is in a kernel"


def test_neurons_without_leak_are_scaled_exactly(graph):
    found = refit(graph, X, {"hidden.neurons" if "hidden.neurons" in graph.populations else "hidden": 3.0, "lif1": 1.2})
    assert set(found.errors) == {"lif1"}
    (name,) = [name for name in graph.populations if name.startswith("hidden")]
    assert found.graph.populations[name].neuron.amplitude == pytest.approx(graph.populations[name].neuron.amplitude / 3)


def test_other_time_constants(graph):
    found = refit(graph, X, tau_rc=0.03, tau_ref=0.001)
    neurons = [found.graph.populations[name].neuron for name in ("lif1", "lif2")]
    assert [(neuron.tau_rc, neuron.tau_ref) for neuron in neurons] == [(0.03, 0.001)] * 2
    assert all(error.relative < 0.1 for error in found.errors.values())
    # and spikes follow: as near to the rates as those of the network that was trained
    rates = graph.rate_output(X[:20])
    misses = [np.abs(snnconv.Simulator(g).predict(X[:20], 200) - rates).mean() for g in (graph, found.graph)]
    assert misses[1] < 1.5 * misses[0]


def test_convert_refits_and_says_how_near_it_came(cnn, graph, capsys):
    found = snnconv.convert(cnn, scale_firing_rates=1.5, refit=X)
    assert "refit to rates × 1.5: rms error" in " ".join(capsys.readouterr().out.split())
    np.testing.assert_allclose(found.rate_output(X[:5]), refit(graph, X, 1.5).graph.rate_output(X[:5]), rtol=1e-6)
    assert found.populations["lif1"].tau_rc == 0.02


def test_what_cannot_be_refit_is_said(cnn, graph):
    with pytest.raises(ParameterError, match="pass refit=x"):
        snnconv.convert(cnn, tau_rc=0.03, verbose=False)
    with pytest.raises(ParameterError, match="refit=x is for scale_firing_rates, tau_rc or tau_ref"):
        snnconv.convert(cnn, refit=X, verbose=False)
    with pytest.raises(ConversionError, match="names 'lif9', which is no population"):
        refit(graph, X, {"lif9": 2.0})
    relu = randomise(keras.Sequential([keras.Input((3,)), kl.Dense(4, activation="relu"), kl.Dense(2)]))
    with pytest.raises(ConversionError, match="no population of LIF neurons to refit"):
        refit(snnconv.convert(relu, verbose=False), np.zeros((4, 3)), 2.0)


def test_the_export_command_refits(graph, tmp_path):
    graph.save(tmp_path / "net.snn.h5")
    np.save(tmp_path / "x.npy", X)
    options = ("--refit", tmp_path / "x.npy", "--scale-firing-rates", 1.5, "-o", tmp_path / "refit.snn.h5")
    printed = run("export", tmp_path / "net.snn.h5", *options)
    expected = refit(graph, X, 1.5)
    assert f"lif2: refit to rates × 1.5: {expected.errors['lif2']}" in " ".join(printed.split())
    loaded = snnconv.load(tmp_path / "refit.snn.h5")
    np.testing.assert_allclose(loaded.rate_output(X[:5]), expected.graph.rate_output(X[:5]), rtol=1e-6)
    other = ("-o", tmp_path / "n.h5")
    fails("--tau-rc and --tau-ref need --refit", "export", tmp_path / "net.snn.h5", "--tau-rc", 0.03, *other)
    fails("--refit is for --scale-firing-rates", "export", tmp_path / "net.snn.h5", *options[:2], *other)
