"""Calibration of networks of functions of means: centres of their spikes, and biases of what they take."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.graph import RunningMean
from snnconv.graph.passes import set_spike_heights
from snnconv.tuning.calibrate.heights import best_codes, best_heights, by_channel

from ..helpers.networks import randomise

N_STEPS = 16


@pytest.fixture(scope="module")
def graph():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = kl.Conv2D(8, 1, activation="silu", name="first")(image)
    x = kl.DepthwiseConv2D(3, padding="same", activation="silu", name="second")(x)
    x = kl.Conv2D(8, 1, activation="silu", name="third")(x)
    model = keras.Model(image, kl.Dense(4)(kl.GlobalAveragePooling2D()(x)))
    for layer in model.layers:
        if layer.weights:
            layer.kernel.assign(layer.kernel * 4)  # so that silu bends
    return snnconv.convert(randomise(model), verbose=False)


X = np.random.default_rng(1).normal(size=(64, 8, 8, 3)).astype("float32")


def silu(x):
    return x / (1 + np.exp(-x))


def test_codes_around_a_centre_are_finer():
    activations = silu(np.random.default_rng(0).normal(0, 3, (2000, 5)))
    errors = []
    for centre, height in ((0.0, best_heights(activations, N_STEPS)), best_codes(activations, N_STEPS)):
        counts = np.clip(np.rint((activations - centre) * N_STEPS / height), -N_STEPS, N_STEPS)
        errors.append(((activations - centre - counts * height / N_STEPS) ** 2).mean())
    # where the other end is 0, the grid is 0.63 as coarse, and the squared error 0.4
    assert errors[1] < 0.6 * errors[0]


def test_a_code_without_lean_has_no_centre():
    activations = np.random.default_rng(0).normal(size=(500, 3)) ** 3
    centre, height = best_codes(activations, N_STEPS, lean=0)
    np.testing.assert_array_equal(centre, 0)
    np.testing.assert_array_equal(height, best_heights(activations, N_STEPS))


def test_silent_and_constant_channels_have_codes():
    centre, height = best_codes(np.tile([0.0, 2.0, -3.0], (10, 1)), N_STEPS)
    assert (height > 0).all()
    np.testing.assert_allclose(centre[0], 0)
    reached = centre[1:] + np.sign([2, -3]) * height[1:]
    np.testing.assert_allclose(reached, [2, -3])  # a spike at every step


@pytest.fixture(scope="module")
def calibrated(graph):
    return snnconv.calibrate(graph, X, N_STEPS)


def test_answers_come_closer_than_with_heights_alone(graph, calibrated):
    values = graph.rate_values(X)
    heights = {name: best_heights(by_channel(values[name]), N_STEPS) for name in graph.populations}
    plain = set_spike_heights(graph, heights, graph.dt)
    fresh = np.random.default_rng(2).normal(size=X.shape)
    wanted = graph.rate_output(fresh)
    errors = [np.linalg.norm(snnconv.Simulator(each).predict(fresh, N_STEPS) - wanted) for each in (plain, calibrated)]
    assert errors[1] < 0.7 * errors[0]


def test_neurons_send_one_spike_a_step_at_most(calibrated):
    spikes = snnconv.Simulator(calibrated).run(X[:8], N_STEPS, record="all.spikes").spikes
    assert max(int(np.abs(each).max()) for each in spikes.values()) == 1


def test_what_functions_take_is_right_on_average(graph, calibrated):
    """Each running mean ends at what it is in rates, averaged over samples and places."""
    wanted = graph.rate_values(X)
    state = snnconv.Simulator(calibrated).run(X, N_STEPS).state
    uncorrected = snnconv.calibrate(graph, X, N_STEPS, correct=False)
    without = snnconv.Simulator(uncorrected).run(X, N_STEPS).state
    for node in graph.nodes:
        if isinstance(node, RunningMean) and node.name.startswith("third"):
            rates = wanted[node.name].mean((0, 1, 2))
            off, off_before = (
                np.abs(each[node.name]["total"].mean((0, 1, 2)) / N_STEPS - rates) for each in (state, without)
            )
            assert off.max() < 1e-4  # float32, and the mean of all samples at once
            assert off_before.max() > 1e-2


def test_a_bias_that_a_population_was_fitted_behind_stays():
    """A dense layer feeds a relu, which is fitted first, and a silu; the output is right on average all the same."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6,))
    hidden = kl.Dense(32, activation="relu")(x)
    shared, other = (kl.Dense(16)(hidden) for _ in range(2))
    relu = kl.ReLU()(kl.Add()([shared, other]))
    y = kl.Dense(3)(kl.Concatenate()([relu, kl.Activation("silu")(shared)]))
    plain = snnconv.convert(keras.Model(x, y), verbose=False)
    samples = np.random.default_rng(0).random((300, 6))
    found = snnconv.calibrate(plain, samples, 4)
    answers = snnconv.Simulator(found).predict(samples, 4)
    # the last biases make up for all that is lacking on average of these samples; float32 leaves 1e-7
    np.testing.assert_allclose(answers.mean(0), plain.rate_output(samples).mean(0), atol=1e-5)
