"""Two records of the same population's spikes, compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """The first entry in which two records differ: the earliest step, in the first sample that has it.

    Parameters
    ----------
    sample, step : int
        Counted from 0 and, as the step, from 1.
    unit : tuple of int
    received, expected : int
        Spikes in that step.
    """

    sample: int
    step: int
    unit: tuple[int, ...]
    received: int
    expected: int


@dataclass(frozen=True)
class Comparison:
    """The differences between two records of spikes.

    Parameters
    ----------
    n_entries : int
        Samples × steps × units.
    n_differing : int
        Entries that differ.
    n_counts : int
        Samples × units.
    n_counts_differing : int
        Of these, how many have another number of spikes over the whole run.
    n_received, n_expected : int
        Spikes.
    agreement : float
        Share of the spikes that coincide, from 0 to 1: twice those in both, over those in each.
    first : Difference or None
    """

    n_entries: int
    n_differing: int
    n_counts: int
    n_counts_differing: int
    n_received: int
    n_expected: int
    agreement: float
    first: Difference | None

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return self.n_differing == 0


def compare(received: np.ndarray, expected: np.ndarray) -> Comparison:
    """Compare two records.

    Parameters
    ----------
    received, expected : (n, n_steps, *units) arrays of whole numbers
    """
    received, expected = received.astype("int64"), expected.astype("int64")
    differs = received != expected
    counts = received.sum(1) != expected.sum(1)
    total = int(np.abs(received).sum() + np.abs(expected).sum())
    both = int(np.where(received * expected > 0, np.minimum(np.abs(received), np.abs(expected)), 0).sum())
    first = None
    if differs.any():
        step = int(np.argmax(differs.any((0, *range(2, differs.ndim)))))
        sample, *unit = (int(place[0]) for place in np.nonzero(differs[:, step]))
        at = (sample, step, *unit)
        first = Difference(sample, step + 1, tuple(unit), int(received[at]), int(expected[at]))
    return Comparison(
        differs.size,
        int(differs.sum()),
        counts.size,
        int(counts.sum()),
        int(np.abs(received).sum()),
        int(np.abs(expected).sum()),
        2 * both / total if total else 1.0,
        first,
    )
