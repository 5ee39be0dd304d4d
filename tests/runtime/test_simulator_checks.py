"""What a simulator refuses, and what predict and evaluate compute from outputs."""

import numpy as np
import pytest

import snnconv
from snnconv.errors import InputError, ParameterError
from snnconv.runtime import reference


def test_predict_averages_then_reads_out(cnn, images, loop):
    simulator = snnconv.Simulator(cnn, dtype="float64")
    mean = loop.output.mean(1)
    softmax = np.exp(mean) / np.exp(mean).sum(-1, keepdims=True)
    np.testing.assert_allclose(simulator.predict(images, 120), softmax, atol=1e-9)
    running = simulator.predict(images, 120, reduce=None)
    assert running.shape == (5, 120, 5)
    np.testing.assert_allclose(running[:, -1], softmax, atol=1e-9)
    last = loop.output[:, -1]
    np.testing.assert_allclose(
        simulator.predict(images, 120, reduce="last"), np.exp(last) / np.exp(last).sum(-1, keepdims=True), atol=1e-9
    )


def test_evaluate_classes_and_targets(cnn, images, loop):
    simulator = snnconv.Simulator(cnn, dtype="float64", chunk_steps=50, batch_size=2)
    winners = np.cumsum(loop.output, 1).argmax(-1)
    labels = np.array([winners[0, -1], winners[1, -1], (winners[2, -1] + 1) % 5, winners[3, -1], winners[4, 5]])
    expected = (winners == labels[:, None]).mean(0)
    for y in (labels, labels[:, None], np.eye(5)[labels]):
        scores = simulator.evaluate(images, y, 120)
        np.testing.assert_allclose(scores["accuracy_over_time"], expected)
        assert scores["accuracy"] == pytest.approx(expected[-1])
        assert (scores["n_samples"], scores["n_steps"]) == (5, 120)
    targets = np.random.default_rng(0).random((5, 5)) * 3
    scores = simulator.evaluate(images, targets, 120)
    assert scores["mse"] == pytest.approx(((simulator.predict(images, 120) - targets) ** 2).mean())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_steps": 0}, ParameterError, "n_steps must be a whole number above 0. Received 0"),
        ({"n_steps": 2.5}, ParameterError, "n_steps must be a whole number"),
        (
            {"x": np.zeros((5, 12, 12, 3))},
            InputError,
            r"'image' must have shape \(n, 12, 12, 2\) or \(n, 10, 12, 12, 2\)",
        ),
        ({"x": np.zeros((0, 12, 12, 2))}, InputError, "holds no samples"),
        ({"x": np.full((5, 12, 12, 2), np.nan)}, InputError, "NaN or infinity"),
        ({"x": [["a"]]}, InputError, "array of numbers"),
        ({"record": ["lif3"]}, InputError, "cannot record 'lif3'. Populations are"),
        ({"record": ["lif1.kernel"]}, InputError, "cannot record 'lif1.kernel'"),
        ({"state": {}}, InputError, "state lacks node 'lif1'"),
    ],
)
def test_bad_input_is_refused_by_both_runtimes(cnn, images, arguments, error, message):
    arguments = {"x": images, "n_steps": 10, **arguments}
    with pytest.raises(error, match=message):
        snnconv.Simulator(cnn).run(**arguments)
    with pytest.raises(error, match=message):
        reference.run(cnn, **arguments)


def test_a_state_of_other_samples_is_refused(cnn, images):
    simulator = snnconv.Simulator(cnn)
    state = simulator.run(images, 5).state
    with pytest.raises(InputError, match=r"must have shape \(2, 12, 12, 8\) for these 2 samples"):
        simulator.run(images[:2], 5, state=state)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dt": 0.0}, "dt must be above 0"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64'"),
        ({"initial_voltage": "random"}, "initial_voltage must be 'uniform' or a number"),
        ({"initial_voltage": 1.5}, "up to 1, the threshold"),
        ({"batch_size": 0}, "batch_size must be None or a whole number above 0"),
        ({"chunk_steps": -1}, "chunk_steps must be None or a whole number above 0"),
    ],
)
def test_bad_parameters_are_refused(cnn, arguments, message):
    with pytest.raises(ParameterError, match=message):
        snnconv.Simulator(cnn, **arguments)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, 1, 2, 3, 7]), "whole numbers from 0 to 4"),
        (np.zeros((5, 3)), r"y must have shape \(n,\) or \(n, 5\)"),
        (np.zeros(4, int), "x has 5 samples, y has 4"),
    ],
)
def test_bad_labels_are_refused(cnn, images, y, message):
    with pytest.raises(InputError, match=message):
        snnconv.Simulator(cnn).evaluate(images, y, 5)
