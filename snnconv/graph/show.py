"""The table that `SpikingGraph.summary` gives.

The parameters of neurons in words.

A graph and its layers as notebooks show them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.table import Table

from ..text.html import table
from ..text.plain import WIDTH
from .nodes import Filter, Node, Population, Readout

if TYPE_CHECKING:
    from .spiking_graph import SpikingGraph
    from .views import PopulationView

RANGE_WIDTH = 8  # of a range on one line
HEADINGS = ("name", "kind", "shape", "params", "gain", "bias", "tau_rc", "tau_ref")
N_TEXT = 3  # columns that hold text
SHORT_KINDS = {"AveragePool": "AvgPool", "Concatenate": "Concat"}


class SummaryTable(Table):
    """A table that was printed: a notebook does not show it a second time."""

    def _ipython_display_(self) -> None:
        pass


def summary_table(graph: SpikingGraph) -> Table:
    """One row per node; times in milliseconds, values that differ between units as a range."""
    rows = summary_rows(graph)
    columns = list(zip(HEADINGS, *rows, strict=True))[1:]
    others = sum(max(len(line) for cell in column for line in cell.split("\n")) for column in columns)
    longest = max(len(name) for name, *_ in rows)
    gap = 2 if longest + others + 2 * len(columns) <= WIDTH else 1
    table = SummaryTable(
        title=f"Spiking graph '{graph.name}'",
        caption="gain: already in the kernel and bias before",
        box=box.SIMPLE_HEAD,
        padding=(0, gap - 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        title_justify="left",
        caption_justify="left",
    )
    for heading in HEADINGS:
        justify = "left" if heading in HEADINGS[:N_TEXT] else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    width = WIDTH - others - gap * len(columns)
    for number, (name, *cells) in enumerate(rows, 1):
        table.add_row(broken_name(name, width), *cells, end_section=number == len(graph.nodes))
    return table


def summary_rows(graph: SpikingGraph) -> list[list[str]]:
    """The cells of the table, a row per node and one with the total; a long range is broken into two lines."""
    total = sum(np.size(array) for node in graph.nodes for array in _counted(node))
    return [*(_row(node) for node in graph.nodes), ["total", "", "", f"{total:,}", *[""] * 4]]


def value_range(array: np.ndarray | float | None) -> str:
    """Lowest and highest value, or the one that all are."""
    if array is None or not np.size(array):
        return ""
    low, high = float(np.min(array)) + 0.0, float(np.max(array)) + 0.0  # -0 becomes 0
    if low == high:
        return f"{low:.4g}"
    text = f"{_short(low)}…{_short(high)}"
    return text if len(text) <= RANGE_WIDTH else text.replace("…", "…\n")


def _short(value: float) -> str:
    return f"{value:.0f}" if 10 <= abs(value) < 1e4 else f"{value:.2g}"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as in 28×28×1."""
    return "×".join(map(str, shape)) or "1"


def milliseconds(seconds: float | None) -> str:
    """A time in ms, or nothing where there is none."""
    return "" if seconds is None else f"{seconds * 1e3:.4g} ms"


def _row(node: Node) -> list[str]:
    kind, gain, tau_rc, tau_ref = node.kind, "", "", ""
    bias = node.arrays().get("bias")
    if isinstance(node, Population):
        kind, gain, bias = node.neuron.kind, value_range(node.gain), node.neuron_bias
        parameters = node.neuron.parameters()
        tau_rc, tau_ref = milliseconds(parameters.get("tau_rc")), milliseconds(parameters.get("tau_ref"))
    elif isinstance(node, Filter):
        kind, tau_rc = node.synapse.kind, milliseconds(node.synapse.tau)
    elif isinstance(node, Readout):
        kind = node.function
    n_parameters = sum(np.size(array) for array in _counted(node))
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


def broken_name(name: str, width: int) -> str:
    """A name that is longer than `width`, in lines that end in a dot or an underscore."""
    lines = [""]
    for part in re.findall(r"[^._]+[._]*|[._]+", name):
        if lines[-1].strip() and len(lines[-1]) + len(part) > width:
            lines.append(" ")
        lines[-1] += part
    return "\n".join(lines)


def _counted(node: Node) -> list[np.ndarray]:
    return [array for key, array in node.arrays().items() if key != "gain"]


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


NOTE = (
    "gain: J per input, already in the kernel before; bias: added to J, or to the output; tau_rc of a synapse: its tau"
)


def graph_html(graph: SpikingGraph) -> str:
    """The rows of `SpikingGraph.summary`."""
    rows = [[cell.replace("\n", "") for cell in row] for row in summary_rows(graph)]
    return table(
        HEADINGS, rows, title=f"Spiking graph '{graph.name}'", notes=[NOTE], left=range(N_TEXT), has_total=True
    )
