"""The array namespace of networks in Keras: the names of `snnconv.neurons.numpy_ops`, for tensors of any backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops as keras_ops
from keras.ops import (
    broadcast_to,
    ceil,
    concatenate,
    cos,
    einsum,
    erf,
    exp,
    expm1,
    floor,
    log,
    log1p,
    matmul,
    maximum,
    minimum,
    ones_like,
    pad,
    reshape,
    right_shift,
    sigmoid,
    sign,
    sin,
    softmax,
    sqrt,
    tanh,
    transpose,
    where,
    zeros,
    zeros_like,
)

from ..neurons.numpy_ops import between

__all__ = [
    "average_pool",
    "broadcast_to",
    "ceil",
    "concatenate",
    "conv",
    "conv_transpose",
    "cos",
    "einsum",
    "erf",
    "exp",
    "expm1",
    "floor",
    "log",
    "log1p",
    "matmul",
    "max_over",
    "max_pool",
    "maximum",
    "mean_over",
    "minimum",
    "ones_like",
    "pad",
    "reshape",
    "right_shift",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "sqrt",
    "sum_over",
    "take",
    "tanh",
    "transpose",
    "upsample",
    "where",
    "zeros",
    "zeros_like",
]

Pairs = tuple[tuple[int, int], ...]
Tensor = Any
ops: Any = keras_ops  # whose annotations know of no tuples


def sum_over(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Sum over axes, which stay with length 1."""
    return ops.sum(x, axes, keepdims=True)


def mean_over(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Mean over axes, which stay with length 1."""
    return ops.mean(x, axes, keepdims=True)


def max_over(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Largest value over axes, which stay with length 1."""
    return ops.max(x, axes, keepdims=True)


def take(table: Tensor, rows: Tensor) -> Tensor:
    """Rows of a table by their numbers, rounded; the first or the last row where a number is beyond."""
    return ops.take(table, ops.clip(ops.cast(ops.round(rows), "int32"), 0, table.shape[0] - 1), 0)


def conv(
    x: Tensor, kernel: Tensor, strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...], groups: int
) -> Tensor:
    """Convolution in 1, 2 or 3 dimensions; see `numpy_ops.conv`."""
    by_channel = kernel.shape[-2] == 1 and groups > 1 and len(strides) < 3
    if max(strides) > 1 and (max(dilation) > 1 or (by_channel and len(set(strides)) > 1)):
        # backends lack these together: dilate alone, then keep every stride-th place
        dense = conv(x, kernel, (1,) * len(strides), padding, dilation, groups)
        return dense[(slice(None), *(slice(None, None, stride) for stride in strides))]
    name, x = _pad(x, tuple(kernel.shape[:-2]), strides, padding, dilation)
    options: dict[str, Any] = {"strides": strides, "padding": name, "data_format": "channels_last"}
    if groups == 1:
        return ops.conv(x, kernel, dilation_rate=dilation, **options)
    if by_channel:
        kernel = ops.reshape(kernel, (*kernel.shape[:-2], groups, -1))
        return ops.depthwise_conv(x, kernel, dilation_rate=dilation, **options)
    parts = zip(ops.split(x, groups, -1), ops.split(kernel, groups, -1), strict=True)
    return ops.concatenate([ops.conv(part, own, dilation_rate=dilation, **options) for part, own in parts], -1)


def conv_transpose(
    x: Tensor, kernel: Tensor, strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...]
) -> Tensor:
    """Transposed convolution in 1, 2 or 3 dimensions; see `numpy_ops.conv_transpose`."""
    # zeros between the places of the input, then a plain convolution with the kernel turned round
    for axis, stride in enumerate(strides, 1):
        x = _spread(x, axis, stride)
    reach = [(size - 1) * rate for size, rate in zip(kernel.shape[:-2], dilation, strict=True)]
    ends = tuple((r - before, r - after) for r, (before, after) in zip(reach, padding, strict=True))
    more = tuple((max(before, 0), max(after, 0)) for before, after in ends)
    x = ops.pad(x, ((0, 0), *more, (0, 0)))
    cut = tuple(
        slice(max(-before, 0), size - max(-after, 0)) for size, (before, after) in zip(x.shape[1:-1], ends, strict=True)
    )
    ones = (1,) * len(strides)
    turned = ops.flip(kernel, tuple(range(len(strides))))
    return ops.conv(x[(slice(None), *cut)], turned, ones, "valid", "channels_last", dilation)


def _spread(x: Tensor, axis: int, stride: int) -> Tensor:
    """The tensor with ``stride - 1`` zeros between the places of an axis."""
    if stride == 1:
        return x
    shape = tuple(x.shape)
    spread = ops.stack([x, *[ops.zeros_like(x)] * (stride - 1)], axis + 1)
    spread = ops.reshape(spread, (-1, *shape[1:axis], shape[axis] * stride, *shape[axis + 1 :]))
    return spread[(*[slice(None)] * axis, slice(0, (shape[axis] - 1) * stride + 1))]


def upsample(x: Tensor, factors: tuple[int, ...], interpolation: str) -> Tensor:
    """Every axis but that of the samples longer by its factor; see `graph.Upsample`."""
    for axis, factor in enumerate(factors, 1):
        if factor == 1:
            continue
        if interpolation == "nearest":
            x = ops.repeat(x, factor, axis)
        else:
            low, high, share = between(x.shape[axis], factor)
            share = ops.convert_to_tensor(share.reshape(-1, *(1,) * (len(x.shape) - axis - 1)), x.dtype)
            x = ops.take(x, low, axis) * (1 - share) + ops.take(x, high, axis) * share
    return x


def average_pool(x: Tensor, size: tuple[int, ...], strides: tuple[int, ...], padding: Pairs) -> Tensor:
    """Mean over windows; padding does not count."""
    ones = (1,) * len(size)
    name, padded = _pad(x, size, strides, padding, ones)
    pooled = ops.average_pool(padded, size, strides, name, "channels_last")
    if padded is x:
        return pooled
    inside = _pad(np.ones((1, *x.shape[1:-1], 1), "float32"), size, strides, padding, ones)[1]
    share = ops.average_pool(ops.cast(inside, x.dtype), size, strides, name, "channels_last")
    return pooled / share


def max_pool(x: Tensor, size: tuple[int, ...], strides: tuple[int, ...], padding: Pairs) -> Tensor:
    """Largest value in each window; padding does not count."""
    name, padded = _pad(x, size, strides, padding, (1,) * len(size), fill=-1e30)
    return ops.max_pool(padded, size, strides, name, "channels_last")


def _pad(
    x: Tensor,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
    fill: float = 0.0,
) -> tuple[str, Tensor]:
    """The backends' own name for this padding, or "valid" and the padded tensor where they have none."""
    if not any(map(sum, padding)):
        return "valid", x
    same = []
    for n, w, s, d in zip(x.shape[1:-1], window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
        same.append((total // 2, total - total // 2))
    if tuple(same) == tuple(padding):
        return "same", x
    return "valid", ops.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
