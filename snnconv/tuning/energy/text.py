"""Energies, counts and tables as text of 80 columns."""

from __future__ import annotations

from io import StringIO

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH = 80
UNITS = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))


def joules(value: float | None) -> str:
    """An energy as in 1.23 µJ."""
    if value is None:
        return ""
    scale, unit = next(((scale, unit) for scale, unit in UNITS if value >= 0.9995 * scale), UNITS[-1])
    return f"{value / scale:.3g} {unit}" if value < 999.5 * scale else f"{value / scale:.0f} {unit}"


def count(value: float) -> str:
    """A number of operations as in 1.23 M."""
    for scale, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g} {unit}" if value < 999.5 * scale else f"{value / scale:.0f} {unit}"
    return f"{value:,.0f}"


def new_table(headings: tuple[str, ...]) -> Table:
    """An empty table; the first column holds text, the others numbers."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return table


def drawn(table: Table) -> str:
    """A table as text."""
    out = StringIO()
    # in a notebook a console would show the table at once, and write nothing into the text
    Console(file=out, width=WIDTH, highlight=False, color_system=None, force_jupyter=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n"))
