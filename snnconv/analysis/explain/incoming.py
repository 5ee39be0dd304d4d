"""Which places of its input a unit sees, and with which weights."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from ...errors import ParameterError
from ...graph.nodes import Conv, ConvTranspose, Dense, Node

Index = tuple[int, ...]


@singledispatch
def incoming(node: Node, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    """Places (k, rank) in the input, of this shape, that reach a unit of a linear node's output; and weights (k,)."""
    raise ParameterError(
        f"the units of '{node.name}' ({node.kind}) cannot be explained one by one. Name its layer alone."
    )


@incoming.register
def _(node: Dense, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    places = [(*unit[:-1], channel) for channel in range(node.kernel.shape[0])]
    return np.array(places), node.kernel[:, unit[-1]]


@incoming.register
def _(node: Conv, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    space, per_group = shape[:-1], node.kernel.shape[-2]
    first = unit[-1] // (node.kernel.shape[-1] // node.groups) * per_group
    places, weights = [], []
    for offset in np.ndindex(*node.kernel.shape[:-2]):
        geometry = zip(unit[:-1], node.strides, offset, node.dilation, node.padding, strict=True)
        place = tuple(u * stride + o * dilation - before for u, stride, o, dilation, (before, _) in geometry)
        if all(0 <= p < size for p, size in zip(place, space, strict=True)):
            places += [(*place, first + channel) for channel in range(per_group)]
            weights += list(node.kernel[offset][:, unit[-1]])
    return np.array(places).reshape(-1, len(space) + 1), np.array(weights)


@incoming.register
def _(node: ConvTranspose, unit: Index, shape: Index) -> tuple[np.ndarray, np.ndarray]:
    space, n_channels = shape[:-1], node.kernel.shape[-2]
    places, weights = [], []
    for offset in np.ndindex(*node.kernel.shape[:-2]):
        geometry = zip(unit[:-1], node.strides, offset, node.dilation, node.padding, strict=True)
        shifted = [(u + before - o * dilation, stride) for u, stride, o, dilation, (before, _) in geometry]
        place = tuple(distance // stride for distance, stride in shifted)
        is_hit = all(distance % stride == 0 for distance, stride in shifted)
        if is_hit and all(0 <= p < size for p, size in zip(place, space, strict=True)):
            places += [(*place, channel) for channel in range(n_channels)]
            weights += list(node.kernel[offset][:, unit[-1]])
    return np.array(places).reshape(-1, len(space) + 1), np.array(weights)
