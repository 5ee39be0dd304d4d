"""The nodes of a graph and the parameters of its neurons as tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..text.plain import WIDTH, milliseconds, shape_text, value_range
from ..text.table import Table
from .nodes import Filter, Function, Node, Population, Readout
from .views import PopulationView

HEADINGS = ("name", "kind", "shape", "params", "gain", "bias", "tau_rc", "tau_ref")
SHORT_KINDS = {"AveragePool": "AvgPool", "Concatenate": "Concat"}
NOTE = (
    "gain: J per input, already in the kernel before; bias: added to J, or to the output; tau_rc of a synapse: its tau"
)


def nodes_table(nodes: Iterable[Node], title: str = "") -> Table:
    """One row per node and a total; times in milliseconds, values that differ between units as a range."""
    nodes = tuple(nodes)
    total = sum(map(_n_parameters, nodes))
    rows = [*map(_row, nodes), ["total", "", "", f"{total:,}", *[""] * 4]]
    return Table(HEADINGS, rows, left=range(3), title=title, notes=(NOTE,), ends=(len(nodes) - 1,))


def summary_table(nodes: Iterable[Node], name: str) -> Table:
    """The same table for a terminal of 80 columns: long names are broken, and gaps get narrow."""
    table = nodes_table(nodes, f"Spiking graph '{name}'")
    longest, *others = table.widths
    gap = 2 if longest + sum(others) + 2 * len(others) <= WIDTH else 1
    name_width = WIDTH - sum(others) - gap * len(others)
    notes = ("gain: already in the kernel and bias before",)
    return replace(table, notes=notes, gap=gap, name_width=name_width)


def _row(node: Node) -> list[str]:
    kind, gain, tau_rc, tau_ref = node.kind, "", "", ""
    bias = node.arrays().get("bias")
    if isinstance(node, Population):
        kind, gain, bias = node.neuron.kind, value_range(node.gain), node.neuron_bias
        parameters = node.neuron.parameters()
        tau_rc, tau_ref = milliseconds(parameters.get("tau_rc")), milliseconds(parameters.get("tau_ref"))
    elif isinstance(node, Filter):
        kind, tau_rc = node.synapse.kind, milliseconds(node.synapse.tau)
    elif isinstance(node, (Readout, Function)):
        kind = node.function
    n_parameters = _n_parameters(node)
    return [
        node.name,
        SHORT_KINDS.get(kind, kind),
        shape_text(node.shape),
        f"{n_parameters:,}" if n_parameters else "",
        gain,
        value_range(bias),
        tau_rc,
        tau_ref,
    ]


def _n_parameters(node: Node) -> int:
    return sum(np.size(array) for key, array in node.arrays().items() if key != "gain")


def parameter_rows(view: PopulationView) -> list[tuple[str, str, str]]:
    """Name, value, and unit or meaning of every parameter of a population, with what its gain and biases mean."""
    meanings = view.neuron.meanings
    rows = [
        (name, "none" if value is None else _text(value), meanings.get(name, ""))
        for name, value in view.neuron.parameters().items()
    ]
    max_rates, intercepts = view.neuron.max_rates_intercepts(view.gain, view.neuron_bias)
    return [
        *rows,
        ("max_rates", _text(max_rates), "Hz, rates at an input of 1, after training"),
        ("intercepts", _text(intercepts), "inputs at which firing starts, after training"),
    ]


def _text(value: object) -> str:
    return value_range(np.asarray(value)).replace("\n", "")
