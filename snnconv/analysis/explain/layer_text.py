"""A layer's equations and numbers, as text and as notebooks show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...graph import PopulationView, ReadoutView
from ...graph.show import parameter_rows
from ...text.picture import even_edges, histogram
from ...text.plain import labelled, number, plural, shape_text
from ...text.table import Table
from .equations import FilterNumbers
from .layer import LayerExplanation, explain_readout, population_numbers
from .onward import Effect

TYPICAL_RATES = (100.0, 200.0)  # Hz, of which the interval is told in one line
ANY_DT = 0.001  # s; nothing that notebooks show of a layer depends on it


def layer_title(layer: LayerExplanation) -> str:
    """The layer in one line."""
    if not layer.neuron:
        return f"Output '{layer.name}': {plural(layer.n_units, 'value')}, no neurons; x = output of '{layer.source}'"
    shape = f" ({shape_text(layer.shape)})" if len(layer.shape) > 1 else ""
    return f"Layer '{layer.name}': {layer.n_units:,} {layer.neuron} neurons{shape}; x = output of '{layer.source}'"


def layer_parts(layer: LayerExplanation, in_full: bool = False, with_rates: bool = False) -> list[Table | str]:
    """The layer's equations and numbers; `in_full` adds the step, `with_rates` a table of the rate curve."""
    if not layer.neuron:
        return [*labelled("output", layer.equations["output"]), *_arrays(layer)]
    unit = "threshold 1" if layer.unit == "thresholds" else f"J in {layer.unit}"
    lines: list[Table | str] = [*labelled("current", f"{layer.equations['current']};  {unit}")]
    lines += _arrays(layer)
    lines += labelled("gain", gain_text(layer))
    lines += labelled("rate", layer.equations["rate"])
    if layer.rates:
        lines += labelled("interval", "; ".join(intervals(layer)))
    if in_full:
        lines += labelled("step", layer.equations["step"])
    lines += labelled("spike", layer.equations["output"])
    for effect in layer.effects:
        lines += labelled("worth", effect_text(effect))
    for each in layer.filters:
        lines += labelled("synapse", filter_text(each))
    if with_rates and layer.rates:
        lines += ["", _rates(layer)]
    return lines


def gain_text(layer: LayerExplanation) -> str:
    """The gain, and where it is."""
    low, high = layer.gain or (1.0, 1.0)
    if low == high == 1:
        return "1: there is nothing to multiply"
    each = "channel" if len(layer.shape) > 1 else "unit"
    values = number(low, 8) if low == high else f"{number(low, 5)} … {number(high, 5)} (per {each})"
    if not layer.gain_in:
        return f"{values}, fixed; no node of the graph holds it"
    if layer.gain_in == (layer.linear,):
        return f"{values}, fixed; already in kernel' and dense_bias'"
    return f"{values}, fixed; in {', '.join(repr(name) for name in layer.gain_in)} already"


def intervals(layer: LayerExplanation) -> list[str]:
    """Typical rates with their intervals in ms and in steps."""
    points = [point for point in layer.rates if point.rate in TYPICAL_RATES] or list(layer.rates[:2])
    return [
        f"{number(point.rate)} Hz: every {number(point.interval * 1e3)} ms = {number(point.interval_steps)} steps"
        for point in points
    ]


def effect_text(effect: Effect) -> str:
    """The effect of a spike on a layer, in words."""
    times = f"{number(effect.factor)} · kernel'" if effect.connection else number(effect.factor)
    text = f"adds {times}"
    if effect.low != effect.high:
        text += f" = {number(effect.low)} … {number(effect.high)} (mean {number(effect.mean, 3)})"
    text += f" to {'output' if effect.is_output else 'J of'} '{effect.layer}'"
    text += f", spread over time by '{effect.filters[0]}'" if effect.filters else ""
    return "; ".join([text, *effect.notes])


def filter_text(found: FilterNumbers) -> str:
    """A synapse in words."""
    return (
        f"{found.kind} {number(found.tau * 1e3)} ms: {found.equation}, a = exp(-dt/tau) = {number(found.a, 6)}; "
        f"{found.own_step:.1%} of a spike's effect comes in its own step, all of it over time"
    )


def array_table(layer: LayerExplanation) -> Table:
    """The layer's arrays: names, shapes, values and units."""
    rows = [
        (
            array.name,
            array.made_of,
            shape_text(array.shape),
            *(number(value, 3) for value in (array.low, array.mean, array.high)),
            array.unit,
        )
        for array in layer.arrays
    ]
    headings = ("array", "made of", "shape", "min", "mean", "max", "unit")
    return Table(headings, rows, left=(0, 1, 6), wrap=(1,))


def _arrays(layer: LayerExplanation) -> list[Table]:
    return [array_table(layer)] if layer.arrays else []


def _rates(layer: LayerExplanation) -> Table:
    heading = "J" if layer.unit == "no unit" else f"J ({layer.unit})"
    headings = (heading, "rate (Hz)", "interval (ms)", "interval (steps)", "mean output")
    rows = [
        (
            number(point.current),
            number(point.rate),
            number(point.interval * 1e3),
            number(point.interval_steps),
            number(point.output),
        )
        for point in layer.rates
    ]
    return Table(headings, rows, left=(), wrap=(0,))


def population_html(view: PopulationView) -> str:
    """A population: its equations, its arrays, and the parameters of its neurons."""
    layer = population_numbers(view, ANY_DT)
    parameters = Table(("parameter", "value", "unit"), parameter_rows(view), left=(0, 2))
    kernel = view.kernel
    picture = "" if kernel is None else histogram(np.ravel(kernel), even_edges(kernel), "kernel'", "J per x")
    return f"{_arrays_html(layer, 'current', 'rate')}{picture}{parameters.html()}"


def readout_html(view: ReadoutView) -> str:
    """An output: its equation and its arrays."""
    return _arrays_html(explain_readout(view), "output")


def _arrays_html(layer: LayerExplanation, *equations: str) -> str:
    notes = [f"{name}: {layer.equations[name]}" for name in equations]
    if layer.neuron:
        notes.append(f"J in {layer.unit}" if layer.unit != "no unit" else "J has no unit")
    table = array_table(layer) if layer.arrays else Table((), ())
    return replace(table, title=layer_title(layer), notes=notes).html()
