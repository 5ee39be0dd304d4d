"""The arrays of a result, filled in chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph import SpikingGraph
from ..neurons.base import State
from ..runs import KINDS, Recording, Result, spike_dtype
from .engine import Chunk

Arrays = Mapping[str, np.ndarray]


class Recorder:
    """Output, records and state of some samples, as arrays by name: "output/label", "spikes/population", ….

    Parameters
    ----------
    samples : slice
        Which of the run's.
    wanted : mapping of kind to population names
        What is recorded.
    """

    def __init__(self, graph: SpikingGraph, dtype: str, samples: slice, n_steps: int, wanted: Recording):
        self._samples, self._n = samples, samples.stop - samples.start
        self.arrays: dict[str, np.ndarray] = {}
        for label, name in graph.outputs.items():
            self.arrays[f"output/{label}"] = np.empty((self._n, n_steps, *graph[name].shape), dtype)
        for kind in KINDS:
            for name in sorted(wanted[kind]):
                node: Any = graph[name]
                if kind == "rates":  # spikes first, and rates when all are counted
                    self.arrays[f"rates/{name}"] = np.zeros((self._n, *node.shape))
                else:
                    of_type = spike_dtype(node) if kind == "spikes" else dtype
                    self.arrays[f"{kind}/{name}"] = np.empty((self._n, n_steps, *node.shape), of_type)

    def add(self, chunk: Chunk) -> None:
        """Fill in what a chunk gave."""
        rows = slice(chunk.samples.start - self._samples.start, chunk.samples.stop - self._samples.start)
        for label, value in chunk.outputs.items():
            self.arrays[f"output/{label}"][rows, chunk.steps] = value
        for kind, values in chunk.records.items():
            for name, value in values.items():
                array = self.arrays[f"{kind}/{name}"]
                if kind == "rates":
                    array[rows] += value
                else:
                    array[rows, chunk.steps] = value
        for node, variables in chunk.state.items():
            for variable, value in variables.items():
                name = f"state/{node}/{variable}"
                if name not in self.arrays:
                    self.arrays[name] = np.empty((self._n, *value.shape[1:]), value.dtype)
                self.arrays[name][rows] = value


def as_result(graph: SpikingGraph, arrays: Arrays, n_steps: int, dt: float) -> Result:
    """The result that a recorder's arrays make up."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in ("output", "state", *KINDS)}
    for name, array in arrays.items():
        kind, _, rest = name.partition("/")
        if kind == "state":
            node, _, variable = rest.rpartition("/")
            state: State = found["state"].setdefault(node, {})
            state[variable] = array
        else:
            found[kind][rest] = array / (n_steps * dt) if kind == "rates" else array
    output = graph.as_output({label: found["output"][label] for label in graph.outputs})
    records: dict[str, Any] = {
        kind: {name: found[kind][name] for name in graph.populations if name in found[kind]} for kind in KINDS
    }
    return Result(output, n_steps, dt, state=found["state"], **records)
