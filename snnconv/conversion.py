"""`convert`: from a Keras model, in memory or in a file, to a checked spiking graph."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping
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
from .progress import track
from .synapses import Synapse

__all__ = ["MODEL_SUFFIXES", "convert", "load_keras_model"]

# Largest relative difference (2-norm) of the graph's rate output from Keras'. Rounding in float32 moves a LIF neuron
# that sits at its threshold, where the rate function is infinitely steep, by up to 3 Hz; a bias or a gain gone wrong
# moves all of them by much more.
CHECK_TOLERANCE = 1e-3
# The same where rates are staircases, for the sample that agrees best: rounding moves a current at the edge of a stair
# to the next one, and with it what follows. `snnconv verify` compares such layers one by one, as closely as others.
STEPPED_TOLERANCE = 0.05

REFIT_STEPS = 100  # that the doctor runs a network that was refit
PARTS = 4  # of a conversion, for its progress bar: trace, fold, Keras' rates, the graph's rates


def convert(
    model: Any,
    *,
    synapse: Synapse | float | Mapping[str, Synapse | float] | None = None,
    scale_firing_rates: float | Mapping[str, float] | None = None,
    swap_activations: Mapping[Any, Neuron] | None = None,
    max_to_avg_pool: bool = False,
    refit: Any = None,
    tau_rc: float | None = None,
    tau_ref: float | None = None,
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
        Fire this many times as fast, for the same output. LIF neurons get shorter time constants, unless `refit` is
        given.
    swap_activations : mapping of activation to Neuron
        Neurons for activations, such as ``{"gelu": snnconv.neurons.IF()}``. Keys are names, functions
        (``keras.activations.gelu``), or layer classes, which stand for all activations of such layers. Gain and
        amplitude of a LIF are fitted to the activation, up to its largest value on random inputs in 0…1.
    max_to_avg_pool : bool
        Put average pooling in the place of max pooling: it needs no memory, but computes something else.
    refit : (n, *input) array, or a list or a dict of them where there are several inputs, or None
        A few hundred samples, scaled as in training. With them LIF neurons keep their time constants under
        `scale_firing_rates`, or get those of `tau_rc` and `tau_ref`, and the gain g and bias b of each channel are such
        that ``amplitude/s · f'(g J + b)`` comes closest to ``amplitude · f(J)``; see `snnconv.calibration.refit`. The
        error that is left stands in the report.
    tau_rc, tau_ref : float or None
        Time constants of all LIF neurons to run with, in seconds. None: as trained. They need `refit`.
    calibrate : (n, *input) array, or a list or a dict of them where there are several inputs, or None
        A few hundred samples, scaled as in training, that IF and LIF populations are calibrated with; see
        `snnconv.calibrate`. IF neurons then spike at most once per step. LIF neurons get the time constants and the
        synapse that are best in so few steps, unless `scale_firing_rates`, `synapse` or `refit` is given.
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
    HealthWarning
        With `refit` or `calibrate`, for each layer that is silent, saturated or the like on the first of these samples,
        as `snnconv.doctor` finds them.

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
    _check_refit(refit, scale_firing_rates, tau_rc, tau_ref)
    for activation, neuron in (swap_activations or {}).items():
        if not isinstance(neuron, Neuron):
            raise ParameterError(
                f"swap_activations: '{getattr(activation, '__name__', activation)}' must be given a neuron such as "
                f"snnconv.neurons.IF(). Received {neuron!r}."
            )
    with track(PARTS, what="converting") as advance:
        graph = trace(model, swap_activations)
        advance()
        if max_to_avg_pool:
            graph = max_to_average_pool(graph)
        if scale_firing_rates is not None and refit is None:
            graph = scale_rates_pass(graph, scale_firing_rates)
        graph = fold_affine(split_kernels(graph))
        advance()
        graph = dataclasses.replace(graph, report=describe(graph.report, graph.nodes))
        changes = {"swapped activations": swap_activations, "average instead of max pooling": max_to_avg_pool}
        _check(graph, model, " and ".join(change for change, made in changes.items() if made), advance)
    if refit is not None or calibrate is not None:
        from .calibration.adapt import adapt

        changes = {"refit": refit, "tau_rc": tau_rc, "tau_ref": tau_ref}
        more = {"calibrate": calibrate, "calibrate_steps": calibrate_steps}
        scale = None if refit is None else scale_firing_rates
        graph = adapt(graph, scale, synapse, **changes, **more, is_chosen=scale_firing_rates is not None)
    elif synapse is not None:
        graph = add_synapses(graph, synapse)
    if verbose:
        from rich import print as show

        show(report_table(graph.report))
    if calibrate is not None or refit is not None:
        from .health import warn_of

        x, n_steps = (refit, REFIT_STEPS) if calibrate is None else (calibrate, calibrate_steps)
        warn_of(graph, x, n_steps, stacklevel=2)
    return graph


def _check_refit(refit: Any, scale: Any, tau_rc: float | None, tau_ref: float | None) -> None:
    """Raise ParameterError if there is nothing to refit, or nothing to refit with."""
    if refit is None and (tau_rc is not None or tau_ref is not None):
        raise ParameterError(
            "with other time constants than trained, gains and biases must be refit: pass refit=x, some samples."
        )
    if refit is not None and scale is None and tau_rc is None and tau_ref is None:
        raise ParameterError("refit=x is for scale_firing_rates, tau_rc or tau_ref. Pass one of them.")


def _check(graph: SpikingGraph, model: Any, changes: str, advance: Callable[[], None]) -> None:
    """Compare the rate output with Keras' on random inputs; `changes` is what may make a difference."""
    from .trace import keras_values, random_inputs

    xs = random_inputs(model, 4)
    _, expected = keras_values(model, list(xs.values()))
    advance()
    received = graph.rate_output(xs)
    advance()
    ours = list(received.values()) if isinstance(received, dict) else [received]
    for label, our, their in zip(graph.outputs, ours, expected, strict=True):
        theirs = their.astype("float64")
        if not np.isfinite(theirs).all():
            raise ConversionError(f"Keras' output '{label}' is NaN or infinite on random inputs.")
        difference = np.linalg.norm(our - theirs) / max(np.linalg.norm(theirs), 1e-12)
        tolerance = max(CHECK_TOLERANCE, rounding(model))
        if difference > tolerance and any(view.neuron.only_dt is not None for view in graph.populations.values()):
            flat, flat_theirs = (array.reshape(len(array), -1) for array in (our, theirs))
            sizes = np.maximum(np.linalg.norm(flat_theirs, axis=1), 1e-12)
            difference, tolerance = np.min(np.linalg.norm(flat - flat_theirs, axis=1) / sizes), STEPPED_TOLERANCE
        if difference <= tolerance:
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
