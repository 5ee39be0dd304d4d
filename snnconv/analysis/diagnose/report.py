"""The diagnosis of a network: its layers in execution order, and the verdict; it prints as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...text.plain import number, paragraph, plural
from ...text.table import Report, Section, Table
from .layer import LayerDiagnosis, finding_text, share_text
from .search import Finding

FEW = 0.02  # share of the spikes that rounding may move


@dataclass(frozen=True)
class Diagnosis:
    """The result of `diagnose`, layer by layer; it prints as text.

    Parameters
    ----------
    layers : tuple of LayerDiagnosis
        In execution order.
    n_samples, n_steps : int
    dt : float
        Length of a step, in seconds.
    """

    layers: tuple[LayerDiagnosis, ...]
    n_samples: int
    n_steps: int
    dt: float

    @property
    def equal(self) -> bool:
        """Whether all spikes are those of the reference."""
        return all(layer.is_equal for layer in self.layers)

    @property
    def first(self) -> LayerDiagnosis | None:
        """The first layer whose spikes differ."""
        return next((layer for layer in self.layers if not layer.is_equal), None)

    @property
    def matches(self) -> tuple[Finding, ...]:
        """The findings whose spikes equal those of the first layer that differs; several where the data fit several."""
        found = None if self.first is None else self.first.found
        return () if found is None else found.exact

    @property
    def mistakes(self) -> tuple[tuple[str, ...], ...]:
        """The names of the mistakes of each match."""
        return tuple(tuple(mistake.name for mistake in finding.mistakes) for finding in self.matches)

    @property
    def nearly(self) -> Finding | None:
        """The finding that leaves a few spikes, such as rounding moves by a step, if nothing matches."""
        best = self.closest[0] if self.closest else None
        if best is None or self.first is None or 1 - best.comparison.agreement > FEW * (1 - self.first.agreement):
            return None
        return best if best.comparison.agreement >= 1 - FEW else None

    @property
    def closest(self) -> tuple[Finding, ...]:
        """The findings that come closest if nothing matches, best first."""
        found = None if self.first is None else self.first.found
        return () if found is None else found.closest

    @property
    def verdict(self) -> str:
        """One line that says whether the spikes are equal, and what makes the difference."""
        if self.equal:
            total = sum(layer.comparison.n_expected for layer in self.layers)
            if not total:
                return "Equal: but no neuron spiked, so nothing was compared. Give inputs that make spikes."
            return f"Equal: all {total:,} spikes are the reference's."
        where = "" if self.first is None else f" in '{self.first.name}'"
        if self.matches:
            others = len(self.matches) - 1
            more = "" if not others else ", or one other that fits" if others == 1 else f", or {others} others that fit"
            return f"Different{where}: {self.matches[0].name}{more}."
        if self.nearly is None:
            return f"Different{where}: by no mistake that is known, nor by two of them."
        left = 1 - self.nearly.comparison.agreement
        return f"Different{where}: {finding_text(self.nearly)}, up to {left:.2%} of the spikes."

    @property
    def report(self) -> Report:
        """All of it as text: a table of the layers, those that differ one by one, and the verdict."""
        run = f"{plural(self.n_samples, 'sample')}, {plural(self.n_steps, 'step')} of {number(self.dt * 1e3)} ms"
        notes = [
            line for each in self.layers for note in each.notes for line in paragraph(f"{each.name}: {note}.", 2, 2)
        ]
        differing = [layer.section(layer is self.first) for layer in self.layers if not layer.is_equal]
        return Report(
            [
                Section(f"Your spikes and the reference's: {run}", [_layer_table(self.layers), *notes]),
                *differing,
                Section(self.verdict, style="bold green" if self.equal else "bold red"),
            ]
        )

    def __str__(self) -> str:
        return str(self.report)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "equal": self.equal,
            "n_samples": self.n_samples,
            "n_steps": self.n_steps,
            "dt": self.dt,
            "first": None if self.first is None else self.first.name,
            "layers": [layer.to_dict() for layer in self.layers],
        }


def _layer_table(layers: tuple[LayerDiagnosis, ...]) -> Table:
    rows = []
    for layer in layers:
        comparison = layer.comparison
        first = "equal" if layer.is_equal else "axes"
        rows.append(
            (
                layer.name,
                f"{comparison.n_received:,}",
                f"{comparison.n_expected:,}",
                share_text(comparison.n_differing, comparison.n_entries),
                share_text(comparison.n_counts_differing, comparison.n_counts),
                first if comparison.first is None else f"step {comparison.first.step}",
            )
        )
    headings = ("layer", "your spikes", "reference", "entries differ", "counts differ", "from")
    return Table(headings, rows, left=(0, 5), wrap=(0,))
