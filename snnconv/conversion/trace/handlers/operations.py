"""Layers that join several signals, and functions of keras.ops on the tensors of a functional model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer  # InceptionResNetV2's own: no public name

from ....graph.nodes import Add, Concatenate
from ..builder import Builder, to_numpy
from ..registry import Handler, handles
from .functions import joined, operation_type
from .normalisation import scaled
from .pooling import average
from .shape import broadcast, crop, output_shape, pad, permute, reshape

ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "softplus", "softsign", "hard_sigmoid", "sparse_sigmoid")


def handles_operation(*functions: Callable[..., Any]) -> Callable[[Handler], Handler]:
    """Register a function as the converter of what these calls record."""
    return handles(*map(operation_type, functions))


_ACTIVATION_NAMES = {operation_type(getattr(ops, name)): name for name in ACTIVATIONS}
_MEAN = operation_type(ops.mean)


@handles(kl.Add, inside_time=True)
def add_layer(layer: kl.Add, build: Builder, *xs: str, lead: int = 0) -> str:
    return _total(build, xs, output_shape(layer, build, *xs, lead=lead))


@handles(kl.Subtract, inside_time=True)
def subtract_layer(layer: kl.Subtract, build: Builder, x: str, y: str, lead: int = 0) -> str:
    return _total(build, (x, build.affine(y, -1.0, suffix="negative")), output_shape(layer, build, x, y, lead=lead))


@handles(CustomScaleLayer)
def scaled_residual(layer: CustomScaleLayer, build: Builder, x: str, residual: str) -> str:
    return _total(build, (x, build.affine(residual, float(layer.scale))), _common_shape(build, x, residual))


@handles(kl.Average, inside_time=True)
def average_layer(layer: kl.Average, build: Builder, *xs: str, lead: int = 0) -> str:
    return build.affine(_total(build, xs, output_shape(layer, build, *xs, lead=lead)), 1 / len(xs), suffix="mean")


@handles(kl.Concatenate, inside_time=True)
def concatenate_layer(layer: kl.Concatenate, build: Builder, *xs: str, lead: int = 0) -> str:
    return _joined(build, xs, layer.axis if layer.axis <= 0 else layer.axis + lead)


@handles_operation(lambda x: ops.add(x, x))
def add(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    if isinstance(x1, str) and isinstance(x2, str):
        return _total(build, (x1, x2), _common_shape(build, x1, x2))
    signal, value = (x1, x2) if isinstance(x1, str) else (x2, x1)
    return scaled(build, signal, 1.0, value)


@handles_operation(lambda x: ops.subtract(x, x))
def subtract(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    if not isinstance(x2, str):
        return scaled(build, x1, 1.0, -np.asarray(x2))
    if not isinstance(x1, str):
        return scaled(build, x2, -1.0, x1)
    negative = build.affine(x2, -1.0, suffix="negative")
    return _total(build, (x1, negative), _common_shape(build, x1, x2))


@handles_operation(ops.negative)
def negative(operation: Any, build: Builder, x: str) -> str:
    return build.affine(x, -1.0)


@handles_operation(lambda x: ops.multiply(x, x))
def multiply(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    if isinstance(x1, str) and isinstance(x2, str):
        return joined(build, "multiply", (x1, x2), np.broadcast_shapes(build.shape(x1), build.shape(x2)))
    signal, value = (x1, x2) if isinstance(x1, str) else (x2, x1)
    return scaled(build, signal, value)


@handles_operation(lambda x: ops.divide(x, x), lambda x: ops.true_divide(x, x))
def divide(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    if isinstance(x2, str):
        if not isinstance(x1, str):
            return scaled(build, build.sent(build.function("reciprocal", x2)), x1)
        return joined(build, "divide", (x1, x2), np.broadcast_shapes(build.shape(x1), build.shape(x2)))
    return scaled(build, x1, 1 / np.asarray(x2, "float64"))


@handles(*_ACTIVATION_NAMES)
def activation(operation: Any, build: Builder, x: str) -> str:
    return build.activate(x, _ACTIVATION_NAMES[type(operation)])


@handles_operation(lambda x: ops.clip(x, 0.0, 1.0))
def clip(operation: Any, build: Builder, x: str) -> str:
    """``min(max(x, low), high) = low + min(max(x - low, 0), high - low)``."""
    low, high = float(operation.x_min), float(operation.x_max)
    above = scaled(build, x, 1.0, -low, "above") if low else x
    y = build.activate(above, "relu", max_value=high - low)
    return scaled(build, y, 1.0, low, "shifted") if low else y


@handles_operation(lambda x: ops.reshape(x, (-1, 4)), ops.squeeze, lambda x: ops.expand_dims(x, 1))
def reshaping(operation: Any, build: Builder, x: str) -> str:
    shape = _output_shape(operation, build, x)
    if math.prod(shape) != math.prod(build.shape(x)):
        raise build.error(f"mixes samples: it turns {build.shape(x)} into {shape}. Keep the first axis as it is.")
    return reshape(build, x, shape, "reshape")


@handles_operation(ops.transpose)
def transpose(operation: Any, build: Builder, x: str) -> str:
    rank = len(build.shape(x)) + 1
    axes = tuple(axis % rank for axis in operation.axes or reversed(range(rank)))
    if axes[0] != 0:
        raise build.error(f"moves the axis of the samples (axes={operation.axes}). Keep it first.")
    return permute(build, x, tuple(axis - 1 for axis in axes[1:]), "permuted")


@handles_operation(lambda x: ops.concatenate([x, x], -1))
def concatenate(operation: Any, build: Builder, xs: Any) -> str:
    return _joined(build, _signals(build, xs), operation.axis)


@handles_operation(lambda x: ops.stack([x, x], 1))
def stack(operation: Any, build: Builder, xs: Any) -> str:
    xs = _signals(build, xs)
    shape = build.shape(xs[0])
    place = operation.axis % (len(shape) + 2) - 1
    if place < 0:
        raise build.error(f"stacks samples (axis={operation.axis}). Only axes of one sample can be added.")
    wide = (*shape[:place], 1, *shape[place:])
    return _joined(build, tuple(reshape(build, x, wide, f"axis{n}") for n, x in enumerate(xs)), place + 1)


def _a_part(x: Any) -> Any:
    parts: Any = ops.split(x, 2, 1)
    return parts[0]


@handles_operation(_a_part)
def split(operation: Any, build: Builder, x: str) -> tuple[str, ...]:
    """The parts of a signal along an axis: so many of the same size, or cut at places."""
    shape = build.shape(x)
    place = operation.axis % (len(shape) + 1) - 1
    if place < 0:
        raise build.error(f"splits the samples (axis={operation.axis}). Only axes of one sample can be split.")
    n, cuts = shape[place], operation.indices_or_sections
    places = range(0, n, n // cuts) if isinstance(cuts, int) else (0, *(int(each) for each in np.ravel(cuts)))
    return tuple(
        crop(
            build, x, tuple(start if axis == place else 0 for axis in range(len(shape))),
            (*shape[:place], end - start, *shape[place + 1 :]), f"part{number}",
        )
        for number, (start, end) in enumerate(itertools.pairwise((*places, n)))
    )  # fmt: skip


@handles_operation(ops.mean, ops.sum)
def mean(operation: Any, build: Builder, x: str) -> str:
    rank = len(build.shape(x)) + 1
    axes = range(rank) if operation.axis is None else np.atleast_1d(operation.axis) % rank
    if 0 in axes:
        raise build.error(f"runs over the samples (axis={operation.axis}). Only axes of one sample convert.")
    axes = tuple(int(axis) - 1 for axis in axes)
    y = average(build, x, axes, _output_shape(operation, build, x))
    n = math.prod(build.shape(x)[axis] for axis in axes)
    return y if isinstance(operation, _MEAN) else build.affine(y, float(n), suffix="sum")


@handles_operation(lambda x: ops.pad(x, ((0, 0), (0, 0), (1, 1))))
def padding(operation: Any, build: Builder, x: str, constant_values: Any = None) -> str:
    pairs = tuple(operation.pad_width) * (1 if len(operation.pad_width) > 1 else len(build.shape(x)) + 1)
    if operation.mode != "constant" or constant_values or any(pairs[0]):
        raise build.error(
            f"pads with mode='{operation.mode}', constant_values={constant_values} and {pairs[0]} samples. Only zeros "
            f"around one sample convert."
        )
    return pad(build, x, tuple((int(before), int(after)) for before, after in pairs[1:]))


@handles_operation(lambda x: x[:, 0])
def get_item(operation: Any, build: Builder, x: str, key: Any) -> str:
    """A slice: places of each axis, without the axes that are indexed by a number."""
    keys = list(key) if isinstance(key, (tuple, list)) else [key]
    full, shape = slice(None), build.shape(x)
    place = next((number for number, k in enumerate(keys) if k is Ellipsis), None)
    if place is not None:
        keys[place : place + 1] = [full] * (len(shape) + 2 - len(keys))
    keys += [full] * (len(shape) + 1 - len(keys))
    ranges = [range(n)[k] if isinstance(k, slice) else k for n, k in zip(shape, keys[1:], strict=False)]
    taken = all(isinstance(r, int) or (isinstance(r, range) and len(r)) for r in ranges)
    if len(keys) != len(shape) + 1 or keys[0] != full or not taken:
        raise build.error(f"takes [{key}] out of {shape}. Only slices and numbers behind [:, …] convert.")
    steps = [(axis, r) for axis, r in enumerate(ranges) if isinstance(r, range) and r.step != 1]
    starts = tuple(
        r % n if isinstance(r, int) else r.start if r.step == 1 else 0 for n, r in zip(shape, ranges, strict=True)
    )
    sizes = tuple(1 if isinstance(r, int) else len(r) if r.step == 1 else n for n, r in zip(shape, ranges, strict=True))
    y = crop(build, x, starts, sizes)
    for axis, places in steps:
        y = _selected(build, y, axis, places)
    kept = tuple(n for n, r in zip(build.shape(y), ranges, strict=True) if isinstance(r, range))
    return reshape(build, y, kept, "reshape")


def _selected(build: Builder, x: str, axis: int, places: range) -> str:
    """The numbers at some places of an axis, in their order, by a product with a matrix of ones and zeros."""
    rank = len(build.shape(x))
    order = (*(each for each in range(rank) if each != axis), axis)
    y = permute(build, x, order, f"axis{axis}_last")
    y = build.dense(y, np.eye(build.shape(y)[-1], dtype="float32")[:, list(places)], suffix=f"places{axis}")
    return permute(build, y, tuple(order.index(each) for each in range(rank)), f"axis{axis}_back")


def _total(build: Builder, xs: tuple[str, ...], shape: tuple[int, ...]) -> str:
    """Sum of signals, each brought to `shape` first."""
    wide = [broadcast(build, x, shape, f"input{number}") for number, x in enumerate(xs)]
    return build.add(Add, "sum", tuple(wide), shape)


def _signals(build: Builder, xs: Any) -> tuple[str, ...]:
    """Signals and constants, all as signals: a constant is a first number of a signal times 0, and more."""
    signal = next(x for x in xs if isinstance(x, str))
    shape = build.shape(signal)
    one = None

    def as_signal(x: Any, number: int) -> str:
        nonlocal one
        if isinstance(x, str):
            return x
        value = build.weights(constant=to_numpy(x))["constant"].astype("float64")
        if value.ndim != len(shape) + 1 or len(value) != 1:
            raise build.error(f"joins a signal {shape} with a constant of shape {value.shape}. Give it one sample.")
        one = one or crop(build, signal, (0,) * len(shape), (1,) * len(shape))
        wide = broadcast(build, one, value.shape[1:], f"repeated{number}")
        return build.affine(wide, 0.0, value[0], f"constant{number}")

    return tuple(as_signal(x, number) for number, x in enumerate(xs))


def _joined(build: Builder, xs: tuple[str, ...], axis: int) -> str:
    """Signals side by side along an axis that is counted with the samples."""
    shape = list(build.shape(xs[0]))
    place = axis % (len(shape) + 1) - 1
    if place < 0:
        raise build.error(f"joins samples (axis={axis}). Only axes of one sample can be joined.")
    shape[place] = sum(build.shape(x)[place] for x in xs)
    return build.add(Concatenate, "joined", xs, tuple(shape), axis=place)


def _common_shape(build: Builder, x1: str, x2: str) -> tuple[int, ...]:
    shapes = build.shape(x1), build.shape(x2)
    if len(shapes[0]) != len(shapes[1]):
        raise build.error(f"joins shapes {shapes[0]} and {shapes[1]}. Give both the same number of axes.")
    return np.broadcast_shapes(*shapes)


def _output_shape(operation: Any, build: Builder, x: str) -> tuple[int, ...]:
    """Shape of an operation's output for one sample, whatever number of samples it was written for."""
    n = operation._inbound_nodes[0].input_tensors[0].shape[0]
    shape = operation.compute_output_spec(keras.KerasTensor((n, *build.shape(x)))).shape
    if None in shape[1:] or (n is not None and shape[0] != n):
        raise build.error(f"moves or fixes the axis of the samples: its output is {shape}. Keep the samples first.")
    return tuple(shape[1:])
