"""The effects of a spike on the layers behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...graph import (
    Affine,
    AveragePool,
    Filter,
    Linear,
    MaxPool,
    Node,
    Population,
    Readout,
    SpikingGraph,
    Stateful,
    Weighted,
)
from ...neurons import numpy_ops


@dataclass(frozen=True)
class Effect:
    """The sum that one spike adds to a layer behind it, over all time.

    Parameters
    ----------
    layer : str
        A population, whose current J it adds to, or an output.
    is_output : bool
    connection : str
        The node with the kernel on the way, or "" where there is none.
    factor : float
        What each weight of the kernel is multiplied with: amplitude/dt, times what pooling on the way leaves of it.
    low, mean, high : float
        Of ``factor · kernel``. Of one unit: of its own effects that are not 0.
    filters : tuple of str
        Synapses on the way, which spread it over time.
    notes : tuple of str
        What else is on the way.
    """

    layer: str
    is_output: bool
    connection: str
    factor: float
    low: float
    mean: float
    high: float
    filters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def effects(graph: SpikingGraph, name: str, height: float) -> tuple[Effect, ...]:
    """The effects of a spike of the given height, in any unit of population `name`, on each layer behind it."""
    found = []
    for node, way in _targets(graph, graph[name], (graph[name],)):
        factor, notes = height, []
        for passed in way:
            if isinstance(passed, AveragePool):
                factor /= math.prod(passed.size)
                notes.append(f"'{passed.name}' averages {'×'.join(map(str, passed.size))} units")
            elif isinstance(passed, MaxPool):
                notes.append(f"'{passed.name}' passes on only the spikes of the unit that leads in its window")
            elif isinstance(passed, Affine):
                factor *= float(np.mean(passed.scale))
                notes.append(f"'{passed.name}' multiplies by {float(np.mean(passed.scale)):.4g} (mean)")
        kernel = node.kernel if isinstance(node, Weighted) else np.ones(1)
        low, mean, high = (factor * float(function(kernel)) for function in (np.min, np.mean, np.max))
        layer, is_output = _layer_of(graph, node)
        filters = tuple(passed.name for passed in way if isinstance(passed, Filter))
        connection = node.name if isinstance(node, Weighted) else ""
        found.append(Effect(layer, is_output, connection, factor, low, mean, high, filters, tuple(notes)))
    return tuple(found)


def unit_effects(graph: SpikingGraph, name: str, unit: tuple[int, ...], height: float) -> dict[str, np.ndarray]:
    """The sums that one spike of one unit adds to every unit of each layer behind it, over all time.

    Returns
    -------
    dict of str to array
        By population or output: an array of its shape, in units of its current or output.
    """
    values: dict[str, np.ndarray] = {name: np.zeros((2, *graph[name].shape))}
    values[name][(1, *unit)] = height
    found = {}
    for node in graph.nodes:
        if node.name in values or not any(source in values for source in node.inputs):
            continue
        # linear: what comes from elsewhere does not count
        xs = [values.get(source, np.zeros((2, *graph[source].shape))) for source in node.inputs]
        if isinstance(node, Population):
            found[node.name] = xs[0][1] - xs[0][0]
        elif isinstance(node, Readout):
            values[node.name] = xs[0]
        elif isinstance(node, Stateful):
            values[node.name] = node.rate(xs[0], numpy_ops)
        elif isinstance(node, Linear):
            values[node.name] = node.apply(*xs, xp=numpy_ops)
    for label, source in graph.outputs.items():
        if source in values and source != name:
            found[label] = values[source][1] - values[source][0]
    return found


def _targets(graph: SpikingGraph, node: Node, way: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Every kernel, population or output right behind a node, with the nodes on the way to it."""
    for consumer in graph.consumers(node.name):
        if isinstance(consumer, (Weighted, Population)):
            yield consumer, way
        else:
            yield from _targets(graph, consumer, (*way, consumer))
    if graph.is_output(node.name) and not graph.consumers(node.name) and len(way) > 1:
        yield node, way


def _layer_of(graph: SpikingGraph, node: Node) -> tuple[str, bool]:
    """The population or output that a kernel feeds, or the kernel's own name, and whether it is an output."""
    for view in graph.populations.values():
        if view.name == node.name or view.linear is node:
            return view.name, False
    for label, view in graph.readouts.items():
        if graph.outputs[label] == node.name or view.linear is node:
            return label, True
    return node.name, False
