"""Lava, for Intel's Loihi 2: the .net format of lava-dl's netx, in whole numbers.

All neurons are on the chip. The currents of the first population are computed outside, since Loihi's synapses take
spikes, and set as its neurons' biases, as netx means an input layer to be used (`input_bias`). The last linear layer
stays outside as well: netx gives spikes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...graph import Input, Node, Population, SpikingGraph
from ...runtime import reference
from ...runtime.result import Result
from ..target import Inputs, Plan, Settings, Target
from .build import build, first_population, input_currents
from .file import read_file, write_file
from .layers import Layer, current_share, simulate, whole_biases

__all__ = ["TARGET", "input_bias", "plan"]


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Round the graph to Loihi's whole numbers."""
    built = build(graph, settings.inputs, settings.dt)

    def write(path: Path) -> None:
        write_file(built.layers, graph, path, settings.dt)

    def run(path: Path, inputs: Inputs, n_steps: int) -> Result:
        layers, inside, dt = read_file(path)
        spikes = simulate(layers, _mantissas(layers[0], inside, inputs, dt), n_steps)
        shapes = {node.name: node.shape for node in inside.nodes}
        spikes = {name: counts.reshape(*counts.shape[:2], *shapes[name]) for name, counts in spikes.items()}
        return Result(_outputs(inside, spikes, inputs, n_steps, dt), n_steps, dt, spikes)

    changes = ("weights rounded to 8 bits, biases to 13, decays to 12, thresholds to 17",)
    if len(built.layers) > 1:
        changes += ("one step of delay from layer to layer, taken out for this comparison",)
    first = built.layers[0].name if built.layers else ""
    notes = (
        f"the input is the bias of '{first}': net.in_layer.neuron.bias_mant.init = "
        "snnconv.export.lava.input_bias(path, x)[sample], scaled to the largest current of the inputs here",
        "the last linear layer is not in it: netx gives spikes",
        *built.notes,
    )
    return Plan(write, run, built.limits, changes, notes)


def input_bias(path: str | os.PathLike[str], x: Any) -> np.ndarray:
    """Bias mantissas of the first layer of an exported .net file, for each sample.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs

    Returns
    -------
    (n, width, height, channels) or (n, n_neurons) int array
        In Lava's order. A mantissa beyond 13 bits is cut off there.

    Raises
    ------
    InputError
        If the data have another shape.
    ModelFileError
        If the file is missing, damaged, or written by another program.
    """
    layers, graph, dt = read_file(Path(path))
    bias = _mantissas(layers[0], graph, graph.check_inputs(x, "float64"), dt)
    return bias.swapaxes(1, 2) if bias.ndim == 4 else bias


def _mantissas(first: Layer, graph: SpikingGraph, inputs: Inputs, dt: float) -> np.ndarray:
    population = first_population(graph)
    currents = input_currents(graph, inputs)
    lead = currents.shape[: currents.ndim - len(population.shape)]
    share = current_share(population.neuron, dt)
    return whole_biases(share * currents, first.threshold).reshape(*lead, *first.shape)


def _outputs(
    graph: SpikingGraph, spikes: dict[str, np.ndarray], inputs: Inputs, n_steps: int, dt: float
) -> Mapping[str, np.ndarray]:
    """Outputs of the network, from the spikes of its populations."""
    nodes: list[Node] = []
    given = dict(inputs)
    for node in graph.nodes:
        if isinstance(node, Population):
            nodes.append(Input(name=node.name, shape=node.shape))
            given[node.name] = spikes[node.name] * (node.neuron.amplitude / dt)
        else:
            nodes.append(node)
    tail = dataclasses.replace(graph, nodes=tuple(nodes), report=())
    return reference.run(tail, given, n_steps, dt).outputs


TARGET = Target(
    "lava",
    ".net",
    "layers in one chain, in whole numbers, for lava-dl's netx and Loihi 2; lowpass synapses",
    "refractory periods, voltage floors, the reset of IF by subtraction, max pooling, branches, other neurons",
    plan,
    other_endings=(".h5", ".hdf5"),
    takes_signed_spikes=False,
)
