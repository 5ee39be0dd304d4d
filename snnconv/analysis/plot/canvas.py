"""The parts that pictures share: axes, colours, and the choice among too many things."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, SnnconvError
from ...files.output import MARK, check_ending
from ...files.writing import replacing
from ...graph import PopulationView, ReadoutView, SpikingGraph
from ...runtime.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Of Okabe and Ito (2008): told apart with any kind of colour vision, on white and in print."""
IMAGES = (".png", ".svg", ".pdf")
MISSING = "plots need Matplotlib: pip install 'snnconv[plot]'."
LINE, GREY = "black", "#767676"


def new_axes(ax: Axes | None, size: tuple[float, float] = (6.4, 4.0)) -> Axes:
    """`ax`, or the axes of a new figure of so many inches.

    Raises
    ------
    SnnconvError
        If Matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise SnnconvError(MISSING) from error
    return plt.subplots(figsize=size, layout="constrained")[1]


def new_figure(size: tuple[float, float]) -> Figure:
    """A figure of so many inches that no window shows, to be written to a file.

    Raises
    ------
    SnnconvError
        If Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise SnnconvError(MISSING) from error
    return Figure(figsize=size, layout="constrained")


def write_figure(figure: Figure, path: str | os.PathLike[str], dpi: float | str = "figure") -> None:
    """Write a figure to an image file, whole or not at all; the end of its name says in which format, PNG without one.

    Raises
    ------
    InputError
        If Matplotlib does not have the format.
    ModelFileError
        If the file cannot be written.
    """
    ending = os.path.splitext(path)[1].lower()
    check_ending(path, IMAGES)
    try:
        with replacing(path) as temporary:
            # the other formats of Matplotlib take no metadata
            key = "Software" if ending in ("", ".png") else "Creator"
            metadata = {key: MARK} if ending in ("", *IMAGES) else None
            figure.savefig(temporary, format=ending[1:] or "png", dpi=dpi, metadata=metadata)
    except ValueError as error:
        raise InputError(f"cannot draw '{path}': {error}. Name a file with .png, .svg or .pdf.") from error


def colours(n: int) -> list[Any]:
    """So many colours: distinct ones, or from dark to light where there are too many for that."""
    if n <= len(COLOURS):
        return list(COLOURS[:n])
    import matplotlib as mpl

    return [mpl.colormaps["viridis"](0.9 * place / (n - 1)) for place in range(n)]


def evenly(n: int, most: int) -> np.ndarray:
    """Up to `most` numbers of 0…n - 1, evenly spaced, with the first and the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(int))


def some_of(what: str, shown: int, n: int) -> str:
    """A label that says so where not all are shown."""
    return what if shown == n else f"{what} ({shown:,} of {n:,} shown)"


def say_no_spikes(ax: Axes) -> None:
    """Write into a picture why it is empty."""
    ax.text(0.5, 0.5, "no spikes", transform=ax.transAxes, ha="center", va="center", color=GREY)


def whole_numbers(axis: Axis) -> None:
    """Ticks at whole numbers alone."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def note(ax: Axes, text: str) -> None:
    """A remark below the axis along the bottom."""
    ax.set_xlabel(f"{ax.get_xlabel()}\n{text}".strip())


def milliseconds(result: Result) -> np.ndarray:
    """(n_steps,) ends of the steps, in ms."""
    return result.times * 1e3


def of_sample(array: np.ndarray, sample: int, n_steps: int) -> np.ndarray:
    """(n_steps, n_units) record of one sample.

    Raises
    ------
    InputError
        If there is no such sample.
    """
    if not 0 <= sample < len(array):
        raise InputError(f"sample must be a number from 0 to {len(array) - 1}. Received {sample!r}.")
    return array[sample].reshape(n_steps, -1)


def check_units(units: Iterable[int], n: int) -> list[int]:
    """Numbers of units as a list.

    Raises
    ------
    InputError
        If one is not there.
    """
    units = list(units)
    wrong = [unit for unit in units if not 0 <= unit < n]
    if wrong:
        raise InputError(f"units are numbers from 0 to {n - 1}. Received {wrong[0]!r}.")
    return units


def with_rates(result: Result, populations: str | Iterable[str] | None) -> dict[str, np.ndarray]:
    """Measured rates in Hz of these populations, or of all that were recorded, in the order of the network.

    Raises
    ------
    InputError
        If none was recorded, or one of those that were named.
    """
    if populations is None:
        there = {*result.rates, *result.spikes}
        populations = list(
            dict.fromkeys(name for name in [*result.state, *result.rates, *result.spikes] if name in there)
        )
        if not populations:
            raise InputError("the run recorded neither rates nor spikes. Run with record='all', or name populations.")
    names = [populations] if isinstance(populations, str) else list(populations)
    return {name: result.measured_rates(name) for name in names}


def layer_of(graph: SpikingGraph, layer: str) -> PopulationView | ReadoutView:
    """A population, or an output.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if layer in graph.populations:
        return graph.populations[layer]
    if layer in graph.readouts:
        return graph.readouts[layer]
    names = list(dict.fromkeys([*graph.populations, *graph.readouts]))
    raise InputError(f"'{layer}' is no population or output of '{graph.name}'. There are: {', '.join(names)}.")
