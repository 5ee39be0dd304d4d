"""The functions that take a model, a path or a graph.

- `convert`: a Keras model as a spiking graph, checked, and refit and calibrated if asked
- `explain`: the equations of a network with its numbers, and a neuron over time
- `view`: a network and a sample in spikes as one page
- `verify`: rates and spikes of a network, layer by layer, against Keras and a plain loop
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .analysis.explain import Explanation, Source, one_sample
from .analysis.explain import explain as explain_graph
from .analysis.explain.sources import keras_sources
from .analysis.explain.trace import trace_unit
from .analysis.view.activity import record
from .analysis.view.page import View, page
from .conversion.convert import convert as convert_model
from .conversion.files import load_model
from .conversion.verify import LayerCheck, Verification, compare, random_inputs
from .errors import ParameterError
from .graph import SpikingGraph, load
from .graph.file import is_graph_file
from .graph.report import report_table
from .neurons import Neuron
from .neurons.synapses import Synapse
from .runtime.arguments import check_dt, check_dtype, check_steps
from .tuning.adaptation import Adaptation
from .tuning.doctor import warn_of

__all__ = ["LayerCheck", "Verification", "View", "convert", "explain", "random_inputs", "verify", "view"]

REFIT_STEPS = 100  # that the doctor runs a network that was refit


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
    spikes: Literal["binary", "signed"] = "signed",
    custom_objects: Mapping[str, Any] | None = None,
    unsafe: bool = False,
    verbose: bool = True,
) -> SpikingGraph:
    """Turn a trained Keras model into a spiking graph whose rates equal Keras' outputs.

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
        Multiply firing rates by this number and keep the output. LIF neurons get shorter time constants, unless `refit`
        is given.
    swap_activations : mapping of activation to Neuron
        Neurons for activations, such as ``{"gelu": snnconv.neurons.IF()}``. Keys are names, functions
        (``keras.activations.gelu``), or layer classes, which stand for all activations of such layers. Gain and
        amplitude of a LIF are fitted to the activation, up to its largest value on random inputs in 0…1.
    max_to_avg_pool : bool
        Replace max pooling by average pooling. That needs no memory in the network, but changes what is computed.
    refit : (n, *input) array, or a list or a dict of them where there are several inputs, or None
        A few hundred samples, scaled as in training. With them LIF neurons keep their time constants under
        `scale_firing_rates`, or get those of `tau_rc` and `tau_ref`, and the gain g and bias b of each channel are
        chosen so that ``amplitude/s · f'(g J + b)`` comes closest to ``amplitude · f(J)``; see
        `snnconv.calibration.refit`. The report has the remaining error.
    tau_rc, tau_ref : float or None
        New time constants of all LIF neurons, in seconds. None: as trained. They need `refit`.
    calibrate : (n, *input) array, or a list or a dict of them where there are several inputs, or None
        A few hundred samples, scaled as in training, with which populations are calibrated; see `snnconv.calibrate`.
        The neurons of relus then spike at most once per step. LIF neurons get the time constants and the
        synapse that are best in so few steps, unless `scale_firing_rates`, `synapse` or `refit` is given.
    calibrate_steps : int
        Number of steps of 1 ms after which the answer will be read.
    spikes : str
        Of calibrated relus: "signed", `SignedIF` neurons that can take spikes back, without which deep networks need
        many steps; or "binary", which every export target takes.
    custom_objects : mapping of name to class or function
        Classes and functions that the model in a file uses and Keras does not have.
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
    become neurons that carry the spikes still due (`snnconv.neurons.Accumulating`); at the output sigmoid, tanh and
    softmax are applied to the output averaged over time. Where an activation is negative (leaky_relu, PReLU, tanh,
    softsign), spikes are negative too, which not all hardware supports. Max pooling compares the running sums of the
    spikes, so that its rate is the maximum of the rates.
    """
    wanted = Adaptation(scale_firing_rates, synapse, refit, tau_rc, tau_ref, calibrate, calibrate_steps, spikes)
    wanted.check()
    if isinstance(model, (str, os.PathLike)):
        model = load_model(model, custom_objects=custom_objects, unsafe=unsafe)
    scale = None if refit is not None else scale_firing_rates
    graph = convert_model(
        model, scale_firing_rates=scale, swap_activations=swap_activations, max_to_avg_pool=max_to_avg_pool
    )
    graph = (wanted if scale is None else dataclasses.replace(wanted, scale=1.0)).apply(graph)
    if verbose:
        from .text.terminal import printed

        printed(report_table(graph.report))
    if calibrate is not None:
        warn_of(graph, calibrate, calibrate_steps, stacklevel=2)
    elif refit is not None:
        warn_of(graph, refit, REFIT_STEPS, stacklevel=2)
    return graph


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
    """Describe a network by its equations with their numbers, and one of its neurons over time.

    ``print(snnconv.explain(model))`` shows the layers, where every variable of the Keras model went, what it takes to
    compute the same spikes elsewhere, and answers to common questions.

    Parameters
    ----------
    model : keras.Model, SpikingGraph, or path of either
        For a Keras model the table has all its variables; for a graph, those whose trained values it holds.
    layer : str or None
        A population or an output. None: all; with a unit or a sample, the first population.
    unit : int, tuple of int, or None
        A neuron of the layer, counted along the flattened shape or with one index per axis. None: the one with the
        highest rate at the sample.
    x : (n, *input) array, or (n, n_steps, *input) array; or a list or a dict of them; or None
        If given, the unit's current is listed term by term at one sample, and its voltage and spikes in a run.
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
    graph, sources = _converted(model, synapse, sources)
    if x is None:
        return explain_graph(graph, layer, unit, dt=dt, sources=sources)
    xs = graph.check_inputs(x, "float64", n_steps)
    found = explain_graph(graph, layer, unit, xs.means(), sample=sample, dt=dt, sources=sources)
    if found.unit is None:
        return found
    trace = trace_unit(graph, found.unit.layer, found.unit.unit, one_sample(xs, sample), sample, n_steps, dt)
    return dataclasses.replace(found, trace=trace)


def view(
    model: Any,
    x: Any = None,
    *,
    sample: int = 0,
    n_steps: int = 100,
    dt: float = 0.001,
    synapse: Synapse | float | Mapping[str, Synapse | float] | None = None,
    max_neurons: int = 60,
    sources: Sequence[Source] | None = None,
) -> View:
    """Show a network and a sample in spikes on one page for a browser, which opens offline.

    The page has the graph, the equations and numbers of every layer, histograms of weights and rates, the variables of
    the Keras model with their units, what it takes to get the same spikes elsewhere, and a sample in spikes: a raster
    and the outputs, to be stepped through in time. ``snnconv.view(model, x).save("report.html")`` writes it; in a
    notebook it shows itself.

    Parameters
    ----------
    model : keras.Model, SpikingGraph, or path of either
    x : (n, *input) array, or (n, n_steps, *input) array; or a list or a dict of them; or None
        None: random numbers in 0…1, which the page says.
    sample : int
        Which sample of `x`.
    n_steps : int
        Steps to run, in the NumPy reference.
    dt : float
        Length of a step, in seconds.
    synapse
        As in `snnconv.convert`, for a Keras model.
    max_neurons : int
        Largest number of neurons of a layer in the raster, evenly spaced. With many layers or steps fewer are shown, so
        that the page stays small; it says how many of how many.
    sources : sequence of Source or None
        The variables of the Keras model that a graph came from.

    Returns
    -------
    View

    Raises
    ------
    InputError, ParameterError
        If the sample is not there, or the data or a parameter is out of range.
    ConversionError, ModelFileError
        If the model cannot be read or converted.
    """
    n_steps = check_steps(n_steps, dt)
    if isinstance(max_neurons, bool) or not isinstance(max_neurons, int) or max_neurons < 1:
        raise ParameterError(f"max_neurons must be a whole number above 0. Received {max_neurons!r}.")
    graph, sources = _converted(model, synapse, sources)
    check_dt(graph, dt)
    given = random_inputs(graph) if x is None else x
    xs = one_sample(graph.check_inputs(given, "float64", n_steps), sample)
    activity = record(graph, xs, n_steps, dt, max_neurons)
    about = f"Sample {sample}" + (" of random numbers in 0…1, as no inputs were given" if x is None else "")
    return View(page(graph, explain(graph, dt=dt, sources=sources), activity, about), activity)


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
        Graph to compare `model` with, such as one that was exported before. None: `model`, converted.
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
    model = _opened(model)
    if isinstance(model, SpikingGraph):
        if graph is not None:
            raise ParameterError("verify compares a graph with a Keras model. Received two graphs.")
        model, graph = None, model
    graph = convert_model(model) if graph is None else graph
    return compare(graph, model, x, n_steps, dt, dtype, seed)


def _opened(model: Any) -> Any:
    """The graph or the Keras model in a file; anything but a path as it is."""
    if not isinstance(model, (str, os.PathLike)):
        return model
    return load(model) if is_graph_file(model) else load_model(model)


def _converted(
    model: Any, synapse: Any, sources: Sequence[Source] | None
) -> tuple[SpikingGraph, Sequence[Source] | None]:
    """The graph of a model, and the variables of the Keras model that it came from, unless they are given."""
    model = _opened(model)
    if isinstance(model, SpikingGraph):
        return model, sources
    return convert(model, synapse=synapse, verbose=False), keras_sources(model) if sources is None else sources
