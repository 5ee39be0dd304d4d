"""Corrected biases: they make up for what currents lack on average while spikes are few."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...graph import Inputs, Population, SpikingGraph
from ...graph.nodes import Weighted
from ...graph.passes.draft import part
from ...neurons import LIF
from ...neurons.base import steps_as
from ...runtime.rates import rate_values
from ...runtime.simulator import Simulator
from ...text.progress import track


def correct_currents(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, names: Iterable[str]) -> SpikingGraph:
    """Shift biases by what the current of each channel lacks, as a mean over samples and steps; layer after layer.

    Spikes come late and clump, so that what arrives within `n_steps` is off on average, at every layer and at the
    outputs. Each layer is run behind the corrected ones before it. Currents are linear in the spikes, so that one
    shift is all they need, whatever the neurons are. LIF neurons also lose a share of their spikes where the refractory
    period is below dt, or before the first one: their amplitude is multiplied by the factor with which the mean outputs
    come closest to the rates.

    Parameters
    ----------
    xs : Inputs
    names : iterable of population names
        Those to correct, beside the outputs.

    References
    ----------
    Deng and Gu (2021), "Optimal conversion of conventional artificial neural networks to spiking neural networks", and
    Li et al. (2021), "A free lunch from ANN: towards efficient, accurate spiking neural networks calibration".
    """
    places = {name: graph[name].inputs[0] for name in names}
    places |= {view.linear.name: view.linear.name for view in graph.readouts.values() if view.linear is not None}
    wanted = rate_values(graph, xs, {*places, *places.values()})
    with track(len(places), what="correcting biases") as advance:
        for name, source in places.items():
            before = part(graph, (), {"current": source})
            if before.populations:  # what comes from the inputs alone is exact
                lacking = wanted[source] - mean_output(before, xs, n_steps, dt)["current"]
                shift = lacking.reshape(-1, lacking.shape[-1]).mean(0, dtype="float64")
                graph = graph.replace(_shifted(each, shift) if each.name == name else each for each in graph.nodes)
            if isinstance(graph[name], Population) and steps_as(graph.populations[name].neuron, LIF):
                received = mean_output(part(graph, (), {"output": name}), xs, n_steps, dt)["output"]
                factor = float(
                    (received * wanted[name]).sum(dtype="float64")
                    / max(np.square(received, dtype="float64").sum(), 1e-30)
                )
                graph = graph.replace(
                    _heightened(each, factor) if each.name == name and factor > 0 else each for each in graph.nodes
                )
            advance()
    return graph


def mean_output(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float) -> dict[str, np.ndarray]:
    """Outputs by name, in spikes, their means over all steps; inputs that the graph does not have are left out."""
    given = xs.only(node.name for node in graph.inputs)
    means = Simulator(graph, dt, progress=False).predict(given, n_steps)
    first, *others = graph.outputs
    return means if others else {first: means}


def _shifted(node: Any, shift: np.ndarray) -> Population | Weighted:
    if isinstance(node, Population):
        return dataclasses.replace(node, neuron_bias=node.neuron_bias + shift)
    return dataclasses.replace(node, bias=shift if node.bias is None else node.bias + shift)


def _heightened(node: Any, factor: float) -> Population:
    return dataclasses.replace(node, neuron=node.neuron.with_amplitude(node.neuron.amplitude * factor))
