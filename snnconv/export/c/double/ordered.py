"""The operations of the NumPy loop with sums in the order of the C program: `numpy_ops` in all else.

A product of matrices in NumPy sums up in blocks, in an order of the processor's own, so its last bits are its own too.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ....neurons import numpy_ops
from ....neurons.numpy_ops import Pairs


def matmul(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """``x @ kernel``, one input after the other."""
    total = np.zeros((*x.shape[:-1], kernel.shape[-1]), x.dtype)
    for number, weights in enumerate(kernel):
        total += x[..., number, None] * weights
    return total


def conv(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
    groups: int,
) -> np.ndarray:
    """As `numpy_ops.conv`, one place of the window after the other, and there one channel after the other."""
    *window, n_in, filters = kernel.shape
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    axes = zip(x.shape[1:-1], window, strides, dilation, strict=True)
    size = [(n - (w - 1) * rate - 1) // stride + 1 for n, w, stride, rate in axes]
    total = np.zeros((len(x), *size, filters), x.dtype)
    for offset in np.ndindex(*window):
        steps = zip(offset, size, strides, dilation, strict=True)
        seen = x[(slice(None), *(slice(o * rate, o * rate + (n - 1) * s + 1, s) for o, n, s, rate in steps))]
        for channel in range(n_in):
            # the same channel of each group, for all filters of its group
            total += np.repeat(seen[..., channel::n_in], filters // groups, -1) * kernel[offset][channel]
    return total


ORDERED = SimpleNamespace(
    **({name: getattr(numpy_ops, name) for name in numpy_ops.__all__} | {"matmul": matmul, "conv": conv})
)
