"""Linear nodes as transforms of Nengo's connections."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from ...graph import Affine, AveragePool, Conv, Dense, Linear
from ...neurons import numpy_ops
from ..nir.windows import undilated
from ..places import matrix_rows
from .writer import Writer


def transform(node: Linear, shape: tuple[int, ...], write: Writer) -> str:
    """The argument of a connection that does what a node does, without its bias.

    Parameters
    ----------
    shape : tuple of int
        Of the input.
    """
    if isinstance(node, Dense) and len(shape) == 1:
        return f", transform={write.array(f'{node.name}.kernel', node.kernel)}.T"
    if isinstance(node, Dense):
        ones = (1,) * (len(shape) - 1)
        kernel = node.kernel.reshape(*ones, *node.kernel.shape)
        found = _convolution(node.name, kernel, ones, ((0, 0),) * len(ones), 1, shape, node.shape, write)
    elif isinstance(node, Conv):
        conv = undilated(node)
        found = _convolution(node.name, conv.kernel, conv.strides, conv.padding, conv.groups, shape, node.shape, write)
    elif isinstance(node, AveragePool) and not any(any(pair) for pair in node.padding):
        n_channels = shape[-1]
        kernel = np.full((*node.size, 1, n_channels), 1 / math.prod(node.size))
        found = _convolution(node.name, kernel, node.strides, node.padding, n_channels, shape, node.shape, write)
    elif isinstance(node, Affine):
        scale = np.broadcast_to(node.scale, node.shape).reshape(-1)
        return f", transform={write.array(f'{node.name}.scale', np.array(scale))}"
    else:
        found = None
    return _sparse(node, shape, write) if found is None else found


def bias(node: Linear) -> np.ndarray | None:
    """The constant that a node adds, as an array that broadcasts against its shape."""
    return node.offset if isinstance(node, Affine) else getattr(node, "bias", None)


def _convolution(
    name: str,
    kernel: np.ndarray,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    groups: int,
    shape: tuple[int, ...],
    shape_out: tuple[int, ...],
    write: Writer,
) -> str | None:
    """Nengo's Convolution, or None where it has none: three dimensions, or padding of its own."""
    *space, _ = shape
    if len(space) not in (1, 2):
        return None
    sizes = zip(space, shape_out, strides, kernel.shape, padding, strict=False)
    same = all(pair == _same_padding(n, m, stride, window) for n, m, stride, window, pair in sizes)
    if not same and any(any(pair) for pair in padding):
        return None
    how = "same" if same else "valid"
    init = write.array(f"{name}.kernel", kernel)
    return (
        f", transform=nengo.Convolution({kernel.shape[-1]}, {shape}, {kernel.shape[:-2]}, {strides}, "
        f'"{how}", init={init}, groups={groups})'
    )


def _same_padding(n: int, m: int, stride: int, window: int) -> tuple[int, int] | None:
    """Padding of Nengo's "same" on one axis, or None if it gives another number of outputs."""
    total = max((m - 1) * stride + window - n, 0)
    return (total // 2, total - total // 2) if m == math.ceil(n / stride) else None


def _sparse(node: Linear, shape: tuple[int, ...], write: Writer) -> str:
    """The weights of any linear node, found by applying it to one input after the other."""
    n_in, n_out = math.prod(shape), math.prod(node.shape)
    places, values = [], []
    for first, rows in matrix_rows(partial(node.apply, xp=numpy_ops), shape):
        column, row = np.nonzero(rows)
        places.append(np.stack([row, first + column], -1))
        values.append(rows[column, row])
    indices = write.array(f"{node.name}.places", np.concatenate(places))
    init = write.array(f"{node.name}.weights", np.concatenate(values))
    return f", transform=nengo.Sparse({(n_out, n_in)}, indices={indices}, init={init})"
