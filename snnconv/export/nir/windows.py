"""Convolutions as NIR's readers take them: no groups, the same window and the same padding on both sides of an axis.

Readers infer shapes from the window's first axis and from the kernel's channels (nir 1.0.8), so a window is filled up
with zeros to a square, and groups are written out. Padding that differs before and after becomes zeros in the window.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ...graph import AveragePool, Conv

MAX_GROWTH = 8  # places that a window may grow by


def symmetric(conv: Conv, space: tuple[int, ...]) -> Conv | None:
    """The same convolution with a window of one size on all axes, padding alike at both ends, and without groups.

    Parameters
    ----------
    space : tuple of int
        Spatial shape of the input.

    Returns
    -------
    Conv or None
        None where none exists: an even and an odd window without strides.
    """
    conv = ungrouped(conv)
    found = _fill(conv, space)
    if found is None and any(size != 1 for size in conv.dilation):
        found = _fill(undilated(conv), space)
    return found


def ungrouped(conv: Conv) -> Conv:
    """The same convolution with the zeros between groups written out."""
    if conv.groups == 1:
        return conv
    n_in, n_out = conv.kernel.shape[-2], conv.kernel.shape[-1] // conv.groups
    kernel = np.zeros((*conv.kernel.shape[:-2], n_in * conv.groups, conv.kernel.shape[-1]))
    for group in range(conv.groups):
        rows, columns = slice(group * n_in, (group + 1) * n_in), slice(group * n_out, (group + 1) * n_out)
        kernel[..., rows, columns] = conv.kernel[..., columns]
    return dataclasses.replace(conv, kernel=kernel, groups=1)


def average_as_conv(pool: AveragePool) -> Conv | None:
    """Average pooling as a convolution, or None where it has padding, which does not count in a mean."""
    if any(any(pair) for pair in pool.padding):
        return None
    n_channels = pool.shape[-1]
    kernel = np.broadcast_to(np.eye(n_channels) / math.prod(pool.size), (*pool.size, n_channels, n_channels))
    return Conv(
        name=pool.name,
        inputs=pool.inputs,
        shape=pool.shape,
        kernel=kernel,
        strides=pool.strides,
        padding=pool.padding,
        dilation=(1,) * len(pool.size),
    )


def _fill(conv: Conv, space: tuple[int, ...]) -> Conv | None:
    """The convolution with zeros around its window, for the smallest window that does."""
    largest = max(conv.kernel.shape[:-2])
    for size in range(largest, largest + MAX_GROWTH + 1):
        before = [_zeros_before(conv, space, axis, size) for axis in range(len(space))]
        if any(zeros is None for zeros in before):
            continue
        fronts = [zeros for zeros in before if zeros is not None]
        window = zip(fronts, conv.kernel.shape, strict=False)
        kernel = np.pad(conv.kernel, [*((front, size - front - n) for front, n in window), (0, 0), (0, 0)])
        pads = (pair[0] + front * step for pair, front, step in zip(conv.padding, fronts, conv.dilation, strict=True))
        return dataclasses.replace(conv, kernel=kernel, padding=tuple((pad, pad) for pad in pads))
    return None


def _zeros_before(conv: Conv, space: tuple[int, ...], axis: int, size: int) -> int | None:
    """Number of zeros in front of a window filled up to `size` that keeps the number of outputs on this axis."""
    n, window, step, stride = space[axis], conv.kernel.shape[axis], conv.dilation[axis], conv.strides[axis]
    before, after = conv.padding[axis]
    wanted = (n + before + after - (window - 1) * step - 1) // stride
    for front in range(size - window + 1):
        if (n + 2 * (before + front * step) - (size - 1) * step - 1) // stride == wanted:
            return front
    return None


def undilated(conv: Conv) -> Conv:
    """The same convolution with the gaps in its window written out as zeros."""
    *window, n_in, n_out = conv.kernel.shape
    sizes = [(n - 1) * step + 1 for n, step in zip(window, conv.dilation, strict=True)]
    kernel = np.zeros((*sizes, n_in, n_out))
    kernel[tuple(slice(None, None, step) for step in conv.dilation)] = conv.kernel
    return dataclasses.replace(conv, kernel=kernel, dilation=(1,) * len(sizes))
