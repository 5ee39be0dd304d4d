"""Finding the voltages that neurons started with, from their spikes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

N_FIRST, N_NEXT, N_ROUNDS = 21, 9, 5  # voltages tried in 0…1, then around the best of the round before
MAX_SAMPLES = 4
UNITS_AT_ONCE = 256

Steps = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Spikes (m, n_steps, k) for a current of that shape and voltages that broadcast against (m, k)."""


def fit_voltages(steps: Steps, current: np.ndarray, seen: np.ndarray, is_shared: bool) -> float | np.ndarray:
    """The initial voltages in 0…1 with which spikes come closest to those seen.

    Parameters
    ----------
    current, seen : (n, n_steps, k) arrays
        Of which the first few samples are used. A neuron starts alike in every sample.
    is_shared : bool
        Whether all neurons start alike.

    Returns
    -------
    float, or (k,) array
    """
    n_samples, _, n_units = current.shape
    current, seen = current[:MAX_SAMPLES], seen[: min(MAX_SAMPLES, n_samples)]
    if is_shared:
        return float(_fit(steps, current, seen, True)[0])
    parts = [slice(start, start + UNITS_AT_ONCE) for start in range(0, n_units, UNITS_AT_ONCE)]
    return np.concatenate([_fit(steps, current[..., units], seen[..., units], False) for units in parts])


def _fit(steps: Steps, current: np.ndarray, seen: np.ndarray, is_shared: bool) -> np.ndarray:
    n, n_steps, k = current.shape
    width = 1.0
    best = np.full(1 if is_shared else k, 0.5)
    for number in range(N_ROUNDS):
        n_tried = N_FIRST if number == 0 else N_NEXT
        tried = np.clip(best + width * np.linspace(-0.5, 0.5, n_tried)[:, None], 0.0, 1.0)  # (n_tried, 1 or k)
        voltage = np.repeat(np.broadcast_to(tried, (n_tried, k)), n, 0)
        found = steps(np.tile(current, (n_tried, 1, 1)), voltage)
        wrong = (found.reshape(n_tried, n, n_steps, k) != seen).sum((1, 2))
        wrong = wrong.sum(1, keepdims=True) if is_shared else wrong
        best = _middle(tried, wrong == wrong.min(0))
        width *= 2 / (n_tried - 1)
    return best


def _middle(tried: np.ndarray, is_best: np.ndarray) -> np.ndarray:
    """The middle one of those that are best, for each unit: away from the ends of what fits."""
    order = np.cumsum(is_best, 0)
    middle = np.argmax(order >= (order[-1] + 1) // 2, 0)
    return np.take_along_axis(np.broadcast_to(tried, is_best.shape), middle[None], 0)[0]
