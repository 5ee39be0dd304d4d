"""Recoding: populations given other neurons for the same output, with factors before and behind them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ...neurons import Neuron, numpy_ops
from .. import Affine, Conv, Node, Population, SpikingGraph
from .fold import fold_affine, scale_input
from .scaling import Scaling


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
    centre : float or (channels,) array
        Output of a silent neuron: what is added to the factor times its spikes, and taken off its current before. For
        neurons alone whose rate is their current.
    start : float or None
        Voltage before the first step, where the threshold is 1; None: as it was.
    """

    neuron: Neuron
    current: float | np.ndarray = 1.0
    output: float | np.ndarray = 1.0
    centre: float | np.ndarray = 0.0
    start: float | None = None

    def bias(self, neuron_bias: np.ndarray) -> np.ndarray:
        """The bias of the new neurons, in the place of this one of the old."""
        return neuron_bias * self.current - self.centre / (self.output * self.neuron.amplitude)


def recode(
    graph: SpikingGraph, recodings: Mapping[str, Recoding], factors: Mapping[str, float] | None = None
) -> SpikingGraph:
    """Exchange the neurons of populations; the factors end in the kernels around them, where these can hold them.

    Parameters
    ----------
    recodings : mapping of population name to Recoding
    factors : mapping of node name to float, or None
        Of what other nodes give.
    """
    factors = {} if factors is None else factors
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        if factors.get(node.name, 1.0) != 1:
            name, scale = f"{node.name}.factor", np.asarray(factors[node.name])
            nodes += [node, Affine(name=name, inputs=(node.name,), shape=node.shape, scale=scale)]
            renamed[node.name] = name
            continue
        recoding = recodings.get(node.name)
        if recoding is None or not isinstance(node, Population):
            nodes.append(node)
            continue
        current, output, centre = (
            np.asarray(value, "float64") for value in (recoding.current, recoding.output, recoding.centre)
        )
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
                neuron_bias=recoding.bias(node.neuron_bias),
                gain=node.gain * current,
                initial_voltage=node.initial_voltage if recoding.start is None else recoding.start,
            )
        )
        if np.any(output != 1) or np.any(centre):
            offset = centre if np.any(centre) else None
            nodes.append(Affine(name=behind, inputs=(node.name,), shape=node.shape, scale=output, offset=offset))
            renamed[node.name] = behind
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    centred = {f"{name}.height" for name, recoding in recodings.items() if np.any(recoding.centre)}
    return move_offsets(fold_affine(dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs)), centred)


def move_offsets(graph: SpikingGraph, names: Collection[str]) -> SpikingGraph:
    """Put offsets that feed nothing but convolutions behind these, so that they take spikes.

    With padding no bias of a convolution can hold one: fewer weights meet it at the border, so that it amounts to a
    number per place. Neurons can, and what else takes it has an `Affine` before.

    Parameters
    ----------
    names : names of `Affine` nodes
        Those whose offsets may be moved.
    """
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    biases: dict[str, np.ndarray] = {}
    for node in graph.nodes:
        moved = _offset_behind(graph, node, names)
        node, offset = (node, None) if moved is None else moved
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        if isinstance(node, Population) and node.name in biases:
            node = dataclasses.replace(node, neuron_bias=node.neuron_bias + biases[node.name])
        nodes.append(node)
        if offset is None:
            continue
        readers = graph.consumers(node.name)
        if all(isinstance(reader, Population) for reader in readers) and not graph.is_output(node.name):
            biases |= {reader.name: offset for reader in readers}
            continue
        renamed[node.name] = f"{node.name}.centre"
        inputs, shape, scale = (node.name,), node.shape, np.ones(())
        nodes.append(Affine(name=renamed[node.name], inputs=inputs, shape=shape, scale=scale, offset=offset))
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    used = {name for node in nodes for name in node.inputs} | set(outputs.values())
    kept = tuple(node for node in nodes if node.name in used or node.name not in names)
    return dataclasses.replace(graph, nodes=kept, outputs=outputs)


def _offset_behind(graph: SpikingGraph, node: Node, names: Collection[str]) -> tuple[Node, np.ndarray] | None:
    """A convolution that takes the scale of the `Affine` before it, and what the offset there amounts to behind it.

    None for other nodes, and where something else takes the offset too.
    """
    affine = graph[node.inputs[0]] if isinstance(node, Conv) else None
    if not isinstance(node, Conv) or not isinstance(affine, Affine) or affine.name not in names:
        return None
    is_shared = not all(isinstance(each, Conv) for each in graph.consumers(affine.name))
    scaled = scale_input(node, Scaling.compact(affine.scale, 0.0, affine.shape))
    if is_shared or affine.offset is None or graph.is_output(affine.name) or scaled is None:
        return None
    per_place = node.apply(np.broadcast_to(affine.offset, (1, *affine.shape)), xp=numpy_ops)[0]
    return dataclasses.replace(scaled, inputs=affine.inputs), per_place if node.bias is None else per_place - node.bias
