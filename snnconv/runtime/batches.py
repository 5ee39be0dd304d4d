"""Batches of samples handed to the devices, and the sizes of batches and chunks: what goes through the layers together.

Results come back in the order of the samples, however many devices there are.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from queue import SimpleQueue

import numpy as np

from ..errors import ParameterError
from ..graph import SpikingGraph
from ..neurons.base import State, is_whole
from ..text.progress import track
from .arguments import Recording, check_state
from .compiled.engine import Batch, Chunk, Engine, pools_memory
from .compiled.model import Program
from .samples import Samples, take

MEMORY = 384 << 20
"""Bytes that the values of a chunk take at most, unless asked otherwise."""

# What a C library's malloc takes from the system, and hands back when it is free: glibc does from 32 MiB on. The
# system fills such memory with zeros page by page each time, which took a third of a run.
KEPT = 31 << 20
"""Bytes of a single array above which memory is not kept for the next one, where TensorFlow has no pool of its own."""

# Bytes of the widest layer's values at one step. Measured on two cores: smaller batches pay for calls, larger ones gain
# nothing.
BATCH_BYTES = 4 << 20
LARGEST = 256
"""Samples of a batch, unless asked otherwise."""


def sizes(
    graph: SpikingGraph,
    n: int,
    n_steps: int,
    dtype: str,
    batch_size: int | None = None,
    chunk_steps: int | None = None,
    memory: int = MEMORY,
    largest: int | None = None,
) -> tuple[int, int]:
    """Choose batch size and chunk length for `n` samples and `n_steps` steps, where they are not given.

    Parameters
    ----------
    memory : int
        Bytes for a layer's values and those of its inputs, at all steps of a chunk.
    largest : int or None
        Bytes for a layer's values alone. None: what `memory` leaves.
    """
    itemsize = np.dtype(dtype).itemsize
    widest = max(math.prod(node.shape) for node in graph.nodes) * itemsize
    batch = batch_size or _power_of_two(min(LARGEST, BATCH_BYTES // widest))
    if batch_size is None or n < batch:  # an even cut leaves little padding
        batch = min(batch, _one_of_few(math.ceil(n / math.ceil(n / batch))))
    both = max(
        math.prod(node.shape) + sum(math.prod(graph[name].shape) for name in node.inputs) for node in graph.nodes
    )
    if batch_size is None:  # where even a few steps would not fit
        batch = min(batch, _power_of_two(memory // (4 * both * itemsize)))
    fitting = min(memory // (both * itemsize), (largest or memory) // widest) // batch
    most = min(n_steps, chunk_steps or max(1, fitting))
    n_chunks = math.ceil(n_steps / most)
    if chunk_steps is None:  # an even cut leaves no padding
        n_chunks = next((parts for parts in range(n_chunks, 2 * n_chunks) if n_steps % parts == 0), n_chunks)
        most = math.ceil(n_steps / n_chunks)
    return batch, most


def _one_of_few(number: int) -> int:
    """Round up to a power of two or, above 8, to a quarter of one: few sizes, so few compilations."""
    above = 1 << (number - 1).bit_length()
    step = above // 8 if above > 8 else above
    return math.ceil(number / step) * step


def _power_of_two(number: int) -> int:
    """Largest power of two that is not above `number`, and at least 1."""
    return 1 << max(number.bit_length() - 1, 0)


class Batches:
    """Hands samples out to the engines, and their results back in order.

    Parameters
    ----------
    engines : sequence of Engine
        One for each device. With several, at most one batch more than there are engines is under way, so that memory
        does not grow with the number of samples.
    batch_size, chunk_steps, memory, progress
        See `snnconv.Simulator`.
    share : (int, int)
        Which of how many workers this is: batches are shared out among all of them.
    """

    def __init__(
        self,
        graph: SpikingGraph,
        dtype: str,
        engines: Sequence[Engine],
        *,
        batch_size: int | None = None,
        chunk_steps: int | None = None,
        memory: int | None = None,
        progress: bool | None = None,
        share: tuple[int, int] = (0, 1),
    ):
        self.dtype = dtype
        self._graph, self._engines, self._share = graph, engines, share
        self._batch_size, self._chunk_steps, self._memory = batch_size, chunk_steps, memory or MEMORY
        self._largest = None if memory or pools_memory() else KEPT
        self._progress = progress
        self._programs: list[Program] = []

    def changed(self, batch_size: int | None = None, verbose: bool | int | str | None = None) -> Batches:
        """Batches of another size, or with or without a progress bar; None leaves either as it is.

        Raises
        ------
        ParameterError
            If the size is no whole number above 0.
        """
        if batch_size is None and verbose is None:
            return self
        if batch_size is not None and not is_whole(batch_size):
            raise ParameterError(f"batch_size must be None or a whole number above 0. Received {batch_size!r}.")
        other = copy(self)
        if batch_size is not None:
            other._batch_size = int(batch_size)
        if verbose is not None:
            other._progress = None if verbose == "auto" else bool(verbose)
        return other

    def sizes(self, n: int, n_steps: int) -> tuple[int, int]:
        """Choose how many samples and steps are handled together in a run of `n` samples and `n_steps` steps."""
        if self._batch_size is None:  # all devices get some
            n = math.ceil(n / (len(self._engines) * self._share[1]))
        return sizes(
            self._graph, n, n_steps, self.dtype, self._batch_size, self._chunk_steps, self._memory, self._largest
        )

    def own(self, n: int, n_steps: int) -> slice:
        """This worker's share of `n` samples: whole batches."""
        index, n_workers = self._share
        size, _ = self.sizes(n, n_steps)
        n_batches = math.ceil(n / size)
        first, last = (n_batches * part // n_workers for part in (index, index + 1))
        return slice(min(first * size, n), min(last * size, n))

    def run(
        self,
        samples: Samples,
        n_steps: int,
        wanted: Recording,
        reduction: str | None = None,
        *,
        weights: np.ndarray | None = None,
        rows: Sequence[slice] | None = None,
        state: Mapping[str, State] | None = None,
        keep_state: bool = False,
    ) -> Iterator[Chunk]:
        """Run samples, and give each chunk of each batch.

        Parameters
        ----------
        reduction
            See `Program`.
        weights : (n_steps,) array or None
            Of the steps in the sum that is the reduction "sum".
        rows : sequence of slice, or None
            Samples to run. None: this worker's share; where it is not known how many samples there are, batches are
            dealt out to the workers in turn.
        state : mapping or None
            Of all samples, to start from.
        keep_state : bool
            Whether the last chunk of each batch holds the state.
        """
        if state is not None:
            check_state(self._engines[0].model.stateful, state, samples.at_first)
        program = self._program(samples, n_steps, wanted, reduction, keep_state)
        if rows is None and samples.n is not None:
            rows = [self.own(samples.n, n_steps)]
        total = None if rows is None else sum(part.stop - part.start for part in rows)
        batches = (
            Batch(here, xs, y, None if state is None else take(state, here))
            for here, (xs, y) in samples.parts(program.batch_size, rows, self._share)
        )
        with track(total, self._progress, unit="samples") as advance:
            for chunk in self._chunks(program, batches, n_steps, weights, keep_state):
                yield chunk
                n = chunk.samples.stop - chunk.samples.start
                advance((chunk.steps.stop - chunk.steps.start) / n_steps * n)

    def _program(
        self,
        samples: Samples,
        n_steps: int,
        wanted: Recording,
        reduction: str | None,
        keeps_state: bool,
    ) -> Program:
        batch, chunk = self.sizes(samples.at_first if samples.n is None else samples.n, n_steps)
        found = Program(batch, chunk, samples.varying, tuple(sorted(wanted.items())), reduction, keeps_state)
        if found in self._programs:
            return found
        for program in self._programs if self._chunk_steps is None else ():
            if found.fits(program, n_steps):
                return program
        self._programs.append(found)
        return found

    def _chunks(
        self, program: Program, batches: Iterator[Batch], n_steps: int, weights: np.ndarray | None, keep_state: bool
    ) -> Iterator[Chunk]:
        if len(self._engines) == 1:
            for batch in batches:
                yield from self._engines[0].run(program, batch, n_steps, weights, keep_state)
            return
        idle: SimpleQueue[Engine] = SimpleQueue()
        for engine in self._engines:
            idle.put(engine)
        stopped = threading.Event()

        def run(batch: Batch) -> list[Chunk]:
            engine, chunks = idle.get(), []
            try:
                for chunk in engine.run(program, batch, n_steps, weights, keep_state):
                    chunks.append(chunk)
                    if stopped.is_set():
                        break
            finally:
                idle.put(engine)
            return chunks

        with ThreadPoolExecutor(len(self._engines), "snnconv") as threads:
            under_way: deque[Future[list[Chunk]]] = deque()
            try:
                for batch in batches:
                    under_way.append(threads.submit(run, batch))
                    if len(under_way) > len(self._engines):
                        yield from under_way.popleft().result()
                while under_way:
                    yield from under_way.popleft().result()
            finally:
                stopped.set()
                for future in under_way:
                    future.cancel()
