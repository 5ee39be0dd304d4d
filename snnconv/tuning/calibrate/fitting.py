"""The layers of a network one after the other, each run once behind the spikes of those before it, and fitted to them.

All steps of all samples go through a layer before the next one is looked at, so that a layer can be fitted to what it
will receive, and the whole takes about the time of one run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...graph import (
    AveragePool,
    Conv,
    ConvTranspose,
    Dense,
    Filter,
    Inputs,
    Population,
    Reading,
    Readout,
    Reshape,
    RunningMean,
    SpikingGraph,
    Stateful,
    Weighted,
)
from ...graph.passes.recoding import Recoding
from ...graph.reading import PLAIN
from ...neurons import LIF
from ...runtime.compiled.layerwise import LayerRun, end_of
from ...text.progress import track
from .heights import by_channel
from .outcome import Values, best_reading

Choose = Callable[[Population, np.ndarray], Recoding]

MOST_FACTOR = 2.0  # of currents, or 1 by it
LEAST_VALUES = 8  # of a channel, over samples and places: fewer say too little of its spread
LEAST_SPREAD = 1e-6  # of the largest current: rounding, below


@dataclasses.dataclass(frozen=True, eq=False)
class Layerwise:
    """Populations recoded and corrected, and what the network then gives.

    Parameters
    ----------
    recodings : mapping of population name to Recoding
    shifts : mapping of node name to (channels,) array
        What is to be added to the bias of a population or of the linear node of an output.
    factors : mapping of node name to float
        Of the linear nodes of outputs, their shifted biases among them.
    reading : Reading
        The mean of the outputs that comes nearest to the rates; their shifts are for it.
    outputs : mapping of label to (n, n_steps, *output) array
        In spikes, with all corrections, before a softmax or the like.
    rate_outputs : mapping of label to (n, *output) array
        The same in rates; empty where nothing is chosen or corrected.
    """

    recodings: Mapping[str, Recoding]
    shifts: Mapping[str, np.ndarray]
    factors: Mapping[str, float]
    reading: Reading
    outputs: Mapping[str, np.ndarray]
    rate_outputs: Mapping[str, np.ndarray]

    @property
    def means(self) -> Values:
        """(n, *output) means of the outputs by label, as `reading` weighs them."""
        return {label: self.reading.mean(each) for label, each in self.outputs.items()}


def fit_layers(
    graph: SpikingGraph,
    xs: Inputs,
    n_steps: int,
    dt: float,
    choices: Mapping[str, Choose],
    correct: bool,
    gives_values: bool = False,
) -> Layerwise:
    """Recode each population for the samples, correct its current, and run it for the next.

    Spikes come late and clump, so that what arrives within `n_steps` is off on average, and by more where more is due.
    Currents are linear in the spikes: a factor and a shift give those of each channel the mean and the spread that they
    have in rates, whatever the neurons are.

    Parameters
    ----------
    choices : mapping of population name to function of (population, (n, *shape) outputs in rates) to Recoding
        Populations without one stay as they are.
    correct : bool
        Whether to shift biases, and to multiply the currents of `choices`. LIF neurons also lose a share of their
        spikes where the refractory period is below dt, or before the first one: their amplitude is multiplied by the
        factor with which the mean outputs come closest.
    gives_values : bool
        Whether the outputs are values, which `correct` multiplies too behind a lowpass, which holds a part of the
        spikes back. Of scores only the order counts.

    References
    ----------
    Deng and Gu (2021), "Optimal conversion of conventional artificial neural networks to spiking neural networks", and
    Li et al. (2021), "A free lunch from ANN: towards efficient, accurate spiking neural networks calibration".
    """
    run = LayerRun(graph, xs, n_steps, dt)
    stateful = [node for node in graph.nodes if isinstance(node, Stateful)]
    ends = {label: end_of(graph, name) for label, name in graph.outputs.items()}
    recodings, shifts, factors, outputs = {}, {}, {}, {}
    holds_back = any(isinstance(node, Filter) for node in stateful)
    ran: set[str] = set()
    with track(len(stateful) + len(set(ends.values())), what="calibrating") as advance:
        for node in stateful:
            recoding = None
            if isinstance(node, Population) and node.name in choices:
                recoding = choices[node.name](node, run.rates(node.name))
                received = run.received(node.inputs[0]) if correct else None
                if received is not None:
                    wanted = run.rates(node.inputs[0])
                    factor = spread_ratio(received, wanted)
                    recoding = dataclasses.replace(recoding, current=recoding.current * factor)
                    bias = (by_channel_mean(wanted) + node.neuron_bias) / factor - by_channel_mean(received)
                    shifts[node.name] = bias - node.neuron_bias
                    node = dataclasses.replace(node, neuron_bias=bias)
            source = graph[node.inputs[0]]
            if correct and isinstance(node, RunningMean) and isinstance(source, Weighted) and source.name not in ran:
                received = run.received(source.name)
                if received is not None:
                    shifts[source.name] = by_channel_mean(run.rates(source.name) - received)
                    run.shift(source.name, shifts[source.name])
            ran |= run.between(node.inputs[0])
            run.add(node, recoding)
            if recoding is not None:
                is_lossy = correct and isinstance(recoding.neuron, LIF)
                recodings[node.name] = run.heightened(node.name, recoding) if is_lossy else recoding
            run.drop_unused(node.name)
            advance()
        for name in dict.fromkeys(ends.values()):
            outputs[name] = run.over_time(name)
            advance()
    rates = {name: run.rates(name) for name in outputs} if choices or correct else {}
    biased = {name: node.name for name in outputs if correct and (node := biased_node(graph, name))}

    def shifted(name: str, means: np.ndarray) -> np.ndarray:
        return means + by_channel_mean(rates[name] - means) if name in biased else means

    reading = best_reading(outputs, rates, shifted) if rates else PLAIN
    for name, source in biased.items():
        received = reading.mean(outputs[name])
        is_lossy = gives_values and holds_back
        factors[source] = factor = common_ratio(received, rates[name]) if is_lossy else 1.0
        shift = by_channel_mean(rates[name]) / factor - by_channel_mean(received)
        shifts[source] = shifts.get(source, 0.0) + shift
        outputs[name] = np.float32(factor) * (outputs[name] + shift.astype("float32"))
    return Layerwise(
        recodings,
        shifts,
        factors,
        reading,
        outputs={label: outputs[name] for label, name in ends.items()},
        rate_outputs={label: rates[name] for label, name in ends.items() if rates},
    )


def biased_node(graph: SpikingGraph, name: str) -> Weighted | None:
    """The linear node whose bias shifts the channels of an output, and nothing else; None where there is none."""
    node: Any = graph[name]
    if not all(isinstance(each, Readout) for each in graph.consumers(name)):
        return None
    while not isinstance(node, (Dense, Conv, ConvTranspose)):
        if not isinstance(node, (AveragePool, Reshape)):
            return None
        source = graph[node.inputs[0]]
        is_shared = len(graph.consumers(source.name)) > 1 or source.name in graph.outputs.values()
        if is_shared or node.shape[-1:] != source.shape[-1:]:
            return None
        node = source
    return node


def by_channel_mean(values: np.ndarray) -> np.ndarray:
    """Mean of (n, *space, channels) values over all but the channels."""
    return values.reshape(-1, values.shape[-1]).mean(0, dtype="float64")


def spread_ratio(received: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Factors that give each channel of (n, *space, channels) values the standard deviation that is wanted.

    Few values, or currents that hardly change, say nothing: 1. A regression on what is received would also make up for
    its noise, by factors that are too low for the next layers.
    """
    spread, goal = (by_channel(values).std(0, dtype="float64") for values in (received, wanted))
    if wanted.size < LEAST_VALUES * wanted.shape[-1]:
        return np.ones_like(goal)
    says = np.minimum(spread, goal) > LEAST_SPREAD * np.abs(wanted).max()
    return np.clip(np.divide(goal, spread, out=np.ones_like(goal), where=says), 1 / MOST_FACTOR, MOST_FACTOR)


def common_ratio(received: np.ndarray, wanted: np.ndarray) -> float:
    """One factor for all channels, that of their spreads together."""
    if wanted.size < LEAST_VALUES * wanted.shape[-1]:
        return 1.0
    centred = (each - each.mean(0) for each in (by_channel(received), by_channel(wanted)))
    return float(spread_ratio(*(each.reshape(-1, 1) for each in centred))[0])
