"""Passes that change the height of spikes and the kernels around them, for the same rate outputs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from ...errors import ConversionError
from ...neurons import IF
from .. import Affine, Node, Population, SpikingGraph
from .fold import fold_affine


def expose_spike_height(graph: SpikingGraph, dt: float) -> SpikingGraph:
    """Give every spike the height 1 and move the factor amplitude/dt into the kernels that follow.

    The outputs of the graph stay as they are at this `dt`; its rate outputs too.
    """
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        nodes.append(node)
        if isinstance(node, Population) and node.neuron.amplitude != dt:
            nodes[-1] = dataclasses.replace(node, neuron=node.neuron.with_amplitude(dt))
            scale = Affine(
                name=f"{node.name}.height",
                inputs=(node.name,),
                shape=node.shape,
                scale=np.asarray(node.neuron.amplitude / dt),
            )
            nodes.append(scale)
            renamed[node.name] = scale.name
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    return fold_affine(dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs))


def set_spike_heights(graph: SpikingGraph, heights: Mapping[str, np.ndarray | float], dt: float) -> SpikingGraph:
    """Give IF populations spikes of these heights, at most one per step, for the same rate outputs.

    A channel's current is divided by its height and its output multiplied by it; both end in the kernels around.
    Activations above the height are out of reach: the neuron then spikes at every step.

    Parameters
    ----------
    heights : mapping of population name to number or (channels,) array
        Output of the neuron at a spike; above 0.
    dt : float
        Length of the steps, in seconds.

    Raises
    ------
    ConversionError
        If a population is not there or not one of IF neurons.
    """
    nodes: list[Node] = []
    for name in heights:
        if name not in graph.populations or not isinstance(graph.populations[name].neuron, IF):
            raise ConversionError(f"spike heights can be set for populations of IF neurons; '{name}' is none.")
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        if not isinstance(node, Population) or node.name not in heights:
            nodes.append(node)
            continue
        height = np.asarray(heights[node.name], "float64")
        scale = node.neuron.amplitude / (height * dt)
        before, behind = f"{node.name}.current", f"{node.name}.height"
        neuron = IF(amplitude=dt, min_voltage=-math.inf, max_spikes=1)
        nodes.append(Affine(name=before, inputs=node.inputs, shape=node.shape, scale=scale))
        nodes.append(
            dataclasses.replace(
                node,
                inputs=(before,),
                neuron=neuron,
                neuron_bias=node.neuron_bias * scale,
                gain=node.gain * scale,
            )
        )
        nodes.append(Affine(name=behind, inputs=(node.name,), shape=node.shape, scale=height))
        renamed[node.name] = behind
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    return fold_affine(dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs))
