"""The comparison of a graph with its Keras model, with the NumPy loop and with the rate equation."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ...errors import ParameterError
from ...graph import Population, SpikingGraph, load
from ...graph.file import is_graph_file
from ...runtime.arguments import check_dtype, check_steps
from ..convert import convert
from ..files import load_model
from .keras_rates import compare_with_keras
from .report import LayerCheck, Verification
from .spikes import compare_runtimes

N_SAMPLES = 8  # random samples where no inputs are given


def verify(
    model: Any,
    x: Any = None,
    n_steps: int = 200,
    *,
    graph: SpikingGraph | None = None,
    dt: float = 0.001,
    dtype: str = "float32",
    seed: int = 0,
) -> Verification:
    """Compare, layer by layer, rates with Keras, spikes with the NumPy loop, and measured rates with the rate equation.

    Parameters
    ----------
    model : keras.Model, SpikingGraph, or path of either
        A graph has no Keras model to be compared with; the other two comparisons are made.
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        None: a few samples of random numbers in 0…1.
    n_steps : int
    graph : SpikingGraph or None
        What to compare `model` with, such as a graph that was exported before. None: `model`, converted.
    dt : float
        Length of a step, in seconds.
    dtype : str
        "float32" or "float64", of both runtimes.
    seed : int
        Seed of the random inputs.

    Raises
    ------
    ConversionError, ModelFileError
        If the model cannot be read or converted.
    InputError, ParameterError
        If the data or a parameter is out of range, or `graph` has other inputs or outputs than `model`.
    """
    n_steps = check_steps(n_steps, dt)
    check_dtype(dtype)
    if isinstance(model, (str, os.PathLike)):
        model = load(model) if is_graph_file(model) else load_model(model)
    if isinstance(model, SpikingGraph):
        if graph is not None:
            raise ParameterError("verify compares a graph with a Keras model. Received two graphs.")
        model, graph = None, model
    graph = convert(model) if graph is None else graph
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
    rng = np.random.default_rng(seed)
    return {node.name: rng.random((N_SAMPLES, *node.shape)) for node in graph.inputs}
