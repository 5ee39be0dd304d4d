"""Rate curves, histograms and correlations draw the rates."""

import dataclasses

import numpy as np
import pytest

from snnconv.analysis import plot
from snnconv.errors import InputError, ParameterError
from snnconv.neurons import LIF, NEURONS, PiecewiseLinear
from snnconv.runtime.result import Result

from ..helpers.pictures import texts, with_spikes


def test_rate_curve_is_the_rate_equation():
    ax = plot.rate_curve(LIF(amplitude=0.5), np.array([0.5, 2.0]), measured=([1.5, 2.5], [30.0, 70.0]), dt=None)
    measured, curve = ax.lines
    np.testing.assert_allclose(curve.get_ydata(), [0, 1 / (0.002 + 0.02 * np.log(2))])
    np.testing.assert_array_equal(measured.get_ydata(), [30, 70])
    assert ax.get_xlabel() == "input current J (thresholds)"


@pytest.mark.parametrize("kind", NEURONS)
def test_rate_curve_steps_the_neuron(kind):
    """A run of 1 s counts to within one spike of the rate; LIF may also begin a spike later."""
    neuron = NEURONS[kind]()
    ax = plot.rate_curve(neuron)
    curve, stepped = ax.lines
    expected = neuron.rate(np.asarray(stepped.get_xdata())) / neuron.amplitude
    assert np.ptp(expected) > 40, "the range shown must show the curve"
    np.testing.assert_allclose(stepped.get_ydata(), expected, atol=2.0)
    assert stepped.get_ydata().max() <= curve.get_ydata().max() + 1
    assert "1,000 steps of 1 ms" in texts(ax)


def test_rate_curve_says_what_it_cannot_draw():
    with pytest.raises(InputError, match="negative_slope of this PiecewiseLinear neuron has one value per unit"):
        plot.rate_curve(PiecewiseLinear(negative_slope=(0.1, 0.2)))
    with pytest.raises(InputError, match="two arrays of one shape"):
        plot.rate_curve(LIF(), measured=([1.0], [1.0, 2.0]))
    with pytest.raises(ParameterError, match="n_steps must be a whole number"):
        plot.rate_curve(LIF(), n_steps=0)


def test_rate_curve_draws_some_of_many_measurements():
    J = np.linspace(0, 5, 20_000)
    ax = plot.rate_curve(LIF(), measured=(J, J), dt=None)
    assert len(ax.lines[0].get_xdata()) == 5000
    assert "5,000 of 20,000 shown" in texts(ax)


def test_rate_histograms_count_the_neurons_that_fire(result):
    ax = plot.rate_histograms(result)
    written = texts(ax)
    rates = {"lif1": result.rates["lif1"], "hidden": result.rates["hidden"]}
    rates["lif2"] = result.spikes["lif2"].sum(1, dtype=float) / 0.05
    for name, values in rates.items():
        assert f"{name}\nmean {values.mean():.3g} Hz, {(values == 0).mean():.0%} silent" in written
    assert [label.get_text().split("\n")[0] for label in ax.get_yticklabels()] == ["lif1", "lif2", "hidden"]
    heights, edges, base = ax.patches[0].get_data()
    counts, _ = np.histogram(rates["lif1"][rates["lif1"] > 0], edges)
    np.testing.assert_allclose(heights - base, 0.85 * counts / counts.max())
    widths = np.diff(edges) * 0.05  # in spikes of a run: whole numbers, or some bins would hold more rates than others
    np.testing.assert_allclose(widths, widths.round())


def test_rate_histograms_of_many_layers_and_of_none():
    rates = {f"layer{number}": np.full((1, 2), number) for number in range(40)}
    ax = plot.rate_histograms(Result({"y": np.zeros((1, 2, 1))}, 2, 0.001, rates=rates))
    assert "24 of 40 layers shown" in ax.get_xlabel()
    assert len(ax.patches) == 24
    with pytest.raises(InputError, match="recorded neither rates nor spikes"):
        plot.rate_histograms(Result({"y": np.zeros((1, 2, 1))}, 2, 0.001))
    assert "no spikes" in texts(plot.rate_histograms(with_spikes(np.zeros((1, 2, 3), "uint8"))))


def test_correlation_is_that_of_the_rates(graph, model, result, x):
    values = graph.rate_values(x)
    ax = plot.correlation(graph, result, x)
    for line, name in zip(ax.lines, ["lif1", "lif2", "hidden"], strict=False):
        amplitude = graph.populations[name].amplitude
        expected = values[name].reshape(-1) / amplitude
        measured = result.measured_rates(name).reshape(-1)
        np.testing.assert_allclose(line.get_xdata(), expected)
        np.testing.assert_allclose(line.get_ydata(), measured)
        assert line.get_label() == f"{name}: r = {np.corrcoef(expected, measured)[0, 1]:.4f}"
    of_keras = plot.correlation(graph, result, x, "lif2", model=model)
    np.testing.assert_allclose(of_keras.lines[0].get_xdata(), ax.lines[1].get_xdata(), rtol=1e-3, atol=1e-2)  # float32
    assert of_keras.get_xlabel() == "rate of Keras (Hz)"


def test_correlation_says_what_does_not_fit(graph, result, x):
    with pytest.raises(InputError, match="x must be the samples of the run"):
        plot.correlation(graph, result, x[:1])
    silent = dataclasses.replace(result, rates={"hidden": 0 * result.rates["hidden"]}, spikes={})
    assert "r undefined" in texts(plot.correlation(graph, silent, x))
