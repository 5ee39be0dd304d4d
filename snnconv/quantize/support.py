"""What has an integer form, and what to do about everything that has none."""

from __future__ import annotations

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
from ..synapses import Lowpass

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
