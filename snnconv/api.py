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
from .analysis.view.samples import ShownSample
from .conversion.convert import convert as convert_model
from .conversion.files import from_legacy, is_legacy, load_model
from .conversion.verify import LayerCheck, Verification, compare, random_inputs
from .errors import InputError, ParameterError
from .export.nir import is_nir_file, read_nir
from .graph import SpikingGraph, load
from .graph.file import DEFAULT_DT, is_graph_file
from .graph.inputs import Samples
from .graph.report import report_table
from .neurons import Neuron
from .neurons.synapses import Synapse
from .runtime.arguments import DtypeLike, check_dt, check_dtype, check_flags, check_steps
from .training.unrolled import graph_of, is_unrolled
from .tuning.adaptation import Adaptation, warn_of_several_spikes
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
    refit: Samples | None = None,
    tau_rc: float | None = None,
    tau_ref: float | None = None,
    calibrate: Samples | None = None,
    calibrate_steps: int | None = None,
    input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    spikes: Literal["binary", "signed"] | None = None,
    window: float | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    replace: Mapping[str, Any] | None = None,
    unsafe: bool = False,
    verbose: bool = True,
) -> SpikingGraph:
    """Turn a trained Keras model into a spiking graph whose rates equal Keras' outputs.

    Gains and batch normalisation are folded into kernels; Dense biases and neuron biases stay apart. Before the graph
    is returned, its rate output is compared with Keras' on random inputs.

    Parameters
    ----------
    model : keras.Model, tf_keras.Model, or path
        A built Sequential or functional model, or a .keras, .h5 or .hdf5 file of one, made by any Keras. For weights
        and JSON in files of their own, pass what `snnconv.keras_files.load_model` gives.
    synapse : Synapse, float, or mapping of population name to one of these
        Filter behind the populations; a number is the time constant of a lowpass, in seconds. None: no filter.
    scale_firing_rates : float, mapping of population name to float, or None
        Multiply firing rates by this number and keep the output. LIF neurons get shorter time constants, unless `refit`
        is given.
    swap_activations : mapping of activation to Neuron
        Neurons for activations, such as ``{"gelu": snnconv.neurons.IF(min_voltage=-numpy.inf)}``, the neuron of a relu.
        A plain ``IF()`` ignores negative current, and behind other neurons its mean output is too high. Keys are names,
        functions (``keras.activations.gelu``), or layer classes, which stand for all activations of such layers. Gain
        and amplitude of a LIF are fitted to the activation, up to its largest value on random inputs in 0…1.
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
    calibrate_steps : int or None
        With `calibrate`: number of steps of 1 ms after which the answer will be read. None: 32.
    input_shape : sequence of int, or mapping of input name to sequence of int, or None
        Shape of one sample, without the axis of the samples, for a model that leaves sizes open, such as (224, 224, 3)
        for an input of (None, None, 3). None: as the model says, or else that of the samples of `calibrate` or `refit`.
    spikes : str or None
        Of calibrated relus: "signed", as None, `SignedIF` neurons that can take spikes back, without which deep
        networks need many steps; or "binary", which every export target takes.
    window : float or None
        For inputs that change: the time in seconds after which functions of means (silu, products, norms, attention,
        memory) forget. Outputs follow slower changes, and keep an error of half a spike in a window,
        ``amplitude/(2·window)``. None: means since the start, whose error falls as 1/T.
    custom_objects : mapping of name to class or function
        Classes and functions that the model in a file uses and Keras does not have.
    replace : mapping of layer name to str, function or keras.layers.Layer
        Replacements for layers of a file that hold program code, such as ``{"lambda": "x / 255"}``. A text is
        arithmetic with numbers and slices of the layer's input x, and is not run as code.
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
        If swapped activations or pooling make the rates differ from Keras'; it says by how much, on `calibrate` or
        `refit` where they are given. For LIF neurons that `scale_firing_rates` gives a refractory period below a step
        of 1 ms: they may then spike several times in a step, which hardware may not allow.
    HealthWarning
        With `refit` or `calibrate`, for each layer that is silent, saturated or the like on the first of these samples,
        as `snnconv.doctor` finds them.

    Notes
    -----
    A relu becomes an IF with negative voltages allowed. Its amplitude, one for all neurons of a layer, is chosen
    without data, so that the busiest of them spike about once per step of 1 ms on random inputs in 0…1; behind batch
    normalisation those are values with the mean and the variance that it has kept of its training. So it is for all
    activations; layers of `snnconv.layers` and the neurons of `swap_activations` keep the amplitude that they state.
    Inside the network relu6, leaky_relu, PReLU, hard_sigmoid, sigmoid, tanh, softplus and softsign become neurons that
    carry the spikes still due (`snnconv.neurons.Accumulating`); at the output sigmoid, tanh and softmax are applied to
    the output averaged over time. Where an activation is negative (leaky_relu, PReLU, tanh, softsign), spikes are
    negative too, which not all hardware supports. Max pooling compares the running sums of the spikes, so that its rate
    is the maximum of the rates.
    """
    wanted = Adaptation(
        scale_firing_rates,
        synapse,
        refit,
        tau_rc,
        tau_ref,
        calibrate,
        calibrate_steps,
        spikes,
        window,
    )
    wanted.check()
    check_flags(max_to_avg_pool=max_to_avg_pool, unsafe=unsafe, verbose=verbose)
    if isinstance(model, (str, os.PathLike)):
        model = load_model(model, custom_objects=custom_objects, replace=replace, unsafe=unsafe)
    elif is_legacy(model):
        model = from_legacy(model, custom_objects)
    if is_unrolled(model):
        graph = graph_of(model)
        graph = wanted.apply(graph, graph.dt)
        warn_of_several_spikes(graph, wanted.scale, graph.dt, stacklevel=2)
        return graph
    graph = convert_model(
        model,
        swap_activations=swap_activations,
        max_to_avg_pool=max_to_avg_pool,
        input_shape=_shape(model, calibrate if refit is None else refit) if input_shape is None else input_shape,
        x=refit if calibrate is None else calibrate,
    )
    graph = wanted.apply(graph, graph.dt)
    if verbose:
        from .text.terminal import printed

        printed(report_table(graph.report))
    warn_of_several_spikes(graph, wanted.scale, graph.dt, stacklevel=2)
    if calibrate is not None:
        warn_of(graph, calibrate, wanted.n_steps, stacklevel=2)
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
    dt: float | None = None,
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
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
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
    n_steps = check_steps(n_steps, DEFAULT_DT if dt is None else dt)
    graph, sources = _converted(model, synapse, sources, x)
    dt = graph.dt if dt is None else dt
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
    sample: int | Sequence[int] = 0,
    labels: Sequence[Any] | None = None,
    n_steps: int = 100,
    dt: float | None = None,
    synapse: Synapse | float | Mapping[str, Synapse | float] | None = None,
    max_neurons: int = 60,
    sources: Sequence[Source] | None = None,
) -> View:
    """Show a network and a sample in spikes on one page for a browser, which opens offline.

    The page has the graph, the equations and numbers of every layer, histograms of weights and rates, the variables of
    the Keras model with their units, what it takes to get the same spikes elsewhere, and samples in spikes: a raster
    and the outputs, to be stepped through in time; the input, where it is a picture; each neuron's current, rate and
    voltage; and the rates of convolutions as maps. ``snnconv.view(model, x).save("report.html")`` writes it; in a
    notebook it shows itself.

    Parameters
    ----------
    model : keras.Model, SpikingGraph, or path of either
    x : (n, *input) array, or (n, n_steps, *input) array; or a list or a dict of them; or None
        None: random numbers in 0…1, which the page says.
    sample : int or sequence of int
        Which sample of `x`, or which samples to pick from; the first is shown when the page opens.
    labels : sequence or None
        The true label of each sample of `x`.
    n_steps : int
        Steps to run, in the NumPy reference.
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
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
    n_steps = check_steps(n_steps, DEFAULT_DT if dt is None else dt)
    if isinstance(max_neurons, bool) or not isinstance(max_neurons, int) or max_neurons < 1:
        raise ParameterError(f"max_neurons must be a whole number above 0. Received {max_neurons!r}.")
    graph, sources = _converted(model, synapse, sources, x)
    dt = graph.dt if dt is None else dt
    check_dt(graph, dt)
    xs = graph.check_inputs(random_inputs(graph) if x is None else x, "float64", n_steps)
    if labels is not None and len(labels) != xs.n:
        raise InputError(f"labels must have one entry for each of the {xs.n} samples. Received {len(labels)}.")
    numbers = [sample] if isinstance(sample, int) else list(sample)
    if not numbers:
        raise ParameterError("sample must be the number of a sample, or several. Received none.")
    told = " of random numbers in 0…1, as no inputs were given" if x is None else ""
    shown = [
        ShownSample(
            record(graph, one_sample(xs, number), n_steps, dt, max_neurons),
            f"Sample {number}{told}" + ("" if labels is None else f", label {labels[number]}"),
        )
        for number in numbers
    ]
    return View(page(graph, explain(graph, dt=dt, sources=sources), shown), shown[0].activity)


def verify(
    model: Any,
    x: Any = None,
    n_steps: int = 200,
    *,
    graph: SpikingGraph | None = None,
    dt: float | None = None,
    dtype: DtypeLike = "float32",
    seed: int = 0,
    n_samples: int = 8,
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
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    dtype : str
        "float32" or "float64", of both runtimes.
    seed, n_samples : int
        Seed and number of the random inputs.

    Raises
    ------
    ConversionError, ModelFileError
        If the model cannot be read or converted.
    InputError, ParameterError
        If the data or a parameter is out of range, or `graph` has other inputs or outputs than `model`.
    """
    n_steps = check_steps(n_steps, DEFAULT_DT if dt is None else dt)
    dtype = check_dtype(dtype)
    model = _opened(model)
    if isinstance(model, SpikingGraph):
        if graph is not None:
            raise ParameterError("verify compares a graph with a Keras model. Received two graphs.")
        model, graph = None, model
    graph = convert_model(model, input_shape=_shape(model, x)) if graph is None else graph
    return compare(graph, model, x, n_steps, graph.dt if dt is None else dt, dtype, seed, n_samples)


def _opened(model: Any) -> Any:
    """The graph or Keras model in a file, or a model as it is; a graph in the place of one of `graph.to_keras`."""
    if is_legacy(model):
        model = from_legacy(model)
    elif isinstance(model, (str, os.PathLike)):
        read = read_nir if is_nir_file(model) else load if is_graph_file(model) else load_model
        model = read(model)
    return graph_of(model) if is_unrolled(model) else model


def _converted(
    model: Any, synapse: Any, sources: Sequence[Source] | None, x: Any
) -> tuple[SpikingGraph, Sequence[Source] | None]:
    """The graph of a model, and the variables of the Keras model that it came from, unless they are given.

    Sizes that the model leaves open are those of `x`.
    """
    model = _opened(model)
    if isinstance(model, SpikingGraph):
        return model, sources
    graph = convert(model, synapse=synapse, input_shape=_shape(model, x), verbose=False)
    return graph, keras_sources(model) if sources is None else sources


def _shape(model: Any, x: Any) -> Any:
    """The sizes that a Keras model leaves open, as samples have them; None where there are none."""
    if x is None:
        return None
    from .conversion.trace import shapes_from

    return shapes_from(model, x)
