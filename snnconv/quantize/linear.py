"""Dense layers and convolutions with float weights, and one layer out of two that follow each other."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass

import numpy as np

from ..graph import AveragePool, Conv, Dense
from ..graph.nodes import Pairs

Shape = tuple[int, ...]
MAX_RANK = 3  # spatial axes


@dataclass(frozen=True, eq=False)
class Linear:
    """A dense layer or a convolution, with float weights.

    Parameters
    ----------
    kernel : (n_in, n_out) or (*window, channels // groups, filters) array
    bias : (n_out,) or (filters,) array
    input_shape : tuple of int
        Shape that it reads its input in.
    strides, padding, dilation, groups : as in `graph.Conv`; empty for dense layers
    """

    kernel: np.ndarray
    bias: np.ndarray
    input_shape: Shape
    strides: tuple[int, ...] = ()
    padding: Pairs = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1

    @property
    def output_shape(self) -> Shape:
        """Shape of its output."""
        return output_shape(self.kernel.shape, self.input_shape, self.strides, self.padding, self.dilation)

    @property
    def keeps_borders(self) -> bool:
        """Whether it is a convolution of every place by itself that makes zeros of zeros."""
        is_pointwise = all(size == 1 for size in (*self.kernel.shape[:-2], *self.strides))
        return is_pointwise and bool(self.strides) and not np.any(self.padding) and not np.any(self.bias)

    def scaled(self, scale: np.ndarray | float, offset: np.ndarray | float) -> Linear:
        """The layer with an affine function of its output, one number per channel, folded in."""
        return dataclasses.replace(self, kernel=self.kernel * scale, bias=self.bias * scale + offset)


def output_shape(
    kernel: Shape, input_shape: Shape, strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...]
) -> Shape:
    """Shape of what a kernel of a shape gives; strides are empty for dense layers."""
    axes = zip(input_shape, padding, kernel, dilation, strides, strict=False)
    places = ((n + sum(pad) - (window - 1) * rate - 1) // stride + 1 for n, pad, window, rate, stride in axes)
    return (*places, kernel[-1])


def from_channels(array: np.ndarray, shape: Shape) -> np.ndarray:
    """One number per channel of a kernel as an array per neuron.

    Parameters
    ----------
    shape : tuple of int
        Of the neurons, in whatever shape the kernel gives their numbers in row-major order.
    """
    return np.broadcast_to(array, (math.prod(shape) // array.size, array.size)).reshape(shape)


def of_dense(node: Dense, input_shape: Shape) -> Linear:
    """A dense layer; a convolution with a window of one place where its input has spatial axes."""
    bias = np.zeros(node.kernel.shape[-1]) if node.bias is None else node.bias
    rank = len(input_shape) - 1
    if rank == 0:
        return Linear(node.kernel, bias, input_shape)
    kernel = node.kernel.reshape((1,) * rank + node.kernel.shape)
    return Linear(kernel, bias, input_shape, (1,) * rank, ((0, 0),) * rank, (1,) * rank)


def of_conv(node: Conv, input_shape: Shape) -> Linear:
    """A convolution of the graph."""
    bias = np.zeros(node.kernel.shape[-1]) if node.bias is None else node.bias
    return Linear(node.kernel, bias, input_shape, node.strides, node.padding, node.dilation, node.groups)


def of_average_pool(node: AveragePool, input_shape: Shape) -> Linear:
    """An average pool without padding, as a depthwise convolution."""
    channels, rank = input_shape[-1], len(node.size)
    kernel = np.full((*node.size, 1, channels), 1 / np.prod(node.size))
    return Linear(kernel, np.zeros(channels), input_shape, node.strides, ((0, 0),) * rank, (1,) * rank, channels)


def elementwise(scale: np.ndarray, offset: np.ndarray, shape: Shape) -> Linear:
    """``scale * x + offset`` number by number, as a depthwise convolution of one place.

    Where numbers differ from place to place, or there are no places, it has a channel for each number.
    """
    arrays, rank = (np.asarray(scale), np.asarray(offset)), len(shape) - 1
    if 1 <= rank <= MAX_RANK and all(math.prod(array.shape[:-1]) == 1 for array in arrays):
        numbers = [np.broadcast_to(array.ravel(), shape[-1:]) for array in arrays]
    else:
        numbers = [np.broadcast_to(array, shape).ravel() for array in arrays]
        rank, shape = 1, (1, math.prod(shape))
    ones = (1,) * rank
    kernel = numbers[0].reshape(*ones, 1, shape[-1])
    return Linear(kernel, numbers[1], shape, ones, ((0, 0),) * rank, ones, shape[-1])


def compose(first: Linear, second: Linear) -> Linear | None:
    """Both layers as one, or None where none of the two kinds computes the same.

    Two convolutions make one with a larger window if the second does not pad: a border of zeros between the two is
    not a border of zeros before them, but where the first has windows of one place and no bias. A convolution and a
    dense layer that reads all of its places make a dense layer.
    """
    if first.strides and second.input_shape == (math.prod(first.output_shape),):
        return _flattened(first, second)
    if second.input_shape != first.output_shape:
        return None
    if not first.strides and not second.strides:
        return Linear(first.kernel @ second.kernel, first.bias @ second.kernel + second.bias, first.input_shape)
    if not first.strides or (np.any(second.padding) and not first.keeps_borders):
        return None
    filters = first.kernel.shape[-1]
    is_depthwise = second.groups == filters == second.kernel.shape[-1]
    if not is_depthwise and second.groups > 1:
        return None
    if not is_depthwise:
        first = _ungrouped(first)
    rates = [(d, s * d2) for d, s, d2 in zip(first.dilation, first.strides, second.dilation, strict=True)]
    sizes = zip(first.kernel.shape, second.kernel.shape, rates, strict=False)
    window = [(w - 1) * rate + (w2 - 1) * rate2 + 1 for w, w2, (rate, rate2) in sizes]
    kernel = np.zeros((*window, first.kernel.shape[-2], second.kernel.shape[-1]))
    bias = second.bias.astype("float64")
    for at2 in np.ndindex(*second.kernel.shape[:-2]):
        weights = second.kernel[at2]
        bias = bias + (first.bias * weights[0] if is_depthwise else first.bias @ weights)
        for at in np.ndindex(*first.kernel.shape[:-2]):
            place = tuple(a * rate + a2 * rate2 for a, a2, (rate, rate2) in zip(at, at2, rates, strict=True))
            kernel[place] += first.kernel[at] * weights[0] if is_depthwise else first.kernel[at] @ weights
    strides = tuple(s * s2 for s, s2 in zip(first.strides, second.strides, strict=True))
    padding = second.padding if np.any(second.padding) else first.padding
    return Linear(kernel, bias, first.input_shape, strides, padding, (1,) * len(strides), first.groups)


def _flattened(first: Linear, second: Linear) -> Linear:
    """A convolution and a dense layer on all of its places, of kernel (n_places * filters, n), as one dense layer.

    Each place of the window adds products of the kernels at the places of the input that it reads, of which those on
    the border are left out.
    """
    *places, _ = first.output_shape
    *space, _ = first.input_shape
    *window, depth, filters = first.kernel.shape
    weights = second.kernel.reshape(*places, first.groups, filters // first.groups, -1)
    padded = np.zeros(
        (*(n + sum(pad) for n, pad in zip(space, first.padding, strict=True)), first.groups, depth, weights.shape[-1])
    )
    axes = list(zip(places, first.strides, first.dilation, strict=True))
    for at in np.ndindex(*window):
        read = tuple(
            slice(a * rate, a * rate + (n - 1) * stride + 1, stride)
            for a, (n, stride, rate) in zip(at, axes, strict=True)
        )
        padded[read] += first.kernel[at].reshape(depth, first.groups, -1).swapaxes(0, 1) @ weights
    inner = tuple(slice(before, before + n) for n, (before, _) in zip(space, first.padding, strict=True))
    kernel = padded[inner].reshape(math.prod(first.input_shape), -1)
    bias = first.bias @ second.kernel.reshape(-1, filters, weights.shape[-1]).sum(0) + second.bias
    return Linear(kernel, bias, kernel.shape[:1])


def _ungrouped(layer: Linear) -> Linear:
    """The convolution with one kernel over all channels, zeros where its groups do not reach."""
    if layer.groups == 1:
        return layer
    *window, n_in, filters = layer.kernel.shape
    kernel = np.zeros((*window, n_in * layer.groups, filters))
    ends = itertools.pairwise(range(0, filters + 1, filters // layer.groups))
    for group, (start, end) in enumerate(ends):
        kernel[..., group * n_in : (group + 1) * n_in, start:end] = layer.kernel[..., start:end]
    return dataclasses.replace(layer, kernel=kernel, groups=1)
