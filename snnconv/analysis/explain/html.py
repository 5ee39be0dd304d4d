"""Layers as notebooks show them."""

from __future__ import annotations

from dataclasses import replace

from ...graph.show import parameter_rows
from ...graph.views import PopulationView, ReadoutView
from ...text.table import Table
from .layer import LayerExplanation, explain_readout, population_numbers
from .layer_text import array_table, layer_title

ANY_DT = 0.001  # s; nothing that is shown here depends on it


def population_html(view: PopulationView) -> str:
    """A population: its equations, its arrays, and the parameters of its neurons."""
    layer = population_numbers(view, ANY_DT)
    parameters = Table(("parameter", "value", "unit"), parameter_rows(view), left=(0, 2))
    return f"{_arrays(layer, 'current', 'rate')}{parameters.html()}"


def readout_html(view: ReadoutView) -> str:
    """An output: its equation and its arrays."""
    return _arrays(explain_readout(view), "output")


def _arrays(layer: LayerExplanation, *equations: str) -> str:
    notes = [f"{name}: {layer.equations[name]}" for name in equations]
    if layer.neuron:
        notes.append(f"J in {layer.unit}" if layer.unit != "no unit" else "J has no unit")
    table = array_table(layer) if layer.arrays else Table((), ())
    return replace(table, title=layer_title(layer), notes=notes).html()
