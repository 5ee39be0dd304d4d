"""The recorder: arrays of a result, filled in chunk by chunk; its state is computed when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..graph import SpikingGraph
from ..neurons.base import State
from .arguments import KINDS, Recording, check_read_from
from .compiled.engine import Chunk
from .result import Result, spike_dtype

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
        self._states: list[tuple[slice, Callable[[], dict[str, State]]]] = []
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
        if chunk.state:
            self._states.append((rows, chunk.state))

    def state(self) -> dict[str, State]:
        """The state after the last step, of all samples."""
        found: dict[str, State] = {}
        for rows, compute in self._states:
            for node, variables in compute().items():
                for variable, value in variables.items():
                    whole = found.setdefault(node, {})
                    if variable not in whole:
                        whole[variable] = np.empty((self._n, *value.shape[1:]), value.dtype)
                    whole[variable][rows] = value
        return found


class LateState(Mapping[str, State]):
    """A mapping of node name to state that is computed when a value is first asked for."""

    def __init__(self, names: Sequence[str], compute: Callable[[], dict[str, State]]):
        self._names, self._compute = tuple(names), compute

    @cached_property
    def _values(self) -> dict[str, State]:
        values, self._compute = self._compute(), dict  # what it was computed from is not needed any longer
        return values

    def __getitem__(self, name: str) -> State:
        if name not in self._names:
            raise KeyError(name)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(self._values)

    def __reduce__(self) -> Any:
        return dict, (self._values,)


def state_arrays(state: Mapping[str, State]) -> dict[str, np.ndarray]:
    """A state as arrays by name: "state/node/variable"."""
    return {f"state/{node}/{name}": array for node, each in state.items() for name, array in each.items()}


def as_result(
    graph: SpikingGraph, arrays: Arrays, n_steps: int, dt: float, state: Mapping[str, State] | None = None
) -> Result:
    """Make the result of a recorder's arrays; the state is among them unless it is given."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in ("output", "state", *KINDS)}
    for name, array in arrays.items():
        kind, _, rest = name.partition("/")
        if kind == "state":
            node, _, variable = rest.rpartition("/")
            found["state"].setdefault(node, {})[variable] = array
        else:
            found[kind][rest] = array / (n_steps * dt) if kind == "rates" else array
    outputs = {label: found["output"][label] for label in graph.outputs}
    records: dict[str, Any] = {
        kind: {name: found[kind][name] for name in graph.populations if name in found[kind]} for kind in KINDS
    }
    state = found["state"] if state is None else state
    return Result(outputs, n_steps, dt, state=state, reading=check_read_from(graph, None, n_steps), **records)
