"""Spike heights: the worth of one spike of a channel, from its activations."""

from __future__ import annotations

import numpy as np

from ...errors import ParameterError

GRID = np.geomspace(0.1, 1, 24)  # of the largest activation; below a tenth too much is clipped in any network
MOST_VALUES = 4_000  # of a channel: enough for a mean error; the search is as slow as the spikes with more


def best_heights(activations: np.ndarray, n_steps: int) -> np.ndarray:
    """Heights with which at most one spike per step comes closest to the activations.

    In T steps, k spikes of height λ have the mean kλ/T, for k = 0…T. A high λ makes the grid of these means coarse, a
    low one clips what is above λ; the λ of the least squared error balances both. Where activations are negative, so
    can spikes be.

    Parameters
    ----------
    activations : (n, channels) array
    n_steps : int

    Returns
    -------
    (channels,) array
        1 where a channel is always silent.

    References
    ----------
    Li et al. (2021), "A free lunch from ANN: towards efficient, accurate spiking neural networks calibration", for
    the threshold of the least squared error.
    """
    highest = _highest(activations)
    least, best = np.full(len(highest), np.inf), highest
    for share in GRID:
        height = share * highest
        counts = np.clip(np.floor(activations * (n_steps / height) + 0.5), -n_steps, n_steps)
        error = ((activations - counts * (height / n_steps)) ** 2).mean(0)
        best, least = np.where(error < least, height, best), np.minimum(error, least)
    return np.where(activations.any(0), best, 1.0)


def percentile_heights(activations: np.ndarray, percentile: float) -> np.ndarray:
    """Heights at a percentile of the activations (Rueckauer et al., 2017), which then spike at every step.

    Raises
    ------
    ParameterError
        If the percentile does not lie in 0…100.
    """
    if not 0 < percentile <= 100:
        raise ParameterError(f"percentile must lie between 0 and 100. Received {percentile!r}.")
    heights = np.percentile(np.abs(activations), percentile, 0)
    return np.where(heights > 0, heights, _highest(activations))


def by_channel(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """(n, *space, channels) values as (samples of them, channels)."""
    flat = values.reshape(-1, values.shape[-1])
    if len(flat) <= MOST_VALUES:
        return flat
    return flat[np.random.default_rng(seed).choice(len(flat), MOST_VALUES, replace=False)]


def _highest(activations: np.ndarray) -> np.ndarray:
    highest = np.abs(activations).max(0)
    return np.where(highest > 0, highest, 1.0)
