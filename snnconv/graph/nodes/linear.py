"""Nodes without a memory that calculate: products with a kernel, sums, and numbers one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...neurons.base import Array
from .base import Linear, Pairs
from .kernels import Factors

_FACTORS = Factors()


@dataclass(frozen=True, eq=False, kw_only=True)
class Weighted(Linear, abstract=True):
    """A linear layer: the last two axes of its kernel are the channels that come in and those that go out.

    Parameters
    ----------
    kernel : (*window, channels, filters) array
    bias : (filters,) array or None
    """

    kernel: Factors = _FACTORS
    bias: np.ndarray | None = None
    array_fields: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    def with_bias(self, y: Array) -> Array:
        """``y + bias``, where there is one."""
        return y if self.bias is None else y + self.bias


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Weighted):
    """``y = x @ kernel + bias`` over the last axis.

    Parameters
    ----------
    kernel : (n_in, n_out) array
    bias : (n_out,) array or None
    """

    def apply(self, *xs: Array, xp: Any) -> Array:
        x, between = xs[0], tuple(xs[0].shape[1:-1])
        if not between:
            return self.with_bias(xp.matmul(x, self.kernel))
        # TensorFlow adds the bias to a product of two matrices in it
        y = self.with_bias(xp.matmul(xp.reshape(x, (-1, x.shape[-1])), self.kernel))
        return xp.reshape(y, (-1, *between, y.shape[-1]))


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Weighted):
    """Convolution in 1, 2 or 3 dimensions, channels last, with zero padding.

    Parameters
    ----------
    kernel : (*window, channels // groups, filters) array
    bias : (filters,) array or None
    strides, dilation : one number per spatial axis
    padding : (before, after) per spatial axis
    """

    strides: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    groups: int = 1

    def apply(self, *xs: Array, xp: Any) -> Array:
        return self.with_bias(xp.conv(xs[0], self.kernel, self.strides, self.padding, self.dilation, self.groups))


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvTranspose(Weighted):
    """Transposed convolution in 1, 2 or 3 dimensions, channels last.

    Input place i adds ``x[i] @ kernel[k]`` to output place ``i · stride + k · dilation - before``.

    Parameters
    ----------
    kernel : (*window, channels, filters) array
        Channels before filters as in `Conv`; Keras has them the other way round in its transposed convolutions.
    bias : (filters,) array or None
    strides, dilation : one number per spatial axis
    padding : (before, after) per spatial axis
        Places cut off at the ends; below 0 where places are added instead.
    """

    strides: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]

    def apply(self, *xs: Array, xp: Any) -> Array:
        return self.with_bias(xp.conv_transpose(xs[0], self.kernel, self.strides, self.padding, self.dilation))


@dataclass(frozen=True, eq=False, kw_only=True)
class Affine(Linear):
    """``y = scale * x + offset``; what could not be folded into a kernel.

    Parameters
    ----------
    scale : array that broadcasts against the shape
    offset : array that broadcasts against the shape, or None
    """

    scale: np.ndarray
    offset: np.ndarray | None = None
    array_fields: ClassVar[tuple[str, ...]] = ("scale", "offset")

    def apply(self, *xs: Array, xp: Any) -> Array:
        y = xs[0] * self.scale
        return y if self.offset is None else y + self.offset


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Linear):
    """Sum of inputs of the same shape."""

    def apply(self, *xs: Array, xp: Any) -> Array:
        total = xs[0]
        for x in xs[1:]:
            total = total + x
        return total


@dataclass(frozen=True, eq=False, kw_only=True)
class Concatenate(Linear):
    """The inputs side by side along `axis`, counted without the axis of the samples."""

    axis: int

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.concatenate(xs, self.axis + 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Lookup(Linear):
    """Rows of a table: each number of the input is cut to an integer, as in Keras, and gives way to that row.

    Parameters
    ----------
    table : (n_rows, n_columns) array
    """

    table: np.ndarray
    array_fields: ClassVar[tuple[str, ...]] = ("table",)

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.take(self.table, xs[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Readout(Linear):
    """A function of the network's output that is not linear, such as softmax.

    It belongs to the reader, not to the spiking network: a run passes its input on as it is, and `predict` applies
    the function to the average over time.

    Parameters
    ----------
    function : str
    within : tuple of int or None
        Shape that the numbers of a sample take on for the function, which may act along the last axis. None: their own.
    """

    function: str
    within: tuple[int, ...] | None = None

    def apply(self, *xs: Array, xp: Any) -> Array:
        function = getattr(xp, self.function)
        if self.within is None:
            return function(xs[0])
        return xp.reshape(function(xp.reshape(xs[0], (-1, *self.within))), (-1, *self.shape))
