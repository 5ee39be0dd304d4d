"""The mean over time that is the answer: its weights, its running form, and what runs of other lengths make of it."""

import numpy as np
import pytest

from snnconv.graph import Reading
from snnconv.graph.reading import PLAIN, SHORTEST, OutputMean
from snnconv.neurons import IF

READINGS = [PLAIN, Reading(5), Reading(1, 4.0), Reading(7, 7 / 3), Reading(40, 4.0), Reading(1, 1543.125)]
N_STEPS = 50


@pytest.fixture(scope="module")
def outputs():
    return np.random.default_rng(0).normal(size=(3, N_STEPS, 2))


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_running_means_end_in_the_mean_and_do_not_depend_on_chunks(reading, outputs):
    whole = OutputMean(reading).after(0, outputs)
    np.testing.assert_allclose(whole[:, -1], reading.mean(outputs), rtol=1e-12)
    for size in (1, 7, 20):
        running = OutputMean(reading)
        parts = [running.after(start, outputs[:, start : start + size]) for start in range(0, N_STEPS, size)]
        np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-10)


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_running_means_are_the_means_of_shorter_runs(reading, outputs):
    running = OutputMean(reading).after(0, outputs)
    for n_steps in (reading.first, 31, 32, 45):
        if n_steps >= reading.first:
            np.testing.assert_allclose(running[:, n_steps - 1], reading.mean(outputs[:, :n_steps]), rtol=1e-10)
    for n_steps in range(1, reading.first):  # before the first step that is read, all steps so far
        np.testing.assert_allclose(running[:, n_steps - 1], outputs[:, :n_steps].mean(1), rtol=1e-10)


def test_weights_are_those_of_the_mean_behind_a_lowpass():
    fall, n_steps = 4.0, 40
    filtered, decay, value = [], np.exp(-1 / fall), 0.0
    rng = np.random.default_rng(1)
    signal = rng.normal(size=n_steps)
    for each in signal:
        value = decay * value + (1 - decay) * each
        filtered.append(value)
    weights = Reading(1, fall).weights(n_steps)
    assert signal @ weights == pytest.approx(sum(filtered))
    assert (np.diff(weights) < 0).all()


def test_runs_that_are_too_short_are_read_plainly():
    reading = Reading(5, 4.0)
    assert reading.within(int(SHORTEST * 4)) == reading
    assert reading.within(int(SHORTEST * 4) - 1) == Reading(5)
    assert reading.within(7) == PLAIN


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_metadata_hold_it(reading):
    assert Reading.of(reading.metadata) == reading
    assert Reading.of({}) == PLAIN


def test_rates_of_neurons_are_read_more_exactly():
    """An IF neuron's count is off by what it owes at the end: with falling weights by its mean over several ends."""
    rng = np.random.default_rng(0)
    J, neuron = rng.uniform(0.05, 0.95, 400), IF()
    state, sent = neuron.initial_state(len(J), 0.5), []
    for _ in range(64):
        spikes, state = neuron.step(J / 0.001, state, 0.001)
        sent.append(spikes)
    sent = np.stack(sent, 1)
    missed = [np.sqrt(np.square(reading.mean(sent) - J).mean()) for reading in (PLAIN, Reading(1, 8.0))]
    assert missed[1] < 0.6 * missed[0]
