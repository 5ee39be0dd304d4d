"""The comparison of a graph with its Keras model, with the NumPy loop and with the rate equation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Population, SpikingGraph
from .keras_rates import compare_with_keras
from .report import LayerCheck, Verification
from .spikes import compare_runtimes

N_SAMPLES = 8  # random samples where no inputs are given


def compare(
    graph: SpikingGraph, model: Any, x: Any, n_steps: int, dt: float, dtype: str, seed: int = 0
) -> Verification:
    """Compare a graph with its Keras model, if there is one, with the NumPy loop and with the rate equation.

    Parameters
    ----------
    model : keras.Model or None
    x, n_steps, dt, dtype, seed
        As in `snnconv.verification.verify`.
    """
    xs = graph.check_inputs(_inputs_for(model, graph, seed) if x is None else x, dtype)

    checks = {
        node.name: LayerCheck(node.name, node.neuron.kind) for node in graph.nodes if isinstance(node, Population)
    }
    outputs = {
        label: LayerCheck(label, "output")
        for label, name in graph.outputs.items()
        if not isinstance(graph[name], Population)
    }
    if model is not None:
        checks, outputs = compare_with_keras(checks, outputs, graph, model, xs)
    checks = compare_runtimes(checks, graph, xs, n_steps, dt, dtype)
    return Verification((*checks.values(), *outputs.values()), model is not None, xs.n, n_steps, dt, dtype)


def _inputs_for(model: Any, graph: SpikingGraph, seed: int) -> dict[str, np.ndarray]:
    """A few random samples for each input: what the Keras model takes, where there is one."""
    if model is None:
        return random_inputs(graph, seed)
    from .. import trace

    found = trace.random_inputs(model, N_SAMPLES, seed)
    return found if set(found) == {node.name for node in graph.inputs} else random_inputs(graph, seed)


def random_inputs(graph: SpikingGraph, seed: int = 0) -> dict[str, np.ndarray]:
    """A few samples of random numbers in 0…1 for each input."""
    return graph.random_inputs(N_SAMPLES, seed)
