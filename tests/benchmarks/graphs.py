"""The works as snnconv's graphs, and back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from .works import DT, TAU_RC, TAU_REF, Layer, Work

if TYPE_CHECKING:
    from snnconv.graph import SpikingGraph


def as_graph(work: Work) -> SpikingGraph:
    """The work's network, or the one in its file."""
    import snnconv
    from snnconv.graph import Conv, Dense, Input, Population, Reshape, SpikingGraph

    if work.model:
        return snnconv.load(work.model)
    neuron: Any = snnconv.neurons.LIF(TAU_RC, TAU_REF, amplitude=DT)  # spikes of height 1
    shape = work.x.shape[1:]
    nodes: list[Any] = [Input(name="input", shape=shape)]
    for number, layer in enumerate(work.layers, 1):
        out = layer.output_shape(shape)
        parts: dict[str, Any] = {"kernel": layer.kernel, "bias": layer.bias, "shape": out}
        if layer.is_convolution:
            parts |= {"strides": (layer.stride,) * 2, "dilation": (1, 1), "padding": _padding(layer, shape, out)}
        elif len(shape) > 1:
            size = (int(np.prod(shape)),)
            nodes.append(Reshape(name=f"flatten{number}", inputs=(nodes[-1].name,), shape=size))
        kind = Conv if layer.is_convolution else Dense
        nodes.append(kind(name=f"linear{number}", inputs=(nodes[-1].name,), **parts))
        if layer is not work.layers[-1]:
            ones: dict[str, Any] = {"neuron_bias": np.zeros(()), "gain": np.ones(())}
            nodes.append(Population(name=f"lif{number}", inputs=(nodes[-1].name,), shape=out, neuron=neuron, **ones))
        shape = out
    return SpikingGraph(tuple(nodes), {"output": nodes[-1].name}, work.name)


def from_model(work: Work, path: str) -> Work:
    """The work with the network of an exported file in the place of its own."""
    import snnconv

    return dataclasses.replace(work, layers=as_layers(snnconv.load(path)), model=path)


def as_layers(graph: SpikingGraph) -> tuple[Layer, ...]:
    """The kernels of a graph that is a chain, for systems that are given layers.

    Raises
    ------
    ValueError
        If the graph has branches, neurons elsewhere than behind all linear layers but the last, or linear layers that
        a `Layer` does not describe.
    """
    from snnconv.graph import Conv, Dense, Filter, Input, Population, Reshape

    layers = []
    for node in graph.nodes:
        if len(node.inputs) > 1 or len(graph.consumers(node.name)) > 1:
            raise ValueError(f"node '{node.name}' branches: the benchmark takes chains of layers.")
        if isinstance(node, (Dense, Conv)):
            stride, padding = (node.strides[0], node.padding) if isinstance(node, Conv) else (1, ())
            bias = np.zeros(node.shape[-1]) if node.bias is None else node.bias
            layers.append(Layer(node.kernel, bias, stride, "same" if any(map(sum, padding)) else "valid"))
        elif not isinstance(node, (Input, Population, Filter, Reshape)):
            raise ValueError(f"node '{node.name}' is a {node.kind}: the benchmark takes dense and convolution layers.")
    if len(layers) != len(graph.populations) + 1:
        raise ValueError("the benchmark takes networks with a population behind every linear layer but the last.")
    return tuple(layers)


def _padding(layer: Layer, shape: tuple[int, ...], out: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    if layer.padding == "valid":
        return ((0, 0), (0, 0))
    window = layer.kernel.shape[0]
    missing = [max((out[axis] - 1) * layer.stride + window - shape[axis], 0) for axis in range(2)]
    return tuple((n // 2, n - n // 2) for n in missing)
