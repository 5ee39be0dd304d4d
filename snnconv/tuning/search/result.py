"""The result of tuning: settings with accuracy, steps and energy, and the one to take; it prints as text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...text.plain import WIDTH, joules, plural
from ...text.table import Report, Section, Table
from ..doctor import Finding
from ..energy import Device
from .early import EarlyStopping, ProvenStopping
from .setting import Setting

MOST_ROWS = 16
LOWEST = 0.05  # accuracy below the best, from which on a setting is not worth a row


@dataclass(frozen=True)
class Choice:
    """A setting with its accuracy, spikes and energy.

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
    """The result of `tune`; it prints as text.

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
    proven : ProvenStopping or None
        Of the chosen setting's network, over the longest run and read as the mean of all steps; None where its neurons
        keep no account that proves anything.
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
    proven: ProvenStopping | None = None

    @property
    def is_within_drop(self) -> bool:
        """Whether the chosen setting loses no more accuracy than allowed."""
        return self.chosen.has_settled

    @property
    def efficient(self) -> tuple[Choice, ...]:
        """The settings that no other dominates, by steps."""
        return tuple(sorted((c for c in self.choices if c.is_efficient), key=lambda c: (c.setting.n_steps, c.joules)))

    @property
    def report(self) -> Report:
        """The settings that are efficient, the one to take, and what to expect of it."""
        return _report(self)

    def __str__(self) -> str:
        return str(self.report)

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
            "proven_stopping": None if self.proven is None else self.proven.to_dict(),
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


def _report(found: Tuning) -> Report:
    chosen, baseline = found.chosen, found.baseline
    what = "accuracy" if found.has_labels else "agreement with the rates"
    networks = {(c.setting.scale_text, c.setting.synapse_text) for c in found.choices}
    about = [
        f"{len(networks)} networks, {found.n_samples:,} samples, up to {baseline.setting.n_steps} steps of "
        f"{baseline.setting.dt * 1e3:g} ms; energy on {found.device.name}."
    ]
    if found.has_labels:
        about.append(f"In rates {found.reference_accuracy:.1%} are right{_error(found)}.")
    else:
        about.append("No labels: accuracy is agreement with the answers of the rates.")
    legend = "  > chosen    * no other is as good in all three    - the network as given"
    lines = []
    lost = (found.reference_accuracy - chosen.accuracy) * 100
    if found.is_within_drop:
        lines.append(
            f"Chosen: {_described(chosen)}. {what.capitalize()} {chosen.accuracy:.1%}, {_points(lost)}; "
            f"{baseline.joules / chosen.joules:.1f} times less energy than as given."
            if chosen.joules < baseline.joules
            else f"Chosen: {_described(chosen)}. {what.capitalize()} {chosen.accuracy:.1%}, {_points(lost)}."
        )
    else:
        kept = " in longer runs too" if lost <= found.accuracy_drop else ""
        lines.append(
            f"No setting stays within {found.accuracy_drop:g} points of the rates{kept}. The most accurate: "
            f"{_described(chosen)}, with {chosen.accuracy:.1%}, {_points(lost)}."
        )
    if found.is_within_drop:
        lines.append("Settings above it miss the accuracy, or do not keep it for longer runs.")
    lines.append(
        f"It was chosen on these samples, which flatters. Chosen without a fifth of them and tried on that fifth, such "
        f"settings have {found.cross_validated_accuracy:.1%}: expect that on others."
    )
    early = found.early
    lines.append(
        f"Early stopping at a margin of {early.margin:.3g} takes {early.mean_steps:.1f} of {early.n_steps} steps on "
        f"average, at {early.accuracy:.1%} instead of {early.full_accuracy:.1%} (the margin set on one half of the "
        f"samples, measured on the other)."
    )
    if found.proven is not None and found.proven.share > 0:
        proven = found.proven
        lines.append(
            f"A stop by proof, read as the mean of all steps, takes {proven.mean_steps:.1f} of {proven.n_steps} steps "
            f"on average: for {proven.share:.1%} of the samples the class is then final, that of the rates and of "
            f"every longer run."
        )
    lines += [f"Note: {note}" for note in found.notes]
    lines += [f"Doctor: {finding}" for finding in found.findings]
    parts = (_wrapped(about), [_table(found)], [legend], _wrapped(lines))
    return Report([Section("", each) for each in parts])


def _wrapped(texts: Sequence[str]) -> list[str]:
    """Lines of 80 columns; notes and findings go on further in."""
    indents = ("  " if text.startswith(("Note", "Doctor")) else "" for text in texts)
    return [
        line
        for text, indent in zip(texts, indents, strict=True)
        for line in textwrap.wrap(text, WIDTH, subsequent_indent=indent)
    ]


def _table(found: Tuning) -> Table:
    rows = []
    for choice in _shown(found):
        setting = choice.setting
        mark = ">" if choice is found.chosen else "-" if choice is found.baseline else " "
        rows.append(
            (
                mark + ("*" if choice.is_efficient else ""),
                setting.scale_text,
                setting.synapse_text,
                str(setting.readout),
                str(setting.n_steps),
                f"{choice.accuracy:.1%}",
                f"{choice.spikes_per_neuron:.2f}",
                joules(choice.joules),
            )
        )
    headings = ("", "scale", "synapse", "readout", "steps", "accuracy", "spikes", "energy")
    return Table(headings, rows, indent=0)


def _shown(found: Tuning) -> list[Choice]:
    """The settings worth a row: efficient, near the best accuracy; with the chosen one and the one as given."""
    best = max(choice.accuracy for choice in found.choices)
    rows = [choice for choice in found.efficient if choice.accuracy >= best - LOWEST]
    while len(rows) > MOST_ROWS:  # thin out evenly, and keep both ends
        rows = [row for number, row in enumerate(rows) if number % 2 == 0 or row is rows[-1] or row is found.chosen]
    for choice in (found.chosen, found.baseline):
        if not any(row is choice for row in rows):
            rows.append(choice)
    return sorted(rows, key=lambda choice: (choice.setting.n_steps, choice.joules))


def _described(choice: Choice) -> str:
    setting = choice.setting
    steps = plural(setting.n_steps, "step")
    if setting.calibrate_steps is not None:
        return f"calibrated for {plural(setting.calibrate_steps, 'step')}, readout {setting.readout}, {steps}"
    synapse = "no synapse" if setting.synapse is None else f"synapse {setting.synapse_text}"
    return f"rates × {setting.scale_text}, {synapse}, readout {setting.readout}, {steps}"


def _points(lost: float) -> str:
    if abs(lost) < 0.05:
        return "the same as in rates"
    return f"{abs(lost):.1f} points {'below' if lost > 0 else 'above'} the rates"


def _error(found: Tuning) -> str:
    """The standard error, which differences between rows have to exceed."""
    share = found.reference_accuracy
    return f"; with so many samples ±{(share * (1 - share) / found.n_samples) ** 0.5 * 100:.1f} points are chance"
