"""`convert`: from a Keras model, in memory or in a file, to a checked spiking graph."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import ConversionError, ConversionWarning, ParameterError
from .graph import SpikingGraph
from .graph.report import describe, report_table
from .keras_files import MODEL_SUFFIXES
from .keras_files import load_model as load_keras_model
from .neurons import Neuron
from .passes import add_synapses, fold_affine, max_to_average_pool, split_kernels
from .passes import scale_firing_rates as scale_rates_pass
from .precision import rounding
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
    swap_activations: Mapping[Any, Neuron] | None = None,
    max_to_avg_pool: bool = False,
    calibrate: Any = None,
    calibrate_steps: int = 32,
    custom_objects: Mapping[str, Any] | None = None,
    unsafe: bool = False,
    verbose: bool = True,
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
    swap_activations : mapping of activation to Neuron
        Neurons for activations, such as ``{"gelu": snnconv.neurons.IF()}``. Keys are names, functions
        (``keras.activations.gelu``), or layer classes, which stand for all activations of such layers. Gain and
        amplitude of a LIF are fitted to the activation, up to its largest value on random inputs in 0…1.
    max_to_avg_pool : bool
        Put average pooling in the place of max pooling: it needs no memory, but computes something else.
    calibrate : (n, *input) array, or a list or a dict of them where there are several inputs, or None
        A few hundred samples, scaled as in training, that IF populations are calibrated with; see
        `snnconv.calibrate`. They then spike at most once per step.
    calibrate_steps : int
        Steps of 1 ms that answers will be read after.
    custom_objects : mapping of name to class or function
        What the model in a file uses that Keras does not have.
    unsafe : bool
        Run the program code that Lambda layers keep in a file. Only if you trust whoever made it.
    verbose : bool
        Print what was done to each layer; `SpikingGraph.report` holds it too.

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
        If swapped activations or pooling make the rates differ from Keras'; it says by how much.

    Notes
    -----
    A relu becomes an IF with negative voltages allowed: spikes of height 0.01 s / dt, and a rate of 100 Hz at an
    activation of 1. Inside the network relu6, leaky_relu, PReLU, hard_sigmoid, sigmoid, tanh, softplus and softsign
    become neurons that keep account of what they owe (`snnconv.neurons.Accumulating`); at the output sigmoid, tanh
    and softmax are applied by the reader. Where an activation is negative (leaky_relu, PReLU, tanh, softsign), so are
    spikes, which not all hardware has. Max pooling follows the running sums of the spikes, and is the max in rates.
    """
    import keras

    from .trace import trace

    if isinstance(model, (str, os.PathLike)):
        model = load_keras_model(model, custom_objects=custom_objects, unsafe=unsafe)
    if not isinstance(model, keras.Model):
        raise ConversionError(f"convert takes a Keras model or the path of one. Received {type(model).__name__}.")
    for activation, neuron in (swap_activations or {}).items():
        if not isinstance(neuron, Neuron):
            raise ParameterError(
                f"swap_activations: '{getattr(activation, '__name__', activation)}' must be given a neuron such as "
                f"snnconv.neurons.IF(). Received {neuron!r}."
            )
    graph = trace(model, swap_activations)
    if max_to_avg_pool:
        graph = max_to_average_pool(graph)
    if scale_firing_rates is not None:
        graph = scale_rates_pass(graph, scale_firing_rates)
    graph = fold_affine(split_kernels(graph))
    graph = dataclasses.replace(graph, report=describe(graph.report, graph.nodes))
    changes = {"swapped activations": swap_activations, "average instead of max pooling": max_to_avg_pool}
    _check(graph, model, " and ".join(change for change, made in changes.items() if made))
    if verbose:
        from rich import print as show

        show(report_table(graph.report))
    if calibrate is not None:
        from .calibration import calibrate as calibrate_graph

        graph = calibrate_graph(graph, calibrate, calibrate_steps)
    return graph if synapse is None else add_synapses(graph, synapse)


def _check(graph: SpikingGraph, model: Any, changes: str) -> None:
    """Compare the rate output with Keras' on random inputs; `changes` is what may make a difference."""
    from .trace import keras_values, random_inputs

    xs = random_inputs(model, 4)
    _, expected = keras_values(model, list(xs.values()))
    received = graph.rate_output(xs)
    ours = list(received.values()) if isinstance(received, dict) else [received]
    for label, our, their in zip(graph.outputs, ours, expected, strict=True):
        theirs = their.astype("float64")
        if not np.isfinite(theirs).all():
            raise ConversionError(f"Keras' output '{label}' is NaN or infinite on random inputs.")
        difference = np.linalg.norm(our - theirs) / max(np.linalg.norm(theirs), 1e-12)
        if difference <= max(CHECK_TOLERANCE, rounding(model)):
            continue
        if changes:
            warnings.warn(
                f"with {changes}, output '{label}' differs from Keras' by {difference:.1%}.",
                ConversionWarning,
                stacklevel=3,
            )
        else:
            raise ConversionError(
                f"the rate output '{label}' differs from Keras' by {difference:.1%} (relative, random inputs). This is "
                f"a fault of snnconv, or of a converter registered with @handles."
            )
