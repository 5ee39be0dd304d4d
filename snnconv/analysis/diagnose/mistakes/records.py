"""Mistakes in how spikes are written down: which axis is which, and what the numbers mean."""

from __future__ import annotations

import math

import numpy as np

from .mistake import Mistake


def arrange(array: np.ndarray, n: int, n_steps: int, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array as (n, n_steps, *shape), where it has that order of axes; units may be flattened."""
    flat = (math.prod(shape),)
    allowed = [(n, n_steps, *shape), (n, n_steps, *flat)]
    if n == 1:
        allowed += [(n_steps, *shape), (n_steps, *flat)]
    return array.reshape(n, n_steps, *shape) if array.shape in allowed else None


def _steps_first(array: np.ndarray, n: int, n_steps: int, shape: tuple[int, ...]) -> np.ndarray | None:
    if array.ndim < 3 or array.shape[:2] != (n_steps, n):
        return None
    return np.swapaxes(array, 0, 1)


def _steps_last(array: np.ndarray, n: int, n_steps: int, shape: tuple[int, ...]) -> np.ndarray | None:
    if array.ndim < 3 or array.shape[0] != n or array.shape[-1] != n_steps:
        return None
    return np.moveaxis(array, -1, 1)


def _channels_first(array: np.ndarray, n: int, n_steps: int, shape: tuple[int, ...]) -> np.ndarray | None:
    if len(shape) < 2 or array.shape[:2] != (n, n_steps) or array.size != n * n_steps * math.prod(shape):
        return None
    moved = (n, n_steps, shape[-1], *shape[:-1])
    if array.shape not in (moved, (n, n_steps, math.prod(shape))):
        return None
    return np.moveaxis(array.reshape(moved), 2, -1)


def _at_most_one(spikes: np.ndarray) -> np.ndarray:
    return np.clip(spikes, -1, 1)


def _late(spikes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(spikes[:, :1]), spikes[:, :-1]], 1)


def _summed(spikes: np.ndarray) -> np.ndarray:
    return np.cumsum(spikes, 1)


RECORDS = (
    Mistake("steps before samples", "the axes are samples, steps, units", "axes", rearrange=_steps_first),
    Mistake("steps behind the units", "the axes are samples, steps, units", "axes", rearrange=_steps_last),
    Mistake(
        "units in channels-first order",
        "units are rows, columns, channels in this order (HWC)",
        "channels",
        rearrange=_channels_first,
    ),
    Mistake("0 or 1 written for counts", "a step's entry is its number of spikes", "values", record=_at_most_one),
    Mistake("sums over time written for spikes", "a step's entry is its own spikes", "values", record=_summed),
    Mistake("written down one step late", "entry 0 belongs to the first step", "shift", record=_late),
)
