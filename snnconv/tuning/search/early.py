"""Early stopping: an answer as soon as the leader is safe, or proven to stay, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, ParameterError

N_MARGINS = 200  # tried for the smallest that keeps the accuracy
N_CURVE = 24  # points of the curve


@dataclass(frozen=True, eq=False)
class Leads:
    """Certainty and correctness of a network, step by step.

    Parameters
    ----------
    gaps : (n, n_steps) array
        Between the two largest running sums, or values of another readout; -infinity where there are none yet.
    right : (n, n_steps) array of bool
    """

    gaps: np.ndarray
    right: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """(n_steps,) share of right answers, NaN where there are none yet."""
        return np.where(np.isneginf(self.gaps).any(0), np.nan, self.right.mean(0))


@dataclass(frozen=True, eq=False)
class EarlyStopping:
    """Accuracy and steps of a network that stops at a margin.

    Parameters
    ----------
    margin : float
        Gap between the two largest running sums at which a sample stops, in units of the output times steps.
    stops : (n,) array of int
        Step at which each sample stopped.
    accuracy, full_accuracy : float
        Share of right answers with early stopping, and after all steps.
    curve : (points, 3) array
        Margin, mean number of steps and accuracy for growing margins.
    is_held_out : bool
        Whether the margin was set on other samples than those that accuracies and steps are of.
    n_steps : int
    """

    margin: float
    stops: np.ndarray
    accuracy: float
    full_accuracy: float
    curve: np.ndarray
    is_held_out: bool
    n_steps: int

    @property
    def mean_steps(self) -> float:
        """Steps that a sample takes on average."""
        return float(self.stops.mean())

    def __repr__(self) -> str:
        return (
            f"<stops at a margin of {self.margin:.3g}, after {self.mean_steps:.1f} of {self.n_steps} steps on average: "
            f"accuracy {self.accuracy:.1%} instead of {self.full_accuracy:.1%}, {len(self.stops)} samples>"
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "margin": self.margin,
            "mean_steps": self.mean_steps,
            "n_steps": self.n_steps,
            "accuracy": self.accuracy,
            "full_accuracy": self.full_accuracy,
            "n_samples": len(self.stops),
            "is_held_out": self.is_held_out,
            "curve": [dict(zip(("margin", "mean_steps", "accuracy"), row, strict=True)) for row in self.curve.tolist()],
        }


@dataclass(frozen=True, eq=False)
class ProvenStopping:
    """Steps of a network that stops where no later step can change the class; see `settled_steps`.

    Parameters
    ----------
    settled : (n,) array of float
        Steps after which each sample's class is final, infinity where there is no proof.
    n_steps : int
        Steps of those that have no proof before.
    """

    settled: np.ndarray
    n_steps: int

    @property
    def share(self) -> float:
        """Share of the samples whose class is proven within the steps."""
        return float((self.settled <= self.n_steps).mean())

    @property
    def mean_steps(self) -> float:
        """Steps that a sample takes on average."""
        return float(np.minimum(self.settled, self.n_steps).mean())

    def __repr__(self) -> str:
        return (
            f"<stops by proof: {self.share:.1%} of {len(self.settled)} samples, after {self.mean_steps:.1f} of "
            f"{self.n_steps} steps on average over all>"
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "share": self.share,
            "mean_steps": self.mean_steps,
            "n_steps": self.n_steps,
            "n_samples": len(self.settled),
        }


def early_stopping(
    running_mean: Any,
    y: Any = None,
    margin: float | None = None,
    *,
    accuracy_drop: float = 0.5,
    seed: int = 0,
) -> EarlyStopping:
    """Stop each sample as soon as the largest running sum leads the second largest by a margin.

    A lead in the *sum* of the outputs grows with evidence: its noise grows with the square root of the steps, a true
    difference with the steps themselves. A threshold on it asks of every sample about the same certainty, and easy
    samples reach it early; it is the sequential probability ratio test for two hypotheses (Wald 1945).

    Parameters
    ----------
    running_mean : (n, n_steps, n_classes) array
        As ``Simulator.predict(x, n_steps, reduce=None)`` gives it, for a network that does not end in a softmax.
    y : (n,) array of class numbers, or None
        None: the answers after all steps stand in for them.
    margin : float or None
        None: the smallest that loses at most `accuracy_drop` on one half of the samples, drawn with `seed`, with a
        standard deviation to spare; accuracies and steps are then those of the other half.
    accuracy_drop : float
        In points.

    Returns
    -------
    EarlyStopping

    Raises
    ------
    InputError, ParameterError
        If the data or a parameter is out of range.
    """
    means = np.asarray(running_mean, "float64")
    if means.ndim != 3 or means.shape[-1] < 2 or len(means) == 0:
        raise InputError(f"running_mean must have shape (n, n_steps, classes), of two or more. Received {means.shape}.")
    truth = means[:, -1].argmax(-1) if y is None else np.asarray(y)
    if truth.shape != (len(means),):
        raise InputError(f"y must hold one class number for each of the {len(means)} samples. Received {truth.shape}.")
    if margin is not None and not margin > 0:
        raise ParameterError(f"margin must be above 0. Received {margin!r}.")
    if not accuracy_drop >= 0:
        raise ParameterError(f"accuracy_drop must be 0 points or more. Received {accuracy_drop!r}.")
    return stop_early(
        leads(means, truth, np.arange(1, means.shape[1] + 1)), margin, accuracy_drop=accuracy_drop, seed=seed
    )


def leads(means: np.ndarray, truth: np.ndarray, n_counted: np.ndarray) -> Leads:
    """The lead of the first class over the second, and whether the first is right.

    Parameters
    ----------
    means : (n, n_steps, n_classes) array
        Readouts after each step; NaN where there are none yet.
    truth : (n,) array of class numbers
    n_counted : (n_steps,) array
        How many steps are in each mean, so that times this it is a sum; ones where it is no mean.
    """
    top = np.partition(means, -2, axis=-1)[..., -2:]
    gaps = (top[..., 1] - top[..., 0]) * n_counted
    right = np.nan_to_num(means, nan=-np.inf).argmax(-1) == truth[:, None]
    return Leads(np.nan_to_num(gaps, nan=-np.inf).astype("float32"), right)


def stop_early(found: Leads, margin: float | None, *, accuracy_drop: float, seed: int) -> EarlyStopping:
    """Stop at a margin, or at the one that keeps the accuracy; see `early_stopping`."""
    gaps, right = found.gaps, found.right
    reached = gaps[gaps > 0]
    highest = float(reached.max(initial=1.0))
    margins = np.unique([*(np.quantile(reached, np.linspace(0, 1, N_MARGINS)) if len(reached) else ()), highest * 2])
    if margin is not None:
        return _stopped(found, margin, margins, False)
    if len(right) < 2:
        raise InputError("to set a margin takes two samples or more; name one with margin=.")
    order = np.random.default_rng(seed).permutation(len(right))
    own = Leads(*(array[order[: len(order) // 2]] for array in (gaps, right)))
    held_out = Leads(*(array[order[len(order) // 2 :]] for array in (gaps, right)))
    allowed = accuracy_drop / 100 * len(own.right)
    lost = np.flatnonzero([_lost(own, each) > allowed + 1e-9 for each in margins])
    chosen = margins[min(lost[-1] + 1, len(margins) - 1) if len(lost) else 0]
    return _stopped(held_out, float(chosen), margins, True)


def _at(found: Leads, margin: float) -> tuple[np.ndarray, float]:
    """The step at which each sample stops, counted from 0, and the accuracy there."""
    safe = found.gaps >= margin
    stops = np.where(safe.any(1), safe.argmax(1), safe.shape[1] - 1)
    return stops, float(found.right[np.arange(len(stops)), stops].mean())


def _lost(found: Leads, margin: float) -> float:
    """Right answers that stopping at a margin costs, and a standard deviation more: a few samples flatter by chance."""
    stops, _ = _at(found, margin)
    before, after = found.right[:, -1], found.right[np.arange(len(stops)), stops]
    lost, gained = (before & ~after).sum(), (after & ~before).sum()
    return float(lost - gained + np.sqrt(lost + gained))


def _stopped(found: Leads, margin: float, margins: np.ndarray, is_held_out: bool) -> EarlyStopping:
    stops, accuracy = _at(found, margin)
    curve = []
    for each in margins[np.unique(np.linspace(0, len(margins) - 1, N_CURVE).astype(int))]:
        at, share = _at(found, each)
        curve.append((each, at.mean() + 1, share))
    full = float(found.right[:, -1].mean())
    return EarlyStopping(margin, stops + 1, accuracy, full, np.array(curve), is_held_out, found.gaps.shape[1])
