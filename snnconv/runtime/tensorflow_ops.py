"""The array namespace of the TensorFlow runtime: the names of `snnconv.neurons.numpy_ops`, for tensors."""

from __future__ import annotations

from typing import Any, cast

import tensorflow as tf
from tensorflow import (
    broadcast_to,
    cos,
    exp,
    floor,
    matmul,
    maximum,
    minimum,
    ones_like,
    pad,
    reshape,
    sign,
    sin,
    sqrt,
    tanh,
    transpose,
    where,
    zeros,
    zeros_like,
)

from ..neurons.numpy_ops import ROUNDING, between

ceil = tf.math.ceil
erf = tf.math.erf
expm1 = tf.math.expm1
log = tf.math.log
log1p = tf.math.log1p
right_shift = tf.bitwise.right_shift
sigmoid = tf.math.sigmoid
softmax = tf.nn.softmax

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


def sum_over(x: tf.Tensor, axes: tuple[int, ...]) -> tf.Tensor:
    """Sum over axes, which stay with length 1."""
    return tf.reduce_sum(x, axes, keepdims=True)


def mean_over(x: tf.Tensor, axes: tuple[int, ...]) -> tf.Tensor:
    """Mean over axes, which stay with length 1."""
    return tf.reduce_mean(x, axes, keepdims=True)


def max_over(x: tf.Tensor, axes: tuple[int, ...]) -> tf.Tensor:
    """Largest value over axes, which stay with length 1."""
    return tf.reduce_max(x, axes, keepdims=True)


def einsum(equation: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Sum of products of two arrays along the axes that the equation names."""
    before, after = equation.replace(" ", "").split("->")
    left, right = before.split(",")
    if after[-1:] in set(left) - set(right):
        left, right, x, y = right, left, y, x
    shared = "".join(label for label in after if label in left and label in right)
    rows, columns, summed = set(left) - set(right), set(right) - set(left), set(left) & set(right) - set(after)
    is_product = len(rows) == len(columns) == len(summed) == 1
    if not is_product or {len(left), len(right), len(after)} != {len(shared) + 2}:
        return tf.einsum(f"{left},{right}->{after}", x, y)
    # one matrix product for each place of the shared axes: tf.einsum moves its large result around, at 4 times the time
    (row,), (column,), (inner,) = rows, columns, summed
    x, y = _moved(x, left, shared + row + inner), _moved(y, right, shared + inner + column)
    return _moved(tf.matmul(x, y), shared + row + column, after)


def _moved(x: tf.Tensor, axes: str, order: str) -> tf.Tensor:
    return x if axes == order else tf.transpose(x, [axes.index(label) for label in order])


def take(table: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Rows of a table by their numbers, cut to integers; the first or the last row where a number is beyond."""
    whole = tf.cast(tf.floor(rows + ROUNDING), tf.int32)
    return tf.gather(table, tf.clip_by_value(whole, 0, tf.shape(table)[0] - 1))


def concatenate(arrays: Any, axis: int) -> tf.Tensor:
    """Join along an axis."""
    return tf.concat(list(arrays), axis)


def conv(
    x: tf.Tensor,
    kernel: tf.Tensor,
    strides: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
    groups: int,
) -> tf.Tensor:
    """Convolution in 1, 2 or 3 dimensions; see `numpy_ops.conv`."""
    by_channel = kernel.shape[-2] == 1 and groups > 1 and len(strides) < 3
    if max(strides) > 1 and (max(dilation) > 1 or (by_channel and len(set(strides)) > 1)):
        # TensorFlow has no kernel for these: dilate alone, then keep every stride-th place
        dense = conv(x, kernel, (1,) * len(strides), padding, dilation, groups)
        return dense[(slice(None), *(slice(None, None, stride) for stride in strides))]
    window: Any = tuple(kernel.shape[:-2])
    name, x = _pad(x, window, strides, padding, dilation)
    if groups == 1:
        return tf.nn.convolution(x, kernel, strides, name, dilations=dilation)
    if by_channel:
        return _conv_by_channel(x, kernel, strides, name, dilation, groups)
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat(
        [tf.nn.convolution(part, weights, strides, name, dilations=dilation) for part, weights in parts], -1
    )


def _conv_by_channel(
    x: tf.Tensor, kernel: Any, strides: tuple[int, ...], name: str, dilation: tuple[int, ...], groups: int
) -> Any:
    """Convolution of every channel by itself, in 1 or 2 dimensions."""
    if len(strides) == 1:
        return _conv_by_channel(x[:, None], kernel[None], strides * 2, name, (1, *dilation), groups)[:, 0]
    kernel = tf.reshape(kernel, (*kernel.shape[:-2], groups, -1))
    return tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), name, dilations=dilation)


def conv_transpose(
    x: tf.Tensor, kernel: tf.Tensor, strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...]
) -> tf.Tensor:
    """Transposed convolution in 1, 2 or 3 dimensions; see `numpy_ops.conv_transpose`."""
    kernel = _dilated(tf.linalg.matrix_transpose(kernel), dilation)
    space: Any = zip(cast(Any, x.shape[1:-1]), strides, kernel.shape[:-2], strict=True)
    full: Any = (tf.shape(x)[0], *((n - 1) * stride + window for n, stride, window in space), kernel.shape[-2])
    y = tf.nn.conv_transpose(x, kernel, full, strides, "VALID")
    more = tuple((max(-before, 0), max(-after, 0)) for before, after in padding)
    y = tf.pad(y, ((0, 0), *more, (0, 0)))
    ends = zip(cast(Any, y.shape[1:-1]), padding, strict=True)
    return y[(slice(None), *(slice(max(before, 0), n - max(after, 0)) for n, (before, after) in ends))]


def _dilated(kernel: Any, dilation: tuple[int, ...]) -> Any:
    """The kernel with zeros between its places: TensorFlow has no transposed convolution with dilation on a CPU."""
    for axis, rate in enumerate(dilation):
        if rate > 1:
            shape = tuple(kernel.shape)
            spread = tf.stack([kernel, *[tf.zeros_like(kernel)] * (rate - 1)], axis + 1)
            spread = tf.reshape(spread, (*shape[:axis], shape[axis] * rate, *shape[axis + 1 :]))
            kernel = spread[(*[slice(None)] * axis, slice(0, (shape[axis] - 1) * rate + 1))]
    return kernel


def upsample(x: tf.Tensor, factors: tuple[int, ...], interpolation: str) -> tf.Tensor:
    """Every axis but that of the samples longer by its factor; see `graph.Upsample`."""
    for axis, factor in enumerate(factors, 1):
        if factor == 1:
            continue
        if interpolation == "nearest":
            x = tf.repeat(x, factor, axis)
        else:
            low, high, share = between(cast(Any, x.shape)[axis], factor)
            share = tf.constant(share.reshape(-1, *(1,) * (len(x.shape) - axis - 1)), x.dtype)
            x = tf.gather(x, low, axis=axis) * (1 - share) + tf.gather(x, high, axis=axis) * share
    return x


def average_pool(x: tf.Tensor, size: tuple[int, ...], strides: tuple[int, ...], padding: Pairs) -> tf.Tensor:
    """Mean over windows; padding does not count."""
    if len(size) == 3:  # TensorFlow has no pooling in three dimensions for float64; means of means are the same
        _, depth, height, width, channels = cast(Any, x.shape)
        planes = average_pool(tf.reshape(x, (-1, height, width, channels)), size[1:], strides[1:], padding[1:])
        height, width = cast(Any, planes.shape[1:3])
        columns = tf.reshape(planes, (-1, depth, height * width, channels))
        pooled = average_pool(columns, (size[0], 1), (strides[0], 1), (padding[0], (0, 0)))
        return tf.reshape(pooled, (-1, pooled.shape[1], height, width, channels))
    ones = (1,) * len(size)
    name, padded = _pad(x, size, strides, padding, ones)
    pooled = tf.nn.avg_pool(padded, size, strides, name)
    if padded is x:
        return pooled
    inside = _pad(tf.ones((1, *x.shape[1:-1], 1), x.dtype), size, strides, padding, ones)[1]
    return pooled / tf.nn.avg_pool(inside, size, strides, name)


def _pad(
    x: tf.Tensor, window: tuple[int, ...], strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...]
) -> tuple[Any, tf.Tensor]:
    """TensorFlow's own name for this padding, or "VALID" and the padded tensor where it has none."""
    if not any(map(sum, padding)):
        return "VALID", x
    same, space = [], cast(Any, x.shape[1:-1])
    for n, w, s, d in zip(space, window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
        same.append((total // 2, total - total // 2))
    if tuple(same) == tuple(padding):
        return "SAME", x
    return "VALID", tf.pad(x, ((0, 0), *padding, (0, 0)))


def max_pool(x: tf.Tensor, size: tuple[int, ...], strides: tuple[int, ...], padding: Pairs) -> tf.Tensor:
    """Largest value in each window; padding does not count."""
    if len(size) > 2:  # TensorFlow has none in three dimensions for float64; the largest of the largest is the same
        *outer, height, width, channels = cast(Any, x.shape[1:])
        planes = max_pool(tf.reshape(x, (-1, height, width, channels)), size[-2:], strides[-2:], padding[-2:])
        height, width = cast(Any, planes.shape[1:3])
        columns = tf.reshape(planes, (-1, *outer, height * width * channels))
        pooled = max_pool(columns, size[:-2], strides[:-2], padding[:-2])
        return tf.reshape(pooled, (-1, *pooled.shape[1:-1], height, width, channels))
    name, padded = _pad(x, size, strides, padding, (1,) * len(size))
    if name == "VALID" and padded is not x:
        padded = tf.pad(x, ((0, 0), *padding, (0, 0)), constant_values=x.dtype.min)
    return tf.nn.max_pool(padded, size, strides, name)
