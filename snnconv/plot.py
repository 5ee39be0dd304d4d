"""Pictures of spikes and rates, with Matplotlib. Each function draws into `ax` and returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, SnnconvError
from .graph import SpikingGraph
from .neurons import Neuron
from .runs import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def raster(result: Result, population: str, *, sample: int = 0, max_neurons: int = 200, ax: Axes | None = None) -> Axes:
    """Spikes of a population over time: one row per neuron, one mark per step with spikes.

    Parameters
    ----------
    result : Result
        Of a run that recorded the population's spikes.
    sample : int
        Which of the run's samples.
    max_neurons : int
        Where there are more, so many of them are drawn, evenly spaced.

    Raises
    ------
    InputError
        If the spikes were not recorded.
    """
    spikes = _recorded(result.spikes, population, "spikes")[sample].reshape(result.n_steps, -1)
    shown = np.unique(np.linspace(0, spikes.shape[1] - 1, max_neurons).astype(int))
    ax = _axes(ax)
    steps, rows = np.nonzero(spikes[:, shown])
    ax.scatter(result.times[steps] * 1e3, shown[rows], s=6, marker="|", color="black", linewidths=0.8)
    ax.set(xlabel="time (ms)", ylabel="neuron", title=f"spikes of {population}")
    ax.set(xlim=(0, result.times[-1] * 1e3), ylim=(-1, spikes.shape[1]))
    return ax


def voltages(
    result: Result, population: str, *, sample: int = 0, units: tuple[int, ...] = (0, 1, 2), ax: Axes | None = None
) -> Axes:
    """Voltages of some neurons over time, with the threshold and a mark at each spike.

    Parameters
    ----------
    result : Result
        Of a run that recorded all of the population.
    units : tuple of int
        Numbers of the neurons, counted along the flattened shape.

    Raises
    ------
    InputError
        If voltages or spikes were not recorded.
    """
    voltage = _recorded(result.voltages, population, "voltages")[sample].reshape(result.n_steps, -1)
    spikes = _recorded(result.spikes, population, "spikes")[sample].reshape(result.n_steps, -1)
    ax = _axes(ax)
    time = result.times * 1e3
    for unit in units:
        (line,) = ax.plot(time, voltage[:, unit], label=f"neuron {unit}")
        fired = spikes[:, unit] > 0
        ax.plot(time[fired], np.full(fired.sum(), 1.05), "|", color=line.get_color(), markersize=8)
    ax.axhline(1, color="grey", linestyle="--", linewidth=0.8)
    ax.set(xlabel="time (ms)", ylabel="voltage (threshold 1)", title=f"voltages of {population}")
    ax.legend(loc="lower right")
    return ax


def rate_curve(
    neuron: Neuron,
    currents: Any = None,
    *,
    measured: tuple[Any, Any] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Firing rate over input current, and rates measured in spikes beside it.

    Parameters
    ----------
    currents : (n,) array or None
        Input currents J of the curve; None: 0 to 5, or the range of the measured ones.
    measured : (currents, rates) or None
        Arrays of one shape; rates in Hz.
    """
    if currents is None:
        low, high = (0.0, 5.0) if measured is None else (np.min(measured[0]), np.max(measured[0]))
        currents = np.linspace(low, high, 500)
    ax = _axes(ax)
    if measured is not None:
        ax.plot(np.ravel(measured[0]), np.ravel(measured[1]), ".", markersize=3, alpha=0.5, label="measured in spikes")
    rates = neuron.rate(np.asarray(currents, "float64")) / neuron.amplitude
    ax.plot(currents, rates, color="black", label="rate equation")
    ax.set(xlabel="input current J", ylabel="firing rate (Hz)", title=f"{neuron.kind} rate curve")
    ax.legend(loc="upper left")
    return ax


def kernels(graph: SpikingGraph, population: str, *, ax: Axes | None = None) -> Axes:
    """The folded kernel of a population as an image: inputs across, units down.

    Raises
    ------
    SnnconvError
        If the population has no kernel of its own.
    """
    kernel = graph.populations[population].kernel
    if kernel is None:
        raise SnnconvError(f"population '{population}' has no kernel of its own to draw.")
    ax = _axes(ax)
    matrix = kernel.reshape(-1, kernel.shape[-1]).T
    limit = np.abs(matrix).max()
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="folded weight")
    ax.set(xlabel="input", ylabel="unit", title=f"kernel of {population}")
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise SnnconvError("plots need Matplotlib: pip install 'snnconv[plot]'.") from error
    return plt.subplots(layout="constrained")[1]


def _recorded(arrays: Any, population: str, kind: str) -> np.ndarray:
    if population not in arrays:
        raise InputError(
            f"the {kind} of '{population}' were not recorded. Run with record=['{population}']. "
            f"Recorded: {list(arrays)}."
        )
    return arrays[population]
