"""The tables of an account of energy, in 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...text.plain import WIDTH
from ...text.table import Table
from .report import ASSUMPTIONS

if TYPE_CHECKING:
    from .report import EnergyReport

NAME_WIDTH = 16
UNITS = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))


def report_text(report: EnergyReport) -> str:
    """Operations by layer, energy by device, and what was assumed."""
    samples = f"{report.n_samples:,} sample{'s' if report.n_samples > 1 else ''}"
    head = f"Per sample, a mean over {samples}: {report.n_steps} steps of {report.dt * 1e3:g} ms."
    held = "constant: products with it once" if report.is_constant else "varying: products with it at every step"
    lines = [head, f"Input {held}.", "", *_layers(report).lines(), "", *_devices(report).lines(), ""]
    return "\n".join([*lines, *(textwrap.fill(line, WIDTH) for line in ASSUMPTIONS)])


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
    frames = 1 if report.is_constant else report.n_steps
    rows = [
        (
            layer.name,
            f"{layer.n_neurons:,}" if layer.n_neurons else "",
            count(layer.spikes) if layer.n_neurons else "",
            f"{layer.spikes / layer.n_neurons:.2f}" if layer.n_neurons else "",
            count(layer.synops),
            count(layer.products * frames) if layer.products else "",
            count(layer.macs * frames),
        )
        for layer in report.layers
    ]
    n_neurons = sum(layer.n_neurons for layer in report.layers)
    total = (
        "total",
        f"{n_neurons:,}",
        count(report.spikes),
        f"{report.spikes / n_neurons:.2f}" if n_neurons else "",
        count(report.synops),
        count(report.products),
        count(report.macs),
    )
    return Table(headings, [*rows, total], ends=(len(rows) - 1,), name_width=NAME_WIDTH, indent=0)


def _devices(report: EnergyReport) -> Table:
    headings = ("device", "synop", "update", "synaptic", "neurons", "spiking", "as an ANN")
    rows = []
    for device in report.devices:
        neurons = report.neuron_updates * device.energy_per_neuron_update
        total = report.joules(device)
        energies = (total - neurons, neurons, total, report.ann_joules(device))
        costs = (device.energy_per_synop, device.energy_per_neuron_update)
        rows.append((device.name, *map(joules, (*costs, *energies))))
    return Table(headings, rows, name_width=NAME_WIDTH, indent=0)
