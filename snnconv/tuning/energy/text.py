"""The tables of an account of energy, in 80 columns."""

from __future__ import annotations

import textwrap
from io import StringIO
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from ...graph.show import broken_name
from .report import ASSUMPTIONS

if TYPE_CHECKING:
    from .report import EnergyReport

WIDTH = 80
NAME_WIDTH = 16  # longer names are broken
UNITS = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))


def report_text(report: EnergyReport) -> str:
    """Operations by layer, energy by device, and what was assumed."""
    samples = f"{report.n_samples:,} sample{'s' if report.n_samples > 1 else ''}"
    head = f"Per sample, a mean over {samples}: {report.n_steps} steps of {report.dt * 1e3:g} ms."
    held = "constant: products with it once" if report.is_constant else "varying: products with it at every step"
    parts = [head, f"Input {held}.", "", drawn(_layers(report)), "", drawn(_devices(report)), ""]
    return "\n".join([*parts, *(textwrap.fill(line, WIDTH) for line in ASSUMPTIONS)])


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


def _layers(report: EnergyReport) -> Table:
    headings = ("layer", "neurons", "spikes", "per neuron", "synops", "products", "ANN MACs")
    table = new_table(headings)
    frames = 1 if report.is_constant else report.n_steps
    for layer in report.layers:
        table.add_row(
            broken_name(layer.name, NAME_WIDTH),
            f"{layer.n_neurons:,}" if layer.n_neurons else "",
            count(layer.spikes) if layer.n_neurons else "",
            f"{layer.spikes / layer.n_neurons:.2f}" if layer.n_neurons else "",
            count(layer.synops),
            count(layer.products * frames) if layer.products else "",
            count(layer.macs * frames),
            end_section=layer is report.layers[-1],
        )
    n_neurons = sum(layer.n_neurons for layer in report.layers)
    table.add_row(
        "total",
        f"{n_neurons:,}",
        count(report.spikes),
        f"{report.spikes / n_neurons:.2f}" if n_neurons else "",
        count(report.synops),
        count(report.products),
        count(report.macs),
    )
    return table


def _devices(report: EnergyReport) -> Table:
    table = new_table(("device", "synop", "update", "synaptic", "neurons", "spiking", "as an ANN"))
    for device in report.devices:
        neurons = report.neuron_updates * device.energy_per_neuron_update
        total = report.joules(device)
        table.add_row(
            broken_name(device.name, NAME_WIDTH),
            joules(device.energy_per_synop),
            joules(device.energy_per_neuron_update),
            joules(total - neurons),
            joules(neurons),
            joules(total),
            joules(report.ann_joules(device)),
        )
    return table


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
