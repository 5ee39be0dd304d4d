"""The table of an integer graph that `IntegerGraph.summary` prints."""

from __future__ import annotations

from collections.abc import Sequence

from ..text.plain import shape_text
from ..text.table import Table
from .nodes import EncodedInput, IntegerLayer, IntegerNode, SpikingLayer
from .scales import Settings

HEADINGS = ("name", "kind", "shape", "W", "sum", "shift", "V", "D", "V·D", "R")


def summary_table(nodes: Sequence[IntegerNode], settings: Settings, name: str) -> Table:
    """One row per node: its integers, and the bits of its sums, voltages and leak products."""
    title = f"Integer graph '{name}': {settings.weight_bits}-bit weights, steps of {settings.dt * 1e3:g} ms"
    notes = ("W, sum, V, V·D: bits, proven. D: leak. R: steps of rest",)
    rows = [(node.name, *_row(node)) for node in nodes]
    return Table(HEADINGS, rows, left=range(3), title=title, notes=notes, name_width=14)


def _row(node: IntegerNode) -> list[str]:
    def bits(what: str) -> str:
        return str(node.ranges[what].bits) if what in node.ranges else ""

    shape = shape_text(node.shape)
    if not isinstance(node, IntegerLayer):
        kind = node.code.kind if isinstance(node, EncodedInput) else node.kind
        return [kind, shape, "", bits("value")]
    sums = [bits("weight"), bits("synapse" if node.synapse else "total_input"), str(node.shift)]
    if not isinstance(node, SpikingLayer):
        return ["Readout", shape, *sums, bits("total")]
    row, constants = [node.neuron.kind, shape, *sums, bits("voltage")], node.neuron.constants()
    leak, steps = (str(constants.get(name, "")) for name in ("leak", "refractory_steps"))
    return [*row, leak, bits("leak_product"), steps]
