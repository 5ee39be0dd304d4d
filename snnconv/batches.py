"""How a run is cut into batches of samples and chunks of time steps, and put through the stepper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from .graph import SpikingGraph
from .neurons.base import State
from .progress import track
from .runs import Recording, check_state
from .stepper import Model, Program, Stepper

# Bytes of the widest layer's values in one batch and in one chunk. Measured on two cores: smaller ones pay for calls,
# larger ones gain nothing.
BATCH_BYTES = 4 << 20
CHUNK_BYTES = 80 << 20


def sizes(
    graph: SpikingGraph, n: int, n_steps: int, dtype: str, batch_size: int | None, chunk_steps: int | None
) -> tuple[int, int]:
    """Batch size and chunk length for `n` samples and `n_steps` steps, where they are not given."""
    widest = max(math.prod(node.shape) for node in graph.nodes) * np.dtype(dtype).itemsize
    batch = batch_size or _power_of_two(min(256, BATCH_BYTES // widest))
    if n < batch:
        batch = _power_of_two(2 * n - 1)  # few sizes, so few compilations
    most = min(n_steps, chunk_steps or max(4, CHUNK_BYTES // (widest * batch)))
    n_chunks = math.ceil(n_steps / most)
    if chunk_steps is None:  # an even cut leaves no padding
        n_chunks = next((parts for parts in range(n_chunks, 2 * n_chunks) if n_steps % parts == 0), n_chunks)
        most = math.ceil(n_steps / n_chunks)
    return batch, most


class Chunk:
    """What one call of the stepper gave, as NumPy arrays without its padding."""

    def __init__(self, n: int, n_valid: int, outputs: Any, records: Any, state: Any, reduced: bool):
        def over_time(value: Any) -> np.ndarray:
            return value.numpy()[:n_valid, :n].swapaxes(0, 1)

        self.outputs = {key: value.numpy()[:n] if reduced else over_time(value) for key, value in outputs.items()}
        self.records = {
            kind: {name: value.numpy()[:n] if kind == "rates" else over_time(value) for name, value in values.items()}
            for kind, values in records.items()
        }
        self._n, self._state = n, state

    def state(self) -> dict[str, State]:
        """State after the chunk."""
        return {
            node: {variable: value.numpy()[: self._n] for variable, value in variables.items()}
            for node, variables in self._state.items()
        }


class Batches:
    """Puts samples through compiled steppers, batch after batch and chunk after chunk.

    Parameters
    ----------
    voltages : mapping of population name to float or array
        Voltages before the first step.
    """

    def __init__(
        self,
        graph: SpikingGraph,
        dt: float,
        dtype: str,
        voltages: Mapping[str, Any],
        batch_size: int | None,
        chunk_steps: int | None,
        progress: bool | None,
    ):
        self._graph, self._dtype, self._voltages, self._progress = graph, dtype, voltages, progress
        self._batch_size, self._chunk_steps = batch_size, chunk_steps
        self._model = Model(graph, dt, dtype)
        self._steppers: dict[Program, Stepper] = {}

    def run(
        self,
        xs: Mapping[str, np.ndarray],
        n_steps: int,
        wanted: Recording,
        reduction: str | None = None,
        state: Mapping[str, State] | None = None,
    ) -> Iterator[tuple[slice, slice, Chunk]]:
        """Yield (samples, steps, chunk) for each chunk of each batch, the first two as slices.

        Parameters
        ----------
        xs : mapping of input name to (n, *shape) or (n, n_steps, *shape) array
        """
        n = len(next(iter(xs.values())))
        if state is not None:
            check_state(self._model.stateful, state, n)
        varying = frozenset(node.name for node in self._graph.inputs if xs[node.name].ndim > len(node.shape) + 1)
        batch, chunk = sizes(self._graph, n, n_steps, self._dtype, self._batch_size, self._chunk_steps)
        program = Program(batch, chunk, varying, tuple(sorted(wanted.items())), reduction)
        if program not in self._steppers:
            self._steppers[program] = Stepper(self._model, program)
        with track(math.ceil(n / batch) * math.ceil(n_steps / chunk), self._progress) as advance:
            for start in range(0, n, batch):
                samples = slice(start, min(start + batch, n))
                part = {name: array[samples] for name, array in xs.items()}
                for steps, result in self._batch(program, part, n_steps, self._start(state, samples, batch)):
                    advance()
                    yield samples, steps, result

    def _start(self, state: Mapping[str, State] | None, samples: slice, batch: int) -> Any:
        if state is None:
            return self._model.initial_state(batch, self._voltages)
        return {
            node.name: {
                variable: tf.constant(_pad(value[samples], batch), self._dtype)
                for variable, value in state[node.name].items()
            }
            for node in self._model.stateful
        }

    def _batch(
        self, program: Program, xs: Mapping[str, np.ndarray], n_steps: int, state: Any
    ) -> Iterator[tuple[slice, Chunk]]:
        stepper = self._steppers[program]
        n = len(next(iter(xs.values())))
        xs = {name: _pad(array, program.batch_size) for name, array in xs.items()}
        constant = stepper.before({name: tf.constant(xs[name]) for name in xs if name not in program.varying})
        for begin in range(0, n_steps, program.chunk_steps):
            steps = slice(begin, min(begin + program.chunk_steps, n_steps))
            n_valid = steps.stop - steps.start
            varying = {
                name: tf.constant(_pad(xs[name][:, steps].swapaxes(0, 1), program.chunk_steps))
                for name in program.varying
            }
            outputs, records, state = stepper.chunk(constant, varying, state, tf.constant(n_valid))
            yield steps, Chunk(n, n_valid, outputs, records, state, program.reduction is not None)


def _pad(array: np.ndarray, size: int) -> np.ndarray:
    """The array with zeros behind it, up to `size` along the first axis."""
    missing = size - len(array)
    return np.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1))) if missing else np.ascontiguousarray(array)


def _power_of_two(number: int) -> int:
    """Largest power of two that is not above `number`, and at least 1."""
    return 1 << max(number.bit_length() - 1, 0)
