"""The lines of a Nengo script in the making, and the arrays that it reads."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

import numpy as np

from ..places import NOWHERE, Part, Value
from ..target import Limit

LINE_LENGTH = 100
TAKEN = ("W", "DT", "at_rest", "inputs", "layers", "nengo", "network", "np", "presented", "IF", "Path", "build", "run")


class Writer:
    """Collects lines, arrays, and the limits that a graph runs into.

    Parameters
    ----------
    delayed : bool
        Whether synapses are those of Nengo's connections, which delay by a step.
    """

    def __init__(self, delayed: bool):
        self.delayed = delayed
        self.lines: list[str] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.limits: list[Limit] = []
        self.layers: dict[str, str] = {}
        self.needs_if = False
        self._names = {*TAKEN, *keyword.kwlist}

    def variable(self, layer: str) -> str:
        """A new variable for a layer, named like it."""
        wanted = re.sub(r"\W", "_", layer, flags=re.ASCII)
        wanted = f"layer_{wanted}" if not wanted[:1].isalpha() else wanted
        name, number = wanted, 1
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    def array(self, name: str, array: np.ndarray) -> str:
        """Keep an array, and return the expression that reads it."""
        self.arrays[name] = array
        return f"W[{name!r}]"

    def say(self, comment: str, *lines: str) -> None:
        """Add lines under a comment."""
        self.lines += [f"# {comment}", *lines, ""]

    def node(self, layer: str, shape: tuple[int, ...], bias: np.ndarray | None = None) -> tuple[str, list[str]]:
        """A node that passes on what it is given, plus a constant: its variable, and the lines that make it."""
        name = self.variable(layer)
        self.layers.setdefault(layer, name)
        lines = [f"{name} = nengo.Node(size_in={int(np.prod(shape))}, label={layer!r})"]
        if bias is not None and np.any(bias):
            constant = self.array(f"{layer}.bias", np.broadcast_to(bias, shape).reshape(-1))
            lines.append(f"nengo.Connection(nengo.Node({constant}, label={layer + '.bias'!r}), {name})")
        return name, lines

    def connections(self, layer: str, value: Value, target: str, transform: str = "") -> list[str]:
        """The lines that connect a value to `target`, each part with the same transform."""
        lines: list[str] = []
        for number, part in enumerate(value):
            source = part.source
            if not is_plain(part):
                source, more = self._gathered(f"{layer}.order{number or ''}", part)
                lines += more
            lines += _connection(source, target, transform)
        return lines

    def _gathered(self, layer: str, part: Part) -> tuple[str, list[str]]:
        """A node that has the numbers of a part in their order."""
        places = part.places.reshape(-1)
        name, lines = self.node(layer, places.shape)
        read = f"{part.source}[{self.array(f'{layer}.from', places[places != NOWHERE])}.tolist()]"
        if (places == NOWHERE).any():
            target = f"{name}[{self.array(f'{layer}.to', np.flatnonzero(places != NOWHERE))}.tolist()]"
        else:
            target = name
        return name, [*lines, f"nengo.Connection({read}, {target})"]


def _connection(source: str, target: str, transform: str) -> list[str]:
    """The lines of a connection: one, or three where its transform is long."""
    line = f"nengo.Connection({source}, {target}{transform})"
    if len(line) <= LINE_LENGTH:
        return [line]
    return ["nengo.Connection(", f"    {source}, {target},", f"    {transform.removeprefix(', ')},", ")"]


def is_plain(part: Part) -> bool:
    """Whether the part is its whole source, in order."""
    return np.array_equal(part.places.reshape(-1), np.arange(part.shape[0]))


def whole(source: str, shape: tuple[int, ...]) -> Value:
    """All numbers of a source."""
    size = int(np.prod(shape))
    return (Part(source, (size,), np.arange(size).reshape(shape)),)


def indented(lines: Iterable[str], spaces: int) -> str:
    """The lines as text, each behind so many spaces."""
    return "\n".join(" " * spaces + line if line else "" for line in lines)
