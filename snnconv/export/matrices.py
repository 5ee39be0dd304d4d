"""Linear nodes as matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

CHUNK = 256  # rows that are found at a time


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
