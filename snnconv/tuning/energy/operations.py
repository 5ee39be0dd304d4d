"""Operations at kernels: one for each pair of a value that is not 0 and a weight that it meets.

How many weights a value meets depends on its place: under a stride or at the edge of an image fewer than elsewhere.
`fan_out` counts them place by place, as the layer computes, so that strides, padding, dilation, groups and transposed
convolutions count right. The products with zeros of padding are no operations.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from ...errors import SnnconvError
from ...graph import Conv, ConvTranspose, Dense, Function, SpikingGraph, Weighted


def fan_out(node: Weighted, shape: tuple[int, ...], *, zeros: bool = False) -> np.ndarray:
    """Number of weights that a value meets at each place of a layer's input.

    Parameters
    ----------
    shape : tuple of int
        Shape of the input, for one sample.
    zeros : bool
        Whether weights of 0 count.

    Returns
    -------
    n_weights : array of int64 of that shape
    """
    counted = np.ones(node.kernel.shape, bool) if zeros else node.kernel != 0
    return np.broadcast_to(_fan_out(node, counted, shape), shape)


def operations_of_values(graph: SpikingGraph) -> dict[str, int]:
    """Products of each layer with a kernel, zeros included, each time that it is computed for one sample."""
    layers = [node for node in graph.nodes if isinstance(node, Weighted)]
    return {node.name: int(fan_out(node, graph[node.inputs[0]].shape, zeros=True).sum()) for node in layers}


def arithmetic(graph: SpikingGraph) -> dict[str, int]:
    """Multiplications, divisions and calls of exp and the like of each function, in one step of one sample."""
    functions = [node for node in graph.nodes if isinstance(node, Function)]
    return {node.name: node.n_operations(tuple(graph[name].shape for name in node.inputs)) for node in functions}


@singledispatch
def _fan_out(node: Weighted, counted: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    raise SnnconvError(f"cannot count the operations of node '{node.name}' ({node.kind}).")


@_fan_out.register
def _(node: Dense, counted: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return counted.sum(-1, dtype="int64")


@_fan_out.register
def _(node: Conv, counted: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    reached = []
    for axis, (before, _) in enumerate(node.padding):
        steps, rest = np.divmod(_shifts(shape, counted, axis, 1, -node.dilation[axis], before), node.strides[axis])
        reached.append((rest == 0) & (steps >= 0) & (steps < node.shape[axis]))
    *window, channels, filters = counted.shape
    by_group = counted.reshape(*window, channels, node.groups, filters // node.groups).sum(-1, dtype="int64")
    return _spread(np.swapaxes(by_group, -1, -2).reshape(*window, shape[-1]), reached)


@_fan_out.register
def _(node: ConvTranspose, counted: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    reached = []
    for axis, (before, _) in enumerate(node.padding):
        places = _shifts(shape, counted, axis, node.strides[axis], node.dilation[axis], -before)
        reached.append((places >= 0) & (places < node.shape[axis]))
    return _spread(counted.sum(-1, dtype="int64"), reached)


def _shifts(
    shape: tuple[int, ...], kernel: np.ndarray, axis: int, by_place: int, by_offset: int, start: int
) -> np.ndarray:
    """``place · by_place + offset · by_offset + start`` for all (places, offsets in the window) of an axis."""
    places, offsets = np.arange(shape[axis]), np.arange(kernel.shape[axis])
    return places[:, None] * by_place + offsets * by_offset + start


def _spread(weights: np.ndarray, reached: list[np.ndarray]) -> np.ndarray:
    """Weights (*window, channels) counted at each place (*space, channels) from which they reach an output."""
    for axis, each in enumerate(reached):
        weights = np.moveaxis(np.tensordot(each.astype("int64"), weights, (1, axis)), 0, axis)
    return weights
