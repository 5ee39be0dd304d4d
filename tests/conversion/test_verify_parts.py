"""Parts of samples and steps: few enough for the memory, and without influence on what is found."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.api import verify
from snnconv.conversion.verify import spikes

from ..helpers.networks import randomise


@pytest.fixture(scope="module")
def model():
    """In float64, since Keras rounds float32 otherwise for two samples than for five."""
    layers = [
        kl.Dense(12, dtype="float64"),
        snnconv.layers.LIF(name="first", dtype="float64"),
        kl.Dense(6, activation="relu", name="second", dtype="float64"),
        kl.Dense(3, dtype="float64"),
    ]
    return randomise(keras.Sequential([keras.Input((5,), dtype="float64"), *layers]))


def test_parts_do_not_change_what_is_found(model, monkeypatch):
    x = 30 * np.random.default_rng(0).random((5, 5))
    whole = verify(model, x, 30, dtype="float64")
    assert sum(layer.n_spikes or 0 for layer in whole.layers) > 20
    calls = []
    run = spikes.reference.run
    monkeypatch.setattr(
        spikes.reference, "run", lambda *args, **kwargs: calls.append(kwargs["n_steps"]) or run(*args, **kwargs)
    )
    monkeypatch.setattr(spikes, "MEMORY", 1000)  # bytes: two samples, a few steps
    split = verify(model, x, 30, dtype="float64")
    assert len(calls) > 6
    assert sum(calls) == 30 * 3
    for one, other in zip(whole.layers, split.layers, strict=True):
        assert (one.name, one.n_spikes, one.n_moved, one.passed) == (other.name, other.n_spikes, other.n_moved, True)
        assert one.keras_difference == pytest.approx(other.keras_difference, abs=1e-4)
        if one.kind != "output":
            for key in ("rate", "rate_equation", "rate_difference"):
                assert getattr(one, key) == pytest.approx(getattr(other, key), rel=1e-6, abs=1e-4)


def test_parts_fit_the_memory_and_are_even(model):
    graph = snnconv.convert(model, verbose=False)
    values = sum(int(np.prod(node.shape)) for node in graph.nodes)
    assert spikes.samples_at_once(graph) == spikes.MEMORY // (8 * values)
    steps = spikes.steps_at_once(graph, 10**6, 200)
    assert 1 <= steps < 200
    assert steps * 10**6 * (12 + 6 + 3 * 8) <= 2 * spikes.MEMORY


def test_the_number_of_random_samples(model):
    assert verify(model, n_steps=5).n_samples == 8
    assert verify(model, n_steps=5, n_samples=2).n_samples == 2
