"""`explain`: the equations of a network with its numbers, and a neuron over time."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..conversion import convert, load_keras_model
from ..graph import SpikingGraph, load
from ..graph.explanation import Explanation, Source, one_sample
from ..graph.explanation import explain as explain_graph
from ..graph.file import is_graph_file
from ..runs import check_steps
from ..synapses import Synapse
from .trace import trace_unit
from .variables import keras_sources


def explain(
    model: Any,
    layer: str | None = None,
    unit: int | tuple[int, ...] | None = None,
    x: Any = None,
    *,
    sample: int = 0,
    n_steps: int = 100,
    dt: float = 0.001,
    synapse: Synapse | float | Mapping[str, Synapse | float] | None = None,
    sources: Sequence[Source] | None = None,
) -> Explanation:
    """The pipeline as equations with a model's numbers in them, and one of its neurons over time.

    ``print(snnconv.explain(model))`` shows the layers, where every variable of the Keras model went, what it takes to
    compute the same spikes elsewhere, and answers to common questions.

    Parameters
    ----------
    model : keras.Model, SpikingGraph, or path of either
        A Keras model gives the table of all its variables; a graph, those whose trained values it keeps.
    layer : str or None
        A population or an output. None: all; with a unit or a sample, the first population.
    unit : int, tuple of int, or None
        A neuron of the layer, counted along the flattened shape or with one index per axis. None: the one with the
        highest rate at the sample.
    x : (n, *input) array, or (n, n_steps, *input) array; or a list or a dict of them; or None
        With it the unit's current is told term by term at one sample, and its voltage and spikes in a run.
    sample : int
        Which sample of `x`.
    n_steps : int
        Steps to run.
    dt : float
        Length of a step, in seconds.
    synapse
        As in `snnconv.convert`, for a Keras model.
    sources : sequence of Source or None
        The variables of the Keras model that a graph came from; `keras_sources` gives them.

    Returns
    -------
    Explanation
        It prints as text; `to_dict`, `rows`, `layers` and `unit` hold the numbers.

    Raises
    ------
    InputError, ParameterError
        If a layer, a unit or a sample is not there, or the data or a parameter is out of range.
    ConversionError, ModelFileError
        If the model cannot be read or converted.
    """
    n_steps = check_steps(n_steps, dt)
    if isinstance(model, (str, os.PathLike)):
        model = load(model) if is_graph_file(model) else load_keras_model(model)
    if not isinstance(model, SpikingGraph):
        graph = convert(model, synapse=synapse, verbose=False)
        sources = keras_sources(model) if sources is None else sources
    else:
        graph = model
    if x is None:
        return explain_graph(graph, layer, unit, dt=dt, sources=sources)
    xs = graph.check_inputs(x, "float64", n_steps)
    ranks = {node.name: len(node.shape) + 1 for node in graph.inputs}
    means = {name: array if array.ndim == ranks[name] else array.mean(1) for name, array in xs.items()}
    found = explain_graph(graph, layer, unit, means, sample=sample, dt=dt, sources=sources)
    if found.unit is None:
        return found
    trace = trace_unit(graph, found.unit.layer, found.unit.unit, one_sample(xs, sample), sample, n_steps, dt)
    return dataclasses.replace(found, trace=trace)
