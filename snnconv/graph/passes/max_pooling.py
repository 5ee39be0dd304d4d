"""Max pooling: replace it by average pooling, and let scales pass it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .. import AveragePool, Node, SpikingGraph
from ..nodes import Difference, MaxPool, RunningSum
from .scaling import Scaling, Shape, scaling_of_output, scalings_of_inputs


def max_to_average_pool(graph: SpikingGraph) -> SpikingGraph:
    """Replace every max pooling by average pooling of the same windows, which needs no memory of its own.

    The graph then computes something else: a network that was trained with max pooling should be trained again.
    """
    nodes = {node.name: node for node in graph.nodes}
    kept: list[Node] = []
    for node in graph.nodes:
        before = nodes[node.inputs[0]] if node.inputs else None
        if isinstance(node, RunningSum) or (isinstance(node, MaxPool) and isinstance(before, RunningSum)):
            continue
        if isinstance(node, MaxPool):
            node = _average(node, node.name, node.inputs)
        elif isinstance(node, Difference) and isinstance(before, MaxPool):
            node = _average(before, node.name, nodes[before.inputs[0]].inputs)
        kept.append(node)
    return dataclasses.replace(graph, nodes=tuple(kept))


def _average(node: MaxPool, name: str, inputs: tuple[str, ...]) -> AveragePool:
    return AveragePool(
        name=name, inputs=inputs, shape=node.shape, size=node.size, strides=node.strides, padding=node.padding
    )


# The three nodes of a max pooling let through what leaves the values of a channel in order: positive scales. An offset
# per step adds up in the sum and comes out of the difference as it went in.
@scalings_of_inputs.register(RunningSum)
@scalings_of_inputs.register(MaxPool)
@scalings_of_inputs.register(Difference)
def _(node: Node, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    return [both.at(shapes[0])] if _keeps_order(both) else None


@scaling_of_output.register(MaxPool)
@scaling_of_output.register(Difference)
def _(node: Node, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    return both.at(node.shape) if _keeps_order(both) else None


@scaling_of_output.register
def _(node: RunningSum, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    # The height of spikes is one number for all. It stays before the sum, so that a state means the same in every
    # runtime, whether or not it takes the heights out of the spikes.
    is_height = both.scale.ndim == 0 and not np.any(both.offset)
    return both.at(node.shape) if _keeps_order(both) and not is_height else None


def _keeps_order(both: Scaling) -> bool:
    return both.per_channel and bool((both.scale > 0).all())
