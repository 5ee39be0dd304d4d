"""Passes that fold other nodes into kernels, without changing what the graph computes.

Gains, batch normalisation and spike heights are multiplications and additions, which kernels and biases can take
(`fold_affine`); convolutions can pad for themselves (`fold_padding`). A shared kernel is copied so that each population
has one to fold its gain into (`split_kernels`), and biases can move on to the neurons behind (`move_biases`).
"""

from __future__ import annotations

import dataclasses
from functools import singledispatch

import numpy as np

from .. import Affine, Conv, Dense, Node, Population, SpikingGraph, Weighted
from ..nodes import ConvTranspose, Pad
from ..nodes.kernels import scaled
from .draft import Draft
from .scaling import Scaling, scaling_of_output, scalings_of_inputs

Changes = dict[str, Node]


def fold_affine(graph: SpikingGraph) -> SpikingGraph:
    """Fold every `Affine` into the kernels before it, or else into the kernels after it, where that is exact.

    A kernel can take a scale that is one number per output channel (before it) or per input channel (after it). On
    the way an Affine passes nodes that move numbers, add them up or join them, and average pools where it is one
    number per channel. What cannot be folded stays as it is.
    """
    draft = Draft(graph)
    for affine in graph.nodes:
        if isinstance(affine, Affine):
            _fold(draft, affine.name)
    return draft.graph()


def _fold(draft: Draft, name: str) -> None:
    affine = draft[name]
    if not isinstance(affine, Affine):
        return
    both = Scaling.of(affine)
    changed = _before(draft, affine, both)
    if changed is None and not draft.is_output(name):
        changed = _after(draft, affine, both)
    if changed is not None:
        draft.update({key: _remember(node, affine) for key, node in changed.items()})
        draft.bypass(name)


def _before(draft: Draft, node: Node, both: Scaling) -> Changes | None:
    """All that feeds `node`, with `both` on the output of `node` folded in; None unless all of it can take it."""
    shapes = [draft[name].shape for name in node.inputs]
    parts = [both] if isinstance(node, Affine) else scalings_of_inputs(node, both, shapes)
    if parts is None:
        return None
    changed: Changes = {}
    for name, part in zip(node.inputs, parts, strict=True):
        if part.is_identity:
            continue
        if len(draft.consumers(name)) != 1 or draft.is_output(name) or name in changed:
            return None
        source = draft[name]
        folded = scale_output(source, part)
        found = _before(draft, source, part) if folded is None else {name: folded}
        if found is None:
            return None
        changed |= found
    return changed


def _after(draft: Draft, node: Node, both: Scaling) -> Changes | None:
    """All kernels after `node`, with `both` on its output folded in; None unless every way leads to one."""
    consumers = draft.consumers(node.name)
    if not consumers or draft.is_output(node.name):
        return None
    changed: Changes = {}
    for consumer in consumers:
        folded = scale_input(consumer, both)
        if folded is not None:
            found = {consumer.name: folded}
        else:
            shapes = [draft[name].shape for name in consumer.inputs]
            further = scaling_of_output(consumer, both, node.name, shapes)
            found = None if further is None else _after(draft, consumer, further)
        if found is None or changed.keys() & found.keys():
            return None
        changed |= found
    return changed


@singledispatch
def scale_output(node: Node, both: Scaling) -> Node | None:
    """The node with `both` folded into its parameters, or None if it cannot take it."""
    return None


@scale_output.register
def _(node: Weighted, both: Scaling) -> Node | None:
    if not both.per_channel:
        return None
    scale, offset = both.on_channels()
    bias = None
    if node.bias is not None or np.any(offset):
        bias = (0.0 if node.bias is None else scale * node.bias) + offset
    return dataclasses.replace(node, kernel=scaled(node.kernel, scale), bias=bias)


@scale_output.register
def _(node: Affine, both: Scaling) -> Node:
    offset = both.offset if node.offset is None else both.scale * node.offset + both.offset
    return dataclasses.replace(node, scale=both.scale * node.scale, offset=offset)


@singledispatch
def scale_input(node: Node, both: Scaling) -> Node | None:
    """The node with `both` on its input folded into its parameters, or None if it cannot take it."""
    return None


@scale_input.register
def _(node: Affine, both: Scaling) -> Node:
    added = node.scale * both.offset
    offset = added if node.offset is None else added + node.offset
    return dataclasses.replace(node, scale=node.scale * both.scale, offset=offset)


@scale_input.register
def _(node: Dense, both: Scaling) -> Node | None:
    if not both.per_channel:
        return None
    scale, offset = both.on_channels()
    return _scaled_kernel(node, scale[:, None], offset[:, None])


@scale_input.register
def _(node: Conv, both: Scaling) -> Node | None:
    # an offset would have to reach the zeros outside the border too
    if not both.per_channel or (np.any(both.offset) and np.any(node.padding)):
        return None
    if node.groups == 1:
        return _scaled_kernel(node, *(array[:, None] for array in both.on_channels()))
    n_filters = node.kernel.shape[-1] // node.groups
    scale, offset = (
        np.repeat(array.reshape(node.groups, -1).T, n_filters, axis=1) for array in both.on_channels()
    )  # (channels // groups, filters): what each filter receives
    return _scaled_kernel(node, scale, offset)


@scale_input.register
def _(node: ConvTranspose, both: Scaling) -> Node | None:
    # the number of inputs that meet at an output differs from place to place, so an offset would too
    if not both.per_channel or np.any(both.offset):
        return None
    scale, offset = both.on_channels()
    return _scaled_kernel(node, scale[:, None], offset[:, None])


def _scaled_kernel(node: Weighted, scale: np.ndarray, offset: np.ndarray) -> Node:
    bias = node.bias
    if np.any(offset):
        window = tuple(range(node.kernel.ndim - 2))
        bias = (node.kernel.sum(window, dtype="float64") * offset).sum(0) + (0.0 if bias is None else bias)
    return dataclasses.replace(node, kernel=scaled(node.kernel, scale), bias=bias)


def _remember(node: Node, affine: Affine) -> Node:
    """The node with the name and the trained arrays of the Affine that was folded into it."""
    trained = {f"{affine.name}.{key}": array for key, array in affine.trained.items()}
    folded = (*node.folded, *affine.folded, affine.name)
    return dataclasses.replace(node, trained={**node.trained, **trained}, folded=folded)


def move_biases(graph: SpikingGraph) -> SpikingGraph:
    """Let populations add the bias of the dense layer that feeds them, where they have none of their own.

    What is computed stays the same to the last bit; a product that skips zeros then needs no second pass for the bias.
    """
    draft = Draft(graph)
    for node in graph.nodes:
        if not isinstance(node, Dense) or node.bias is None or draft.is_output(node.name):
            continue
        behind = {each.name: each for each in draft.consumers(node.name) if isinstance(each, Population)}
        if len(behind) == len(draft.consumers(node.name)) and not any(
            np.any(each.neuron_bias) for each in behind.values()
        ):
            biased = {name: dataclasses.replace(each, neuron_bias=node.bias) for name, each in behind.items()}
            draft.update({node.name: dataclasses.replace(node, bias=None), **biased})
    return draft.graph()


def split_kernels(graph: SpikingGraph) -> SpikingGraph:
    """Copy a kernel that several nodes share for each population that scales what it gives, so that the gain folds."""
    nodes: list[Node] = []
    for node in graph.nodes:
        source = graph[node.inputs[0]] if isinstance(node, Affine) else None
        if isinstance(source, Weighted) and isinstance(node, Affine) and _shares(graph, source, node):
            copy = dataclasses.replace(
                source, name=f"{source.name}@{graph.consumers(node.name)[0].name}", folded=(*source.folded, source.name)
            )
            nodes.append(copy)
            node = dataclasses.replace(node, inputs=(copy.name,))
        nodes.append(node)
    used = {name for node in nodes for name in node.inputs} | set(graph.outputs.values())
    return graph.replace(node for node in nodes if node.name in used or not isinstance(node, Weighted))


def _shares(graph: SpikingGraph, source: Weighted, affine: Affine) -> bool:
    is_shared = len(graph.consumers(source.name)) > 1 or graph.is_output(source.name)
    behind = graph.consumers(affine.name)
    is_gain = len(behind) == 1 and isinstance(behind[0], Population) and affine.scale.ndim <= 1
    return is_shared and is_gain and not graph.is_output(affine.name)


def fold_padding(graph: SpikingGraph) -> SpikingGraph:
    """Let convolutions pad for themselves: a `Pad` that feeds nothing else vanishes."""
    nodes: dict[str, Node] = {node.name: node for node in graph.nodes}
    for node in graph.nodes:
        pad = nodes[node.inputs[0]] if isinstance(node, Conv) else None
        if isinstance(node, Conv) and isinstance(pad, Pad) and not any(pad.padding[-1]):
            padding = tuple(
                (before + own_before, after + own_after)
                for (before, after), (own_before, own_after) in zip(pad.padding, node.padding, strict=False)
            )
            folded = (*node.folded, pad.name)
            nodes[node.name] = dataclasses.replace(node, inputs=pad.inputs, padding=padding, folded=folded)
    used = {name for node in nodes.values() for name in node.inputs} | set(graph.outputs.values())
    kept = tuple(node for node in nodes.values() if not isinstance(node, Pad) or node.name in used)
    return dataclasses.replace(graph, nodes=kept)
