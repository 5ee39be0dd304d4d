"""Builder of a NIR graph, primitive by primitive."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..places import NOWHERE, Part, Value, scatter_rows
from ..target import Limit
from .primitives import NirGraph, Primitive

MAX_MATRIX = 1 << 25  # values of a weight matrix that stands for another operation


class Builder:
    """Collects primitives, edges, and the limits that a graph runs into.

    Parameters
    ----------
    dt, importer_dt : float
        Length of a step of the network, and of a step of NIR's readers, in seconds.
    unit_resistance : bool
        Whether neurons have r = 1; else r = tau/importer_dt.
    """

    def __init__(self, dt: float, importer_dt: float, unit_resistance: bool):
        self.dt, self.importer_dt, self.unit_resistance = dt, importer_dt, unit_resistance
        self.notes: dict[str, None] = {}
        self.synapses: dict[str, float] = {}  # time constants of those that CubaLIF populations have taken over
        self._nodes: list[Primitive] = []
        self._edges: list[tuple[str, str]] = []
        self._flat: dict[str, Part] = {}
        self._limits: dict[Limit, list[str]] = {}

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Limits that the graph ran into, each with all its layers."""
        return tuple(dataclasses.replace(limit, layers=tuple(names)) for limit, names in self._limits.items())

    def graph(self, metadata: Mapping[str, Any]) -> NirGraph:
        """The finished graph."""
        return NirGraph.of(self._nodes, self._edges, metadata)

    def limit(self, name: str, what: str, instead: str | None, advice: str) -> None:
        """Remember that layer `name` has something that NIR cannot hold; see `Limit`."""
        self._limits.setdefault(Limit(what, (), instead, advice), []).append(name)

    def add(
        self,
        type: str,
        layer: str,
        sources: Value,
        parameters: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> str:
        """Add a primitive with an edge from each source, and return its name: `name` or the layer's, if it is free."""
        name = self._free_name(re.sub(r"\W", "_", layer if name is None else name, flags=re.ASCII))
        self._nodes.append(Primitive(name, type, parameters, {"layer": layer, **(metadata or {})}))
        self._edges += [(part.source, name) for part in sources]
        return name

    def _free_name(self, wanted: str) -> str:
        """The name, with a number behind it if it is taken: readers tell modules by it, so letters and digits only."""
        taken = {node.name for node in self._nodes}
        number = 1
        name = wanted
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def flat(self, part: Part) -> Part:
        """The part behind a node that flattens its source."""
        if len(part.shape) == 1:
            return part
        if part.source not in self._flat:
            # counted from the end, since some readers keep an axis of samples in front and others do not
            axes = {"start_dim": -len(part.shape), "end_dim": -1, "input_type": np.array(part.shape)}
            name = self.add("Flatten", f"{part.source}_flat", (part,), axes)
            self._flat[part.source] = Part(name, (math.prod(part.shape),), part.places)
        return Part(self._flat[part.source].source, self._flat[part.source].shape, part.places)

    def matrix(
        self, layer: str, value: Value, kernel: np.ndarray, bias: np.ndarray | None, shape: tuple[int, ...]
    ) -> Value:
        """The value times a (n_in, n_out) kernel, plus a bias; `shape` is that of the result."""
        parts = []
        for part in value:
            if (part.places == NOWHERE).all():
                continue
            flat = self.flat(part)
            weight = np.ascontiguousarray(scatter_rows(kernel, flat).T)
            added = np.zeros(len(weight)) if bias is None or parts else np.broadcast_to(bias.reshape(-1), len(weight))
            name = self.add("Affine", layer, (flat,), {"weight": weight, "bias": np.array(added)})
            parts.append(Part(name, (len(weight),), np.arange(len(weight)).reshape(shape)))
        return tuple(parts)
