"""The table of a tuning, in 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...text.plain import WIDTH
from ...text.table import Table
from ..energy.text import joules

if TYPE_CHECKING:
    from .result import Choice, Tuning

MOST_ROWS = 16
LOWEST = 0.05  # accuracy below the best, from which on a setting is not worth a row


def tuning_text(found: Tuning) -> str:
    """What was found, which settings are efficient, and which one to take."""
    chosen, baseline = found.chosen, found.baseline
    what = "accuracy" if found.has_labels else "agreement with the rates"
    networks = {(c.setting.scale_text, c.setting.synapse_text) for c in found.choices}
    lines = [
        f"{len(networks)} networks, {found.n_samples:,} samples, up to {baseline.setting.n_steps} steps of "
        f"{baseline.setting.dt * 1e3:g} ms; energy on {found.device.name}."
    ]
    if found.has_labels:
        lines.append(f"In rates {found.reference_accuracy:.1%} are right{_error(found)}.")
    else:
        lines.append("No labels: accuracy is agreement with the answers of the rates.")
    lines += [
        "",
        *_table(found).lines(),
        "",
        "  > chosen    * no other is as good in all three    - the network as given",
        "",
    ]
    lost = (found.reference_accuracy - chosen.accuracy) * 100
    if found.is_within_drop:
        lines.append(
            f"Chosen: {_described(chosen)}. {what.capitalize()} {chosen.accuracy:.1%}, {_points(lost)}; "
            f"{baseline.joules / chosen.joules:.1f} times less energy than as given."
            if chosen.joules < baseline.joules
            else f"Chosen: {_described(chosen)}. {what.capitalize()} {chosen.accuracy:.1%}, {_points(lost)}."
        )
    else:
        lines.append(
            f"No setting stays within {found.accuracy_drop:g} points of the rates. The most accurate: "
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
    lines += [f"Note: {note}" for note in found.notes]
    lines += [f"Doctor: {finding}" for finding in found.findings]
    return "\n".join(
        line
        if "\n" in line or not line.strip()
        else textwrap.fill(line, WIDTH, subsequent_indent="  ")
        if line.startswith(("Note", "Doctor"))
        else "\n".join(textwrap.wrap(line, WIDTH, drop_whitespace=True, replace_whitespace=False))
        for line in lines
    )


def _table(found: Tuning) -> Table:
    rows = []
    for choice in shown(found):
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


def shown(found: Tuning) -> list[Choice]:
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
    if setting.calibrate_steps is not None:
        return f"calibrated for {setting.calibrate_steps} steps, readout {setting.readout}, {setting.n_steps} steps"
    synapse = "no synapse" if setting.synapse is None else f"synapse {setting.synapse_text}"
    return f"rates × {setting.scale_text}, {synapse}, readout {setting.readout}, {setting.n_steps} steps"


def _points(lost: float) -> str:
    if abs(lost) < 0.05:
        return "the same as in rates"
    return f"{abs(lost):.1f} points {'below' if lost > 0 else 'above'} the rates"


def _error(found: Tuning) -> str:
    """The standard error, which differences between rows have to exceed."""
    share = found.reference_accuracy
    return f"; with so many samples ±{(share * (1 - share) / found.n_samples) ** 0.5 * 100:.1f} points are chance"
