"""Stretches of samples, as slices: which are done, which are missing, and who runs them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..workers import Workers


def length(stretches: Iterable[slice]) -> int:
    """Number of samples in all of them."""
    return sum(each.stop - each.start for each in stretches)


def as_array(stretches: Iterable[slice]) -> np.ndarray:
    """(k, 2) array of starts and ends, to be sent to other workers."""
    return np.array([(each.start, each.stop) for each in stretches], "int64").reshape(-1, 2)


def as_slices(array: np.ndarray) -> list[slice]:
    """The stretches of an array that `as_array` made."""
    return [slice(start, stop) for start, stop in array.tolist()]


def without_overlap(stretches: Iterable[slice]) -> list[slice]:
    """Stretches in order of their starts, without those that are empty or overlap one before."""
    found: list[slice] = []
    for each in sorted(stretches, key=lambda each: (each.start, each.stop)):
        if each.start >= (found[-1].stop if found else 0) and each.stop > each.start:
            found.append(each)
    return found


def gaps(stretches: Iterable[slice], n: int) -> list[slice]:
    """The stretches between those given, which are in order, and up to `n`."""
    begin, found = 0, []
    for each in (*stretches, slice(n, n)):
        if each.start > begin:
            found.append(slice(begin, each.start))
        begin = each.stop
    return found


def share(stretches: Iterable[slice], size: int, workers: Workers) -> list[slice]:
    """This worker's share of stretches: as many of their batches, of `size` samples, as any other worker gets."""
    starts = [(start, each.stop) for each in stretches for start in range(each.start, each.stop, size)]
    first, last = (len(starts) * part // workers.n for part in (workers.index, workers.index + 1))
    found: list[slice] = []
    for start, stop in starts[first:last]:
        here = slice(start, min(start + size, stop))
        if found and found[-1].stop == start:
            here = slice(found.pop().start, here.stop)
        found.append(here)
    return found
