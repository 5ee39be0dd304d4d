"""Mistakes in what runs from layer to layer: the input, the order of its numbers, spike heights, synapses, delays.

The order is the one in which two of them are made.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ....graph import Affine, Filter, Permute, Reshape, SpikingGraph
from ....neurons.synapses import Lowpass
from ..case import Case, population
from .edit import Delay, behind, data_inputs, filters, senders, swap, way
from .mistake import ChangeNetwork, Mistake

NENGO_SYNAPSE = 0.005  # seconds, of the lowpass that a connection has by default there

Changed = SpikingGraph | None


def _input_times(factor: float) -> ChangeNetwork:
    def change(case: Case, graph: SpikingGraph, name: str) -> Changed:
        inputs = data_inputs(case, graph, name)
        for each in inputs:
            graph = behind(graph, each, "input", Affine, scale=np.asarray(factor))
        return graph if inputs else None

    return change


def _flatten_channels_first(case: Case, graph: SpikingGraph, name: str) -> Changed:
    flattened = [
        node
        for node in way(graph, name)
        if isinstance(node, Reshape) and len(node.shape) == 1 and len(graph[node.inputs[0]].shape) > 1
    ]
    if not flattened:
        return None
    for node in flattened:
        source = graph[node.inputs[0]]
        axes = (len(source.shape) - 1, *range(len(source.shape) - 1))
        shape = tuple(source.shape[axis] for axis in axes)
        moved = Permute(name=f"mistake in flatten before {node.name}", inputs=node.inputs, shape=shape, axes=axes)
        rewired = dataclasses.replace(node, inputs=(moved.name,))
        nodes = [each for old in graph.nodes for each in ((moved, rewired) if old.name == node.name else (old,))]
        graph = dataclasses.replace(graph, nodes=tuple(nodes))
    return graph


def _height(wanted: str) -> ChangeNetwork:
    """Spikes that reach the next layer with another height than amplitude/dt."""

    def change(case: Case, graph: SpikingGraph, name: str) -> Changed:
        found = False
        for sender in senders(case, graph, name):
            neuron = case.senders[sender] if sender in case.senders else population(graph, sender).neuron
            height = {"1": 1.0, "1/dt": 1 / case.dt, "amplitude": neuron.amplitude}[wanted]
            factor = height * case.dt / neuron.amplitude
            if not math.isclose(factor, 1.0):
                graph, found = behind(graph, sender, "height", Affine, scale=np.asarray(factor)), True
        return graph if found else None

    return change


def _filter_left_out(case: Case, graph: SpikingGraph, name: str) -> Changed:
    found = filters(graph, name)
    for node in found:
        plain = Affine(name=node.name, inputs=node.inputs, shape=node.shape, scale=np.ones(()))
        graph = swap(graph, node.name, lambda _, plain=plain: plain)
    return graph if found else None


def _filter_by_euler(case: Case, graph: SpikingGraph, name: str) -> Changed:
    found = [node for node in filters(graph, name) if isinstance(node.synapse, Lowpass) and node.synapse.tau > case.dt]
    for node in found:
        # the exact lowpass whose coefficient exp(-dt/tau) is 1 - dt/tau of this one
        synapse = Lowpass(-case.dt / math.log1p(-case.dt / node.synapse.tau))
        graph = swap(graph, node.name, lambda old, synapse=synapse: dataclasses.replace(old, synapse=synapse))
    return graph if found else None


def _filter_added(case: Case, graph: SpikingGraph, name: str) -> Changed:
    found = senders(case, graph, name)
    if not found or filters(graph, name):
        return None
    for sender in found:
        graph = behind(graph, sender, "synapse", Filter, synapse=Lowpass(NENGO_SYNAPSE))
    return graph


def _spikes_late(case: Case, graph: SpikingGraph, name: str) -> Changed:
    found = senders(case, graph, name)
    for sender in found:
        graph = behind(graph, sender, "delay", Delay)
    return graph if found else None


def _input_late(case: Case, graph: SpikingGraph, name: str) -> Changed:
    found = data_inputs(case, graph, name)
    for each in found:
        graph = behind(graph, each, "delay", Delay)
    return graph if found else None


SIGNALS = (
    Mistake("input in 0…255", "scale the input as in training: x/255", "input", _input_times(255.0)),
    Mistake("input divided by 255 once more", "scale the input as in training, once", "input", _input_times(1 / 255)),
    Mistake(
        "flatten in channels-first order",
        "Flatten takes rows, columns, channels in this order (HWC)",
        "flatten",
        _flatten_channels_first,
    ),
    Mistake(
        "spike height 1",
        "a spike that reaches the next layer has the height amplitude/dt",
        "height",
        _height("1"),
    ),
    Mistake(
        "amplitude left out (spike height 1/dt)",
        "a spike that reaches the next layer has the height amplitude/dt",
        "height",
        _height("1/dt"),
    ),
    Mistake(
        "dt left out of the spike height (height amplitude)",
        "a spike that reaches the next layer has the height amplitude/dt",
        "height",
        _height("amplitude"),
    ),
    Mistake("synapse left out", "filter the spikes: y += (1 - exp(-dt/tau))·(x - y)", "synapse", _filter_left_out),
    Mistake("synapse by Euler", "y += (1 - exp(-dt/tau))·(x - y), not dt/tau·(x - y)", "synapse", _filter_by_euler),
    Mistake(
        f"a lowpass of {NENGO_SYNAPSE * 1e3:g} ms that is not there",
        "there is no synapse here; Nengo's connections have one unless told synapse=None",
        "synapse",
        _filter_added,
    ),
    Mistake(
        "spikes arrive one step late",
        "a spike acts on the next layer in its own step: compute the layers in order, within each step",
        "delay",
        _spikes_late,
    ),
    Mistake("input one step late", "the first step sees the input already", "delay", _input_late),
)
