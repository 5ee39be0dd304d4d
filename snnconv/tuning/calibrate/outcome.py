"""The outcome of a calibration: from which step on outputs are best read, and how near they come to the rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Values = dict[str, np.ndarray]

SHARES = (0, 1 / 8, 1 / 4, 1 / 2)  # of the steps that a reading may leave out
WORTH = 0.95  # of the error at the most, to read later: a delay is a choice more for whoever reads


@dataclass(frozen=True)
class Outcome:
    """Errors of the outputs before and after, and the step from which they are best read.

    Parameters
    ----------
    before, after : float
        Mean squared difference from the rates, relative to their variance; of the mean over all steps.
    first : int
        First step of the best mean, counted from 1.
    at_best : float
        The error of that mean.
    agreed_before, agreed_after : float or None
        Share of the samples with the same largest output as in rates; None where there is a single output unit.
    n_before, n_after : int
        Samples.
    """

    before: float
    after: float
    first: int
    at_best: float
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
        if self.first > 1:
            said += f"; best read as the mean from step {self.first} on, with {np.sqrt(self.at_best):.1%}"
        return said


def outcome_of(before: Values, over_time: Mapping[str, np.ndarray], wanted: Values, n_before: int) -> Outcome:
    """Compare mean outputs with those in rates.

    Parameters
    ----------
    before : mapping of label to (n_before, *output) array
        Mean outputs without calibration, of the first samples.
    over_time : mapping of label to (n, n_steps, *output) array
        Outputs with it.
    wanted : mapping of label to (n, *output) array
    """
    few = {label: each[:n_before] for label, each in wanted.items()}
    after = {label: each.mean(1) for label, each in over_time.items()}
    first, at_best = best_reading(over_time, wanted)
    return Outcome(
        before=error(before, few),
        after=error(after, wanted),
        first=first,
        at_best=at_best,
        agreed_before=_agreement(before, few),
        agreed_after=_agreement(after, wanted),
        n_before=n_before,
        n_after=len(next(iter(wanted.values()))),
    )


def best_reading(over_time: Mapping[str, np.ndarray], wanted: Values) -> tuple[int, float]:
    """The step, counted from 1, from which the mean of outputs is best read, and the error of that mean."""
    n_steps = next(iter(over_time.values())).shape[1]
    skips = sorted({int(share * n_steps) for share in SHARES})
    errors = [error({label: each[:, skip:].mean(1) for label, each in over_time.items()}, wanted) for skip in skips]
    best = int(np.argmin(errors))
    best = best if errors[best] < WORTH**2 * errors[0] else 0
    return skips[best] + 1, errors[best]


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
