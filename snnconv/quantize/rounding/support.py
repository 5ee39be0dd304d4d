"""Sentences on a float network and its integer form: nodes that have none, and what an integer layer changes."""

from __future__ import annotations

import numpy as np

from ...graph import (
    Add,
    Affine,
    AveragePool,
    Concatenate,
    Conv,
    Dense,
    Difference,
    Filter,
    Input,
    MaxPool,
    Node,
    Pad,
    Population,
    Readout,
    Reshape,
    RunningMean,
    RunningSum,
    SpikingGraph,
)
from ...neurons.integrate import RELU
from ...neurons.synapses import Lowpass
from ...text.advice import argument
from ...text.plain import milliseconds
from ..nodes import EncodedInput, SpikingLayer
from ..origins import effective_tau
from ..scales import Settings, most_level
from .forms import FORMS
from .layers import Rounded

SUPPORTED = (
    *(Input, Dense, Conv, AveragePool, Reshape, Affine, Pad, Population, Filter, Readout),
    *(RunningSum, MaxPool, Difference, Add, Concatenate),
)
ADVICE = {
    "ConvTranspose": "put upsampling outside of the network, or train the model with convolutions",
    "Upsample": "put upsampling outside of the network",
    "Permute": "bring the data into this order outside of the network",
    "Function": "it is arithmetic on running means; train the model with relu, BatchNormalization and sums",
    "Lookup": "look the rows of the table up outside of the network",
    "Crop": "crop the data outside of the network, or use padding='valid'",
}


def unsupported_nodes(graph: SpikingGraph) -> dict[str, str]:
    """A line of advice for each node without an integer form; an empty one for parts of another node."""
    found = {}
    for node in graph.nodes:
        advice = _advice(node)
        if advice is not None:
            what = node.neuron.kind if isinstance(node, Population) else node.kind
            found[node.name] = "" if isinstance(node, RunningMean) else f"'{node.name}' ({what}): {advice}"
    for node in graph.inputs[1:]:
        found[node.name] = f"'{node.name}' (Input): an integer graph has one input; bring the data in through it"
    return found


def _advice(node: Node) -> str | None:
    """Advice for a node without an integer form; None where it has one."""
    if isinstance(node, Population) and type(node.neuron) not in FORMS:
        why = "its spikes can be negative" if node.neuron.fires_negative else "only LIF and IF have an integer form"
        return f"{why}; convert the model with {argument('swap_activations', {'…': RELU})}"
    if isinstance(node, Filter) and type(node.synapse) is not Lowpass:
        return f"only a lowpass has an integer form; convert the model with {argument('synapse', 0.005)} or none"
    if isinstance(node, Concatenate) and node.axis % len(node.shape) != len(node.shape) - 1:
        return "branches can be joined along the last axis, that of the channels; bring the data into that order"
    if type(node) in SUPPORTED:
        return None
    return ADVICE.get(node.kind, "it has no integer form")


def of_input(node: EncodedInput) -> list[str]:
    """Sentences on what the input loses."""
    return [f"{node.name}: {node.code.approximation()}."]


def of_linear(made: Rounded, settings: Settings) -> list[str]:
    """Sentences on what weights, those of the branches included, and a synapse lose."""
    most, layer, nodes, found = most_level(settings.weight_bits), made.layer, (*made.branches, made.layer), []
    for node in nodes:
        cut = float(np.mean(np.abs(node.weights * node.of_channels(node.scale)) > most + 0.5))
        found.append(
            f"{node.name}: weights are rounded to {settings.weight_bits} bits, which changes them by "
            f"{node.weight_error:.2%} (root mean square)"
            + (f" and cuts off the {cut:.2%} that are largest." if cut else ".")
        )
    used = _used_bits(made)
    if used < settings.weight_bits and any(np.ptp(np.abs(node.weights)) for node in nodes):
        found.append(f"{layer.name}: int32 leaves its weights {used} of {settings.weight_bits} bits.")
    if layer.synapse:
        tau = effective_tau(layer.synapse, layer.synapse_bits, settings.dt)
        found.append(
            f"{layer.name}: the lowpass of its input has a time constant of {milliseconds(tau)} in place of "
            f"{milliseconds(layer.origin.synapse_tau)}, and its current is rounded at every step."
        )
    return found


def of_scales(made: Rounded[SpikingLayer], settings: Settings) -> list[str]:
    """Sentences on channels whose scales are smaller than their weights allow."""
    if not made.n_reduced or _used_bits(made) != settings.weight_bits:
        return []
    what = f"the weights of {made.n_reduced} of its {made.n_channels} channels, which are small"
    return [f"{made.layer.name}: {what}, use fewer bits."]


def _used_bits(made: Rounded) -> int:
    """Bits that the largest weight needs, its sign included."""
    nodes = (*made.branches, made.layer)
    return max(int(np.abs(node.kernel.astype("int32")).max()).bit_length() for node in nodes) + 1
