"""The list of all that decides a network's spikes, for whoever computes it elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...graph.nodes import Filter
from ...text.plain import labelled, number
from .layer import LayerExplanation

if TYPE_CHECKING:
    from ...graph.spiking_graph import SpikingGraph
    from ...neurons import Neuron

ARRAYS, NEURONS, TIME = "arrays", "neurons", "time"


@dataclass(frozen=True)
class Requirement:
    """Something that a program or a chip needs: its name, its value with the unit, and where the export holds it.

    Parameters
    ----------
    kind : str
        "arrays", "neurons" or "time".
    """

    kind: str
    name: str
    value: str
    place: str


def requirements(graph: SpikingGraph, layers: Sequence[LayerExplanation], dt: float) -> tuple[Requirement, ...]:
    """All that decides the spikes; values that differ between populations are given for each."""
    neurons = [view.neuron for view in graph.populations.values()]
    found = [
        Requirement(ARRAYS, "kernel'", "gain inside", "populations/<name>/kernel"),
        Requirement(ARRAYS, "dense_bias'", "gain inside, added", "populations/<name>/dense_bias"),
        Requirement(ARRAYS, "neuron_bias", "no gain, added", "populations/<name>/neuron_bias"),
    ]
    used = {layer.name: _of_steps(layer.parameters, graph.populations[layer.name].neuron) for layer in layers}
    for name in dict.fromkeys(name for parameters in used.values() for name in parameters):
        values = {layer: _value(name, parameters[name]) for layer, parameters in used.items() if name in parameters}
        found.append(Requirement(NEURONS, name, _one_or_each(values, len(layers)), f"populations/<name>/{name}"))
    threshold = _one_or_others([(neuron.equations.threshold, neuron.kind) for neuron in neurons])
    reset = _one_or_others([(neuron.equations.reset, neuron.kind) for neuron in neurons])
    voltages = {name: number(view.node.initial_voltage) for name, view in graph.populations.items()}
    start = _one_or_each(voltages, len(layers))
    synapses = {
        node.name: f"{node.synapse.kind} {number(node.synapse.tau * 1e3)} ms"
        for node in graph.nodes
        if isinstance(node, Filter)
    }
    return (
        *found,
        Requirement(NEURONS, "threshold", threshold, "the same in every file"),
        Requirement(NEURONS, "reset", reset, "the same in every file"),
        Requirement(NEURONS, "initial voltage", start, "populations/<name>/initial_voltage"),
        Requirement(TIME, "dt", f"{number(dt * 1e3)} ms", "populations/<name>/dt"),
        Requirement(TIME, "synapse", _one_or_each(synapses, len(layers)) or "none", "nodes/<name>.synapse"),
        Requirement(TIME, "delay", "none (a spike acts in its own step)", "the same in every file"),
    )


def requirement_lines(needed: Sequence[Requirement]) -> list[str]:
    """The list as text."""
    lines = []
    for kind in (ARRAYS, NEURONS, TIME):
        own = [each for each in needed if each.kind == kind]
        pattern = "{0.name} ({0.value})" if kind == ARRAYS else "{0.name} {0.value}"
        lines += labelled(kind, ", ".join(pattern.format(each) for each in own))
    return lines


def _of_steps(parameters: Mapping[str, object], neuron: Neuron) -> dict[str, object]:
    """The parameters that the steps of a neuron use."""
    return {name: value for name, value in parameters.items() if name not in neuron.rate_only}


def _value(name: str, value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{number(value * 1e3)} ms" if name.startswith("tau_") else number(value)
    return "none" if value is None else "one per unit" if isinstance(value, tuple) else str(value)


def _one_or_each(values: dict[str, str], n_layers: int) -> str:
    """The one value that all have, or each value with the names of those that have it."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    if len(names) == 1 and len(values) == n_layers:
        return next(iter(names))
    return " or ".join(f"{value} ({', '.join(own)})" for value, own in names.items())


def _one_or_others(described: Iterable[tuple[str, str]]) -> str:
    """The description that all neurons share, or each one with its kinds of neurons, those of the last as others."""
    kinds: dict[str, list[str]] = {}
    for description, kind in sorted(set(described)):
        kinds.setdefault(description, []).append(kind)
    if len(kinds) < 2:
        return next(iter(kinds), "none")
    *first, last = kinds
    return ", ".join([*(f"{each} ({', '.join(kinds[each])})" for each in first), f"{last} (others)"])
