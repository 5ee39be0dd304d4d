"""The record of a conversion: each layer of the Keras model, and what was done to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..text.table import Table
from .nodes import Function, Node, Population, RunningMean


@dataclass(frozen=True)
class LayerReport:
    """One call of a Keras layer: its name, its type, and what was done to it."""

    layer: str
    type: str
    action: str = ""


def describe(lines: Iterable[LayerReport], nodes: Iterable[Node]) -> tuple[LayerReport, ...]:
    """The lines with the action that these nodes tell of."""
    nodes = tuple(nodes)
    return tuple(dataclasses.replace(line, action=_action(line, nodes)) for line in lines)


def with_actions(lines: Iterable[LayerReport], actions: Mapping[str, str]) -> tuple[LayerReport, ...]:
    """The lines with what was done later to populations behind it; with lines of their own for those of no layer.

    Parameters
    ----------
    actions : mapping of population name to str
    """
    lines = tuple(lines)
    layer_of = {name: next((line.layer for line in lines if _belongs(name, line.layer)), None) for name in actions}
    added = {
        layer: "; ".join(actions[name] for name in actions if layer_of[name] == layer) for layer in layer_of.values()
    }
    found = [
        dataclasses.replace(line, action="; ".join(filter(None, (line.action, added.get(line.layer)))))
        for line in lines
    ]
    return (*found, *(LayerReport(name, "", actions[name]) for name, layer in layer_of.items() if layer is None))


def report_table(lines: Iterable[LayerReport]) -> Table:
    """One row per layer."""
    rows = [(line.layer, line.type, line.action) for line in lines]
    return Table(("layer", "type", "what was done"), rows, left=range(3), wrap=range(3), gap=3)


def _action(line: LayerReport, nodes: tuple[Node, ...]) -> str:
    own = [node for node in nodes if _belongs(node.name, line.layer)]
    into = [node.name for node in nodes if any(_belongs(name, line.layer) for name in node.folded)]
    neurons = [f"{node.neuron.kind} neurons" for node in own if isinstance(node, Population)]
    functions = [node.function for node in own if isinstance(node, Function)]
    others = [node.kind for node in own if not isinstance(node, (Function, Population, RunningMean))]
    said = [f"kept as {', '.join(others)}"] if others else []
    if functions:
        said.append(f"{', '.join(functions)} of running means, as arithmetic")
    if neurons:
        is_kept = neurons == [f"{line.type} neurons"]
        how = "sent in spikes by" if functions else "kept as" if is_kept else "activation replaced by"
        said.append(f"{how} {', '.join(neurons)}")
    if into:
        said.append(f"{'gain ' if neurons else ''}folded into {', '.join(into)}")
    return "; ".join(said) or "dropped: it does nothing outside training"


def _belongs(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")
