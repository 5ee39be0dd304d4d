"""Functions of signals by name: the activations that no threshold gives, products, extremes, and those over axes.

Each is written once against an array namespace, and a graph names it with its settings. Arrays start with the axis of
the samples; an `axis` counts the axes of one sample. Where Keras' function has a pole or no value, the numbers here
stay finite: a mean over the first few steps can be anywhere.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ParameterError
from . import numpy_ops
from .accumulating import softplus
from .base import Array

FUNCTIONS: dict[str, SignalFunction] = {}

_TINY = 1e-30  # below it nothing is divided by, and no logarithm or root taken
_SAME = 1e-5  # a number and the mean of equal ones differ by rounding
_MASKED = -1e9  # in the place of minus infinity, which would be NaN where a whole row is hidden


@dataclass(frozen=True)
class SignalFunction:
    """A function of one or more signals.

    Parameters
    ----------
    compute : function of (*xs, xp, **settings)
        Arrays in, an array out; `xp` is the array namespace.
    cost : int
        Multiplications, divisions and calls of exp and the like, for each value of the largest array.
    elementwise : bool
        Whether every value depends on the values at its own place alone.
    """

    compute: Callable[..., Array]
    cost: int = 1
    elementwise: bool = True


def register_function(
    function: Callable[..., Array], name: str | None = None, *, cost: int = 1
) -> Callable[..., Array]:
    """Let networks with an activation of your own convert, by the function's name.

    Parameters
    ----------
    function : function of (x, xp)
        What the activation computes, value by value, written against an array namespace: `xp` is
        `snnconv.neurons.numpy_ops` or its equal for TensorFlow. Arithmetic and comparisons work on the arrays
        themselves; for the rest there are ``xp.exp``, ``xp.tanh``, ``xp.where``, ``xp.maximum`` and others.
    name : str or None
        Name of the activation in the Keras model. None: the function's own.
    cost : int
        Multiplications, divisions and calls of exp and the like for one value: what `snnconv.energy` counts.

    Returns
    -------
    function
        The same, so that this can stand as a decorator.

    Raises
    ------
    ParameterError
        If the name is taken by another function, or the function is not elementwise.
    """
    name = name or function.__name__
    if name in _OWN:
        raise ParameterError(f"register_function: '{name}' is a function of snnconv. Give yours another name.")
    if "xp" not in inspect.signature(function).parameters:
        raise ParameterError(
            f"register_function: '{name}' must take (x, xp), an array and the namespace of its operations. Received "
            f"{name}{inspect.signature(function)}."
        )
    _check_elementwise(name, function)
    FUNCTIONS[name] = SignalFunction(function, cost)
    return function


def _check_elementwise(name: str, function: Callable[..., Array]) -> None:
    x = np.linspace(-3.0, 3.0, 24).reshape(2, 3, 4)
    whole = np.asarray(function(x, xp=numpy_ops))
    parts = np.array([function(np.full((1, 1, 1), value), xp=numpy_ops) for value in x.flat]) if whole.size else whole
    if whole.shape != x.shape or not np.allclose(whole.reshape(-1), parts.reshape(-1), equal_nan=True):
        raise ParameterError(
            f"register_function: '{name}' is not elementwise: a value of it depends on the other values beside it. "
            f"Use layers for what joins values (Softmax, LayerNormalization, Multiply, …), and register the rest."
        )


def _relu(
    x: Array, xp: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Array:
    zero = xp.zeros_like(x)
    above = x if max_value is None else xp.minimum(x, zero + max_value)
    return xp.where(x >= threshold, above, negative_slope * (x - threshold))


def _elu(x: Array, xp: Any, alpha: float = 1.0) -> Array:
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, xp.zeros_like(x))))


def _selu(x: Array, xp: Any) -> Array:
    return 1.0507009873554805 * _elu(x, xp, 1.6732632423543772)


def _celu(x: Array, xp: Any, alpha: float = 1.0) -> Array:
    return _elu(x / alpha, xp) * alpha


def _gelu(x: Array, xp: Any, approximate: bool = False) -> Array:
    if approximate:
        return 0.5 * x * (1 + xp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + xp.erf(x * math.sqrt(0.5)))


def _squareplus(x: Array, xp: Any, b: float = 4.0) -> Array:
    return 0.5 * (x + xp.sqrt(x * x + b))


def _sparse_plus(x: Array, xp: Any) -> Array:
    zero = xp.zeros_like(x)
    return xp.where(x < -1, zero, xp.where(x < 1, 0.25 * (x + 1) * (x + 1), x))


def _soft_shrink(x: Array, xp: Any, threshold: float = 0.5) -> Array:
    zero = xp.zeros_like(x)
    return xp.maximum(x - threshold, zero) + xp.minimum(x + threshold, zero)


def _hard_shrink(x: Array, xp: Any, threshold: float = 0.5) -> Array:
    return xp.where(_abs(x, xp) > threshold, x, xp.zeros_like(x))


def _threshold(x: Array, xp: Any, threshold: float, default_value: float) -> Array:
    return xp.where(x > threshold, x, xp.zeros_like(x) + default_value)


def _clip(x: Array, xp: Any, x_min: float = -math.inf, x_max: float = math.inf) -> Array:
    zero = xp.zeros_like(x)
    return xp.minimum(xp.maximum(x, zero + x_min), zero + x_max)


def _abs(x: Array, xp: Any) -> Array:
    return xp.maximum(x, -x)


def _positive(x: Array, xp: Any) -> Array:
    return xp.maximum(x, xp.zeros_like(x) + _TINY)


def _sqrt(x: Array, xp: Any) -> Array:
    return xp.sqrt(xp.maximum(x, xp.zeros_like(x)))


def _rsqrt(x: Array, xp: Any) -> Array:
    return 1 / xp.sqrt(_positive(x, xp))


def _divide(x: Array, y: Array, xp: Any) -> Array:
    zero = xp.zeros_like(y)
    return x / xp.where(_abs(y, xp) > _TINY, y, zero + _TINY)


def _power(x: Array, xp: Any, exponent: float) -> Array:
    if exponent == int(exponent) and 0 <= exponent <= 8:
        y = xp.ones_like(x)
        for _ in range(int(exponent)):
            y = y * x
        return y
    return xp.exp(exponent * xp.log(_positive(x, xp)))


def _multiply(*xs: Array, xp: Any) -> Array:
    y = xs[0]
    for x in xs[1:]:
        y = y * x
    return y


def _maximum(*xs: Array, xp: Any) -> Array:
    y = xs[0]
    for x in xs[1:]:
        y = xp.maximum(y, x)
    return y


def _minimum(*xs: Array, xp: Any) -> Array:
    return -_maximum(*(-x for x in xs), xp=xp)


def _axes(axis: Any) -> tuple[int, ...]:
    """Axes of an array, of those of one sample."""
    return tuple(each + 1 for each in (axis if isinstance(axis, tuple) else (axis,)))


def _softmax(x: Array, xp: Any, axis: Any) -> Array:
    axes = _axes(axis)
    if axes == (len(x.shape) - 1,):
        return xp.softmax(x)
    y = xp.exp(x - xp.max_over(x, axes))
    return y / xp.sum_over(y, axes)


def _log_softmax(x: Array, xp: Any, axis: Any) -> Array:
    axes = _axes(axis)
    shifted = x - xp.max_over(x, axes)
    return shifted - xp.log(xp.sum_over(xp.exp(shifted), axes))


def _glu(x: Array, xp: Any, axis: Any) -> Array:
    """The first half of an axis times the sigmoid of the second."""
    (place,) = _axes(axis)
    half = x.shape[place] // 2
    front = (slice(None),) * place
    return x[(*front, slice(0, half))] * xp.sigmoid(x[(*front, slice(half, 2 * half))])


def _differs(x: Array, xp: Any, value: float) -> Array:
    """1 where a number is not the value, 0 where it is, or the mean of such numbers over some steps."""
    zero = xp.zeros_like(x)
    return xp.where(_abs(x - value, xp) > _SAME * max(1.0, abs(value)), zero + 1, zero)


def _without(x: Array, xp: Any, value: float) -> Array:
    """0 along the last axis where all numbers of it are the value."""
    return x * xp.max_over(_differs(x, xp, value), (len(x.shape) - 1,))


def _chosen(mask: Array, x: Array, y: Array, xp: Any) -> Array:
    """``x`` where the mask is 1, ``y`` where it is 0."""
    return xp.where(mask + xp.zeros_like(x) > 0.5, x, y)


def _masked(x: Array, mask: Array, xp: Any) -> Array:
    """Scores, with a very low number where the mask, a signal, is 0."""
    return xp.where(_abs(mask, xp) > 0, x, xp.zeros_like(x) + _MASKED)


def _standardise(x: Array, xp: Any, axis: Any, epsilon: float = 1e-3, centre: bool = True) -> Array:
    """``(x - mean)/sqrt(variance + epsilon)`` over axes; without the mean in the numerator where not `centre`."""
    axes = _axes(axis)
    centred = x - xp.mean_over(x, axes)
    return (centred if centre else x) / xp.sqrt(xp.mean_over(centred * centred, axes) + epsilon)


def _root_mean_square(x: Array, xp: Any, axis: Any, epsilon: float = 1e-6) -> Array:
    """``x/sqrt(mean of x² + epsilon)`` over axes."""
    return x / xp.sqrt(xp.mean_over(x * x, _axes(axis)) + epsilon)


def _unit_norm(x: Array, xp: Any, axis: Any, epsilon: float = 1e-12, order: int = 2) -> Array:
    """``x`` divided by its norm over axes."""
    if order == 1:
        return x / (xp.sum_over(_abs(x, xp), _axes(axis)) + epsilon)
    return x / xp.sqrt(xp.maximum(xp.sum_over(x * x, _axes(axis)), xp.zeros_like(x[:1]) + epsilon))


def _extreme(sign: int) -> Callable[..., Array]:
    def compute(x: Array, xp: Any, axis: Any) -> Array:
        return sign * xp.max_over(sign * x, _axes(axis))

    return compute


def _einsum(x: Array, y: Array, xp: Any, equation: str) -> Array:
    return xp.einsum(equation, x, y)


_ELEMENTWISE: Mapping[str, SignalFunction] = {
    "relu": SignalFunction(_relu, 0),
    "relu6": SignalFunction(lambda x, xp: _clip(x, xp, 0.0, 6.0), 0),
    "leaky_relu": SignalFunction(lambda x, xp, negative_slope=0.2: _relu(x, xp, negative_slope)),
    "sigmoid": SignalFunction(lambda x, xp: xp.sigmoid(x)),
    "tanh": SignalFunction(lambda x, xp: xp.tanh(x)),
    "softplus": SignalFunction(softplus, 2),
    "softsign": SignalFunction(lambda x, xp: x / (1 + _abs(x, xp))),
    "hard_sigmoid": SignalFunction(lambda x, xp: _clip(x / 6 + 0.5, xp, 0.0, 1.0)),
    "sparse_sigmoid": SignalFunction(lambda x, xp: _clip(x / 2 + 0.5, xp, 0.0, 1.0)),
    "silu": SignalFunction(lambda x, xp: x * xp.sigmoid(x), 2),
    "gelu": SignalFunction(_gelu, 4),
    "elu": SignalFunction(_elu, 2),
    "selu": SignalFunction(_selu, 3),
    "celu": SignalFunction(_celu, 4),
    "mish": SignalFunction(lambda x, xp: x * xp.tanh(softplus(x, xp)), 4),
    "hard_silu": SignalFunction(lambda x, xp: x * _clip(x / 6 + 0.5, xp, 0.0, 1.0), 2),
    "hard_tanh": SignalFunction(lambda x, xp: _clip(x, xp, -1.0, 1.0), 0),
    "hard_shrink": SignalFunction(_hard_shrink, 0),
    "soft_shrink": SignalFunction(_soft_shrink, 0),
    "tanh_shrink": SignalFunction(lambda x, xp: x - xp.tanh(x)),
    "threshold": SignalFunction(_threshold, 0),
    "log_sigmoid": SignalFunction(lambda x, xp: -softplus(-x, xp), 2),
    "squareplus": SignalFunction(_squareplus, 3),
    "sparse_plus": SignalFunction(_sparse_plus, 2),
    "exponential": SignalFunction(lambda x, xp: xp.exp(x)),
    "expm1": SignalFunction(lambda x, xp: xp.expm1(x)),
    "log": SignalFunction(lambda x, xp: xp.log(_positive(x, xp))),
    "log1p": SignalFunction(lambda x, xp: xp.log1p(xp.maximum(x, xp.zeros_like(x) + (1e-7 - 1)))),
    "sqrt": SignalFunction(_sqrt),
    "rsqrt": SignalFunction(_rsqrt, 2),
    "reciprocal": SignalFunction(lambda x, xp: _divide(xp.ones_like(x), x, xp)),
    "square": SignalFunction(lambda x, xp: x * x),
    "power": SignalFunction(_power, 4),
    "abs": SignalFunction(_abs, 0),
    "sign": SignalFunction(lambda x, xp: xp.sign(x), 0),
    "clip": SignalFunction(_clip, 0),
    "sin": SignalFunction(lambda x, xp: xp.sin(x)),
    "cos": SignalFunction(lambda x, xp: xp.cos(x)),
    "erf": SignalFunction(lambda x, xp: xp.erf(x)),
    "multiply": SignalFunction(_multiply),
    "divide": SignalFunction(_divide),
    "maximum": SignalFunction(_maximum, 0),
    "minimum": SignalFunction(_minimum, 0),
    "tanh_of_sum": SignalFunction(lambda x, y, xp: xp.tanh(x + y)),
    "masked": SignalFunction(_masked, 0),
    "differs": SignalFunction(_differs, 0),
    "chosen": SignalFunction(_chosen, 0),
}
_OVER_AXES: Mapping[str, SignalFunction] = {
    "softmax": SignalFunction(_softmax, 2, elementwise=False),
    "log_softmax": SignalFunction(_log_softmax, 1, elementwise=False),
    "glu": SignalFunction(_glu, 2, elementwise=False),
    "standardise": SignalFunction(_standardise, 2, elementwise=False),
    "root_mean_square": SignalFunction(_root_mean_square, 2, elementwise=False),
    "unit_norm": SignalFunction(_unit_norm, 2, elementwise=False),
    "without": SignalFunction(_without, 1, elementwise=False),
    "max": SignalFunction(_extreme(1), 0, elementwise=False),
    "min": SignalFunction(_extreme(-1), 0, elementwise=False),
    "einsum": SignalFunction(_einsum, 1, elementwise=False),
}
_OWN = frozenset({**_ELEMENTWISE, **_OVER_AXES})
FUNCTIONS.update(_ELEMENTWISE)
FUNCTIONS.update(_OVER_AXES)
