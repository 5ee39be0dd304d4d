"""Stops by proof in a search of settings."""

import json

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.tuning import Readout, apply
from snnconv.tuning.certify import settled_steps

from ..helpers.tuned import trained_digits


@pytest.fixture(scope="module")
def tuning():
    """A search on digits, for a network of one relu layer."""
    _, _, x, y = trained_digits()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), kl.Dense(24, activation="relu"), kl.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=30, verbose=0)
    graph = snnconv.convert(model, verbose=False)
    settings = {"n_steps": 60, "scales": (1,), "synapses": (None,), "calibrate": (), "readouts": [Readout()]}
    return graph, x, snnconv.tune(graph, x, y, accuracy_drop=2, **settings)


def test_a_stop_by_proof_gives_the_answer_of_the_longest_run(tuning):
    graph, x, found = tuning
    network = apply(graph, found.chosen.setting.scale_firing_rates, found.chosen.setting.synapse)
    np.testing.assert_array_equal(found.proven.settled, settled_steps(network, x))
    assert 0 < found.proven.share < 1
    means = snnconv.Simulator(network).predict(x, 60, reduce=None)
    stops = np.minimum(found.proven.settled, 60).astype(int)
    assert found.proven.mean_steps == stops.mean() < 60
    np.testing.assert_array_equal(means[np.arange(len(x)), stops - 1].argmax(-1), means[:, -1].argmax(-1))


def test_it_is_printed_and_in_the_data(tuning):
    _, _, found = tuning
    said = " ".join(str(found).split())
    assert (
        f"A stop by proof, read as the mean of all steps, takes {found.proven.mean_steps:.1f} of 60 steps on average"
        in said
    )
    data = json.loads(json.dumps(found.to_dict()))["proven_stopping"]
    assert data == {
        "share": found.proven.share,
        "mean_steps": found.proven.mean_steps,
        "n_steps": 60,
        "n_samples": len(found.proven.settled),
    }


def test_neurons_that_keep_no_account_have_no_stop_by_proof():
    _, graph, x, y = trained_digits()
    found = snnconv.tune(graph, x[:20], y[:20], n_steps=10, scales=[1], synapses=[None], calibrate=())
    assert found.proven is None
    assert found.to_dict()["proven_stopping"] is None
    assert "by proof" not in str(found)
