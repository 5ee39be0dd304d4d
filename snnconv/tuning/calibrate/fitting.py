"""The layers of a network one after the other, each run once behind the spikes of those before it, and fitted to them.

All steps of all samples go through a layer before the next one is looked at, so that a layer can be fitted to what it
will receive, and the whole takes about the time of one run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from ...graph import Conv, ConvTranspose, Dense, Inputs, Population, RunningMean, SpikingGraph, Stateful, Weighted
from ...graph.passes.recoding import Recoding
from ...neurons import LIF
from ...runtime.compiled.layerwise import LayerRun, end_of
from ...text.progress import track

Choose = Callable[[Population, np.ndarray], Recoding]


@dataclasses.dataclass(frozen=True, eq=False)
class Layerwise:
    """Populations recoded and corrected, and what the network then gives.

    Parameters
    ----------
    recodings : mapping of population name to Recoding
    shifts : mapping of node name to (channels,) array
        What is to be added to the bias of a population or of the linear node of an output.
    outputs : mapping of label to (n, n_steps, *output) array
        In spikes, with all corrections, before a softmax or the like.
    rate_outputs : mapping of label to (n, *output) array
        The same in rates; empty where nothing is chosen or corrected.
    """

    recodings: Mapping[str, Recoding]
    shifts: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    rate_outputs: Mapping[str, np.ndarray]


def fit_layers(
    graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, choices: Mapping[str, Choose], correct: bool
) -> Layerwise:
    """Recode each population for the samples, correct its bias, and run it for the next.

    Spikes come late and clump, so that what arrives within `n_steps` is off on average. Currents are linear in the
    spikes, so that one shift of the bias is all that they need, whatever the neurons are.

    Parameters
    ----------
    choices : mapping of population name to function of (population, (n, *shape) outputs in rates) to Recoding
        Populations without one stay as they are.
    correct : bool
        Whether to shift biases. LIF neurons also lose a share of their spikes where the refractory period is below dt,
        or before the first one: their amplitude is multiplied by the factor with which the mean outputs come closest.

    References
    ----------
    Deng and Gu (2021), "Optimal conversion of conventional artificial neural networks to spiking neural networks", and
    Li et al. (2021), "A free lunch from ANN: towards efficient, accurate spiking neural networks calibration".
    """
    run = LayerRun(graph, xs, n_steps, dt)
    stateful = [node for node in graph.nodes if isinstance(node, Stateful)]
    ends = {label: end_of(graph, name) for label, name in graph.outputs.items()}
    recodings, shifts, outputs = {}, {}, {}
    ran: set[str] = set()
    with track(len(stateful) + len(ends), what="calibrating") as advance:
        for node in stateful:
            recoding = None
            if isinstance(node, Population) and node.name in choices:
                recoding = choices[node.name](node, run.rates(node.name))
                lacking = run.lacking(node.inputs[0]) if correct else None
                if lacking is not None:
                    shifts[node.name] = lacking
                    node = dataclasses.replace(node, neuron_bias=node.neuron_bias + lacking)
            source = graph[node.inputs[0]]
            if correct and isinstance(node, RunningMean) and isinstance(source, Weighted) and source.name not in ran:
                lacking = run.lacking(source.name)
                if lacking is not None:
                    shifts[source.name] = lacking
                    run.shift(source.name, lacking)
            ran |= run.between(node.inputs[0])
            run.add(node, recoding)
            if recoding is not None:
                is_lossy = correct and isinstance(recoding.neuron, LIF)
                recodings[node.name] = run.heightened(node.name, recoding) if is_lossy else recoding
            run.drop_unused(node.name)
            advance()
        for label, name in ends.items():
            outputs[label] = run.over_time(name)
            if correct and isinstance(graph[name], (Dense, Conv, ConvTranspose)):
                lacking = run.rates(name) - outputs[label].mean(1)
                shift = lacking.reshape(-1, lacking.shape[-1]).mean(0, dtype="float64")
                shifts[name] = shifts.get(name, 0.0) + shift
                outputs[label] = outputs[label] + shift.astype("float32")
            advance()
    rates = {label: run.rates(name) for label, name in ends.items()} if choices or correct else {}
    return Layerwise(recodings, shifts, outputs, rates)
