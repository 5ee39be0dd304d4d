"""Comparison of a float network with integer graphs of it on the same data: spikes, rates and predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, ParameterError
from ..graph import SpikingGraph
from ..runtime.classes import classes_of, n_classes_of
from ..runtime.result import Result
from ..runtime.simulator import Simulator
from ..text.progress import track
from . import IntegerGraph
from .simulator import IntegerSimulator

BATCH_BYTES = 64 << 20  # of the spikes of a batch


@dataclass(frozen=True)
class PopulationComparison:
    """Rates of one population in floats and in integers.

    Parameters
    ----------
    name : str
    float_rate, rate : float
        Mean over neurons and samples, in Hz.
    differing : float
        Share of the entries, one per sample, step and neuron, in which the two have different spikes.
    """

    name: str
    float_rate: float
    rate: float
    differing: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Losses of an integer graph against the float network.

    Parameters
    ----------
    graph : IntegerGraph
    populations : tuple of PopulationComparison
    n_samples, n_steps : int
    n_other_predictions : int or None
        Samples whose largest output is another one. None where the network has no single vector as its output.
    float_accuracy, accuracy : float or None
        Shares of samples whose largest output is at the right class. None without labels.
    """

    graph: IntegerGraph
    populations: tuple[PopulationComparison, ...]
    n_samples: int
    n_steps: int
    n_other_predictions: int | None
    float_accuracy: float | None
    accuracy: float | None


def compare(
    graph: SpikingGraph, integer_graphs: Sequence[IntegerGraph], x: Any, n_steps: int, y: Any = None
) -> list[Comparison]:
    """Compare a float network with integer graphs of it on the same data.

    Parameters
    ----------
    graph : SpikingGraph
    integer_graphs : sequence of IntegerGraph
        What `quantize` made of it, all with the same time step.
    x : (n, *input) array, held constant, or (n, n_steps, *input) array
    n_steps : int
    y : (n,) array of class numbers, or None

    Returns
    -------
    list of Comparison
        One for each integer graph.

    Raises
    ------
    InputError, ParameterError
        If the data does not fit, or time steps differ.
    """
    times = {integers.dt for integers in integer_graphs}
    if len(times) != 1:
        raise ParameterError(f"integer graphs to compare must have one and the same dt. Received {sorted(times)}.")
    xs = graph.check_inputs(x, "float32", n_steps)
    (x,) = xs.values()
    labels = None if y is None else np.asarray(y)
    if labels is not None and labels.shape != (len(x),):
        raise InputError(f"y must hold one class number for each of the {len(x)} samples. Received {labels.shape}.")
    n_neurons = sum(math.prod(view.shape) for view in graph.populations.values())
    size = min(256, max(1, BATCH_BYTES // max(1, n_steps * n_neurons)))
    floats = Simulator(graph, times.pop(), progress=False)
    simulators = [IntegerSimulator(integers, batch_size=size) for integers in integer_graphs]
    tallies = [_Tally(graph, integers) for integers in integer_graphs]
    with track(len(x), what="running in floats and in integers") as advance:
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            ours = floats.run(x[part], n_steps, "all.spikes")
            for simulator, tally in zip(simulators, tallies, strict=True):
                theirs = simulator.run(x[part], n_steps, "all.spikes")
                tally.add(ours, theirs, None if labels is None else labels[part])
            advance(len(x[part]))
    return [tally.comparison(n_steps) for tally in tallies]


class _Tally:
    """Counts of one integer graph, summed up over batches."""

    def __init__(self, graph: SpikingGraph, integers: IntegerGraph):
        self._integers = integers
        self._counts = {name: np.zeros(3, "int64") for name in graph.populations}  # float, integer, differing
        self._sizes = {name: math.prod(view.shape) for name, view in graph.populations.items()}
        label = next(iter(graph.outputs))
        self._has_classes = len(graph.outputs) == 1 and n_classes_of(graph, label) is not None
        self._classes_of = partial(classes_of, graph, label)
        self._n = 0
        self._right = np.zeros(2, "int64")
        self._n_other, self._is_labelled = 0, False

    def add(self, ours: Result, theirs: Result, labels: np.ndarray | None) -> None:
        """Count a batch, run in floats and in integers."""
        for name, counts in self._counts.items():
            a, b = ours.spikes[name], theirs.spikes[name]
            counts += [a.sum(dtype="int64"), b.sum(dtype="int64"), np.count_nonzero(a != b)]
        self._n += theirs.n_samples
        if self._has_classes:
            a, b = self._classes_of(ours.output.sum(1, dtype="float64")), self._classes_of(theirs.output.sum(1))
            self._n_other += int(np.count_nonzero(a != b))
            if labels is not None:
                self._is_labelled = True
                self._right += [np.count_nonzero(a == labels), np.count_nonzero(b == labels)]

    def comparison(self, n_steps: int) -> Comparison:
        """The counts as shares and rates."""
        populations = []
        for name, (floats, integers, differing) in self._counts.items():
            entries = self._n * n_steps * self._sizes[name]
            duration = entries * self._integers.dt
            populations.append(
                PopulationComparison(name, floats / duration, integers / duration, float(differing / entries))
            )
        right = self._right / self._n if self._is_labelled else (None, None)
        others = self._n_other if self._has_classes else None
        return Comparison(self._integers, tuple(populations), self._n, n_steps, others, *right)
