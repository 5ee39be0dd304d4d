"""The diagnosis of one population: its spikes beside the reference's, and the mistakes that explain them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...text.plain import number, paragraph, plural
from ...text.table import Section, Table
from .comparison import Comparison
from .search import Finding, Found

N_SHOWN = 6  # findings that fit equally well


@dataclass(frozen=True)
class LayerDiagnosis:
    """One population's spikes.

    Parameters
    ----------
    name : str
    comparison : Comparison
        With the reference; where the axes of what was given fit no plain order, after they were moved.
    is_right : bool
        Whether the layer does what it should with what it gets: with the spikes given of the layers before it.
    agreement : float
        Share of the spikes that are those of a layer without mistakes that gets the same.
    found : Found or None
        What explains its spikes, where they are not right.
    notes : tuple of str
        What to know about the array.
    current, voltage : float or None
        At the first difference, in the reference: the input current at that step, and the voltage before it.
    """

    name: str
    comparison: Comparison
    is_right: bool
    agreement: float = 1.0
    found: Found | None = None
    notes: tuple[str, ...] = ()
    current: float | None = None
    voltage: float | None = None

    @property
    def is_equal(self) -> bool:
        """Whether the spikes are the reference's, as they were given."""
        return self.comparison.is_equal and self.found is None

    def section(self, is_first: bool) -> Section:
        """The first difference, if this is the first layer that differs, and the mistakes that explain it."""
        return Section("", [*(self._difference() if is_first else ()), *self._explanation()])

    def _difference(self) -> list[str]:
        first = self.comparison.first
        if first is None:
            return []
        unit = ", ".join(map(str, first.unit))
        at = f"First difference: '{self.name}', sample {first.sample}, step {first.step}, unit {unit}: "
        at += f"{plural(first.received, 'spike')} instead of {first.expected}."
        if self.current is not None and self.voltage is not None:
            at += f" The reference has J = {number(self.current, 6)} there, and v = {number(self.voltage, 6)} before."
        return paragraph(at, 0, 2)

    def _explanation(self) -> Iterator[Table | str]:
        if self.is_right:
            yield from paragraph(f"'{self.name}' is right with the spikes that you gave of the layers before it.", 0, 2)
        elif self.found is not None and self.found.exact:
            yield from self._exact(self.found.exact)
        elif self.found is not None:
            yield from self._closest(self.found.closest)

    def _exact(self, findings: tuple[Finding, ...]) -> Iterator[str]:
        lead = "Exactly your spikes"
        if len(findings) > 1:
            lead = "Each of these makes exactly your spikes; these data cannot tell them apart"
        yield f"{lead}, of '{self.name}':"
        for each in findings[:N_SHOWN]:
            yield from paragraph(finding_text(each), 2, 2)
            for mistake in each.mistakes:
                yield from paragraph(f"right: {mistake.instead}", 4, 2)
        if len(findings) > N_SHOWN:
            yield f"  and {len(findings) - N_SHOWN} more; more samples, steps or spikes tell them apart"

    def _closest(self, findings: tuple[Finding, ...]) -> Iterator[Table | str]:
        none = f"Nothing known makes exactly your spikes of '{self.name}': no single mistake, and no two. Closest:"
        yield from paragraph(none, 0, 2)
        rows = [
            (
                share_text(each.comparison.n_differing, each.comparison.n_entries),
                f"{each.comparison.agreement:.1%}",
                finding_text(each),
            )
            for each in findings
        ]
        rows.append(("", f"{self.agreement:.1%}", "no mistake"))
        yield Table(("entries differ", "spikes coincide", "with"), rows, left=(2,), wrap=(2,))
        if any(each.comparison.n_counts_differing == 0 for each in findings[:1]):
            yield from paragraph("Its counts are yours: what is left moves spikes by a step, as rounding does.", 2, 2)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        found = self.found or Found((), ())
        return {
            "name": self.name,
            **_comparison_dict(self.comparison),
            "is_right": self.is_right,
            "agreement_given_inputs": self.agreement,
            "notes": list(self.notes),
            "current": self.current,
            "voltage": self.voltage,
            "matches": [_finding_dict(finding) for finding in found.exact],
            "closest": [_finding_dict(finding) for finding in found.closest],
        }


def finding_text(finding: Finding) -> str:
    """The mistakes of a finding, with the layers they are made in and the voltages that were fitted."""
    text = finding.name
    if finding.everywhere:
        text += ", in every layer up to this one"
    if isinstance(finding.voltage, np.ndarray):
        first = ", ".join(number(value, 3) for value in finding.voltage[:4])
        more = ", …" if len(finding.voltage) > 4 else ""
        text += f" (about {first}{more})"
    elif finding.voltage is not None:
        text += f" (about {number(finding.voltage, 3)})"
    return text


def share_text(count: int, total: int) -> str:
    """A count with its share of all, as in 12 = 3.00%."""
    return f"{count:,} = {count / total:.2%}" if count else "0"


def _finding_dict(finding: Finding) -> dict[str, Any]:
    voltage = finding.voltage
    return {
        "mistakes": [mistake.name for mistake in finding.mistakes],
        "instead": [mistake.instead for mistake in finding.mistakes],
        "everywhere": finding.everywhere,
        "initial_voltage": voltage.tolist() if isinstance(voltage, np.ndarray) else voltage,
        **_comparison_dict(finding.comparison),
    }


def _comparison_dict(comparison: Comparison) -> dict[str, Any]:
    first = comparison.first
    return {
        "n_entries": comparison.n_entries,
        "n_differing": comparison.n_differing,
        "n_counts": comparison.n_counts,
        "n_counts_differing": comparison.n_counts_differing,
        "n_spikes": comparison.n_received,
        "n_spikes_expected": comparison.n_expected,
        "agreement": comparison.agreement,
        "first_difference": None if first is None else {**asdict(first), "unit": list(first.unit)},
    }
