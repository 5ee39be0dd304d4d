"""The array namespace of the reference: NumPy, and the few network operations that NumPy lacks.

`snnconv.runtime.tensorflow_ops` offers the same names. Arrays are channels-last and start with the samples: (n, *space,
channels). Padding is given per spatial axis as (before, after).
"""

from __future__ import annotations

import math

import numpy as np
from numpy import (
    broadcast_to,
    ceil,
    concatenate,
    cos,
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
    sign,
    sin,
    sqrt,
    tanh,
    transpose,
    where,
    zeros,
    zeros_like,
)

ROUNDING = 1e-4
"""What a row's number may lie below an integer, and is that integer."""

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


def sum_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Sum over axes, which stay with length 1."""
    return np.sum(x, axes, keepdims=True)


def mean_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Mean over axes, which stay with length 1."""
    return np.mean(x, axes, keepdims=True)


def max_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Largest value over axes, which stay with length 1."""
    return np.max(x, axes, keepdims=True)


def einsum(equation: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sum of products of two arrays along the axes that the equation names."""
    return np.einsum(equation, x, y, optimize=True)


def erf(x: np.ndarray) -> np.ndarray:
    """Error function, to the last digit of the array's type."""
    return np.asarray(_erf(x), x.dtype)


_erf = np.vectorize(math.erf, otypes=["float64"])


def take(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of a table by their numbers, cut to integers; the first or the last row where a number is beyond."""
    return np.take(table, np.floor(rows + ROUNDING).astype("int64"), 0, mode="clip")


def conv(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
    groups: int,
) -> np.ndarray:
    """Convolution in any number of dimensions, as a sum of one product per position in the kernel.

    Parameters
    ----------
    x : (n, *space, channels) array
    kernel : (*window, channels // groups, filters) array
    """
    window = kernel.shape[:-2]
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    size = _output_size(x.shape[1:-1], window, strides, dilation)
    total = np.zeros((len(x), *size, kernel.shape[-1]), x.dtype)
    for offset in np.ndindex(*window):
        seen = _shifted(x, offset, size, strides, dilation)
        if groups == 1:
            total += seen @ kernel[offset]
        elif kernel.shape[-2] == 1:
            total += np.repeat(seen, kernel.shape[-1] // groups, -1) * kernel[offset][0]
        else:
            parts = zip(np.split(seen, groups, -1), np.split(kernel[offset], groups, -1), strict=True)
            total += np.concatenate([part @ weights for part, weights in parts], -1)
    return total


def conv_transpose(
    x: np.ndarray, kernel: np.ndarray, strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...]
) -> np.ndarray:
    """Transposed convolution in any number of dimensions, as a sum of one product per position in the kernel.

    Parameters
    ----------
    x : (n, *space, channels) array
    kernel : (*window, channels, filters) array
    padding : (before, after) per spatial axis
        Places cut off at the ends; below 0 where zeros are added instead.
    """
    size, window = x.shape[1:-1], kernel.shape[:-2]
    full = [(n - 1) * s + (w - 1) * d + 1 for n, s, w, d in zip(size, strides, window, dilation, strict=True)]
    total = np.zeros((len(x), *full, kernel.shape[-1]), x.dtype)
    for offset in np.ndindex(*window):
        _shifted(total, offset, size, strides, dilation)[...] += x @ kernel[offset]
    more = tuple((max(-before, 0), max(-after, 0)) for before, after in padding)
    total = np.pad(total, ((0, 0), *more, (0, 0)))
    ends = zip(total.shape[1:-1], padding, strict=True)
    return total[(slice(None), *(slice(max(before, 0), n - max(after, 0)) for n, (before, after) in ends))]


def average_pool(x: np.ndarray, size: tuple[int, ...], strides: tuple[int, ...], padding: Pairs) -> np.ndarray:
    """Mean over windows; padding does not count."""
    inside = np.pad(np.ones((1, *x.shape[1:-1], 1), x.dtype), ((0, 0), *padding, (0, 0)))
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    ones = (1,) * len(size)
    out = _output_size(x.shape[1:-1], size, strides, ones)
    total, count = np.zeros((len(x), *out, x.shape[-1]), x.dtype), np.zeros((1, *out, 1), x.dtype)
    for offset in np.ndindex(*size):
        total += _shifted(x, offset, out, strides, ones)
        count += _shifted(inside, offset, out, strides, ones)
    return total / count


def upsample(x: np.ndarray, factors: tuple[int, ...], interpolation: str) -> np.ndarray:
    """Every axis but that of the samples longer by its factor; see `graph.Upsample`."""
    for axis, factor in enumerate(factors, 1):
        if factor == 1:
            continue
        if interpolation == "nearest":
            x = np.repeat(x, factor, axis)
        else:
            low, high, share = between(x.shape[axis], factor)
            share = share.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - axis - 1))
            x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def between(size: int, factor: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For linear interpolation along an axis: the place below and above each new place, and the share of the latter."""
    place = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    low = np.floor(place).astype("int64")
    return low, np.minimum(low + 1, size - 1), place - low


def softmax(x: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def _output_size(
    space: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, ...]:
    return tuple((n - (w - 1) * d - 1) // s + 1 for n, w, s, d in zip(space, window, strides, dilation, strict=True))


def _shifted(
    x: np.ndarray, offset: tuple[int, ...], size: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]
) -> np.ndarray:
    """The values that position `offset` of a window sees, for every output position."""
    steps = zip(offset, size, strides, dilation, strict=True)
    return x[(slice(None), *(slice(o * d, o * d + (n - 1) * s + 1, s) for o, n, s, d in steps))]


def max_pool(x: np.ndarray, size: tuple[int, ...], strides: tuple[int, ...], padding: Pairs) -> np.ndarray:
    """Largest value in each window; padding does not count."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=-np.inf)
    ones = (1,) * len(size)
    out = _output_size(x.shape[1:-1], size, strides, ones)
    most = np.full((len(x), *out, x.shape[-1]), -np.inf, x.dtype)
    for offset in np.ndindex(*size):
        most = np.maximum(most, _shifted(x, offset, out, strides, ones))
    return most
