"""Fold multiplications and additions (gains, batch normalisation, spike heights) into kernels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Affine, AveragePool, Conv, Dense, Node, Reshape, SpikingGraph


def fold_affine(graph: SpikingGraph) -> SpikingGraph:
    """Fold every `Affine` into the kernel before it, or else into the kernels after it, where that is exact.

    A kernel can take a scale that is one number per output channel (before it) or per input channel (after it). On
    the way an Affine may pass reshapes, and average pools where it is one number per channel. What cannot be folded
    stays as it is.
    """
    for name in [node.name for node in graph.nodes if isinstance(node, Affine)]:
        graph = _fold(graph, name) or graph
    return graph


@dataclass(frozen=True)
class _Map:
    """``y = scale * x + offset`` for values of `shape`."""

    scale: np.ndarray
    offset: np.ndarray
    shape: tuple[int, ...]

    def reshaped(self, shape: tuple[int, ...]) -> _Map:
        scale, offset = (_compact(np.broadcast_to(a, self.shape).reshape(shape)) for a in (self.scale, self.offset))
        return _Map(scale, offset, shape)

    def pooled(self, shape: tuple[int, ...]) -> _Map | None:
        return dataclasses.replace(self, shape=shape) if self.per_channel else None

    @property
    def per_channel(self) -> bool:
        return self.scale.ndim <= 1 and self.offset.ndim <= 1

    def on_channels(self) -> tuple[np.ndarray, np.ndarray]:
        return np.broadcast_to(self.scale, self.shape[-1:]), np.broadcast_to(self.offset, self.shape[-1:])


def _fold(graph: SpikingGraph, name: str) -> SpikingGraph | None:
    affine = graph[name]
    if not isinstance(affine, Affine):
        return None
    scale = np.asarray(affine.scale, "float64")
    offset = np.zeros(()) if affine.offset is None else np.asarray(affine.offset, "float64")
    both = _Map(_compact(scale), _compact(offset), affine.shape)
    changed = _before(graph, affine, both) or (None if graph.is_output(name) else _after(graph, affine, both))
    if not changed:
        return None
    nodes = [changed.get(node.name, node) for node in graph.nodes if node is not affine]
    return graph.replace(nodes, {name: affine.inputs[0]})


def _before(graph: SpikingGraph, affine: Affine, both: _Map | None) -> dict[str, Node] | None:
    """The kernel upstream with `both` folded in, by its name, or None if there is none that can take it."""
    node: Node = affine
    while both is not None:
        source = graph[node.inputs[0]] if node.inputs else node
        if len(graph.consumers(source.name)) != 1 or graph.is_output(source.name):
            return None
        if isinstance(source, Affine):
            return {source.name: _scale_affine(source, both)}
        if isinstance(source, (Dense, Conv)):
            return {source.name: _scale_outputs(source, both, affine)} if both.per_channel else None
        both = _through(source, both, graph[source.inputs[0]].shape if source.inputs else ())
        node = source
    return None


def _after(graph: SpikingGraph, node: Node, both: _Map | None) -> dict[str, Node] | None:
    """All kernels downstream with `both` folded in, or None unless every path leads to one that can take it."""
    consumers = graph.consumers(node.name)
    if both is None or not consumers or (graph.is_output(node.name)):
        return None
    changed: dict[str, Node] = {}
    for consumer in consumers:
        if isinstance(consumer, (Dense, Conv)):
            folded = _scale_inputs(consumer, both)
            found = None if folded is None else {consumer.name: folded}
        else:
            found = _after(graph, consumer, _through(consumer, both, consumer.shape))
        if found is None:
            return None
        changed |= found
    return changed


def _through(node: Node, both: _Map, shape: tuple[int, ...]) -> _Map | None:
    if isinstance(node, Reshape):
        return both.reshaped(shape)
    if isinstance(node, AveragePool):
        return both.pooled(shape)
    return None


def _scale_outputs(node: Dense | Conv, both: _Map, affine: Affine) -> Node:
    scale, offset = both.on_channels()
    bias = None
    if node.bias is not None or np.any(offset):
        bias = (0.0 if node.bias is None else scale * node.bias) + offset
    trained = {**node.trained, **{f"{affine.name}.{key}": array for key, array in affine.trained.items()}}
    return dataclasses.replace(node, kernel=node.kernel * scale, bias=bias, trained=trained)


def _scale_affine(node: Affine, both: _Map) -> Node:
    offset = both.offset if node.offset is None else both.scale * node.offset + both.offset
    return dataclasses.replace(node, scale=both.scale * node.scale, offset=offset)


def _scale_inputs(node: Dense | Conv, both: _Map) -> Node | None:
    if not both.per_channel:
        return None
    scale, offset = both.on_channels()
    changes: dict[str, Any] = {}
    if isinstance(node, Conv):
        if node.groups > 1 and np.ptp(scale):
            return None
        if np.any(offset) and (node.groups > 1 or np.any(node.padding)):
            return None  # the zeros outside the border would have to become -offset/scale
        if node.groups > 1:
            scale = scale[: node.kernel.shape[-2]]
    if np.any(offset):
        added = np.tensordot(node.kernel.sum(tuple(range(node.kernel.ndim - 2))), offset, ((0,), (0,)))
        changes["bias"] = added + (0.0 if node.bias is None else node.bias)
    return dataclasses.replace(node, kernel=node.kernel * scale[:, None], **changes)


def _compact(array: np.ndarray) -> np.ndarray:
    """The array without leading axes along which it does not vary."""
    while array.ndim and (array == array[:1]).all():
        array = array[0]
    return array
