"""What the linear layers alone cost in TensorFlow: the bound for whatever computes dense products.

The first layer's product is taken once, as the input is constant; the others' are taken for all steps on random
spikes, in chunks of steps of which the fastest length is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ..works import Work
from .linear_layers import product

LENGTHS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)  # steps
MOST_VALUES = 100_000_000  # in the widest layer of a chunk: a length that needs more was never the fastest
PROBED, TRIES = 0.3, 5  # seconds for each length, and runs at least


def build(work: Work) -> Callable[[], None]:
    """All products of the work, in the chunk length that is fastest here and now."""
    rng = np.random.default_rng(0)
    widest = work.batch * max(map(_size, work.shapes))
    lengths = [k for k in LENGTHS if work.n_steps % k == 0 and k * widest <= MOST_VALUES]
    seconds = {length: _seconds_per_step(_chunk(work, length, rng), length) for length in lengths}
    length = min(seconds, key=lambda length: seconds[length])
    chunk = _chunk(work, length, rng)
    first = tf.function(lambda x: product(work.layers[0], x), autograph=False)
    batches = [tf.constant(x) for x in work.batches()]

    def run() -> None:
        for x in batches:
            first(x)
            for _ in range(work.n_steps // length):
                chunk()

    return run


def _chunk(work: Work, length: int, rng: np.random.Generator) -> Callable[[], Any]:
    """The products of all layers but the first, for one batch and `length` steps."""
    layers, shapes = work.layers[1:], work.shapes[:-1]
    spikes = []
    for k in range(len(layers)):
        drawn = rng.random((length * work.batch, *shapes[k]), "float32") < work.densities[k]
        spikes.append(tf.constant(drawn, tf.float32))

    @tf.function(autograph=False)
    def products(*spikes: Any) -> list[Any]:
        return [product(layers[k], spikes[k]) for k in range(len(layers))]

    return lambda: products(*spikes)


def _seconds_per_step(chunk: Callable[[], Any], length: int) -> float:
    chunk()
    times, deadline = [], time.perf_counter() + PROBED
    while time.perf_counter() < deadline or len(times) < TRIES:
        start = time.perf_counter()
        chunk()
        times.append(time.perf_counter() - start)
    return min(times) / length


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))
