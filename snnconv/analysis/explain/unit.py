"""One neuron: every product that its current is made of, and what its spike adds behind it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ...errors import InputError, ParameterError
from ...graph import Conv, ConvTranspose, Dense, Node, PopulationView, SpikingGraph, Weighted
from ...text.plain import labelled, number, plural, shape_text
from ...text.table import Table
from .onward import unit_effects

Index = tuple[int, ...]
N_TERMS = 16  # products that are printed; all of them are in the data
N_EFFECTS = 8  # effects that are printed one by one


@dataclass(frozen=True)
class Term:
    """One product of a current: the place in the input, the trained weight, the folded one; with a sample the rest."""

    place: tuple[int, ...]
    trained: float | None
    kernel: float
    x: float | None = None
    product: float | None = None


@dataclass(frozen=True)
class Operating:
    """A unit at one sample, in rates: its constant current, its rate in Hz, its interval and its mean output."""

    sample: int
    current: float
    rate: float
    interval: float | None
    interval_steps: float | None
    output: float


@dataclass(frozen=True)
class UnitExplanation:
    """One unit of a population.

    Parameters
    ----------
    layer : str
    unit : tuple of int
    terms : tuple of Term
        The largest first: by product where there is a sample, else by weight unless there are few.
    dense_bias, neuron_bias : float
    at : Operating or None
        What it does at a sample, at the rates that Keras computes.
    effects : mapping of str to list
        What one spike of it adds to each unit of the layers behind, over all time, along the flattened shape.
    """

    layer: str
    unit: tuple[int, ...]
    source: str
    terms: tuple[Term, ...]
    dense_bias: float
    neuron_bias: float
    at: Operating | None
    effects: dict[str, list[float]]


def unit_index(shape: tuple[int, ...], unit: int | tuple[int, ...], layer: str) -> tuple[int, ...]:
    """The index of a unit that was given as such, or counted along the flattened shape.

    Raises
    ------
    InputError
        If there is no such unit.
    """
    n_units = int(np.prod(shape))
    if isinstance(unit, (int, np.integer)) and 0 <= unit < n_units:
        return tuple(int(place) for place in np.unravel_index(unit, shape))
    if (
        isinstance(unit, tuple)
        and len(unit) == len(shape)
        and all(0 <= place < size for place, size in zip(unit, shape, strict=True))
    ):
        return unit
    by_place = f", or one index for each axis of {shape_text(shape)}" if len(shape) > 1 else ""
    raise InputError(
        f"layer '{layer}' has {plural(n_units, 'unit')}: name one by a number from 0 to {n_units - 1}{by_place}. "
        f"Received {unit!r}."
    )


def explain_unit(
    graph: SpikingGraph,
    view: PopulationView,
    unit: tuple[int, ...],
    dt: float,
    values: dict[str, np.ndarray] | None = None,
    sample: int = 0,
) -> UnitExplanation:
    """A unit in numbers.

    Parameters
    ----------
    values : dict of str to array, or None
        `SpikingGraph.rate_values` of one sample.
    sample : int
        The sample's number, for the record.
    """
    linear, height = view.linear, view.neuron.amplitude / dt
    places, weights = np.zeros((0, 1), int), np.zeros(0)
    if linear is not None:
        places, weights = incoming(linear, unit, graph[view.input].shape)
    trained = _trained(linear, unit, graph[view.input].shape)
    x = None if values is None else values[view.input][0][tuple(places.T)] if len(places) else np.zeros(0)
    size = np.abs(weights if x is None else weights * x)
    order = np.arange(len(weights)) if x is None and len(weights) <= N_TERMS else np.argsort(-size, kind="stable")
    terms = tuple(
        Term(
            tuple(int(place) for place in places[i]),
            None if trained is None else float(trained[i]),
            float(weights[i]),
            None if x is None else float(x[i]),
            None if x is None else float(x[i] * weights[i]),
        )
        for i in order
    )
    dense_bias = 0.0 if linear is None or linear.bias is None else float(linear.bias[unit[-1]])
    neuron_bias = float(np.broadcast_to(view.neuron_bias, view.shape)[unit])
    at = None
    if values is not None:
        current = float(values[view.node.inputs[0]][0][unit] + neuron_bias)
        rate = float(values[view.name][0][unit] / view.neuron.amplitude)
        interval = 1 / abs(rate) if rate else None
        steps = None if interval is None else interval / dt
        at = Operating(sample, current, rate, interval, steps, rate * view.neuron.amplitude)
    behind = {name: array.ravel().tolist() for name, array in unit_effects(graph, view.name, unit, height).items()}
    return UnitExplanation(view.name, unit, view.input, terms, dense_bias, neuron_bias, at, behind)


def _trained(linear: Weighted | None, unit: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray | None:
    """The trained weights at the same places, where the trained kernel has the folded one's shape."""
    trained = None if linear is None else linear.trained.get("kernel")
    if linear is None or trained is None or trained.shape != linear.kernel.shape:
        return None
    return incoming(dataclasses.replace(linear, kernel=trained), unit, shape)[1]


def unit_parts(found: UnitExplanation) -> list[Table | str]:
    """The unit as text."""
    lines: list[Table | str] = [_term_table(found), ""] if found.terms else []
    sums = [("dense_bias'", found.dense_bias), ("neuron_bias", found.neuron_bias)]
    if found.at is not None:
        rest = found.at.current - found.dense_bias - found.neuron_bias
        sums = [("products" if found.terms else f"'{found.source}'", rest), *sums]
    total = "" if found.at is None else f" = {number(found.at.current, 6)}"
    lines += labelled("J", " + ".join(f"{number(value, 6)} ({name})" for name, value in sums) + total)
    if found.at is not None:
        lines += labelled("in rates", _operating(found))
    for name, values in found.effects.items():
        lines += labelled("worth", f"a spike adds to '{name}': {_effect(values)}")
    return lines


def _operating(found: UnitExplanation) -> str:
    at = found.at
    if at is None or at.interval is None or at.interval_steps is None:
        return "silent: 0 Hz at this constant current"
    return (
        f"{number(at.rate)} Hz = a spike every {number(at.interval * 1e3)} ms = {number(at.interval_steps)} steps; "
        f"mean output {number(at.output)} (at a constant current, as Keras computes it)"
    )


def _effect(values: list[float]) -> str:
    if len(values) <= N_EFFECTS:
        return "  ".join(number(value) for value in values)
    reached = np.array([value for value in values if value])
    if not len(reached):
        return "nothing"
    return (
        f"{number(reached.min())} … {number(reached.max())} (mean {number(reached.mean(), 3)}) in {len(reached):,} of "
        f"{len(values):,} units"
    )


def _term_table(found: UnitExplanation) -> Table:
    with_x = found.at is not None
    headings: list[Any] = ["place in x", "trained W", "kernel'", *(["x", "x·kernel'"] if with_x else [])]
    rows = []
    for term in found.terms[:N_TERMS]:
        numbers = [term.kernel, *((term.x, term.product) if with_x else ())]
        place = ", ".join(map(str, term.place))
        trained = "" if term.trained is None else number(term.trained, 6)
        rows.append((place, trained, *(number(value or 0.0, 6) for value in numbers)))
    rest = found.terms[N_TERMS:]
    if rest:
        total = [number(sum(term.product or 0.0 for term in rest), 6)] if with_x else []
        rows.append((f"{len(rest):,} more", "", "", *([""] if with_x else []), *total))
    return Table(headings, rows, wrap=(0,))


@singledispatch
def incoming(node: Node, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    """Places (k, rank) in the input, of this shape, that reach a unit of a linear node's output; and weights (k,)."""
    raise ParameterError(
        f"the units of '{node.name}' ({node.kind}) cannot be explained one by one. Name its layer alone."
    )


@incoming.register
def _(node: Dense, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    places = [(*unit[:-1], channel) for channel in range(node.kernel.shape[0])]
    return np.array(places), node.kernel[:, unit[-1]]


@incoming.register
def _(node: Conv, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    space, per_group = shape[:-1], node.kernel.shape[-2]
    first = unit[-1] // (node.kernel.shape[-1] // node.groups) * per_group
    places, weights = [], []
    for offset in np.ndindex(*node.kernel.shape[:-2]):
        geometry = zip(unit[:-1], node.strides, offset, node.dilation, node.padding, strict=True)
        place = tuple(u * stride + o * dilation - before for u, stride, o, dilation, (before, _) in geometry)
        if all(0 <= p < size for p, size in zip(place, space, strict=True)):
            places += [(*place, first + channel) for channel in range(per_group)]
            weights += list(node.kernel[offset][:, unit[-1]])
    return np.array(places).reshape(-1, len(space) + 1), np.array(weights)


@incoming.register
def _(node: ConvTranspose, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    space, n_channels = shape[:-1], node.kernel.shape[-2]
    places, weights = [], []
    for offset in np.ndindex(*node.kernel.shape[:-2]):
        geometry = zip(unit[:-1], node.strides, offset, node.dilation, node.padding, strict=True)
        shifted = [(u + before - o * dilation, stride) for u, stride, o, dilation, (before, _) in geometry]
        place = tuple(distance // stride for distance, stride in shifted)
        is_hit = all(distance % stride == 0 for distance, stride in shifted)
        if is_hit and all(0 <= p < size for p, size in zip(place, space, strict=True)):
            places += [(*place, channel) for channel in range(n_channels)]
            weights += list(node.kernel[offset][:, unit[-1]])
    return np.array(places).reshape(-1, len(space) + 1), np.array(weights)
