"""Pooling over windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...neurons.base import Array
from .base import Linear, Pairs


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragePool(Linear):
    """Mean over windows; padding does not count.

    Parameters
    ----------
    size, strides : one number per spatial axis
    padding : (before, after) per spatial axis
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Pairs

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.average_pool(xs[0], self.size, self.strides, self.padding)
