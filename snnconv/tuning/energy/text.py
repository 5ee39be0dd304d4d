"""Energies and counts as text."""

from __future__ import annotations

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
