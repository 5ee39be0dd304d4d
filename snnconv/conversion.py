"""`convert`: from a Keras model, in memory or in a file, to a checked spiking graph."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import ConversionError, ConversionWarning, ParameterError
from .graph import SpikingGraph
from .keras_files import MODEL_SUFFIXES
from .keras_files import load_model as load_keras_model
from .neurons import Neuron
from .passes import add_synapses, fold_affine
from .passes import scale_firing_rates as scale_rates_pass
from .synapses import Synapse

__all__ = ["MODEL_SUFFIXES", "convert", "load_keras_model"]

# Largest relative difference (2-norm) of the graph's rate output from Keras'. Rounding in float32 moves a LIF neuron
# that sits at its threshold, where the rate function is infinitely steep, by up to 3 Hz; a bias or a gain gone wrong
# moves all of them by much more.
CHECK_TOLERANCE = 1e-3


def convert(
    model: Any,
    *,
    synapse: Synapse | float | Mapping[str, Synapse | float] | None = None,
    scale_firing_rates: float | Mapping[str, float] | None = None,
    swap_activations: Mapping[str, Neuron] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    unsafe: bool = False,
) -> SpikingGraph:
    """Turn a trained Keras model into a spiking graph whose rates are what Keras computes.

    Gains and batch normalisation are folded into kernels; Dense biases and neuron biases stay apart. Before the graph
    is returned, its rate output is compared with Keras' on random inputs.

    Parameters
    ----------
    model : keras.Model or path
        A built Sequential or functional model, or a .keras, .h5 or .hdf5 file of one, made by any Keras. For weights
        and JSON in files of their own, pass what `snnconv.keras_files.load_model` gives.
    synapse : Synapse, float, or mapping of population name to one of these
        Filter behind the populations; a number is the time constant of a lowpass, in seconds. None: no filter.
    scale_firing_rates : float, or mapping of population name to float
        Fire this many times as fast, for the same output.
    swap_activations : mapping of activation name to Neuron
        Neurons for activations, such as ``{"gelu": snnconv.neurons.IF()}``. A relu becomes an IF with negative
        voltages allowed, one spike of height 0.01 s / dt, and a rate of 100 Hz at an activation of 1.
    custom_objects : mapping of name to class or function
        What the model in a file uses that Keras does not have.
    unsafe : bool
        Run the program code that Lambda layers keep in a file. Only if you trust whoever made it.

    Returns
    -------
    SpikingGraph

    Raises
    ------
    ConversionError
        If a layer has no spiking equivalent, or the rates differ from Keras'.
    ModelFileError
        If the file is missing, damaged, or holds what this Keras cannot compute or what must not be executed.

    Warns
    -----
    ConversionWarning
        If swapped activations make the rates differ from Keras'.
    """
    import keras

    from .trace import trace

    if isinstance(model, (str, os.PathLike)):
        model = load_keras_model(model, custom_objects=custom_objects, unsafe=unsafe)
    if not isinstance(model, keras.Model):
        raise ConversionError(f"convert takes a Keras model or the path of one. Received {type(model).__name__}.")
    for activation, neuron in (swap_activations or {}).items():
        if not isinstance(neuron, Neuron) or neuron.kind != "IF":
            raise ParameterError(
                f"swap_activations: '{activation}' must be given an snnconv.neurons.IF. Received {neuron!r}."
            )
    graph = trace(model, swap_activations)
    if scale_firing_rates is not None:
        graph = scale_rates_pass(graph, scale_firing_rates)
    graph = fold_affine(graph)
    _check(graph, model, swapped=bool(swap_activations))
    return graph if synapse is None else add_synapses(graph, synapse)


def _check(graph: SpikingGraph, model: Any, swapped: bool) -> None:
    """Compare the rate output with Keras' on random inputs."""
    from keras import tree

    from .trace import to_numpy

    rng = np.random.default_rng(0)
    xs = {node.name: rng.random((4, *node.shape), "float32") for node in graph.inputs}
    expected = tree.flatten(model(list(xs.values()) if len(xs) > 1 else next(iter(xs.values())), training=False))
    received = graph.rate_output(xs)
    ours = list(received.values()) if isinstance(received, dict) else [received]
    for label, our, their in zip(graph.outputs, ours, expected, strict=True):
        theirs = to_numpy(their).astype("float64")
        if not np.isfinite(theirs).all():
            raise ConversionError(f"Keras' output '{label}' is NaN or infinite on random inputs in 0…1.")
        difference = np.linalg.norm(our - theirs) / max(np.linalg.norm(theirs), 1e-12)
        if difference <= CHECK_TOLERANCE:
            continue
        if swapped:
            warnings.warn(
                f"with the swapped activations, output '{label}' differs from Keras' by {difference:.1%}.",
                ConversionWarning,
                stacklevel=3,
            )
        else:
            raise ConversionError(
                f"the rate output '{label}' differs from Keras' by {difference:.1%} (relative, random inputs). This is "
                f"a fault of snnconv, or of a converter registered with @handles."
            )
