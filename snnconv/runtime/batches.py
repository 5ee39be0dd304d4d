"""How a run goes through the stepper: batch after batch of samples, chunk after chunk of time steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ..graph import SpikingGraph
from ..neurons.base import State
from ..progress import track
from ..runs import Recording, check_state
from .model import Model, Program
from .samples import Arrays, Samples, take
from .sizes import sizes
from .stepper import Stepper


@dataclass(frozen=True)
class Chunk:
    """What one call of the stepper gave, as NumPy arrays without its padding.

    Parameters
    ----------
    samples, steps : slice
        Which of the run's.
    outputs : by label, (n, steps, *output), or (n, *output) where they are reduced
    records : by kind and population
    y : (n, …) targets, or None
    """

    samples: slice
    steps: slice
    outputs: dict[str, np.ndarray]
    records: dict[str, dict[str, np.ndarray]]
    y: np.ndarray | None


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
        model: Model,
        voltages: Mapping[str, Any],
        batch_size: int | None,
        chunk_steps: int | None,
        memory: int,
        progress: bool | None,
    ):
        self._graph, self._model, self._voltages, self._progress = graph, model, voltages, progress
        self._batch_size, self._chunk_steps, self._memory = batch_size, chunk_steps, memory
        self._steppers: dict[Program, Stepper] = {}

    def run(
        self,
        samples: Samples,
        n_steps: int,
        wanted: Recording,
        reduction: str | None = None,
        state: Mapping[str, State] | None = None,
        final: list[dict[str, State]] | None = None,
    ) -> Iterator[Chunk]:
        """Give each chunk of each batch.

        Parameters
        ----------
        final : list or None
            The state after the last step is appended to it, batch by batch.
        """
        if state is not None:
            check_state(self._model.stateful, state, samples.at_first)
        program = self._program(samples, n_steps, wanted, reduction)
        begin = 0
        with track(samples.n, self._progress, unit="samples") as advance:
            for xs, y in samples.parts(program.batch_size):
                here = slice(begin, begin + len(next(iter(xs.values()))))
                start = None if state is None else take(state, here)
                for chunk in self._batch(program, xs, y, here, n_steps, start, final):
                    yield chunk
                    advance((chunk.steps.stop - chunk.steps.start) / n_steps * (here.stop - here.start))
                begin = here.stop

    def _program(self, samples: Samples, n_steps: int, wanted: Recording, reduction: str | None) -> Program:
        n = samples.at_first if samples.n is None else samples.n
        dtype = self._model.dtype.name
        batch, chunk = sizes(self._graph, n, n_steps, dtype, self._batch_size, self._chunk_steps, self._memory)
        found = Program(batch, chunk, samples.varying, tuple(sorted(wanted.items())), reduction)
        if found in self._steppers:
            return found
        for program in self._steppers if self._chunk_steps is None else ():
            if found.fits(program, n_steps):
                return program
        self._steppers[found] = Stepper(self._model, found)
        return found

    def _start(self, state: Mapping[str, State] | None, batch: int) -> Any:
        if state is None:
            return self._model.initial_state(batch, self._voltages)
        return {
            name: {key: tf.constant(_pad(value, batch), self._model.dtype) for key, value in state[name].items()}
            for name in (node.name for node in self._model.stateful)
        }

    def _batch(
        self,
        program: Program,
        xs: Arrays,
        y: np.ndarray | None,
        samples: slice,
        n_steps: int,
        state: Mapping[str, State] | None,
        final: list[dict[str, State]] | None,
    ) -> Iterator[Chunk]:
        stepper, n, length = self._steppers[program], samples.stop - samples.start, program.chunk_steps
        xs = {name: _pad(array, program.batch_size) for name, array in xs.items()}
        now = self._start(state, program.batch_size)
        held = {name: tf.constant(array) for name, array in xs.items() if name not in program.varying}
        constant, trains = stepper.before(held, now)
        for begin in range(0, n_steps, length):
            steps = slice(begin, min(begin + length, n_steps))
            n_valid = steps.stop - begin
            varying = {name: tf.constant(_pad(xs[name][:, steps].swapaxes(0, 1), length)) for name in program.varying}
            outputs, records, now = stepper.chunk(
                constant, trains, varying, now, tf.constant(begin), tf.constant(n_valid)
            )
            yield Chunk(
                samples,
                steps,
                {
                    label: value.numpy()[:n] if program.reduction else value.numpy()[:n_valid, :n].swapaxes(0, 1)
                    for label, value in outputs.items()
                },
                {
                    kind: {
                        name: value.numpy()[:n] if kind == "rates" else value.numpy()[:n_valid, :n].swapaxes(0, 1)
                        for name, value in values.items()
                    }
                    for kind, values in records.items()
                },
                y,
            )
        if final is not None:
            now = {**now, **stepper.after(constant, now, tf.constant(n_steps))}
            final.append({node: {key: value.numpy()[:n] for key, value in each.items()} for node, each in now.items()})


def _pad(array: np.ndarray, size: int) -> np.ndarray:
    """The array with zeros behind it, up to `size` along the first axis."""
    missing = size - len(array)
    return np.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1))) if missing else np.ascontiguousarray(array)
