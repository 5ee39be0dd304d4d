"""A graph and its layers as notebooks show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..html import table
from .explanation.layer import LayerExplanation, explain_population, explain_readout
from .explanation.layer_text import ARRAY_HEADINGS, array_rows, layer_title
from .parameters import parameter_rows
from .summary import HEADINGS, N_TEXT, summary_rows

if TYPE_CHECKING:
    from .spiking_graph import SpikingGraph
    from .views import PopulationView, ReadoutView

NOTE = (
    "gain: J per input, already in the kernel before; bias: added to J, or to the output; tau_rc of a synapse: its tau"
)
ANY_DT = 0.001  # s; nothing that is shown here depends on it


def graph_html(graph: SpikingGraph) -> str:
    """The rows of `SpikingGraph.summary`."""
    rows = [[cell.replace("\n", "") for cell in row] for row in summary_rows(graph)]
    return table(
        HEADINGS, rows, title=f"Spiking graph '{graph.name}'", notes=[NOTE], left=range(N_TEXT), has_total=True
    )


def population_html(view: PopulationView) -> str:
    """A population: its equations, its arrays, and the parameters of its neurons."""
    layer = explain_population(view.graph, view, ANY_DT)
    parameters = table(("parameter", "value", "unit"), parameter_rows(view), left=(0, 2))
    return f"{_arrays(layer, 'current', 'rate')}{parameters}"


def readout_html(view: ReadoutView) -> str:
    """An output: its equation and its arrays."""
    return _arrays(explain_readout(view), "output")


def _arrays(layer: LayerExplanation, *equations: str) -> str:
    notes = [f"{name}: {layer.equations[name]}" for name in equations]
    if layer.neuron:
        notes.append(f"J in {layer.unit}" if layer.unit != "no unit" else "J has no unit")
    if not layer.arrays:
        return table((), (), title=layer_title(layer), notes=notes)
    return table(ARRAY_HEADINGS, array_rows(layer), title=layer_title(layer), notes=notes, left=(0, 1, 6))
