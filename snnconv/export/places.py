"""Linear nodes for targets that lack them: as places of numbers, or as weight matrices.

Few targets have operations that only move numbers, and some keep channels first where graphs here keep them last. So a
value is tracked as *places*: for each of its numbers, the position in the flat output of something that the target
has, or `NOWHERE` for a zero. Reshaping, cropping, padding, joining, adding and the like then cost nothing: they end in
the rows of the next weight matrix. Any other linear node can be written as its matrix, which `matrix_rows` finds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..graph import Add, Concatenate, Crop, Node, Pad, Permute, Readout, Reshape, Upsample
from ..neurons import numpy_ops

NOWHERE = -1
CHUNK = 256  # rows of a matrix that are found at a time
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """Numbers out of the output of something in a target.

    Parameters
    ----------
    source : str
        What the target calls it.
    shape : tuple of int
        Shape of its output there.
    places : int array of the value's shape
        Position in the flat output, or `NOWHERE`.
    """

    source: str
    shape: Shape
    places: np.ndarray

    @property
    def is_whole(self) -> bool:
        """Whether every number of the source is there just once."""
        return self.places.size == math.prod(self.shape) and bool(
            (np.sort(self.places, axis=None) == np.arange(self.places.size)).all()
        )

    @property
    def is_standard(self) -> bool:
        """Whether the value is the source itself, but for the position of the channels."""
        shape = self.places.shape
        return self.shape == channels_first(shape) and np.array_equal(self.places, standard_places(shape))

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> Part:
        """The part after an operation on (1, *shape) arrays that moves numbers, and puts zeros where there are none."""
        return Part(self.source, self.shape, move(self.places[None] - NOWHERE)[0] + NOWHERE)

    def same_places(self, other: Part) -> bool:
        """Whether the numbers of both lie alike."""
        return self.shape == other.shape and np.array_equal(self.places, other.places)

    def channels(self) -> np.ndarray | None:
        """The source's channel for each of the value, or `NOWHERE`; None if the value is no choice of channels."""
        *space, n_channels = self.places.shape
        if len(space) + 1 != len(self.shape) or tuple(space) != self.shape[1:]:
            return None
        n_places = math.prod(space)
        flat = self.places.reshape(n_places, n_channels)
        found = np.where(flat[0] == NOWHERE, NOWHERE, flat[0] // n_places)
        expected = np.where(found == NOWHERE, NOWHERE, found * n_places + np.arange(n_places)[:, None])
        return found if np.array_equal(flat, expected) else None


Value = tuple[Part, ...]
"""Parts whose sum is the value of a node."""


def move(node: Node, values: Sequence[Value]) -> Value | None:
    """Places of the value of a node that only moves numbers or adds them up; None for any other node.

    Parameters
    ----------
    values : sequence of Value
        Of the node's inputs.
    """
    if isinstance(node, Readout):  # belongs to whoever reads the output
        return values[0]
    if isinstance(node, Add):
        return tuple(part for value in values for part in value)
    if isinstance(node, Concatenate):
        sizes = [value[0].places.shape for value in values]
        return tuple(
            dataclasses.replace(part, places=_joined(part.places, number, sizes, node.axis))
            for number, value in enumerate(values)
            for part in value
        )
    if isinstance(node, Upsample) and node.interpolation != "nearest":
        return None
    if isinstance(node, (Reshape, Permute, Crop, Pad, Upsample)):
        return tuple(part.moved(partial(node.apply, xp=numpy_ops)) for part in values[0])
    return None


def _joined(places: np.ndarray, number: int, sizes: Sequence[Shape], axis: int) -> np.ndarray:
    """Places of one of several joined inputs, and nowhere for the others."""
    return np.concatenate([places if n == number else np.full(size, NOWHERE) for n, size in enumerate(sizes)], axis)


def channels_first(shape: Shape) -> Shape:
    """A channels-last shape with the channels in front."""
    return (*shape[-1:], *shape[:-1])


def standard_places(shape: Shape) -> np.ndarray:
    """Places of a channels-last value of this shape in a channels-first array."""
    return np.moveaxis(np.arange(math.prod(shape)).reshape(channels_first(shape)), 0, -1)


def scatter_rows(kernel: np.ndarray, part: Part) -> np.ndarray:
    """A (n_in, n_out) kernel for the flat source of a part: its rows where the places say, added up."""
    rows = np.zeros((math.prod(part.shape), kernel.shape[-1]))
    places = part.places.reshape(-1)
    np.add.at(rows, places[places != NOWHERE], kernel[places != NOWHERE])
    return rows


def matrix_rows(apply: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> Iterator[tuple[int, np.ndarray]]:
    """Rows of the matrix of a linear function, found by applying it to one input after the other.

    Parameters
    ----------
    apply : function of an (n, *shape) array
        What it gives for zeros is subtracted.

    Yields
    ------
    first : int
        Number of the first of these rows: the position in the flat input.
    rows : (n, n_out) array
    """
    n_in = math.prod(shape)
    offset = apply(np.zeros((1, *shape))).reshape(1, -1)
    for first in range(0, n_in, CHUNK):
        numbers = np.arange(first, min(first + CHUNK, n_in))
        basis = np.zeros((len(numbers), n_in))
        basis[np.arange(len(numbers)), numbers] = 1
        yield first, apply(basis.reshape(-1, *shape)).reshape(len(numbers), -1) - offset


def matrix(apply: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The (n_in, n_out) matrix of a linear function; see `matrix_rows`."""
    return np.concatenate([rows for _, rows in matrix_rows(apply, shape)])
