"""How many samples and time steps go through the layers together."""

from __future__ import annotations

import math

import numpy as np

from ..graph import SpikingGraph

MEMORY = 384 << 20
"""Bytes that the values of a chunk take at most, unless asked otherwise."""

# Bytes of the widest layer's values at one step. Measured on two cores: smaller batches pay for calls, larger ones gain
# nothing.
BATCH_BYTES = 4 << 20


def sizes(
    graph: SpikingGraph,
    n: int,
    n_steps: int,
    dtype: str,
    batch_size: int | None = None,
    chunk_steps: int | None = None,
    memory: int = MEMORY,
) -> tuple[int, int]:
    """Batch size and chunk length for `n` samples and `n_steps` steps, where they are not given.

    Parameters
    ----------
    memory : int
        Bytes for a layer's values and those of its inputs, at all steps of a chunk.
    """
    itemsize = np.dtype(dtype).itemsize
    widest = max(math.prod(node.shape) for node in graph.nodes) * itemsize
    batch = batch_size or _power_of_two(min(256, BATCH_BYTES // widest))
    if batch_size is None or n < batch:  # an even cut leaves little padding
        batch = min(batch, _one_of_few(math.ceil(n / math.ceil(n / batch))))
    both = max(
        math.prod(node.shape) + sum(math.prod(graph[name].shape) for name in node.inputs) for node in graph.nodes
    )
    if batch_size is None:  # where even a few steps would not fit
        batch = min(batch, _power_of_two(memory // (4 * both * itemsize)))
    most = min(n_steps, chunk_steps or max(1, memory // (both * itemsize * batch)))
    n_chunks = math.ceil(n_steps / most)
    if chunk_steps is None:  # an even cut leaves no padding
        n_chunks = next((parts for parts in range(n_chunks, 2 * n_chunks) if n_steps % parts == 0), n_chunks)
        most = math.ceil(n_steps / n_chunks)
    return batch, most


def _one_of_few(number: int) -> int:
    """The number, rounded up to a power of two or, above 8, to a quarter of one: few sizes, so few compilations."""
    above = 1 << (number - 1).bit_length()
    step = above // 8 if above > 8 else above
    return math.ceil(number / step) * step


def _power_of_two(number: int) -> int:
    """Largest power of two that is not above `number`, and at least 1."""
    return 1 << max(number.bit_length() - 1, 0)
