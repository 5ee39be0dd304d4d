"""Sizes of the parts in which a network is compared: few samples, and few steps, at a time."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Population, SpikingGraph
from ...runtime.result import spike_dtype

MEMORY = 32 << 20
"""Bytes that the values of all layers, or the recorded spikes of one runtime, take at most."""


def samples_at_once(graph: SpikingGraph) -> int:
    """Number of samples whose values, in float64 and in all layers, fit the memory; at least 1."""
    values = sum(math.prod(node.shape) for node in graph.nodes)
    return max(1, MEMORY // (values * np.dtype("float64").itemsize))


def steps_at_once(graph: SpikingGraph, n_samples: int, n_steps: int) -> int:
    """Number of steps whose spikes and outputs fit the memory, so that the last part is about as long as the others."""
    spikes = sum(
        math.prod(node.shape) * np.dtype(spike_dtype(node)).itemsize
        for node in graph.nodes
        if isinstance(node, Population)
    )
    outputs = sum(math.prod(graph[name].shape) for name in graph.outputs.values()) * np.dtype("float64").itemsize
    n_parts = math.ceil(n_steps / max(1, MEMORY // (n_samples * max(spikes + outputs, 1))))
    return math.ceil(n_steps / n_parts)
