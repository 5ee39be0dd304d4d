"""Nodes that put numbers elsewhere: the axes they count are those of one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...neurons.base import Array
from .base import Linear, Pairs


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(Linear):
    """The same numbers in another shape, in row-major order."""

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.reshape(xs[0], (-1, *self.shape))


@dataclass(frozen=True, eq=False, kw_only=True)
class Permute(Linear):
    """The axes in another order: axis `axes[i]` of the input becomes axis i."""

    axes: tuple[int, ...]

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.transpose(xs[0], (0, *(axis + 1 for axis in self.axes)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Linear):
    """Zeros (before, after) each axis."""

    padding: Pairs

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.pad(xs[0], ((0, 0), *self.padding))


@dataclass(frozen=True, eq=False, kw_only=True)
class Crop(Linear):
    """A box out of the input: it starts at `start` and has this node's shape."""

    start: tuple[int, ...]

    def apply(self, *xs: Array, xp: Any) -> Array:
        box = (slice(first, first + size) for first, size in zip(self.start, self.shape, strict=True))
        return xs[0][(slice(None), *box)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Upsample(Linear):
    """Every axis longer by a whole factor.

    Parameters
    ----------
    factors : one number per axis
    interpolation : str
        "nearest" repeats each number; "linear" interpolates between the centres of the places, and repeats the
        numbers at the ends.
    """

    factors: tuple[int, ...]
    interpolation: str = "nearest"

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.upsample(xs[0], self.factors, self.interpolation)
