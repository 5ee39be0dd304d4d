"""What tuning found: settings with accuracy, steps and energy, and the one to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..doctor import Finding
from ..energy import Device
from .early import EarlyStopping
from .setting import Setting


@dataclass(frozen=True)
class Choice:
    """A setting, and what it gives.

    Parameters
    ----------
    setting : Setting
    accuracy : float
        Share of right answers; of answers that are those in rates where there were no labels.
    spikes_per_neuron : float
        Per sample.
    joules : float
        Energy of a sample on the device.
    has_settled : bool
        Whether here and at all larger numbers of steps the accuracy is what is asked for.
    is_efficient : bool
        Whether no other setting is as good in accuracy, steps and energy, and better in one of them.
    """

    setting: Setting
    accuracy: float
    spikes_per_neuron: float
    joules: float
    has_settled: bool
    is_efficient: bool

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        rest = {key: value for key, value in vars(self).items() if key != "setting"}
        return {**self.setting.to_dict(), **rest}


@dataclass(frozen=True, eq=False)
class Tuning:
    """What `tune` found; it prints as text.

    Parameters
    ----------
    choices : tuple of Choice
        Every setting that was tried.
    chosen : Choice
        The one to take: within `accuracy_drop` of the rates, with the fewest steps or the least energy; if there is
        none, the most accurate.
    baseline : Choice
        The network as it was given, read as the mean of all steps.
    reference_accuracy : float
        In rates: what Keras computes. 1 where there were no labels.
    cross_validated_accuracy : float
        Of what is chosen in the same way without a fifth of the samples, on that fifth; a mean over all fifths. What
        to expect on other samples.
    accuracy_drop : float
        That was allowed, in points.
    device : Device
    ann_joules : float or None
        Energy of a sample as an ANN on the device; None where it runs none.
    curves : mapping of (scale, synapse, readout) to (n_steps,) array
        Accuracy after every step, NaN at steps that are skipped.
    early : EarlyStopping
        Of the chosen setting's network and readout, over the longest run.
    findings : tuple of Finding
        Of the doctor, on the network as it was given.
    notes : tuple of str
    n_samples : int
    has_labels : bool
    """

    choices: tuple[Choice, ...]
    chosen: Choice
    baseline: Choice
    reference_accuracy: float
    cross_validated_accuracy: float
    accuracy_drop: float
    device: Device
    ann_joules: float | None
    curves: Mapping[tuple[str, str, str], np.ndarray] = field(repr=False)
    early: EarlyStopping
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    n_samples: int
    has_labels: bool

    @property
    def is_within_drop(self) -> bool:
        """Whether the chosen setting loses no more accuracy than allowed."""
        return self.chosen.has_settled

    @property
    def efficient(self) -> tuple[Choice, ...]:
        """The settings that no other dominates, by steps."""
        return tuple(sorted((c for c in self.choices if c.is_efficient), key=lambda c: (c.setting.n_steps, c.joules)))

    def __str__(self) -> str:
        from .text import tuning_text

        return tuning_text(self)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "reference_accuracy": self.reference_accuracy,
            "cross_validated_accuracy": self.cross_validated_accuracy,
            "accuracy_is_agreement": not self.has_labels,
            "accuracy_drop": self.accuracy_drop,
            "is_within_drop": self.is_within_drop,
            "n_samples": self.n_samples,
            "device": vars(self.device),
            "ann_joules": self.ann_joules,
            "chosen": self.chosen.to_dict(),
            "baseline": self.baseline.to_dict(),
            "early_stopping": self.early.to_dict(),
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
            "choices": [choice.to_dict() for choice in self.choices],
        }


def efficient(costs: Sequence[tuple[float, ...]]) -> np.ndarray:
    """Whether each of some costs is dominated by no other; of equal ones the first counts.

    Parameters
    ----------
    costs : sequence of tuples of numbers
        Less is better, in each.
    """
    table = np.asarray(costs, "float64")
    found = np.ones(len(table), bool)
    for number, row in enumerate(table):
        no_worse = (table <= row).all(1)
        better = (table < row).any(1) | (np.arange(len(table)) < number)
        found[number] = not (no_worse & better).any()
    return found
