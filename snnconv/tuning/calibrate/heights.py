"""Spike heights: the worth of one spike of a channel, from its activations."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...errors import ParameterError

GRID = np.geomspace(0.1, 1, 24)  # of the largest activation; below a tenth too much is clipped in any network
# Centre of a code as a share of the middle of the range. Spikes around the middle itself would be the smallest, but a
# neuron at an end of the range would send one at every step, and never make up for what the first steps got wrong. Of
# 0, 0.5, 0.75 and 1 it came closest to the rates, on validation images of a small EfficientNet.
LEAN = 0.75
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
    return best_codes(activations, n_steps, lean=0)[1]


def best_codes(
    activations: np.ndarray, n_steps: int, lean: float = LEAN, shares: Iterable[float] = GRID
) -> tuple[np.ndarray, np.ndarray]:
    """Centres, and heights, with which at most one spike of either sign per step comes closest to the activations.

    k spikes of height λ stand for c + kλ/T, for k = -T…T. Functions such as silu give hardly anything below 0: from a
    centre c of 0 half of the grid would lie where no activation is, and around the middle of their range λ, and the
    error, is half of that.

    Parameters
    ----------
    activations : (n, channels) array
    n_steps : int
    lean : float
        Centre as a share of the middle of the range, from 0 to 1.
    shares : iterable of float
        Shares of the range to try; what is beyond is clipped.

    Returns
    -------
    centres, heights : (channels,) arrays
    """
    low, high = activations.min(0), activations.max(0)
    least, centres, heights = np.full(len(high), np.inf), np.zeros(len(high)), np.ones(len(high))
    for share in shares:
        centre = lean * share * (low + high) / 2
        reach = np.maximum(share * high - centre, centre - share * low)
        height = np.where(reach > 0, reach, 1.0)
        counts = np.clip(np.floor((activations - centre) * (n_steps / height) + 0.5), -n_steps, n_steps)
        error = ((activations - centre - counts * (height / n_steps)) ** 2).mean(0)
        centres, heights = np.where(error < least, centre, centres), np.where(error < least, height, heights)
        least = np.minimum(error, least)
    return centres, heights


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
