"""Calibration: neurons, spike heights, initial voltages, speed and currents from a few hundred samples."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from ...errors import ConversionError, ConversionWarning, ParameterError
from ...graph import Inputs, Population, SpikingGraph
from ...graph.nodes import Weighted
from ...graph.passes.recoding import recode
from ...graph.report import LayerReport, with_actions
from ...neurons import LIF
from ...neurons.base import steps_as
from ...runtime.arguments import check_graph, check_steps
from ...text.plain import plural
from .codes import Code, has_code
from .fitting import Layerwise, fit_layers
from .outcome import outcome_of
from .speed import best_speed, rate_outputs, spiking_outputs

SCALES = (1.0, 2.0, 4.0, 8.0)
SYNAPSES = (None, 0.001, 0.002)
FEW = 32  # samples that a comparison of whole networks takes: it needs no more, and each is a run of its own
Spikes = Literal["binary", "signed"]


def calibrate(
    graph: SpikingGraph,
    x: Any,
    n_steps: int = 32,
    *,
    dt: float | None = None,
    spikes: Spikes = "signed",
    percentile: float | None = None,
    target_rate: float | None = None,
    scales: Iterable[float] = SCALES,
    synapses: Iterable[float | None] | None = None,
    correct: bool = True,
    values: bool | None = None,
) -> SpikingGraph:
    """Make a network accurate within `n_steps` steps, with at most one spike of each neuron in a step.

    Layers are fitted one after the other, each behind the spikes of those before it, in one pass:

    - A relu, with or without a ceiling, gets spikes of one height per channel, from its activations at the samples.
      Neurons are `SignedIF`, which take back spikes that were sent on currents that turned out too high, or `IF`.
    - Neurons that send functions of means (silu, products of signals, normalisation, attention, …) get spikes of both
      signs, of one height per channel, around a centre: what goes on at a step without a spike, which the layer behind
      adds. Their spikes are smaller, and more, than around 0.
    - Neurons that keep account of their mean current (sigmoid, tanh, leaky relu, …) fire as fast as one spike per step
      allows, and send what a jump of their current makes due beyond that at later steps.
    - LIF neurons keep their rate function; they get time constants shorter by the factor of `scales`, and the lowpass
      of `synapses`, with which the outputs come closest to those in rates.
    - Voltages start at half the threshold, so that counts are rounded to the nearest number and not down. Currents of
      each channel are multiplied and shifted to the spread and the mean that they have in rates, and biases make up for
      what the inputs of functions of means, and the outputs, lack on average.

    Populations that have an initial voltage already stay as they are, since they were trained for it; so do neurons
    that nothing is known of, with a warning that names them. A network of LIF neurons alone that does not get closer
    to its rates is left as it was.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        A few hundred samples, scaled as in training.
    n_steps : int
        Number of steps after which the answer will be read.
    dt : float or None
        Length of a step, in seconds, which the network is then made for. None: that of the graph, `SpikingGraph.dt`.
    spikes : str
        "signed" or "binary": whether spikes can be taken back. Deep networks need it: behind many layers of binary
        spikes nothing of the answer is left. Some export targets have binary spikes alone.
    percentile : float or None
        Percentile of a channel's activations that becomes `target_rate`. None: the spike heights with the least
        squared error, and for signed spikes a fifth more, so that neurons can make up for a late start; with a
        `target_rate`, the largest activation.
    target_rate : float or None
        Rate at that percentile, in Hz, at most 1/dt. None: 1/dt, a spike at every step.
    scales : iterable of float
        Factors for the rates of LIF neurons to try. ``(1,)`` keeps their time constants.
    synapses : iterable of float or None; or None
        Time constants of a lowpass behind every population to try where there are no synapses yet, in seconds; None
        among them: no synapse. None: `SYNAPSES` where there are LIF neurons, and no synapse elsewhere, where it makes
        less difference, and rules out certificates and some export targets.
    correct : bool
        Whether to correct biases, and factors of currents.
    values : bool or None
        Whether the outputs are values, and not scores of classes: then no activation of the samples is cut off, since
        an outlier is part of the answer. None: where an output has one unit or is no vector, or has the shape of an
        input.

    Returns
    -------
    SpikingGraph
        Its report says what was chosen, how the outputs are read (`SpikingGraph.reading`), and what was gained.

    Raises
    ------
    ConversionError
        If no population can be calibrated.
    ParameterError, InputError
        If a parameter or the samples are out of range.

    Warns
    -----
    ConversionWarning
        Of populations that stay as they are, since nothing is known of their neurons.

    References
    ----------
    Bu et al. (2022), "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks",
    for the start at half the threshold. `SignedIF`, `heights` and `fitting` name theirs.
    """
    check_graph(graph, "calibrate")
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    if spikes not in ("binary", "signed"):
        raise ParameterError(f"spikes must be 'binary' or 'signed'. Received {spikes!r}.")
    if target_rate is not None and not 0 < target_rate <= 1 / dt:
        raise ParameterError(f"target_rate must lie between 0 and 1/dt = {1 / dt:g} Hz. Received {target_rate!r}.")
    names, unknown = _names(graph)
    if not names:
        kinds = sorted({view.neuron.kind for view in graph.populations.values()})
        again = " Calibrate the network as it was before calibration or training." if kinds and not unknown else ""
        raise ConversionError(
            f"there is no population to calibrate that has no initial voltage yet. Received neurons {kinds}.{again}"
        )
    if unknown:
        kinds = sorted({graph.populations[name].neuron.kind for name in unknown})
        warnings.warn(
            f"calibration leaves {', '.join(map(repr, unknown))} as they were: it knows nothing of {', '.join(kinds)} "
            f"neurons.",
            ConversionWarning,
            stacklevel=2,
        )
    lif = [name for name in names if steps_as(graph.populations[name].neuron, LIF)]
    if len(lif) == len(names) and (percentile is not None or target_rate is not None):
        raise ParameterError("percentile and target_rate set the spike heights of IF neurons, and there are none.")
    xs = graph.check_inputs(x, "float32")
    is_value = _gives_values(graph) if values is None else values
    code = Code(n_steps, dt, spikes, percentile, target_rate, is_value)
    few = _few(xs)

    def fit(each: SpikingGraph, samples: Inputs) -> Layerwise:
        return fit_layers(each, samples, n_steps, dt, dict.fromkeys(names, code.recoding), correct, is_value)

    synapses = (SYNAPSES if lif else (None,)) if synapses is None else synapses
    speeds = scales if lif else (1.0,)
    found, scale, synapse = best_speed(graph, few, lambda each: fit(each, few).means, speeds, synapses)
    fitted = fit(found, xs)
    wanted = dict(rate_outputs(graph, xs) if lif else fitted.rate_outputs)  # a rate scale moves those of LIF neurons
    outcome = outcome_of(spiking_outputs(graph, few, n_steps, dt), fitted.means, wanted, fitted.reading, few.n)
    if len(lif) == len(names) and outcome.after >= outcome.before:  # others would be left with many spikes in a step
        actions = dict.fromkeys(
            names, f"left as it was: nothing comes closer to the rates in {plural(n_steps, 'step')}"
        )
        return dataclasses.replace(graph, report=with_actions(graph.report, actions))
    found = _applied(found, fitted)
    kinds = {name: found.populations[name].neuron.kind for name in names}
    actions = {name: _action(kinds[name], name in lif, n_steps, scale, synapse) for name in names}
    report = (*with_actions(found.report, actions), LayerReport("calibration", "", str(outcome)))
    noted = {**fitted.reading.metadata, "dt": repr(dt)}
    return dataclasses.replace(found, report=report, metadata={**found.metadata, **noted})


def can_be_calibrated(graph: SpikingGraph) -> bool:
    """Whether there is a population to calibrate."""
    return bool(_names(graph)[0])


def _names(graph: SpikingGraph) -> tuple[list[str], list[str]]:
    """Populations without an initial voltage of their own: those to calibrate, and those nothing is known of."""
    nodes = [node for node in graph.nodes if isinstance(node, Population) and not node.is_fitted]
    known = [node.name for node in nodes if has_code(node.neuron)]
    return known, [node.name for node in nodes if node.name not in known]


def _few(xs: Inputs) -> Inputs:
    return xs.part(slice(FEW))


def _gives_values(graph: SpikingGraph) -> bool:
    inputs = {node.shape for node in graph.inputs}
    shapes = [graph[name].shape for name in graph.outputs.values()]
    return any(len(shape) != 1 or shape[0] == 1 or shape in inputs for shape in shapes)


def _applied(graph: SpikingGraph, fitted: Layerwise) -> SpikingGraph:
    """The graph with what was fitted."""
    nodes = (_shifted(node, fitted.shifts[node.name]) if node.name in fitted.shifts else node for node in graph.nodes)
    return recode(graph.replace(nodes), fitted.recodings, fitted.factors)


def _shifted(node: Any, shift: np.ndarray) -> Population | Weighted:
    if isinstance(node, Population):
        return dataclasses.replace(node, neuron_bias=node.neuron_bias + shift)
    return dataclasses.replace(node, bias=shift if node.bias is None else node.bias + shift)


def _action(kind: str, is_lif: bool, n_steps: int, scale: float, synapse: float | None) -> str:
    speed = f", rates × {scale:g}" if is_lif and scale != 1 else ""
    lowpass = "" if synapse is None else f", lowpass of {synapse * 1e3:g} ms"
    return f"calibrated for {plural(n_steps, 'step')} as {kind} neurons{speed}{lowpass}"
