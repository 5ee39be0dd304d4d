"""The table that `SpikingGraph.summary` gives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.table import Table

from .nodes import Filter, Node, Population, Readout

if TYPE_CHECKING:
    from .spiking_graph import SpikingGraph

NAME_WIDTH = 22  # longer names are broken behind a dot or an underscore, so that the table fits 80 columns


def summary_table(graph: SpikingGraph) -> Table:
    """One row per node; times in milliseconds, values that differ between units as a range."""
    table = Table(
        title=f"Spiking graph '{graph.name}'",
        caption="bias: of the linear layer, or of the neurons · gain: already in kernel and bias of the linear layer",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("name", "kind", "shape"):
        table.add_column(heading, no_wrap=heading != "shape")
    for heading in ("parameters", "gain", "bias", "tau_rc", "tau_ref"):
        table.add_column(heading, justify="right", no_wrap=True)
    for node in graph.nodes:
        table.add_row(*_row(node))
    total = sum(np.size(array) for node in graph.nodes for array in _counted(node))
    table.add_section()
    table.add_row("total", "", "", f"{total:,}")
    return table


def broken_name(name: str) -> str:
    """A long name in lines that end in a dot or an underscore."""
    lines = [""]
    for part in re.findall(r"[^._]*[._]*", name):
        if lines[-1] and len(lines[-1]) + len(part) > NAME_WIDTH:
            lines.append(" ")
        lines[-1] += part
    return "\n".join(lines)


def value_range(array: np.ndarray | float | None) -> str:
    """Lowest and highest value, or the one that all are."""
    if array is None or not np.size(array):
        return ""
    low, high = f"{float(np.min(array)):.3g}", f"{float(np.max(array)):.3g}"
    return low if low == high else f"{low}…{high}"


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
        broken_name(node.name),
        kind,
        shape_text(node.shape),
        f"{n_parameters:,}" if n_parameters else "",
        gain,
        value_range(bias),
        tau_rc,
        tau_ref,
    ]


def _counted(node: Node) -> list[np.ndarray]:
    return [array for key, array in node.arrays().items() if key != "gain"]
