"""Kernels and biases of a layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...errors import SnnconvError
from ...graph import Dense, SpikingGraph
from .canvas import COLOURS, GREY, evenly, layer_of, new_axes, some_of, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_PIXELS = 512  # rows or columns of a dense kernel that are drawn
N_TILES = 24  # tiles along one side of a convolution's picture
TILE = 8  # pixels that a tile is wide at least, with a gap of one between tiles
N_UNITS = 400  # biases that are drawn


def kernels(graph: SpikingGraph, layer: str, *, ax: Axes | None = None) -> Axes:
    """The folded kernel of a population or an output: a dense one as an image, a convolution as tiles.

    Dense: an input per column, a unit per row. Convolution: a tile per filter where one channel comes in, else a
    column of tiles per filter with a tile per channel; a window of one dimension is one row of pixels, one of three
    dimensions has its slices side by side.

    Parameters
    ----------
    layer : str
        A population or an output.

    Raises
    ------
    InputError
        If there is no such layer.
    SnnconvError
        If it has no kernel of its own.
    """
    view = layer_of(graph, layer)
    linear, kernel = view.linear, view.kernel
    if linear is None or kernel is None:
        raise SnnconvError(f"layer '{layer}' has no kernel of its own to draw.")
    is_population = layer in graph.populations
    unit = "J per input" if is_population else "output per input"
    is_dense = isinstance(linear, Dense)
    picture, labels = _dense(kernel) if is_dense else _tiles(kernel)
    if ax is None:
        rows, columns = picture.shape
        ax = new_axes(None, (6.4, min(7.0, max(2.4, 1.1 + 5.0 * rows / columns))))
    limit = float(np.nanmax(np.abs(picture))) or 1.0
    style = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit, "interpolation": "nearest"}
    image = ax.imshow(picture, aspect="auto" if is_dense else "equal", **style)
    ax.figure.colorbar(image, ax=ax, label=f"weight ({unit})", fraction=0.05, pad=0.02)
    ax.set(xlabel=labels[0], ylabel=labels[1], title=f"kernel of {layer}{', gain folded in' * is_population}")
    if is_dense:
        for axis in (ax.xaxis, ax.yaxis):
            whole_numbers(axis)
    else:
        ax.set(xticks=[], yticks=[], facecolor="#E0E0E0")
    return ax


def biases(graph: SpikingGraph, layer: str, *, ax: Axes | None = None) -> Axes:
    """The biases of a layer's current, per unit: the folded one of its linear layer, that of the neurons, the sum.

    Where the biases are the same all over a feature map, the units drawn are its channels.

    Parameters
    ----------
    layer : str
        A population or an output.

    Raises
    ------
    InputError
        If there is no such layer.
    SnnconvError
        If it has no biases.
    """
    view = layer_of(graph, layer)
    arrays = {"dense_bias'": view.dense_bias, "neuron_bias": getattr(view, "neuron_bias", None)}
    arrays = {name: np.asarray(array, "float64") for name, array in arrays.items() if array is not None}
    if not arrays:
        raise SnnconvError(f"layer '{layer}' has no biases of its own to draw.")
    is_channelwise = len(view.shape) > 1 and all(array.size in (1, view.shape[-1]) for array in arrays.values())
    shape = view.shape[-1:] if is_channelwise else view.shape
    flat = {
        name: np.broadcast_to(array.reshape(-1) if is_channelwise else array, shape).reshape(-1)
        for name, array in arrays.items()
    }
    n = math.prod(shape)
    shown = evenly(n, N_UNITS)
    ax = new_axes(ax, (6.4, 3.2))
    ax.axhline(0, color=GREY, linewidth=0.8)
    is_few = len(shown) <= 64
    for (name, values), colour in zip(flat.items(), COLOURS, strict=False):
        ax.plot(shown, values[shown], "o", markersize=5 if is_few else 3, color=colour, label=name)
    if sum(bool(values.any()) for values in flat.values()) > 1:
        total = np.sum(list(flat.values()), 0)[shown]
        ax.plot(shown, total, "_", markersize=9 if is_few else 5, color="black", label="sum: J without input")
    ax.set(xlabel=some_of("channel" if is_channelwise else "unit", len(shown), n), title=f"biases of {layer}")
    ax.set_ylabel("current J" if layer in graph.populations else "output")
    whole_numbers(ax.xaxis)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
    return ax


def _dense(kernel: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """A matrix as a picture, units down, and the labels of its axes."""
    matrix = kernel.reshape(-1, kernel.shape[-1]).T
    rows, columns = (evenly(n, N_PIXELS) for n in matrix.shape)
    labels = (some_of("input", len(columns), matrix.shape[1]), some_of("unit", len(rows), matrix.shape[0]))
    if len(rows) == matrix.shape[0] and len(columns) == matrix.shape[1]:
        return matrix, labels
    return matrix[np.ix_(rows, columns)], labels


def _tiles(kernel: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """The windows of a convolution as tiles with gaps between, and the labels of the axes."""
    *window, n_channels, n_filters = kernel.shape
    n_rows = window[-2] if len(window) > 1 else 1
    # the slices of three dimensions stand side by side
    tiles = np.moveaxis(kernel.reshape(-1, n_rows, window[-1], n_channels, n_filters), 0, 1)
    tiles = tiles.reshape(n_rows, -1, n_channels, n_filters)
    if n_channels == 1:
        filters = evenly(n_filters, N_TILES**2)
        across = math.ceil(math.sqrt(len(filters)))
        grid = [tiles[:, :, 0, number] for number in filters]
        label = some_of("filters, row by row", len(filters), n_filters)
        return _framed([grid[start : start + across] for start in range(0, len(grid), across)]), (label, "")
    channels, filters = evenly(n_channels, N_TILES), evenly(n_filters, N_TILES)
    grid = [[tiles[:, :, channel, number] for number in filters] for channel in channels]
    labels = (some_of("filter", len(filters), n_filters), some_of("input channel", len(channels), n_channels))
    return _framed(grid), labels


def _framed(grid: list[list[np.ndarray]]) -> np.ndarray:
    """Tiles put together, each number a square of pixels; what lies between them is NaN."""
    height, width = grid[0][0].shape
    gap, scale = 1, -(-TILE // max(height, width))
    height, width = scale * height, scale * width
    picture = np.full((len(grid) * (height + gap) - gap, len(grid[0]) * (width + gap) - gap), np.nan)
    for row, tiles in enumerate(grid):
        for column, tile in enumerate(tiles):
            top, left = row * (height + gap), column * (width + gap)
            picture[top : top + height, left : left + width] = tile.repeat(scale, 0).repeat(scale, 1)
    return picture
