"""Outputs and accuracies over time."""

import numpy as np
import pytest

import snnconv
from snnconv.analysis import plot
from snnconv.errors import InputError

from ..helpers.pictures import texts

N_STEPS = 50


def test_filtered_output_goes_to_the_rate_network(graph, x):
    result = snnconv.reference.run(graph, x, 300, record="lif1.spikes")
    ax = plot.filtered_output(graph, result, x, "lif1", sample=1, units=[7, 100], tau=0.05)
    rates = graph.rate_values(x)["lif1"][1].reshape(-1) / graph.populations["lif1"].amplitude
    for unit, filtered, expected in zip((7, 100), ax.lines[0::2], ax.lines[1::2], strict=False):
        assert expected.get_ydata()[0] == pytest.approx(rates[unit])
        # the mean of the second half: a lowpass goes to the mean of its input, whose spikes come by the rate
        assert filtered.get_ydata()[150:].mean() == pytest.approx(rates[unit], rel=0.1, abs=5)
    assert ax.get_ylabel() == "firing rate (Hz)"
    assert "tau" not in texts(ax)
    decay = np.exp(-0.001 / 0.02)
    ax = plot.filtered_output(graph, result, x)
    unit = int(ax.lines[0].get_label().split()[1])
    expected = np.zeros(301)
    for step, value in enumerate(result.output[0, :, unit]):
        expected[step + 1] = decay * expected[step] + (1 - decay) * value
    np.testing.assert_allclose(ax.lines[0].get_ydata(), expected[1:])
    logits = graph.rate_values(x)[graph["classes"].inputs[0]]  # before the softmax
    assert ax.lines[1].get_ydata()[0] == pytest.approx(logits[0, unit])


def test_accuracy_is_that_of_evaluate(graph, result, x):
    y = np.array([int(result.output[0].mean(0).argmax()), 4])
    scores = snnconv.Simulator(graph, dtype="float64").evaluate(x, y, N_STEPS)["accuracy_over_time"]
    line = plot.accuracy(result, y).lines[0]
    np.testing.assert_allclose(line.get_ydata(), 100 * scores)
    np.testing.assert_allclose(line.get_xdata(), np.arange(1, N_STEPS + 1))
    np.testing.assert_array_equal(plot.accuracy(result, np.eye(5)[y]).lines[0].get_ydata(), line.get_ydata())
    ax = plot.accuracy({"LIF": [0.5, 0.75], "IF": [0.1]}, dt=0.002, rate_accuracy=0.9)
    assert [line.get_label() for line in ax.lines] == ["LIF: 75.0%", "IF: 10.0%", "rate network: 90.0%"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [2, 4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda result: (result,), "pass y"),
        (lambda result: (result, [0, 5]), "class numbers from 0 to 4, one for each of the 2 samples"),
        (lambda result: (result, [0]), "one for each of the 2 samples"),
        (lambda result: ([0.5], [0, 1]), "y goes with a Result"),
        (lambda result: ([[0.5]],), "must be one number per step"),
    ],
)
def test_accuracy_says_what_does_not_fit(result, arguments, message):
    with pytest.raises(InputError, match=message):
        plot.accuracy(*arguments(result))
