"""Stopping early: the steps that it saves, by hand and on digits."""

import numpy as np
import pytest

from snnconv.errors import InputError, ParameterError
from snnconv.tuning import early_stopping


def walks():
    """Sums of noisy evidence for class 1 of 3, as running means; the second half is four times as clear."""
    rng = np.random.default_rng(0)
    drift = np.where(np.arange(400) < 200, 0.25, 1.0)[:, None, None] * np.array([0.0, 1.0, 0.0])
    sums = np.cumsum(drift + rng.normal(0, 1, (400, 60, 3)), 1)
    return sums / np.arange(1, 61)[:, None]


def test_early_stopping_saves_steps_and_keeps_the_accuracy():
    means, y = walks(), np.ones(400, int)
    found = early_stopping(means, y, accuracy_drop=1)
    assert found.is_held_out
    assert len(found.stops) == 200
    assert found.mean_steps < 40
    assert found.accuracy >= found.full_accuracy - 0.03  # measured on other samples than it was set on
    steps, accuracies = found.curve[:, 1], found.curve[:, 2]
    assert (np.diff(steps) >= 0).all()
    assert steps[-1] == 60
    assert accuracies[-1] == found.full_accuracy
    assert steps[0] < 3


def test_clear_samples_stop_first():
    found = early_stopping(walks(), np.ones(400, int), margin=8.0)
    assert not found.is_held_out
    assert found.stops[200:].mean() < found.stops[:200].mean() / 2


def test_early_stopping_by_hand():
    sums = np.array([[[1.0, 0.0], [3.0, 0.0], [3.0, 1.0]], [[0.0, 0.5], [0.0, 1.0], [0.0, 1.5]]])
    means = sums / np.arange(1, 4)[:, None]
    found = early_stopping(means, [0, 0], margin=2.5)
    assert found.stops.tolist() == [2, 3]
    assert found.accuracy == 0.5
    assert early_stopping(means, margin=2.5).accuracy == 1  # against the answers after all steps


def test_early_stopping_is_checked():
    with pytest.raises(InputError, match=r"running_mean must have shape \(n, n_steps, classes\)"):
        early_stopping(np.zeros((3, 4)))
    with pytest.raises(InputError, match="one class number for each of the 400 samples"):
        early_stopping(walks(), np.ones(3))
    with pytest.raises(ParameterError, match="margin must be above 0"):
        early_stopping(walks(), margin=0)
