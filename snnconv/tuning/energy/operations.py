"""Synaptic operations: the weights that the spikes of a network meet, counted place by place.

A spike causes one operation for each weight that its place has in the kernels behind it: as many as there are targets,
which at the edge of an image or under a stride are fewer than elsewhere. The number of events that reach each place
behind a kernel is what the kernel, with ones in the place of its weights, makes of the numbers of spikes before it; so
strides, padding, dilation, groups and transposed convolutions count as they compute. A weight of 0 counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from ...errors import SnnconvError
from ...graph import (
    Add,
    Affine,
    AveragePool,
    Concatenate,
    Conv,
    Difference,
    Filter,
    Function,
    Input,
    Lookup,
    MaxPool,
    Node,
    Pad,
    Population,
    Readout,
    Reshape,
    RunningMean,
    RunningSum,
    SpikingGraph,
    Upsample,
    Weighted,
)
from ...graph.nodes import Crop, Permute
from ...neurons import numpy_ops


@dataclass(frozen=True, eq=False)
class LayerOperations:
    """Operations of one node, each array for b countings.

    Parameters
    ----------
    synops : (b,) array
        Weights that spikes met.
    n_products : int
        Products with values that no spike carried, each time the layer is computed: behind the input, or in an ANN.
    n_arithmetic : int
        Multiplications, divisions and calls of exp and the like of a function of means, at every step.
    """

    synops: np.ndarray
    n_products: int
    n_arithmetic: int = 0


@dataclass(frozen=True, eq=False)
class _Flow:
    """Numbers of spikes, events and values that reach each place of a node, (b, *shape) each.

    Parameters
    ----------
    spikes : numbers of spikes that met no kernel yet
    events : numbers of changes that spikes made behind a kernel, with no neurons since
    values : 1 where a number is that no spike carried, (1, *shape)
    """

    spikes: np.ndarray
    events: np.ndarray
    values: np.ndarray


def operations_of_spikes(graph: SpikingGraph, counts: Mapping[str, np.ndarray]) -> dict[str, LayerOperations]:
    """Operations that spikes cause, by name of the node that does them: layers with a kernel, functions, populations.

    Parameters
    ----------
    counts : mapping of population name to (b, *units) array
        Spikes of each neuron, whatever their sign.

    Notes
    -----
    Where layers follow one another with no neurons between, every change that a spike makes goes on by itself: as
    many operations as in the first kernel, and then one for each weight that those changes meet. Average pooling and
    factors are absorbed: they cost nothing, and a spike goes on once for each window that it lies in. Max pooling
    lets as many spikes through as the neuron in the window that spiked most, exact for spikes of one height. Spikes
    that reach neurons or a function without a kernel between are one operation each.
    """
    return _operations(graph, counts)


def operations_of_values(graph: SpikingGraph) -> dict[str, int]:
    """Multiply-accumulates of each layer with a kernel, for one sample of the network as an ANN.

    Products with the zeros of padding are left out.
    """
    found = _operations(graph, None)
    return {name: found[name].n_products for name in found if isinstance(graph[name], Weighted)}


def has_max_pool(graph: SpikingGraph) -> bool:
    """Whether the operations depend on more than the mean numbers of spikes."""
    return any(isinstance(node, MaxPool) for node in graph.nodes)


def _operations(graph: SpikingGraph, counts: Mapping[str, np.ndarray] | None) -> dict[str, LayerOperations]:
    b = 1 if not counts else len(next(iter(counts.values())))
    flows: dict[str, _Flow] = {}
    found: dict[str, LayerOperations] = {}
    for node in graph.nodes:
        sources = [flows[name] for name in node.inputs]
        nothing, values = _zeros(b, node), np.zeros((1, *node.shape))
        if isinstance(node, Input):
            flow = _Flow(nothing, nothing, values + 1)
        elif isinstance(node, Population):
            found[node.name] = LayerOperations(_total(sources[0].spikes), 0)
            is_value = counts is None
            spikes = nothing if is_value else np.asarray(counts[node.name], "float64")
            flow = _Flow(spikes, nothing, values + is_value)
        elif isinstance(node, Function):
            synops = np.sum([_total(source.spikes) for source in sources], 0)
            shapes = tuple(graph[name].shape for name in node.inputs)
            found[node.name] = LayerOperations(synops, 0, node.n_operations(shapes))
            flow = _Flow(nothing, nothing, values + 1)
        elif isinstance(node, Weighted):
            source = sources[0]
            events = _reached(node, source.spikes + source.events)
            n_products = int(_total(_reached(node, source.values))[0])
            found[node.name] = LayerOperations(_total(events), n_products)
            flow = _Flow(nothing, events, values + (n_products > 0))
        else:
            spikes, events, held = (
                _passed_on(node, [getattr(source, kind) for source in sources], kind == "events")
                for kind in ("spikes", "events", "values")
            )
            flow = _Flow(spikes, events, (held > 0).astype("float64"))
        flows[node.name] = flow
        for name in set(node.inputs):
            if graph.consumers(name)[-1] is node:
                del flows[name]  # of large networks all at once would not fit
    return found


def _zeros(b: int, node: Node) -> np.ndarray:
    """Zeros (b, *shape of the node) that take no memory."""
    return np.broadcast_to(np.zeros(()), (b, *node.shape))


def _total(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).sum(1)


def _reached(node: Weighted, x: np.ndarray) -> np.ndarray:
    """Numbers of events (b, *shape of the node) behind a kernel of ones; one filter stands for its whole group."""
    if not x.any():
        return _zeros(len(x), node)
    groups = node.groups if isinstance(node, Conv) else 1
    ones = np.ones((*node.kernel.shape[:-1], groups))
    y = dataclasses.replace(node, kernel=ones, bias=None).apply(x, xp=numpy_ops)
    return np.broadcast_to(y, (len(x), *node.shape)) if groups == 1 else np.repeat(y, node.shape[-1] // groups, -1)


def _passed_on(node: Node, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    return _delivered(node, xs, adds_up) if any(x.any() for x in xs) else _zeros(len(xs[0]), node)


@singledispatch
def _delivered(node: Node, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    """Numbers of events at each place of a node without kernel.

    `adds_up` says whether all in a window of max pooling go on: behind a kernel each can change the largest current.
    """
    raise SnnconvError(f"cannot count the operations of node '{node.name}' ({node.kind}).")


@_delivered.register(Reshape)
@_delivered.register(Permute)
@_delivered.register(Crop)
@_delivered.register(Pad)
@_delivered.register(Add)
@_delivered.register(Concatenate)
def _(node: Reshape | Permute | Crop | Pad | Add | Concatenate, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    return node.apply(*xs, xp=numpy_ops)


@_delivered.register(Affine)
@_delivered.register(Filter)
@_delivered.register(RunningSum)
@_delivered.register(RunningMean)
@_delivered.register(Difference)
@_delivered.register(Readout)
def _(node: Node, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    return xs[0]


@_delivered.register
def _(node: Lookup, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    return np.broadcast_to(xs[0][..., None], (len(xs[0]), *node.shape))


@_delivered.register
def _(node: AveragePool, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    return _in_windows(node, xs[0])


@_delivered.register
def _(node: MaxPool, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    return _in_windows(node, xs[0]) if adds_up else node.apply(xs[0], xp=numpy_ops)


@_delivered.register
def _(node: Upsample, xs: list[np.ndarray], adds_up: bool) -> np.ndarray:
    x = xs[0]
    if node.interpolation == "nearest":
        return node.apply(x, xp=numpy_ops)
    for axis, factor in enumerate(node.factors, 1):
        if factor > 1:
            low, high, share = numpy_ops.between(x.shape[axis], factor)
            has_high = (share > 0).astype("float64").reshape(-1, *(1,) * (x.ndim - axis - 1))
            x = np.take(x, low, axis) + np.take(x, high, axis) * has_high
    return x


def _in_windows(node: AveragePool | MaxPool, x: np.ndarray) -> np.ndarray:
    """Sum over each window."""
    channels, ones = x.shape[-1], (1,) * len(node.size)
    return numpy_ops.conv(x, np.ones((*node.size, 1, channels)), node.strides, node.padding, ones, channels)
