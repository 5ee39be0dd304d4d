"""The outcome of a calibration: how outputs are best read, and how near they come to the rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...graph import Reading
from ...graph.reading import PLAIN, SHORTEST

Values = dict[str, np.ndarray]
Correct = Callable[[str, np.ndarray], np.ndarray]

SHARES = (0, 1 / 8, 1 / 4, 1 / 2)  # of the steps that a reading may leave out
FALLS = (0, 1 / 8, 1 / SHORTEST)  # of the steps, in which the weights of the last ones may fall
WORTH = 0.95  # of the error at the most, to read otherwise than by the plain mean: it is a choice more for who reads


@dataclass(frozen=True)
class Outcome:
    """Errors of the outputs before and after.

    Parameters
    ----------
    before, after : float
        Mean squared difference from the rates, relative to their variance; before of the plain mean.
    reading : Reading
        The mean after.
    agreed_before, agreed_after : float or None
        Share of the samples with the same largest output as in rates; None where there is a single output unit.
    n_before, n_after : int
        Samples.
    """

    before: float
    after: float
    reading: Reading
    agreed_before: float | None
    agreed_after: float | None
    n_before: int
    n_after: int

    def __str__(self) -> str:
        said = (
            f"relative error of the outputs {np.sqrt(self.after):.1%}, {np.sqrt(self.before):.1%} without calibration"
        )
        if self.agreed_after is not None and self.agreed_before is not None:
            said += (
                f"; largest output as in rates for {self.agreed_after:.1%} of {self.n_after} samples, "
                f"{self.agreed_before:.1%} of {self.n_before} without"
            )
        if self.reading != PLAIN:
            said += f"; read as the mean {self.reading.described}"
        return said


def outcome_of(before: Values, after: Values, wanted: Values, reading: Reading, n_before: int) -> Outcome:
    """Compare mean outputs with those in rates.

    Parameters
    ----------
    before : mapping of label to (n_before, *output) array
        Mean outputs without calibration, of the first samples.
    after, wanted : mapping of label to (n, *output) array
        Mean outputs with it, and those in rates.
    reading : Reading
        The mean with it.
    """
    few = {label: each[:n_before] for label, each in wanted.items()}
    return Outcome(
        before=error(before, few),
        after=error(after, wanted),
        reading=reading,
        agreed_before=_agreement(before, few),
        agreed_after=_agreement(after, wanted),
        n_before=n_before,
        n_after=len(next(iter(wanted.values()))),
    )


def best_reading(over_time: Mapping[str, np.ndarray], wanted: Values, corrected: Correct) -> Reading:
    """The reading whose means come nearest to the rates, once they are corrected.

    Parameters
    ----------
    corrected : function of (label, means) to means
    """
    n_steps = next(iter(over_time.values())).shape[1]
    firsts = sorted({1 + int(share * n_steps) for share in SHARES})
    readings = [Reading(first, share * n_steps) for share in FALLS for first in firsts]
    errors = [
        error({label: corrected(label, reading.mean(each)) for label, each in over_time.items()}, wanted)
        for reading in readings
    ]
    best = int(np.argmin(errors))
    return readings[best if errors[best] < WORTH**2 * errors[0] else 0]


def _agreement(received: Values, wanted: Values) -> float | None:
    (label, *_) = wanted
    if wanted[label].ndim != 2 or wanted[label].shape[1] < 2:
        return None
    return float((received[label].argmax(1) == wanted[label].argmax(1)).mean())


def error(received: Values, wanted: Values) -> float:
    """Mean squared difference, each output relative to its variance."""
    return sum(_relative(received[label] - wanted[label], wanted[label]) for label in wanted)


def _relative(difference: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.square(difference, dtype="float64").mean() / max(wanted.var(dtype="float64"), 1e-12))
