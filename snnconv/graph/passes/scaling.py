"""Scales and offsets on their way through the nodes that have no kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import pairwise

import numpy as np

from ...neurons import numpy_ops
from .. import Add, Affine, AveragePool, Concatenate, Filter, Linear, Node, Reshape
from ..nodes import Crop, Pad, Permute, Upsample

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Scaling:
    """``y = scale * x + offset`` for values of `shape`; both arrays without leading axes along which they are constant.

    Parameters
    ----------
    scale, offset : arrays that broadcast against the shape
    shape : tuple of int
    """

    scale: np.ndarray
    offset: np.ndarray
    shape: Shape

    @classmethod
    def of(cls, affine: Affine) -> Scaling:
        """The scale and the offset of an Affine."""
        return cls.compact(affine.scale, 0.0 if affine.offset is None else affine.offset, affine.shape)

    @classmethod
    def compact(cls, scale: np.ndarray | float, offset: np.ndarray | float, shape: Shape) -> Scaling:
        """A scaling by arrays that may have more axes than they need."""
        return cls(_compact(np.asarray(scale, "float64")), _compact(np.asarray(offset, "float64")), shape)

    @property
    def per_channel(self) -> bool:
        """Whether it is the same at every place."""
        return self.scale.ndim <= 1 and self.offset.ndim <= 1

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return bool(np.all(self.scale == 1) and not np.any(self.offset))

    def on_channels(self) -> tuple[np.ndarray, np.ndarray]:
        """Scale and offset as one number per channel."""
        return np.broadcast_to(self.scale, self.shape[-1:]), np.broadcast_to(self.offset, self.shape[-1:])

    def moved(self, move: Callable[[np.ndarray], np.ndarray], shape: Shape) -> Scaling:
        """The scaling of what `move` makes of the values: both arrays as (1, *shape) go through it."""
        scale, offset = (move(np.broadcast_to(array, (1, *self.shape)))[0] for array in (self.scale, self.offset))
        return Scaling.compact(scale, offset, shape)

    def at(self, shape: Shape) -> Scaling:
        """The same numbers per channel for values of another shape."""
        return dataclasses.replace(self, shape=shape)

    def equals(self, other: Scaling) -> bool:
        """Whether both do the same."""
        return np.array_equal(self.scale, other.scale) and np.array_equal(self.offset, other.offset)


@singledispatch
def scalings_of_inputs(node: Node, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    """Scalings of a node's inputs that together amount to `both` on its output, or None where there are none."""
    return None


@scalings_of_inputs.register
def _(node: Reshape, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    return [both.moved(lambda array: array.reshape(1, *shapes[0]), shapes[0])]


@scalings_of_inputs.register
def _(node: Permute, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    axes = (0, *(1 + node.axes.index(axis) for axis in range(len(node.axes))))
    return [both.moved(lambda array: array.transpose(axes), shapes[0])]


@scalings_of_inputs.register
def _(node: Crop, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    # what is cropped away may be scaled by anything
    sizes = zip(node.start, node.shape, shapes[0], strict=True)
    outside = ((0, 0), *((start, whole - start - size) for start, size, whole in sizes))
    return [both.moved(lambda array: np.pad(array, outside, mode="edge"), shapes[0])]


@scalings_of_inputs.register
def _(node: Pad, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    inside = (slice(None), *(slice(before, before + n) for (before, _), n in zip(node.padding, shapes[0], strict=True)))
    part = both.moved(lambda array: array[inside], shapes[0])
    # zeros stay zeros whatever their scale, but can get no offset
    outside = node.apply(part.offset * np.ones((1, *part.shape)), xp=numpy_ops)[0]
    return [part] if np.array_equal(outside, np.broadcast_to(both.offset, node.shape)) else None


@scalings_of_inputs.register
def _(node: Upsample, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    if both.per_channel and node.factors[-1] == 1:
        return [both.at(shapes[0])]
    if node.interpolation != "nearest":
        return None
    firsts = (slice(None), *(slice(None, None, factor) for factor in node.factors))
    part = both.moved(lambda array: array[firsts], shapes[0])
    return [part] if part.moved(lambda array: node.apply(array, xp=numpy_ops), node.shape).equals(both) else None


@scalings_of_inputs.register
def _(node: AveragePool, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    return [both.at(shapes[0])] if both.per_channel else None


@scalings_of_inputs.register
def _(node: Filter, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    return None if np.any(both.offset) else [both]  # an offset takes a filter time


@scalings_of_inputs.register
def _(node: Add, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    if len(set(node.inputs)) < len(node.inputs):
        return None
    alone = Scaling(both.scale, np.zeros(()), both.shape)
    return [both, *[alone] * (len(node.inputs) - 1)]


@scalings_of_inputs.register
def _(node: Concatenate, both: Scaling, shapes: Sequence[Shape]) -> list[Scaling] | None:
    if len(set(node.inputs)) < len(node.inputs):
        return None
    ends = np.cumsum([0, *(shape[node.axis] for shape in shapes)])
    before = (slice(None),) * (node.axis + 1)
    boxes = [(*before, slice(start, end)) for start, end in pairwise(ends)]
    return [both.moved(lambda array, box=box: array[box], shape) for box, shape in zip(boxes, shapes, strict=True)]


@singledispatch
def scaling_of_output(node: Node, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    """The scaling of a node's output that `both` on its input `source` amounts to, or None where there is none."""
    return None


@scaling_of_output.register(Reshape)
@scaling_of_output.register(Permute)
@scaling_of_output.register(Crop)
def _(node: Linear, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    return both.moved(lambda array: node.apply(array, xp=numpy_ops), node.shape)


@scaling_of_output.register
def _(node: Filter, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    return None if np.any(both.offset) else both


@scaling_of_output.register
def _(node: Upsample, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    if both.per_channel and node.factors[-1] == 1:
        return both.at(node.shape)
    if node.interpolation != "nearest":
        return None
    return both.moved(lambda array: node.apply(array, xp=numpy_ops), node.shape)


@scaling_of_output.register
def _(node: Pad, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    pairs = ((0, 0), *node.padding)
    scale = np.pad(np.broadcast_to(both.scale, (1, *both.shape)), pairs, mode="edge")[0]
    offset = np.pad(np.broadcast_to(both.offset, (1, *both.shape)), pairs)[0]
    return Scaling.compact(scale, offset, node.shape)


@scaling_of_output.register
def _(node: AveragePool, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    return both.at(node.shape) if both.per_channel else None


@scaling_of_output.register
def _(node: Concatenate, both: Scaling, source: str, shapes: Sequence[Shape]) -> Scaling | None:
    own = [name == source for name in node.inputs]
    scales = [np.broadcast_to(both.scale if mine else 1.0, shape) for mine, shape in zip(own, shapes, strict=True)]
    offsets = [np.broadcast_to(both.offset if mine else 0.0, shape) for mine, shape in zip(own, shapes, strict=True)]
    return Scaling.compact(np.concatenate(scales, node.axis), np.concatenate(offsets, node.axis), node.shape)


def _compact(array: np.ndarray) -> np.ndarray:
    """The array without leading axes along which it does not vary."""
    while array.ndim and (array == array[:1]).all():
        array = array[0]
    return array
