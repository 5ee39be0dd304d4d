"""Spikes and voltages of single neurons over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ...runtime.result import Result, recorded
from .canvas import (
    COLOURS,
    GREY,
    LINE,
    check_units,
    colours,
    evenly,
    milliseconds,
    new_axes,
    of_sample,
    say_no_spikes,
    some_of,
    whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_BUSIEST = 3
LEAST_HEIGHT = 0.012  # of a mark, of the picture's
KINDS_OF_SPIKE = (("one spike", LINE), ("several in a step", COLOURS[1]), ("negative", COLOURS[0]))


def raster(result: Result, population: str, *, sample: int = 0, max_neurons: int = 200, ax: Axes | None = None) -> Axes:
    """Spikes of a population over time: one row per neuron, one mark per step with spikes.

    Steps with several spikes and with negative ones are marked in other colours.

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
        If the spikes were not recorded, or there is no such sample.
    """
    spikes = of_sample(recorded(result.spikes, population, "spikes"), sample, result.n_steps)
    n_neurons = spikes.shape[1]
    shown = evenly(n_neurons, max_neurons)
    ax = new_axes(ax)
    time, counts = milliseconds(result), spikes[:, shown].astype("int64")
    row_height = max(0.8 * n_neurons / len(shown), n_neurons * LEAST_HEIGHT)
    for (label, colour), is_kind in zip(KINDS_OF_SPIKE, (counts == 1, counts > 1, counts < 0), strict=True):
        steps, rows = np.nonzero(is_kind)
        if len(steps):
            middle = shown[rows]
            low, high = middle - row_height / 2, middle + row_height / 2
            ax.vlines(time[steps], low, high, color=colour, linewidth=0.9, label=label)
    if not counts.any():
        say_no_spikes(ax)
    elif len(ax.collections) > 1:
        ax.legend(loc="upper right", fontsize="small")
    ax.set(xlabel="time (ms)", ylabel=some_of("neuron", len(shown), n_neurons))
    ax.set_title(f"spikes of {population}, sample {sample}")
    ax.set(xlim=(0, time[-1] + result.dt * 1e3 / 2), ylim=(-row_height, n_neurons - 1 + row_height))
    whole_numbers(ax.yaxis)
    return ax


def voltages(
    result: Result, population: str, *, sample: int = 0, units: Iterable[int] | None = None, ax: Axes | None = None
) -> Axes:
    """Voltages of some neurons over time, with the threshold and a mark above it at each spike.

    Parameters
    ----------
    result : Result
        Of a run that recorded all of the population.
    units : iterable of int, or None
        Numbers of the neurons, counted along the flattened shape. None: the three that spike most.

    Raises
    ------
    InputError
        If voltages or spikes were not recorded, or a sample or a unit is not there.
    """
    voltage = of_sample(recorded(result.voltages, population, "voltages"), sample, result.n_steps)
    spikes = of_sample(recorded(result.spikes, population, "spikes"), sample, result.n_steps)
    busiest = np.argsort(-np.abs(spikes.astype("int64")).sum(0), kind="stable")[:N_BUSIEST].tolist()
    chosen = check_units(busiest if units is None else units, voltage.shape[1])
    ax = new_axes(ax)
    time = milliseconds(result)
    low = min(0.0, float(voltage[:, chosen].min(initial=0.0)))
    high = max(1.0, float(voltage[:, chosen].max(initial=1.0)))
    row = 0.06 * (high - low)
    for place, (unit, colour) in enumerate(zip(chosen, colours(len(chosen)), strict=True)):
        ax.plot(time, voltage[:, unit], color=colour, linewidth=1.2, label=f"neuron {unit}")
        fired = spikes[:, unit] != 0
        marks = np.full(fired.sum(), high + row * (place + 1))
        ax.plot(time[fired], marks, "|", color=colour, markersize=6, markeredgewidth=1.3)
    ax.axhline(1, color=GREY, linestyle="--", linewidth=0.9, label="threshold")
    ax.set(xlabel="time (ms)", ylabel="voltage (thresholds)", xlim=(0, time[-1] + result.dt * 1e3 / 2))
    ax.set_title(f"voltages of {population}, sample {sample}; | marks a spike")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
    return ax
