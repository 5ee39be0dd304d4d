"""Linear nodes as NIR's primitives."""

from __future__ import annotations

import math
from functools import partial, singledispatch

import numpy as np

from ...graph import (
    Affine,
    AveragePool,
    Conv,
    Dense,
    Difference,
    Function,
    Linear,
    Lookup,
    MaxPool,
    Node,
    RunningMean,
    RunningSum,
)
from ...neurons import numpy_ops
from ...text.advice import argument
from ..places import NOWHERE, Part, Value, channels_first, matrix, move, standard_places
from ..target import FUNCTIONS
from .builder import MAX_MATRIX, Builder
from .windows import average_as_conv, symmetric


@singledispatch
def lower(node: Node, build: Builder, values: list[Value]) -> Value:
    """Add the primitives of a node to a NIR graph, and return its value as parts of them.

    Parameters
    ----------
    values : where the node's inputs are
    """
    moved = move(node, values)
    if moved is not None:
        return moved
    return _as_matrix(node, build, values[0]) if isinstance(node, Linear) else nothing(node)


def nothing(node: Node) -> Value:
    """Stand-in for the value of a node that cannot be written, so that the search for others goes on."""
    return (Part(node.name, channels_first(node.shape), standard_places(node.shape)),)


def identity(name: str, shape: tuple[int, ...], build: Builder, value: Value) -> Value:
    """The value as one new primitive."""
    return lower(Affine(name=name, inputs=(), shape=shape, scale=np.ones(())), build, [value])


@lower.register
def _(node: Dense, build: Builder, values: list[Value]) -> Value:
    if len(node.shape) == 1:
        return build.matrix(node.name, values[0], node.kernel, node.bias, node.shape)
    return _pointwise(node, build, values[0], node.kernel, node.bias)


@lower.register
def _(node: Affine, build: Builder, values: list[Value]) -> Value:
    if node.scale.ndim > 1 or (node.offset is not None and node.offset.ndim > 1):
        return _as_matrix(node, build, values[0])
    n = node.shape[-1]
    offset = None if node.offset is None else np.broadcast_to(node.offset, n)
    kernel = np.diag(np.broadcast_to(node.scale, n))
    if len(node.shape) == 1:
        return build.matrix(node.name, values[0], kernel, offset, node.shape)
    return _pointwise(node, build, values[0], kernel, offset)


@lower.register
def _(node: AveragePool, build: Builder, values: list[Value]) -> Value:
    conv = average_as_conv(node)
    return _as_matrix(node, build, values[0]) if conv is None else lower(conv, build, values)


@lower.register
def _(node: Conv, build: Builder, values: list[Value]) -> Value:
    value = tuple(part for part in values[0] if (part.places != NOWHERE).any())
    space = values[0][0].places.shape[:-1]
    maps = [part.channels() for part in value]
    conv = symmetric(node, space) if len(space) in (1, 2) and all(chosen is not None for chosen in maps) else None
    if conv is None:
        return _as_matrix(node, build, value)
    parts: list[Part] = []
    for part, chosen in zip(value, maps, strict=True):
        kernel = np.zeros((*conv.kernel.shape[:-2], part.shape[0], conv.kernel.shape[-1]))
        is_there = np.flatnonzero(chosen != NOWHERE)
        for channel in is_there:
            kernel[..., chosen[channel], :] += conv.kernel[..., channel, :]  # pyright: ignore[reportOptionalSubscript]
        bias = np.zeros(kernel.shape[-1]) if conv.bias is None or parts else np.array(conv.bias)
        parameters = {
            "weight": np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1))),
            "bias": bias,
            "groups": 1,
            **_per_axis("stride", conv.strides),
            **_per_axis("padding", tuple(before for before, _ in conv.padding)),
            **_per_axis("dilation", conv.dilation),
            **_per_axis("input_shape", space),
        }
        name = build.add(f"Conv{len(space)}d", node.name, (part,), parameters)
        parts.append(Part(name, channels_first(node.shape), standard_places(node.shape)))
    return tuple(parts)


@lower.register
def _(node: MaxPool, build: Builder, values: list[Value]) -> Value:
    advice = f"Convert with {argument('max_to_avg_pool', True)}, which changes what the network computes"
    build.limit(node.name.removesuffix(".max"), "the max pooling", None, advice)
    return nothing(node)


@lower.register
def _(node: Function, build: Builder, values: list[Value]) -> Value:
    what, advice = FUNCTIONS
    build.limit(node.name, what, None, advice)
    return nothing(node)


@lower.register
def _(node: Lookup, build: Builder, values: list[Value]) -> Value:
    build.limit(node.name, "the lookup in a table", None, "Look the rows up outside of the network")
    return nothing(node)


@lower.register(RunningMean)
@lower.register(RunningSum)
@lower.register(Difference)
def _(node: Node, build: Builder, values: list[Value]) -> Value:
    return nothing(node)  # they come with a max pooling


def _per_axis(name: str, numbers: tuple[int, ...]) -> dict[str, object]:
    """A setting as NIR has it: a number in one dimension, and one number per axis in two."""
    return {name: int(numbers[0]) if len(numbers) == 1 else np.array(numbers)}


def _pointwise(node: Node, build: Builder, value: Value, kernel: np.ndarray, bias: np.ndarray | None) -> Value:
    """A kernel on the channels of every place, as a convolution of one place."""
    ones = (1,) * (len(node.shape) - 1)
    conv = Conv(
        name=node.name,
        inputs=node.inputs,
        shape=node.shape,
        kernel=kernel.reshape(*ones, *kernel.shape),
        bias=bias,
        strides=ones,
        padding=((0, 0),) * len(ones),
        dilation=ones,
    )
    return lower(conv, build, [value])


def _as_matrix(node: Linear, build: Builder, value: Value) -> Value:
    """A linear node as one weight matrix between all its inputs and all its outputs."""
    shape = value[0].places.shape
    n_in, n_out = math.prod(shape), math.prod(node.shape)
    if n_in * n_out > MAX_MATRIX:
        build.limit(node.name, f"the {node.kind}", None, f"As a matrix it would have {n_in * n_out:,} weights")
        return nothing(node)
    build.notes[f"'{node.name}' ({node.kind}) is written as a matrix of {n_in * n_out:,} weights"] = None
    apply = partial(node.apply, xp=numpy_ops)
    offset = apply(np.zeros((1, *shape)))[0].reshape(-1)
    return build.matrix(node.name, value, matrix(apply, shape), offset, node.shape)
