"""The table of an integer graph that `IntegerGraph.summary` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from ..graph.show import SummaryTable, broken_name, shape_text
from .nodes import EncodedInput, IntegerLayer, IntegerNode, SpikingLayer
from .scales import Settings

NAME_WIDTH = 14
HEADINGS = ("name", "kind", "shape", "W", "sum", "shift", "V", "D", "V·D", "R")


def summary_table(nodes: Sequence[IntegerNode], settings: Settings, name: str) -> Table:
    """One row per node: its integers, and the bits of its sums, voltages and leak products."""
    table = SummaryTable(
        title=f"Integer graph '{name}': {settings.weight_bits}-bit weights, steps of {settings.dt * 1e3:g} ms",
        caption="W, sum, V, V·D: bits, proven. D: leak. R: steps of rest",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        title_justify="left",
        caption_justify="left",
    )
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if number < 3 else "right", no_wrap=True)
    for node in nodes:
        table.add_row(broken_name(node.name, NAME_WIDTH), *_row(node))
    return table


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
