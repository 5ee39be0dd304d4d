"""What calibration makes of the currents of a layer, given those that arrive in spikes."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.tuning.calibrate import fitting
from snnconv.tuning.calibrate.fitting import LEAST_VALUES, MOST_FACTOR, common_ratio, spread_ratio


def test_the_spread_of_each_channel_is_that_wanted():
    rng = np.random.default_rng(0)
    wanted = rng.standard_normal((40, 3, 5)).astype("float32")
    received = wanted / np.array([0.9, 1, 1.1, 1.5, 3], "float32") + 7
    np.testing.assert_allclose(spread_ratio(received, wanted), [0.9, 1, 1.1, 1.5, MOST_FACTOR], rtol=1e-5)


def test_what_says_nothing_of_a_spread():
    """Few values, and channels that are the same for all samples but for rounding."""
    rng = np.random.default_rng(0)
    changing, constant = rng.standard_normal((40, 1)), np.ones((40, 1))
    for received, wanted in ((constant, changing), (changing, constant), (constant + 1e-8 * changing, constant)):
        assert spread_ratio(received, wanted).tolist() == [1]
    assert spread_ratio(changing[:2], 3 * changing[:2]).tolist() == [1]
    assert spread_ratio(changing[:LEAST_VALUES], 1.5 * changing[:LEAST_VALUES]) == pytest.approx(1.5)


def test_one_factor_for_all_units_of_an_output():
    rng = np.random.default_rng(0)
    wanted = rng.standard_normal((40, 5)) * [1, 2, 3, 4, 5] + [9, 0, 0, 0, -9]
    assert common_ratio(wanted / 1.25 + 7, wanted) == pytest.approx(1.25)
    assert common_ratio(wanted[: LEAST_VALUES - 1] / 1.25, wanted[: LEAST_VALUES - 1]) == 1
    assert common_ratio(np.zeros((40, 5)), wanted) == 1


def test_values_have_the_mean_and_the_spread_of_the_rates():
    """Behind a lowpass, in which a part of the spikes still is after the last step."""
    keras.utils.set_random_seed(0)
    layers = [kl.Dense(32, activation="relu", kernel_initializer="he_normal") for _ in range(3)]
    graph = snnconv.convert(keras.Sequential([keras.Input((16,)), *layers, kl.Dense(4)]), verbose=False)
    graph = snnconv.passes.add_synapses(graph, 0.002)
    x = np.random.default_rng(0).standard_normal((200, 16)).astype("float32")
    found = snnconv.calibrate(graph, x, 16, values=True)
    received, wanted = snnconv.Simulator(found).predict(x, 16), graph.rate_output(x)
    np.testing.assert_allclose(received.mean(0), wanted.mean(0), atol=1e-4)  # float32, as the spikes are
    assert (received - received.mean(0)).std() == pytest.approx((wanted - wanted.mean(0)).std(), rel=1e-4)


def test_an_output_with_two_names_is_shifted_once():
    """Scores, and the softmax of them."""
    keras.utils.set_random_seed(0)
    given = keras.Input((16,))
    hidden = kl.Dense(32, activation="relu", kernel_initializer="he_normal")(given)
    scores = kl.Dense(4, name="scores")(hidden)
    graph = snnconv.convert(keras.Model(given, [scores, kl.Softmax(name="shares")(scores)]), verbose=False)
    x = np.random.default_rng(0).standard_normal((100, 16)).astype("float32")
    found = snnconv.calibrate(graph, x, 4)
    received = snnconv.Simulator(found).predict(x, 4)["scores"]
    # float32, as the spikes are
    np.testing.assert_allclose(received.mean(0), graph.rate_output(x)["scores"].mean(0), atol=1e-4)


def test_outputs_behind_pooling_have_the_mean_of_the_rates():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 2))
    hidden = kl.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal")(image)
    model = keras.Model(image, kl.Softmax()(kl.GlobalAveragePooling2D()(kl.Conv2D(4, 3)(hidden))))
    graph = snnconv.convert(model, verbose=False)
    x = np.random.default_rng(0).standard_normal((100, 8, 8, 2)).astype("float32")
    found = snnconv.calibrate(graph, x, 8)
    received = snnconv.Simulator(found).run(x, 8).mean_output
    wanted = graph.rate_values(x)[graph[graph.outputs[next(iter(graph.outputs))]].inputs[0]]
    np.testing.assert_allclose(received.mean(0), wanted.mean(0), atol=1e-4)  # float32, as the spikes are


def test_biases_that_others_receive_too_are_not_shifted():
    given = keras.Input((4, 4, 2))
    maps = kl.Conv2D(3, 1, name="maps")(given)
    pooled = kl.GlobalAveragePooling2D(name="pooled")(maps)
    scores = kl.Dense(5, name="scores")(pooled)

    def biased(outputs, label):
        graph = snnconv.convert(keras.Model(given, outputs), verbose=False)
        return fitting.biased_node(graph, graph.outputs[label])

    assert biased([pooled], "pooled").name == "maps"
    assert biased([pooled, maps], "pooled") is None
    assert biased([pooled, maps], "maps") is None
    assert biased([pooled, scores], "pooled") is None
    assert biased([pooled, scores], "scores").name == "scores"


def test_currents_of_the_right_spread_bring_outputs_nearer(monkeypatch):
    """Behind twelve layers whose neurons each lose a little where much is due; 16 steps, and other samples."""
    keras.utils.set_random_seed(0)
    layers = [kl.Dense(32, activation="relu", kernel_initializer="he_normal") for _ in range(12)]
    graph = snnconv.convert(keras.Sequential([keras.Input((16,)), *layers, kl.Dense(4)]), verbose=False)
    x = np.random.default_rng(0).standard_normal((600, 16)).astype("float32")

    def miss():
        found = snnconv.calibrate(graph, x[:200], 16)
        return np.square(snnconv.Simulator(found).predict(x[200:], 16) - graph.rate_output(x[200:])).mean()

    better = miss()
    monkeypatch.setattr(fitting, "spread_ratio", lambda received, wanted: np.ones(received.shape[-1]))
    assert better < 0.9 * miss()  # 0.82
