"""Recoding: populations given other neurons for the same output, with factors before and behind them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...neurons import Neuron
from .. import Affine, Node, Population, SpikingGraph
from .fold import fold_affine


@dataclass(frozen=True, eq=False)
class Recoding:
    """Neurons in the place of a population's, and the factors with which they give the same output in rates.

    Parameters
    ----------
    neuron : Neuron
    current : float or (channels,) array
        Factor of the current, its bias among it.
    output : float or (channels,) array
        Factor of what the neuron gives.
    start : float or None
        Voltage before the first step, where the threshold is 1; None: as it was.
    """

    neuron: Neuron
    current: float | np.ndarray = 1.0
    output: float | np.ndarray = 1.0
    start: float | None = None


def recode(graph: SpikingGraph, recodings: Mapping[str, Recoding]) -> SpikingGraph:
    """Exchange the neurons of populations; the factors end in the kernels around them, where these can hold them."""
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        recoding = recodings.get(node.name)
        if recoding is None or not isinstance(node, Population):
            nodes.append(node)
            continue
        current, output = np.asarray(recoding.current, "float64"), np.asarray(recoding.output, "float64")
        before, behind = f"{node.name}.current", f"{node.name}.height"
        inputs = node.inputs
        if np.any(current != 1):
            nodes.append(Affine(name=before, inputs=inputs, shape=node.shape, scale=current))
            inputs = (before,)
        nodes.append(
            dataclasses.replace(
                node,
                inputs=inputs,
                neuron=recoding.neuron,
                neuron_bias=node.neuron_bias * current,
                gain=node.gain * current,
                initial_voltage=node.initial_voltage if recoding.start is None else recoding.start,
            )
        )
        if np.any(output != 1):
            nodes.append(Affine(name=behind, inputs=(node.name,), shape=node.shape, scale=output))
            renamed[node.name] = behind
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    return fold_affine(dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs))
