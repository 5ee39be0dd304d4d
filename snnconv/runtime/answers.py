"""Answers of a network: its outputs averaged over time, and their accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph import Readout, SpikingGraph
from ..neurons import numpy_ops
from .compiled.engine import Chunk

REDUCTIONS = {"mean": "sum", "last": "last", None: None}
"""What the chunks hold for each way to answer; see `Program`."""


def answers(
    graph: SpikingGraph, dtype: str, chunks: Iterator[Chunk], n_steps: int, reduce: str | None
) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
    """Answers to each batch by label, with the samples that they are for.

    Parameters
    ----------
    chunks : of a run with the reduction `REDUCTIONS[reduce]`
    reduce : str or None
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
                found[label] = np.sum(values, 0, "float64") / n_steps
            elif reduce == "last":
                found[label] = values[-1]
            else:
                summed = np.cumsum(np.concatenate(values, 1), 1, "float64")
                found[label] = summed / _counts(1, n_steps, summed.ndim - 2)
        yield chunk.samples, {label: read_out(graph, dtype, label, value) for label, value in found.items()}


def read_out(graph: SpikingGraph, dtype: str, label: str, value: np.ndarray) -> np.ndarray:
    """Apply the readout's function, such as softmax, to an average over time."""
    node = graph[graph.outputs[label]]
    value = node.apply(value, xp=numpy_ops) if isinstance(node, Readout) else value
    return value.astype(dtype, copy=False)


class Score:
    """Accuracy, or squared error, of the running mean of the network's one output after each step.

    Parameters
    ----------
    targets : (n, …) array
        Class numbers, one-hot rows, or values; some of them are enough to tell which.

    Attributes
    ----------
    answers : list of (n,) array
        Classes after the last step, batch by batch; none where the targets are values.

    Raises
    ------
    InputError
        If they fit no output of the network.
    """

    def __init__(self, graph: SpikingGraph, dtype: str, n_steps: int, targets: np.ndarray):
        self._graph, self._dtype = graph, dtype
        self._label, readout = next(iter(graph.readouts.items()))
        self._shape = readout.shape
        self.is_accuracy = _classes(targets, self._shape) is not None
        self.total, self.n = np.zeros(n_steps), 0
        self.answers: list[np.ndarray] = []
        self._summed: Any = None

    def add(self, chunk: Chunk) -> None:
        """Score a chunk; those of a batch come one after the other."""
        steps, y = chunk.steps, np.asarray(chunk.y)
        summed = np.cumsum(chunk.outputs[self._label], 1, "float64") + (self._summed if steps.start else 0.0)
        self._summed = summed[:, -1:]
        if self.is_accuracy:
            classes: Any = _classes(y, self._shape)
            if classes is None:
                raise InputError("y must be class numbers or one-hot rows in every batch, as in the first.")
            answers = summed.argmax(-1)
            self.total[steps] += (answers == classes[:, None]).sum(0)
            if steps.stop == len(self.total):
                self.answers.append(answers[:, -1])
        else:
            mean = summed / _counts(steps.start + 1, steps.stop, len(self._shape))
            error = (read_out(self._graph, self._dtype, self._label, mean) - y[:, None]) ** 2
            self.total[steps] += error.reshape(*error.shape[:2], -1).mean(-1).sum(0)
        if steps.start == 0:
            self.n += len(y)


def _counts(first: int, last: int, n_axes: int) -> np.ndarray:
    """Numbers of steps up to each step, in a shape that divides an array (n, n_steps, …)."""
    return np.arange(first, last + 1).reshape(-1, *(1,) * n_axes)


def _classes(y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Class numbers, from class numbers or one-hot rows; None where `y` holds other targets of the output's shape."""
    is_vector = len(shape) == 1 and shape[0] > 1
    if is_vector and y.shape[1:] in ((), (1,)):
        y = y.reshape(-1)
        if not ((y >= 0) & (y < shape[0]) & (y == np.floor(y))).all():
            raise InputError(f"class numbers must be whole numbers from 0 to {shape[0] - 1}.")
        return y
    if y.shape[1:] != shape:
        wanted = "(n,) or " if is_vector else ""
        raise InputError(f"y must have shape {wanted}(n{''.join(f', {size}' for size in shape)}). Received {y.shape}.")
    is_one_hot = is_vector and ((y == 0) | (y == 1)).all() and (y.sum(-1) == 1).all()
    return y.argmax(-1) if is_one_hot else None
