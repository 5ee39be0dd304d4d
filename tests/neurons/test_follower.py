"""Follower neurons: the sum of their spikes is the one closest to what is due, whatever was due before."""

import numpy as np
import pytest

from snnconv.errors import ParameterError
from snnconv.neurons import Follower, numpy_ops
from snnconv.neurons.functions import FUNCTIONS
from snnconv.runtime import tensorflow_ops

from ..helpers.neurons import run

DT = 0.001


def currents(n_steps=400, n=50):
    """Currents that settle, as a function of means does, between -1,500 and 1,500 Hz."""
    rng = np.random.default_rng(0)
    return rng.uniform(-1500, 1500, n) + rng.normal(0, 800, (n_steps, n)) / np.arange(1, n_steps + 1)[:, None]


def test_the_sum_of_spikes_is_the_whole_number_closest_to_what_is_due():
    J = currents()
    spikes, states = run(Follower(), J, DT)
    due = np.arange(1, len(J) + 1)[:, None] * DT * J
    assert np.abs(spikes.cumsum(0) - due).max() <= 0.5 + 1e-5  # a tie counts as due within 1e-6
    np.testing.assert_allclose(states["voltage"], due - spikes.cumsum(0), rtol=0, atol=1e-9)
    assert spikes.min() < 0 < spikes.max()


def test_one_spike_a_step_catches_up():
    J = np.broadcast_to(np.random.default_rng(1).uniform(-600, 600, 50), (400, 50)).copy()
    J[:20] = 0  # nothing is due for 20 steps, then up to 12 spikes
    spikes, _ = run(Follower(max_spikes=1), J, DT)
    assert set(np.unique(spikes)) == {-1, 0, 1}
    assert (spikes[:20] == 0).all()
    assert np.abs(spikes.sum(0) - len(J) * DT * J[-1]).max() <= 0.5 + 1e-5


def test_a_window_follows_a_change_and_one_without_does_not():
    J = np.concatenate([np.full((500, 1), 200.0), np.full((500, 1), -100.0)])
    late = slice(800, None)
    windowed, _ = run(Follower(window=0.05), J, DT)
    assert windowed[late].sum() / (200 * DT) == pytest.approx(-100, abs=15)  # ±3 spikes in 200 ms
    since_start, _ = run(Follower(), J, DT)
    assert since_start.sum() / (1000 * DT) == pytest.approx(-100, abs=1)  # all that was sent is taken back


def test_runtimes_and_a_start_in_between_agree():
    J, neuron = currents(200), Follower(max_spikes=2, window=0.1)
    spikes, states = run(neuron, J, DT, voltage=0.25)
    np.testing.assert_array_equal(run(neuron, J, DT, 0.25, tensorflow_ops)[0], spikes)
    state = {name: values[99] for name, values in states.items()}
    for J_now, expected in zip(J[100:], spikes[100:], strict=True):
        sent, state = neuron.step(J_now, state, DT)
        np.testing.assert_array_equal(sent, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"amplitude": 0.0}, r"Follower: amplitude must be a finite number above 0"),
        ({"max_spikes": 0}, r"Follower: max_spikes must be None or a whole number above 0\. Received 0"),
        ({"window": -1.0}, r"Follower: window must be None or a time above 0, in seconds\. Received -1\.0"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises(ParameterError, match=message):
        Follower(**options)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_the_same_in_both_namespaces(name):
    rng = np.random.default_rng(1)
    n_signals = {"multiply": 2, "divide": 2, "maximum": 2, "minimum": 2, "masked": 2, "tanh_of_sum": 2, "einsum": 2}
    xs = [rng.normal(size=(2, 4, 4)) for _ in range({**n_signals, "chosen": 3}.get(name, 1))]
    known = {"power": {"exponent": 2.5}, "threshold": {"threshold": 0.1, "default_value": -1.0}}
    known |= {"differs": {"value": xs[0][0, 0, 0]}, "without": {"value": xs[0][0, 0, 0]}}
    settings = known.get(name, {})
    if not FUNCTIONS[name].elementwise and not settings:
        settings = {"equation": "nij,njk->nik"} if name == "einsum" else {"axis": (1,)}
    ours, theirs = (np.asarray(FUNCTIONS[name].compute(*xs, xp=xp, **settings)) for xp in (numpy_ops, tensorflow_ops))
    np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=1e-14)
    assert np.isfinite(ours).all()
