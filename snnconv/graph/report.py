"""The record of a conversion: each layer of the Keras model, and what was done to it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..text.table import Table
from .nodes import Function, Node, Population, RunningMean

MOVES_RATES = ("calibrated for", "refit", "trained in spikes")  # the beginnings of actions after which rates are others
MOST_NAMES = 4  # of kernels that a gain was folded into, which are listed one by one


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
    layers = {name: layer_of(name, lines) for name in actions}
    added = {
        layer: "; ".join(_counted([actions[name] for name in actions if layers[name] == layer]))
        for layer in layers.values()
    }
    found = [
        dataclasses.replace(line, action="; ".join(filter(None, (line.action, added.get(line.layer)))))
        for line in lines
    ]
    return (*found, *(LayerReport(name, "", actions[name]) for name, layer in layers.items() if layer is None))


def without_actions(lines: Iterable[LayerReport], start: str) -> tuple[LayerReport, ...]:
    """The lines without what was done that begins with these words."""
    kept = [(line, [each for each in line.action.split("; ") if not each.startswith(start)]) for line in lines]
    return tuple(dataclasses.replace(line, action="; ".join(actions)) for line, actions in kept)


def layer_of(name: str, lines: Iterable[LayerReport]) -> str | None:
    """The Keras layer that a node came of, or None where it is that of none."""
    return next((line.layer for line in lines if _belongs(name, line.layer)), None)


def moved_by(name: str | None, lines: Iterable[LayerReport]) -> str | None:
    """The action that moved the rates of a population, or of any where the name is None; None if there is none."""
    lines = tuple(lines)
    own = lines if name is None else [line for line in lines if line.layer == layer_of(name, lines)]
    actions = (action for line in own for action in line.action.split("; "))
    return next((action for action in actions if action.startswith(MOVES_RATES)), None)


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
    said = [f"kept as {', '.join(_counted(others))}"] if others else []
    if functions:
        said.append(f"{', '.join(_counted(functions))} of running means, as arithmetic")
    if neurons:
        is_kept = set(neurons) == {f"{line.type} neurons"}
        how = "sent in spikes by" if functions else "kept as" if is_kept else "activation replaced by"
        said.append(f"{how} {', '.join(_counted(neurons))}")
    if into:
        said.append(f"{'gain ' if neurons else ''}folded into {_listed(into)}")
    return "; ".join(said) or "dropped: it does nothing outside training"


def _belongs(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")


def _listed(names: list[str]) -> str:
    """The names, or where there are many, the first and the last."""
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} kernels, {names[0]} to {names[-1]}"


def _counted(words: Iterable[str]) -> list[str]:
    """Each word once, with the number of times where it stands several times."""
    return [word if n == 1 else f"{word} × {n}" for word, n in Counter(words).items()]
