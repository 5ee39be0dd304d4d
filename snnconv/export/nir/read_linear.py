"""Inputs, outputs and linear primitives of NIR as nodes of a spiking graph."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...errors import ModelFileError
from ...graph import AveragePool, Conv, Dense, Input, Pad, Readout, Reshape
from ..places import Shape
from .primitives import Primitive
from .reader import Read, Reader


def read_input(read: Reader, primitive: Primitive) -> None:
    """Add the input; its channels are last here."""
    first, *space = (int(size) for size in primitive["shape"])
    name = str(primitive.metadata.get("layer", primitive.name))
    read.keep(primitive, Input(name=name, shape=(*space, first)))


def read_output(read: Reader, primitive: Primitive) -> None:
    """Take note of an output, with the activation that snnconv noted for it."""
    node = read.input(primitive).node
    activation = str(primitive.metadata.get("activation", "linear"))
    if activation in ("softmax", "sigmoid", "tanh"):
        name = f"{primitive.name}.{activation}"
        node = read.add(Readout(name=name, inputs=(node.name,), shape=node.shape, function=activation))
    read.outputs[str(primitive.metadata.get("layer", primitive.name))] = node.name


def read_affine(read: Reader, primitive: Primitive) -> None:
    """Add an Affine or a Linear, whose weights are (out, in)."""
    value, weight = read.input(primitive), primitive["weight"].astype("float64")
    if weight.ndim != 2 or value.node.shape != weight.shape[1:]:
        raise ModelFileError(f"weight {weight.shape} of '{primitive.name}' does not fit its input {value.node.shape}.")
    kernel = np.empty(weight.shape[::-1])
    kernel[value.order] = weight.T
    bias = primitive.parameters.get("bias")
    bias = None if bias is None else bias.astype("float64")
    node = Dense(name=primitive.name, inputs=(value.node.name,), shape=weight.shape[:1], kernel=kernel, bias=bias)
    read.keep(primitive, node)


def read_scale(read: Reader, primitive: Primitive) -> None:
    """Add a Scale: one factor per number."""
    value = read.input(primitive)
    scaled = read.scaled(primitive.name, value.node, read.per_neuron(primitive["scale"], value))
    read.values[primitive.name] = Read(scaled, value.order)


def read_conv(read: Reader, primitive: Primitive) -> None:
    """Add a Conv1d or a Conv2d, whose weights are (filters, channels, *window)."""
    value, weight = read.input(primitive), primitive["weight"].astype("float64")
    n_axes = weight.ndim - 2
    stride, dilation = (_numbers(primitive, key, n_axes) for key in ("stride", "dilation"))
    groups, space = int(primitive["groups"]), value.node.shape[:-1]
    if len(space) != n_axes or value.node.shape[-1] != weight.shape[1] * groups:
        raise ModelFileError(f"weight {weight.shape} of '{primitive.name}' does not fit its input {value.node.shape}.")
    reach = [(window - 1) * step for window, step in zip(weight.shape[2:], dilation, strict=True)]
    padding = _padding(primitive, reach)
    sizes = zip(space, reach, stride, padding, strict=True)
    shape = tuple((n + sum(pads) - more - 1) // step + 1 for n, more, step, pads in sizes)
    node = Conv(
        name=primitive.name,
        inputs=(value.node.name,),
        shape=(*shape, weight.shape[0]),
        kernel=np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2))),
        bias=primitive["bias"].astype("float64"),
        strides=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    read.keep(primitive, node)


def _padding(primitive: Primitive, reach: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Zeros before and after each axis; "same" and "valid" are words of PyTorch, for strides of 1."""
    padding = primitive["padding"]
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ModelFileError(f"padding of '{primitive.name}' must be numbers, 'same' or 'valid', not '{padding}'.")
        return tuple((more // 2, more - more // 2) if padding == "same" else (0, 0) for more in reach)
    return tuple((pad, pad) for pad in _numbers(primitive, "padding", len(reach)))


def read_pool(read: Reader, primitive: Primitive) -> None:
    """Add a SumPool2d or an AvgPool2d, whose padding counts as zeros."""
    value = read.input(primitive)
    size, stride, padding = (_numbers(primitive, key, 2) for key in ("kernel_size", "stride", "padding"))
    node, name = value.node, primitive.name
    if len(node.shape) != 3 or min(*size, *stride) < 1:
        raise ModelFileError(f"'{name}' ({primitive.type}) does not fit its input {node.shape}.")
    *space, channels = node.shape
    if any(padding):
        space = [n + 2 * pad for n, pad in zip(space, padding, strict=True)]
        zeros = (*((pad, pad) for pad in padding), (0, 0))
        node = read.add(Pad(name=f"{name}.padding", inputs=(node.name,), shape=(*space, channels), padding=zeros))
    places = ((n - window) // step + 1 for n, window, step in zip(space, size, stride, strict=True))
    is_mean = primitive.type == "AvgPool2d"
    pool = AveragePool(
        name=name if is_mean else f"{name}.mean",
        inputs=(node.name,),
        shape=(*places, channels),
        size=size,
        strides=stride,
        padding=((0, 0), (0, 0)),
    )
    read.keep(primitive, pool)
    if not is_mean:
        total = read.scaled(name, pool, np.asarray(float(math.prod(size))))
        read.values[name] = Read(total, read.values[name].order)


def read_flatten(read: Reader, primitive: Primitive) -> None:
    """Add a Flatten of all axes, or of all but the channels."""
    value = read.input(primitive)
    rank = len(value.node.shape)
    start, end = (int(primitive[key]) % rank for key in ("start_dim", "end_dim"))
    if (start, end) == (0, rank - 1):
        shape: Shape = (math.prod(value.node.shape),)
    elif start == 1 and end == rank - 1:
        shape = (math.prod(value.node.shape[:-1]), value.node.shape[-1])
    else:
        raise ModelFileError(f"Flatten '{primitive.name}' joins axes {start} to {end}, which snnconv does not read.")
    node = Reshape(name=primitive.name, inputs=(value.node.name,), shape=shape)
    read.keep(primitive, node, value.order)


def _numbers(primitive: Primitive, key: str, n_axes: int) -> tuple[int, ...]:
    return tuple(int(number) for number in np.broadcast_to(primitive[key], n_axes))
