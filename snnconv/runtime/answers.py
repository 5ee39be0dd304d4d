"""Answers of a network: its outputs averaged over time, and their accuracy."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, ParameterError
from ..graph import Reading, Readout, SpikingGraph
from ..graph.reading import OutputMean
from ..neurons import numpy_ops
from .classes import classes_of, is_binary, target_classes
from .compiled.engine import Chunk

REDUCTIONS = {"mean": "sum", "last": "last", None: None}
"""What the chunks hold for each way to answer; see `Program`."""


def answers(
    graph: SpikingGraph, dtype: str, chunks: Iterator[Chunk], n_steps: int, reduce: str | None, reading: Reading
) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
    """Answers to each batch by label, with the samples that they are for.

    Parameters
    ----------
    chunks : of a run with the reduction `REDUCTIONS[reduce]`, of sums with the weights of `reading`
    reduce
        See `Simulator.predict`.
    """
    parts: list[dict[str, np.ndarray]] = []
    for chunk in chunks:
        parts = [*parts, chunk.outputs] if chunk.steps.start else [chunk.outputs]
        if chunk.steps.stop < n_steps:
            continue
        found = {}
        for label in chunk.outputs:
            values = [part[label] for part in parts]
            if reduce == "mean":
                found[label] = np.sum(values, 0, "float64") / reading.weights(n_steps).sum()
            elif reduce == "last":
                found[label] = values[-1]
            else:
                found[label] = OutputMean(reading).after(0, np.concatenate(values, 1))
        yield chunk.samples, {label: read_out(graph, dtype, label, value) for label, value in found.items()}


def read_out(graph: SpikingGraph, dtype: str, label: str, value: np.ndarray) -> np.ndarray:
    """Apply the readout's function, such as softmax, to an average over time."""
    node = graph[graph.outputs[label]]
    value = node.apply(value, xp=numpy_ops) if isinstance(node, Readout) else value
    return value.astype(dtype, copy=False)


class Score:
    """Accuracy, or squared error, of the running mean of an output after each step.

    Parameters
    ----------
    label : str
        Which output.
    targets : (n, …) array
        Class numbers, one-hot rows, or values; some of them are enough to tell which.
    reading : Reading
        See `OutputMean`.
    metrics : sequence of keras.Metric
        Updated with the targets and the answers after the last step.

    Attributes
    ----------
    answers : list of (n, …) array
        Classes after the last step, batch by batch; where the targets are values, those of the first batch.

    Raises
    ------
    InputError
        If they do not fit the output.
    """

    def __init__(
        self,
        graph: SpikingGraph,
        dtype: str,
        n_steps: int,
        label: str,
        targets: np.ndarray,
        reading: Reading,
        metrics: Sequence[Any] = (),
    ):
        self._graph, self._dtype, self._n_steps = graph, dtype, n_steps
        self._label, self._shape = label, graph.readouts[label].shape
        self._is_binary, self._metrics = is_binary(graph, label), tuple(metrics)
        self._classes_of = partial(target_classes, label=label, shape=self._shape, is_binary=self._is_binary)
        self.is_accuracy = self._classes_of(targets) is not None
        self.total, self.n = np.zeros(n_steps), 0
        self.answers: list[np.ndarray] = []
        self._means = OutputMean(reading)

    def add(self, chunk: Chunk, y: np.ndarray) -> None:
        """Score a chunk, given the targets of its samples; those of a batch come one after the other."""
        steps = chunk.steps
        means = self._means.after(steps.start, chunk.outputs[self._label])
        if self.is_accuracy:
            classes: Any = self._classes_of(y)
            if classes is None:
                raise InputError("y must be class numbers or one-hot rows in every batch, as in the first.")
            named = classes_of(self._graph, self._label, means)
            self.total[steps] += (named == classes[:, None]).sum(0)
            if steps.stop == self._n_steps:
                self.answers.append(named[:, -1])
        else:
            values = self._read(means)
            error = (values - y.reshape(len(y), 1, *self._shape)) ** 2
            self.total[steps] += error.reshape(*error.shape[:2], -1).mean(-1).sum(0)
            if steps.stop == self._n_steps and not self.answers:
                self.answers.append(values[:, -1])
        if steps.start == 0:
            self.n += len(y)
        if steps.stop == self._n_steps and self._metrics:
            answers = self._read(means[:, -1])
            for metric in self._metrics:
                metric.update_state(y.reshape(len(y), 1) if self._is_binary else y, answers)

    def _read(self, mean: np.ndarray) -> np.ndarray:
        return read_out(self._graph, self._dtype, self._label, mean)

    def result(self, of_all: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Any]:
        """Name and values of the score, given `arrays` of all workers, and of the metrics."""
        over_time = np.sum([each[f"{self._label}.total"] for each in of_all], 0)
        over_time = over_time / sum(int(each[f"{self._label}.n"]) for each in of_all)
        name = "accuracy" if self.is_accuracy else "mse"
        found = {name: float(over_time[-1]), f"{name}_over_time": over_time}
        return {**{each.name: float(each.result()) for each in self._metrics}, **found}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Sums that the workers add up."""
        return {f"{self._label}.total": self.total, f"{self._label}.n": np.array(self.n)}


def metrics_of(metrics: Iterable[Any]) -> list[Any]:
    """Metrics of Keras from their names or themselves, started anew; "accuracy" and "mse" are scored anyway.

    Raises
    ------
    ParameterError
        If Keras has no such metric.
    """
    import keras

    found = []
    for metric in [metrics] if isinstance(metrics, str) else metrics:
        if metric in ("accuracy", "acc", "mse"):
            continue
        made: Any = None
        try:
            made = keras.metrics.get(metric)
        except ValueError:
            made = None
        if inspect.isclass(made):
            made = made()
        elif made is not None and not isinstance(made, keras.Metric):  # a function of targets and answers
            made = keras.metrics.MeanMetricWrapper(made, name=metric if isinstance(metric, str) else made.__name__)
        if made is None:
            raise ParameterError(f"metrics must be names or objects of keras.metrics. Received {metric!r}.")
        made.reset_state()
        found.append(made)
    return found
