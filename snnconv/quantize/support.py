"""What has an integer form, and what to do about everything that has none.

What an integer network does not do as the float network does, in sentences that name the layer.
"""

from __future__ import annotations

import math

import numpy as np

from ..graph import (
    Affine,
    AveragePool,
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
    RunningSum,
    SpikingGraph,
)
from ..neurons import IF, LIF, SteppedLIF
from ..neurons.synapses import Lowpass
from .layers import FARTHEST
from .nodes import EncodedInput, IntegerLayer, SpikingLayer, effective_tau
from .scales import Settings, most_level

SUPPORTED = (Input, Dense, Conv, AveragePool, Reshape, Affine, Pad, Population, Filter, Readout)
ADVICE = {
    "MaxPool": "convert the model with max_to_avg_pool=True, or train it with strided convolutions",
    "Add": "a branch that is added has no integer form here; train the model without it",
    "Concatenate": "branches that are joined have no integer form here; train the model without them",
    "ConvTranspose": "put upsampling outside of the network, or train the model with convolutions",
    "Upsample": "put upsampling outside of the network",
    "Permute": "bring the data into this order outside of the network",
    "Crop": "crop the data outside of the network, or use padding='valid'",
}


def unsupported_nodes(graph: SpikingGraph) -> dict[str, str]:
    """Each node without an integer form, and a line on what it is and what to do; none for parts of another."""
    found = {}
    pools = any(isinstance(node, MaxPool) for node in graph.nodes)
    for node in graph.nodes:
        advice = _advice(node)
        if advice is not None:
            what = node.neuron.kind if isinstance(node, Population) else node.kind
            is_part = pools and isinstance(node, (RunningSum, Difference))
            found[node.name] = "" if is_part else f"'{node.name}' ({what}): {advice}"
    for node in graph.inputs[1:]:
        found[node.name] = f"'{node.name}' (Input): an integer graph has one input; bring the data in through it"
    return found


def _advice(node: Node) -> str | None:
    """What to do about a node, or None where it has an integer form."""
    if isinstance(node, Population) and type(node.neuron) not in (LIF, SteppedLIF, IF):
        if getattr(node.neuron, "fires_negative", False):
            return "its spikes can be negative; convert the model with swap_activations={…: snnconv.neurons.IF()}"
        return "only LIF and IF have an integer form; convert the model with swap_activations={…: snnconv.neurons.IF()}"
    if isinstance(node, Filter) and type(node.synapse) is not Lowpass:
        return "only a lowpass has an integer form; convert the model with synapse=0.005 or none"
    if type(node) in SUPPORTED:
        return None
    return ADVICE.get(node.kind, "it has no integer form")


def of_input(node: EncodedInput) -> list[str]:
    """Of the input."""
    return [f"{node.name}: {node.code.approximation()}."]


def of_linear(layer: IntegerLayer, settings: Settings) -> list[str]:
    """Of weights, biases and a synapse."""
    most = most_level(settings.weight_bits)
    cut = float(np.mean(np.abs(layer.weights * layer.of_channels(layer.scale)) > most + 0.5))
    found = [
        f"{layer.name}: weights are rounded to {settings.weight_bits} bits, which changes them by "
        f"{layer.weight_error:.2%} (root mean square)"
        + (f" and cuts off the {cut:.2%} that are largest." if cut else ".")
    ]
    if _used_bits(layer) < settings.weight_bits and np.ptp(np.abs(layer.weights)):
        found.append(f"{layer.name}: int32 leaves its weights {_used_bits(layer)} of {settings.weight_bits} bits.")
    if layer.synapse:
        tau = effective_tau(layer.synapse, layer.synapse_bits, settings.dt)
        found.append(
            f"{layer.name}: the lowpass of its input has a time constant of {_ms(tau)} in place of "
            f"{_ms(layer.synapse_tau)}, and its current is rounded at every step."
        )
    return found


def of_neurons(layer: SpikingLayer, population: Population, n_reduced: int, settings: Settings) -> list[str]:
    """Of a layer of neurons."""
    found = of_linear(layer, settings)
    if n_reduced and _used_bits(layer) == settings.weight_bits:
        found.append(
            f"{layer.name}: the weights of {n_reduced} of its {layer.kernel.shape[-1]} channels, which are small, use "
            f"fewer bits."
        )
    if layer.neuron == "LIF":
        tau, neuron = layer.effective_tau_rc(settings.dt), population.neuron
        is_stepped = isinstance(neuron, SteppedLIF)
        wanted = neuron.smooth().tau_rc if is_stepped else layer.tau_rc
        if _ms(tau) != _ms(wanted):
            found.append(f"{layer.name}: tau_rc is {_ms(tau)} in place of {_ms(wanted)}.")
        if layer.tau_ref and not is_stepped:
            found.append(
                f"{layer.name}: the refractory period is {layer.refractory_steps} whole steps behind that of the "
                f"spike; in the float network it lasts {_ms(layer.tau_ref)} from the crossing inside a step."
            )
        return found
    if population.neuron.max_spikes_per_step != 1:
        found.append(f"{layer.name}: at most one spike per step; the float network allows several.")
    if math.isinf(layer.min_voltage) and int(layer.floor.min()) == -FARTHEST:
        found.append(f"{layer.name}: voltages end at -{FARTHEST:,}; in the float network they have no floor.")
    if int(layer.ceiling.max()) == FARTHEST:
        found.append(f"{layer.name}: voltages end at {FARTHEST:,}, where spikes that are due are lost.")
    return found


def _used_bits(layer: IntegerLayer) -> int:
    """Bits that the largest weight needs, its sign included."""
    return int(np.abs(layer.kernel.astype("int32")).max()).bit_length() + 1


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.4g} ms"
