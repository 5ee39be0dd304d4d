"""Layers and functions of keras.ops that are functions of signals: products, extremes, norms, and one of each value.

Each becomes a function of the running means of its inputs, sent in spikes; see `graph.nodes.means`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops

from ....graph.nodes import Function
from ..builder import Builder
from ..registry import handles
from .shape import output_shape, permute, reshape

Axes = tuple[int, ...]


@handles(kl.Multiply)
def multiply(layer: Any, build: Builder, *xs: str) -> str:
    return joined(build, "multiply", xs, output_shape(layer, build, *xs))


@handles(kl.Maximum)
def maximum(layer: Any, build: Builder, *xs: str) -> str:
    return joined(build, "maximum", xs, output_shape(layer, build, *xs))


@handles(kl.Minimum)
def minimum(layer: Any, build: Builder, *xs: str) -> str:
    return joined(build, "minimum", xs, output_shape(layer, build, *xs))


@handles(kl.Dot)
def dot(layer: Any, build: Builder, x: str, y: str) -> str:
    """Sum of products along an axis of each, between all other places of the two."""
    axes = (layer.axes, layer.axes) if isinstance(layer.axes, int) else tuple(layer.axes)
    ranks = tuple(len(build.shape(each)) + 1 for each in (x, y))
    first, second = (axis % rank for axis, rank in zip(axes, ranks, strict=True))
    if layer.normalize:
        x, y = (
            build.function("unit_norm", each, suffix=f"unit{number}", axis=(axis - 1,))
            for number, (each, axis) in enumerate(((x, first), (y, second)))
        )
    labels = [f"n{'abcdef'[: ranks[0] - 1]}", f"n{'ghijkl'[: ranks[1] - 1]}"]
    labels[1] = labels[1].replace(labels[1][second], labels[0][first])
    kept = [label for each in labels for label in each[1:] if label != labels[0][first]]
    equation = f"{','.join(labels)}->n{''.join(kept)}"
    shape = output_shape(layer, build, x, y)
    return build.sent(reshape(build, product(build, equation, x, y), shape, "reshape"))


@handles(kl.LayerNormalization)
def layer_normalization(layer: Any, build: Builder, x: str) -> str:
    axes = _sample_axes(layer, build, x)
    y = build.function("standardise", x, axis=axes, epsilon=layer.epsilon, centre=not layer.rms_scaling)
    return _scaled(build, build.sent(y), axes, gamma=layer.gamma, beta=layer.beta)


@handles(kl.RMSNormalization)
def rms_normalization(layer: Any, build: Builder, x: str) -> str:
    axes = _sample_axes(layer, build, x)
    y = build.sent(build.function("root_mean_square", x, axis=axes, epsilon=layer.epsilon))
    return _scaled(build, y, axes, gamma=layer.scale)


@handles(kl.UnitNormalization)
def unit_normalization(layer: Any, build: Builder, x: str) -> str:
    return build.sent(build.function("unit_norm", x, axis=_sample_axes(layer, build, x)))


@handles(kl.GroupNormalization)
def group_normalization(layer: Any, build: Builder, x: str) -> str:
    shape = build.shape(x)
    axis = layer.axis % (len(shape) + 1) - 1
    split = (*shape[:axis], layer.groups, shape[axis] // layer.groups, *shape[axis + 1 :])
    axes = tuple(each for each in range(len(split)) if each != axis)
    y = build.function("standardise", reshape(build, x, split, "groups"), axis=axes, epsilon=layer.epsilon, centre=True)
    y = reshape(build, y, shape, "joined")
    return _scaled(build, build.sent(y), (axis,), gamma=layer.gamma, beta=layer.beta)


def joined(build: Builder, name: str, xs: tuple[str, ...], shape: tuple[int, ...]) -> str:
    """A function of signals of any shapes that broadcast to `shape`, in spikes."""
    wide = [
        reshape(build, x, (*(1,) * (len(shape) - len(build.shape(x))), *build.shape(x)), f"axes{number}")
        for number, x in enumerate(xs)
    ]
    return build.sent(build.function(name, *wide, shape=shape))


def product(build: Builder, equation: str, x: str, y: str, suffix: str = "product") -> str:
    """The sum of products of two signals' means that an einsum names; the samples come first in it."""
    before, after = equation.split("->")
    sizes: dict[str, int] = {}
    for labels, each in zip(before.split(","), (x, y), strict=True):
        sizes |= dict(zip(labels[1:], build.shape(each), strict=True))
    shape = tuple(sizes[label] for label in after[1:])
    return build.function("einsum", x, y, shape=shape, suffix=suffix, equation=equation)


def _sample_axes(layer: Any, build: Builder, x: str) -> Axes:
    """Axes of a layer, counted without that of the samples."""
    rank = len(build.shape(x)) + 1
    axes = sorted(int(axis) % rank for axis in np.atleast_1d(layer.axis))
    if axes[0] == 0:
        raise build.error(f"runs over the samples (axis={layer.axis}). Only axes of one sample convert.")
    return tuple(axis - 1 for axis in axes)


def _scaled(build: Builder, x: str, axes: Axes, *, gamma: Any, beta: Any = None) -> str:
    """``gamma * x + beta`` with one number for each place along `axes`; it folds into what follows."""
    arrays = build.weights(gamma=gamma, beta=beta)
    if not arrays:
        return x
    shape = build.shape(x)
    sizes = tuple(shape[axis] if axis in axes else 1 for axis in range(len(shape)))[axes[0] :]
    scale, offset = (arrays[key].reshape(sizes) if key in arrays else None for key in ("gamma", "beta"))
    return build.affine(x, 1.0 if scale is None else scale, offset, "scaled", **arrays)


# Functions of keras.ops that take one signal: the name here, and the settings that the operation keeps.
_ONE_SIGNAL: dict[str, tuple[str, tuple[str, ...]]] = {
    **{
        name: (name, ())
        for name in (
            *("log_sigmoid", "mish", "silu", "selu", "sparse_plus", "tanh_shrink", "hard_tanh", "hard_silu"),
            *("abs", "cos", "erf", "expm1", "log", "log1p", "reciprocal", "rsqrt", "sign", "sin", "sqrt", "square"),
        )
    },
    "absolute": ("abs", ()),
    "exp": ("exponential", ()),
    "celu": ("celu", ("alpha",)),
    "clip": ("clip", ("x_min", "x_max")),
    "elu": ("elu", ("alpha",)),
    "gelu": ("gelu", ("approximate",)),
    "hard_shrink": ("hard_shrink", ("threshold",)),
    "soft_shrink": ("soft_shrink", ("threshold",)),
    "squareplus": ("squareplus", ("b",)),
    "threshold": ("threshold", ("threshold", "default_value")),
}
_CALLS: dict[str, Callable[[Any], Any]] = {
    "clip": lambda x: ops.clip(x, 0.0, 1.0),
    "threshold": lambda x: ops.threshold(x, 0.0, 0.0),
}


def operation_type(function: Callable[..., Any]) -> type:
    """Type of the operation that a function of keras.ops records when it is called on a model's tensor."""
    return type(function(keras.KerasTensor((None, 4, 4)))._keras_history.operation)


_FUNCTION_OF = {
    operation_type(_CALLS[name] if name in _CALLS else getattr(ops, name)): entry
    for name, entry in _ONE_SIGNAL.items()
    if hasattr(ops, name)
}


@handles(*_FUNCTION_OF)
def one_signal(operation: Any, build: Builder, x: str, *settings: Any, **named: Any) -> str:
    """A function of each value of a signal."""
    name, keys = _FUNCTION_OF[type(operation)]
    values = {key: getattr(operation, key) for key in keys if hasattr(operation, key)}
    values |= dict(zip(keys, settings, strict=False)) | {key: named[key] for key in keys if key in named}
    plain = {
        key: value if isinstance(value, bool) else float(value) for key, value in values.items() if value is not None
    }
    return build.activate(x, name, **plain)


@handles(operation_type(lambda x: ops.maximum(x, x)), operation_type(lambda x: ops.minimum(x, x)))
def extreme(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    name = type(operation).__name__.lower()
    if isinstance(x1, str) and isinstance(x2, str):
        return joined(build, name, (x1, x2), np.broadcast_shapes(build.shape(x1), build.shape(x2)))
    signal, value = (x1, x2) if isinstance(x1, str) else (x2, x1)
    if np.ndim(value):
        raise build.error(f"takes the {name} with a constant of shape {np.shape(value)}. One number converts.")
    limit = {"x_min" if name == "maximum" else "x_max": float(value)}
    return build.activate(signal, "relu") if limit == {"x_min": 0.0} else build.activate(signal, "clip", **limit)


@handles(operation_type(lambda x: ops.power(x, 2)))
def power(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    if isinstance(x2, str) or not isinstance(x1, str) or np.ndim(x2):
        raise build.error("takes a power that is a signal. A signal to the power of one number converts.")
    return build.sent(build.function("power", x1, exponent=float(x2)))


@handles(operation_type(lambda x: ops.matmul(x, x)))
def matmul(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    """The product over the last axis of the first, and the last but one of the second: two signals, or a constant."""
    if not isinstance(x1, str):
        raise build.error("multiplies a constant matrix with a signal. Put the signal first.")
    if not isinstance(x2, str):
        weights = build.weights(constant=x2)["constant"]
        if weights.ndim != 2:
            raise build.error(f"multiplies by a constant of shape {weights.shape}. A matrix converts.")
        return build.dense(x1, weights)
    ranks = len(build.shape(x1)), len(build.shape(x2))
    if ranks[0] != ranks[1] or build.shape(x1)[:-2] != build.shape(x2)[:-2] or ranks[0] < 2:
        raise build.error(f"multiplies {build.shape(x1)} and {build.shape(x2)}. Give both the same axes in front.")
    front = "abcdef"[: ranks[0] - 2]
    return build.sent(product(build, f"n{front}ij,n{front}jk->n{front}ik", x1, x2))


@handles(operation_type(lambda x: ops.einsum("nij,njk->nik", x, x)))
def einsum(operation: Any, build: Builder, *xs: Any) -> str:
    equation = operation.subscripts.replace(" ", "")
    before = equation.partition("->")[0].split(",")
    starts = {labels[:1] for labels in (*before, equation.partition("->")[2])}
    if len(xs) != 2 or not all(isinstance(x, str) for x in xs) or "..." in equation or len(starts) != 1:
        raise build.error(
            f"has the equation '{equation}'. The product of two signals converts, with the axis of the samples first "
            f"in both and in the result, all axes by name, as in 'bij,bjk->bik'."
        )
    return build.sent(product(build, equation, *xs))


_OVER_AXIS = {operation_type(getattr(ops, name)): name for name in ("softmax", "log_softmax", "glu")}


@handles(*_OVER_AXIS)
def over_axis(operation: Any, build: Builder, x: str) -> str:
    return build.activate(x, _OVER_AXIS[type(operation)], axis=operation.axis)


_EXTREMES = {operation_type(getattr(ops, name)): name[-3:] for name in ("max", "min", "amax", "amin")}


@handles(*_EXTREMES)
def largest(operation: Any, build: Builder, x: str) -> str:
    return build.sent(_largest(operation, build, x, _EXTREMES[type(operation)]))


def _largest(operation: Any, build: Builder, x: str, name: str) -> str:
    rank = len(build.shape(x)) + 1
    axes = range(rank) if operation.axis is None else np.atleast_1d(operation.axis) % rank
    if 0 in axes:
        raise build.error(f"runs over the samples (axis={operation.axis}). Only axes of one sample convert.")
    axes = tuple(int(axis) - 1 for axis in axes)
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(build.shape(x)))
    y = build.function(name, x, shape=kept, axis=axes)
    shape = kept if operation.keepdims else tuple(n for axis, n in enumerate(kept) if axis not in axes)
    return reshape(build, y, shape, "reshape")


@handles(operation_type(lambda x: ops.not_equal(x, 0)))
def not_equal(operation: Any, build: Builder, x1: Any, x2: Any) -> str:
    """1 where the data differ from a number, 0 where not: a mask."""
    if not isinstance(x1, str) or isinstance(x2, str) or np.ndim(x2):
        raise build.error("compares two signals, or with several numbers. Compare a signal with one number.")
    return _of_data(build, "differs", x1, value=float(x2))


@handles(operation_type(lambda x: ops.any(ops.not_equal(x, 0), -1)))
def any_of(operation: Any, build: Builder, x: str) -> str:
    return _largest(operation, build, x, "max")


@handles(kl.Masking)
def masking(layer: Any, build: Builder, x: str) -> str:
    return _of_data(build, "without", x, value=float(layer.mask_value))


def _of_data(build: Builder, name: str, x: str, **settings: Any) -> str:
    """A function of numbers that come from an input as they are."""
    if build.carries_spikes(x):
        raise build.error("compares what spikes carry with a number. Give the mask a place before the first neurons.")
    return build.add(Function, name, (x,), build.shape(x), function=name, settings=json.dumps(settings))


@handles(operation_type(lambda x: ops.swapaxes(x, 1, 2)))
def swapaxes(operation: Any, build: Builder, x: str) -> str:
    rank = len(build.shape(x)) + 1
    first, second = operation.axis1 % rank, operation.axis2 % rank
    if 0 in (first, second):
        raise build.error(f"moves the axis of the samples (axes {first} and {second}). Keep it first.")
    axes = list(range(rank - 1))
    axes[first - 1], axes[second - 1] = axes[second - 1], axes[first - 1]
    return permute(build, x, tuple(axes), "permuted")
