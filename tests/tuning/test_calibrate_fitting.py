"""What calibration makes of the currents of a layer, given those that arrive in spikes."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.tuning.calibrate import fitting
from snnconv.tuning.calibrate.fitting import LEAST_VALUES, MOST_FACTOR, spread_ratio


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


def test_currents_of_the_right_spread_bring_outputs_nearer(monkeypatch):
    """Behind twelve layers whose neurons each lose a little where much is due; 16 steps, and other samples."""
    keras.utils.set_random_seed(0)
    layers = [kl.Dense(32, activation="relu", kernel_initializer="he_normal") for _ in range(12)]
    graph = snnconv.convert(keras.Sequential([keras.Input((16,)), *layers, kl.Dense(4)]), verbose=False)
    x = np.random.default_rng(0).standard_normal((600, 16)).astype("float32")

    def miss():
        found = snnconv.calibrate(graph, x[:200], 16)
        return np.square(snnconv.Simulator(found).predict(x[200:], 16, read_from=1) - graph.rate_output(x[200:])).mean()

    better = miss()
    monkeypatch.setattr(fitting, "spread_ratio", lambda received, wanted: np.ones(received.shape[-1]))
    assert better < 0.9 * miss()  # 0.82
