"""Nodes that calculate number by number, or join numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...neurons.base import Array
from .base import Linear


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
class Readout(Linear):
    """A function of the network's output that is not linear, such as softmax.

    It belongs to the reader, not to the spiking network: a run passes its input on as it is, and `predict` applies
    the function to the average over time.
    """

    function: str

    def apply(self, *xs: Array, xp: Any) -> Array:
        return getattr(xp, self.function)(xs[0])
