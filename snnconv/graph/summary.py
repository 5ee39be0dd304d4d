"""The table that `SpikingGraph.summary` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from .nodes import Filter, Node, Population, Readout

if TYPE_CHECKING:
    from .spiking_graph import SpikingGraph


def summary_table(graph: SpikingGraph) -> Table:
    """One row per node; times in milliseconds, values that differ between units as a range."""
    table = Table(title=f"Spiking graph of '{graph.name}'", caption="gain: already multiplied into kernel and bias")
    for heading in ("name", "kind", "input", "shape", "kernel"):
        table.add_column(heading, overflow="fold")
    for heading in ("bias", "gain", "tau_rc", "tau_ref"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("parameters", justify="right")
    for node in graph.nodes:
        table.add_row(*_row(node))
    total = sum(np.size(array) for node in graph.nodes for array in _counted(node))
    table.add_section()
    table.add_row("total", *[""] * 8, f"{total:,}")
    return table


def _row(node: Node) -> list[str]:
    kind, gain, tau_rc, tau_ref = node.kind, "", "", ""
    arrays = node.arrays()
    bias = arrays.get("bias")
    if isinstance(node, Population):
        kind, gain, bias = node.neuron.kind, _range(node.gain), node.neuron_bias
        parameters = node.neuron.parameters()
        tau_rc, tau_ref = _milliseconds(parameters.get("tau_rc")), _milliseconds(parameters.get("tau_ref"))
    elif isinstance(node, Filter):
        kind, tau_rc = node.synapse.kind, _milliseconds(node.synapse.tau)
    elif isinstance(node, Readout):
        kind = node.function
    return [
        node.name,
        kind,
        ", ".join(node.inputs),
        _shape(node.shape),
        _shape(arrays["kernel"].shape) if "kernel" in arrays else "",
        _range(bias),
        gain,
        tau_rc,
        tau_ref,
        f"{sum(np.size(array) for array in _counted(node)):,}",
    ]


def _counted(node: Node) -> list[np.ndarray]:
    return [array for key, array in node.arrays().items() if key != "gain"]


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"


def _range(array: np.ndarray | None) -> str:
    if array is None:
        return ""
    low, high = float(np.min(array)), float(np.max(array))
    return f"{low:.4g}" if low == high else f"{low:.3g} … {high:.3g}"


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:g} ms"
