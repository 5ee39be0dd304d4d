"""What was measured of one system on one work, and the table of all of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import timing
from .systems import SYSTEMS
from .works import Work

ENOUGH = 3  # quiet runs; with fewer the row is marked


@dataclass
class Row:
    """A system's figures.

    Parameters
    ----------
    runs : list of dict
        What `timing.timed` gave.
    wrong : float or None
        Share of the output that is not the NumPy loop's, where the system has the same neuron.
    built : dict
        What the worker answered when the system was built.
    others : list of float
        Cores that other processes used, in each turn.
    error : str
        Why there are no figures.
    """

    system: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    wrong: float | None = None
    built: dict[str, Any] = field(default_factory=dict)
    memory: float = 0.0
    others: list[float] = field(default_factory=list)
    error: str = ""
    n_threads: int = 1

    @property
    def quiet(self) -> list[dict[str, Any]]:
        return [run for run in self.runs if run["quiet"]]

    @property
    def is_clean(self) -> bool:
        """Whether enough runs were quiet for the others to be left out."""
        return len(self.quiet) >= min(ENOUGH, len(self.runs))

    @property
    def times(self) -> list[float]:
        """Seconds of each quiet run; where there are too few, of all runs, those held up by their processor time."""
        return [timing.seconds(run, self.n_threads) for run in (self.quiet if self.is_clean else self.runs)]

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def cores(self) -> float:
        """Processor time by wall time."""
        return statistics.median(run["cpu"] / run["wall"] for run in (self.quiet if self.is_clean else self.runs))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for a file."""
        figures = {} if not self.runs else {"median": self.median, "clean": self.is_clean}
        return {**vars(self), **figures}


HEADINGS = (
    *("system", "ms", "min – max", "samples × steps / s", "time / limit", "time / snnconv"),
    *("cores", "MiB", "first result, s", "wrong", "others", "quiet runs"),
)


def table(work: Work, rows: Sequence[Row]) -> str:
    """The table of a work, as Markdown."""
    medians = {row.system: row.median for row in rows if row.runs}
    lines = []
    for row in rows:
        system = SYSTEMS[row.system]
        if row.error or not row.runs:
            lines.append([system.title, row.error])
            continue
        times = row.times
        is_limit = row.system == "limit"
        lines.append(
            [
                system.title,
                number(1e3 * row.median) + ("" if row.is_clean else " *"),
                f"{number(1e3 * min(times))} – {number(1e3 * max(times))}",
                f"{work.sample_steps / row.median:,.0f}",
                _ratio(row.median, medians.get("limit")),
                _ratio(row.median, medians.get("snnconv")),
                f"{row.cores:.2f}",
                f"{row.memory:.0f}",
                "" if is_limit else f"{row.built['build'] + row.built['first']:.1f}",
                "" if is_limit else "other neuron" if row.wrong is None else f"{row.wrong:.1%}",
                f"{statistics.mean(row.others):.2f}",
                f"{len(row.quiet)} of {len(row.runs)}",
            ]
        )
    return markdown(HEADINGS, lines)


def markdown(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned: text in the first, numbers in the others.

    A line may be shorter than the headings: its last cell then says why there are no numbers.
    """
    whole = [headings, *(line for line in lines if len(line) == len(headings))]
    widths = [max(len(line[column]) for line in whole) for column in range(len(headings))]
    widths[0] = max(len(line[0]) for line in [headings, *lines])

    def aligned(line: Sequence[str]) -> str:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=False)]
        return "| " + " | ".join(cells) + " |" * (1 + len(headings) - len(line))

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(map(aligned, [headings, rule, *lines]))


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def _ratio(value: float, unit: float | None) -> str:
    return "" if unit is None else f"{value / unit:.2f}"
