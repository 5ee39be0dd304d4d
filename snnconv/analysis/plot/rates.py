"""Firing rates: of one neuron over its current, of layers, and in spikes against those expected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, ParameterError
from ...graph import SpikingGraph
from ...graph.passes.channels import in_order_of
from ...neurons import Neuron
from ...runtime.arguments import check_steps
from ...runtime.result import Result
from ...text.plain import plural, run_text
from .canvas import COLOURS, GREY, LINE, colours, evenly, new_axes, note, say_no_spikes, with_rates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_STEPPED = 60  # currents at which the neuron is stepped
N_POINTS = 5000  # that a scatter shows of one layer
N_ROWS = 24  # layers that a picture has room for
N_ON_AXES, N_IN_LEGEND = 3, 12  # layers that a legend names, on the picture and beside it
RATES = (200.0, 75.0)  # Hz, up to the first of which that a neuron reaches its curve is drawn
BATCH = 64  # samples whose rates are computed at a time


def rate_curve(
    neuron: Neuron,
    currents: Any = None,
    *,
    measured: tuple[Any, Any] | None = None,
    dt: float | None = 0.001,
    n_steps: int = 1000,
    ax: Axes | None = None,
) -> Axes:
    """Firing rate over a constant current: the rate equation, and what the neuron does step by step.

    Parameters
    ----------
    currents : (n,) array or None
        Input currents J of the curve; None: the range of the measured ones, or from below the first spike to a
        typical rate.
    measured : (currents, rates) or None
        Arrays of one shape, of neurons in a network; rates in Hz.
    dt : float or None
        Length of a step, in seconds, in which the neuron is stepped at some of the currents; None: it is not.
    n_steps : int
        So many steps, from a voltage of 0.

    Raises
    ------
    InputError
        If the neuron has one parameter per unit, or the measured arrays differ in shape.
    ParameterError
        If dt or n_steps is out of range.
    """
    per_unit = [name for name, value in neuron.parameters().items() if np.ndim(value) > 0]
    if per_unit:
        raise InputError(
            f"{per_unit[0]} of this {neuron.kind} neuron has one value per unit, and so a curve per unit. Take one "
            f"with dataclasses.replace(neuron, {per_unit[0]}=…)."
        )
    if measured is not None:
        measured = (np.ravel(measured[0]), np.ravel(measured[1]))
        if measured[0].shape != measured[1].shape:
            raise InputError(f"measured must be two arrays of one shape. Received {[len(each) for each in measured]}.")
    currents = _currents(neuron, measured) if currents is None else np.asarray(currents, "float64")
    ax = new_axes(ax)
    if measured is not None:
        shown = evenly(len(measured[0]), N_POINTS)
        of_all = "" if len(shown) == len(measured[0]) else f", {len(shown):,} of {len(measured[0]):,} shown"
        style = {"markersize": 3, "alpha": 0.5, "color": COLOURS[0], "label": f"measured{of_all}"}
        ax.plot(measured[0][shown], measured[1][shown], ".", **style)
    ax.plot(currents, neuron.rate(currents) / neuron.amplitude, color=LINE, label="rate equation")
    if dt is not None:
        check_steps(n_steps, dt)
        neuron.check_dt(dt)
        at = currents[evenly(len(currents), N_STEPPED)]
        label = f"stepped: {run_text(n_steps, dt)}"
        stepped = _stepped_rates(neuron, at, dt, n_steps)
        ax.plot(at, stepped, "o", markersize=4, color=COLOURS[1], markerfacecolor="none", label=label)
    unit = neuron.equations.unit
    ax.set(xlabel="input current J" + ("" if unit == "no unit" else f" ({unit})"), ylabel="firing rate (Hz)")
    ax.set_title(f"rate curve, {neuron.kind}")
    ax.legend(loc="upper left", fontsize="small")
    return ax


def rate_histograms(
    result: Result, populations: str | Iterable[str] | None = None, *, bins: int = 40, ax: Axes | None = None
) -> Axes:
    """Firing rates of each layer, a histogram per layer, over all samples and neurons.

    Neurons without a spike are not in the histogram but in its label, as there are often more than all others.

    Parameters
    ----------
    result : Result
        Of a run that recorded rates or spikes.
    populations : str, iterable of str, or None
        None: all that were recorded.
    bins : int
        About how many; their width is a whole number of spikes in a run.

    Raises
    ------
    InputError
        If something was not recorded.
    """
    rates = with_rates(result, populations)
    names = list(rates)
    shown = [names[place] for place in evenly(len(names), N_ROWS)]
    ax = new_axes(ax, (6.4, 1.2 + 0.6 * len(shown)))
    edges = rate_edges([rates[name] for name in shown], 1 / (result.n_steps * result.dt), bins)
    for row, (name, colour) in enumerate(zip(shown, colours(len(shown)), strict=True)):
        counts, _ = np.histogram(rates[name][rates[name] != 0], edges)
        heights = 0.85 * counts / max(counts.max(), 1)
        ax.stairs(-row + heights, edges, baseline=-row, fill=True, color=colour, alpha=0.85)
        ax.axhline(-row, color=GREY, linewidth=0.6)
    labels = [f"{name}\nmean {rates[name].mean():.3g} Hz, {(rates[name] == 0).mean():.0%} silent" for name in shown]
    ax.set_yticks([-row + 0.3 for row in range(len(shown))], labels, fontsize="small")
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(-len(shown) + 0.95, 1.0))
    run = f"{plural(len(rates[shown[0]]), 'sample')}, {run_text(result.n_steps, result.dt)}"
    ax.set(xlabel="firing rate (Hz)", title=f"firing rates; {run}")
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    if len(shown) < len(names):
        note(ax, f"{len(shown)} of {len(names)} layers shown")
    if not any(rates[name].any() for name in shown):
        say_no_spikes(ax)
    return ax


def correlation(
    graph: SpikingGraph,
    result: Result,
    x: Any,
    populations: str | Iterable[str] | None = None,
    *,
    model: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Rates in spikes against the rates that the activations mean: one colour per layer, with its correlation r.

    An activation is a rate times the amplitude; what is drawn is the rate in Hz. In later layers the points scatter
    as the spikes before them do, and less in a longer run.

    Parameters
    ----------
    result : Result
        Of a run of `graph` that recorded rates or spikes.
    x : (n, *input) array, or a list or a dict of them
        The samples of the run, held constant.
    populations : str, iterable of str, or None
        None: all that were recorded.
    model : keras.Model or None
        Take the activations that Keras computes; None: those of `graph.rate_values`.

    Raises
    ------
    InputError
        If something was not recorded, or x or the model does not fit.
    """
    rates = with_rates(result, populations)
    names = list(rates)
    expected = expected_rates(graph, x, names, model)
    for name in names:
        if rates[name].shape != expected[name].shape:
            raise InputError(
                f"x must be the samples of the run. Its rates of '{name}' have the shape {rates[name].shape}, those "
                f"expected for x {expected[name].shape}."
            )
    ax = new_axes(ax, (6.4, 5.0))
    for place, (name, colour) in enumerate(zip(names, colours(len(names)), strict=True)):
        of_expected, of_rates = np.ravel(expected[name]), np.ravel(rates[name])
        shown = evenly(of_rates.size, N_POINTS)
        label = f"{name}: {_r(of_expected, of_rates)}" if place < N_IN_LEGEND else None
        style = {"markersize": 3, "alpha": 0.5, "color": colour, "label": label}
        ax.plot(of_expected[shown], of_rates[shown], ".", **style)
    low, high = (float(function([*ax.get_xlim(), *ax.get_ylim()])) for function in (np.min, np.max))
    ax.plot([low, high], [low, high], color=GREY, linestyle="--", linewidth=0.9, label="equal", zorder=0)
    source = "Keras" if model is not None else "the rate network"
    ax.set(xlabel=f"rate of {source} (Hz)", ylabel="rate in spikes (Hz)")
    ax.set_title(f"{source.removeprefix('the ')} and spikes; {run_text(result.n_steps, result.dt)}")
    if max(rates[name].size for name in names) > N_POINTS:
        note(ax, f"at most {N_POINTS:,} points of a layer shown, r is of all")
    hidden = len(names) - N_IN_LEGEND
    title = f"{hidden} more not listed" if hidden > 0 else None
    where = {} if len(names) <= N_ON_AXES else {"bbox_to_anchor": (1, 1), "frameon": False}
    ax.legend(loc="upper left", fontsize="small", markerscale=3, title=title, title_fontsize="small", **where)
    return ax


def expected_rates(graph: SpikingGraph, x: Any, names: Iterable[str], model: Any = None) -> dict[str, np.ndarray]:
    """(n, *units) rates in Hz that activations mean, of the graph or of Keras."""
    xs = graph.check_inputs(x, "float64")
    amplitudes = {name: graph.populations[name].neuron.amplitude for name in names}
    if model is not None:
        from ...conversion.trace import keras_values

        found, _ = keras_values(model, [xs[node.name] for node in graph.inputs])
        missing = [name for name in amplitudes if name not in found]
        if missing:
            raise InputError(f"layer '{missing[0]}' is not in the Keras model '{model.name}'.")
        ordered = {name: in_order_of(graph[name], found[name].astype("float64")) for name in amplitudes}
        return {name: ordered[name] / amplitude for name, amplitude in amplitudes.items()}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in amplitudes}
    for part in xs.parts(BATCH):
        values = graph.rate_values(part)
        for name, amplitude in amplitudes.items():
            parts[name].append(values[name] / amplitude)
    return {name: np.concatenate(each) for name, each in parts.items()}


def _r(expected: np.ndarray, measured: np.ndarray) -> str:
    """Pearson's correlation as text."""
    if np.ptp(expected) == 0 or np.ptp(measured) == 0:
        return "r undefined, all alike"
    return f"r = {np.corrcoef(expected, measured)[0, 1]:.4f}"


def _currents(neuron: Neuron, measured: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    """Currents of a curve: those measured, or a range around where the neuron begins to fire."""
    if measured is not None:
        return np.linspace(measured[0].min(), measured[0].max(), 500)
    for rate in RATES:
        try:
            gain, bias = (float(value) for value in neuron.gain_bias(rate, 0.0))
        except ParameterError:
            continue
        is_silent = not np.any(neuron.rate(np.array([bias - gain])))
        return np.linspace(bias - (0.3 if is_silent else 1.0) * gain, bias + gain, 500)
    return np.linspace(-5.0, 5.0, 500)


def _stepped_rates(neuron: Neuron, currents: np.ndarray, dt: float, n_steps: int) -> np.ndarray:
    """Rates in Hz of neurons held at constant currents, counted."""
    state, counts = neuron.initial_state(currents.shape), np.zeros(currents.shape)
    for _ in range(n_steps):
        spikes, state = neuron.step(currents, state, dt)
        counts = counts + spikes
    return counts / (n_steps * dt)


def rate_edges(rates: list[np.ndarray], resolution: float, bins: int) -> np.ndarray:
    """Edges of bins, each around as many possible rates as the others: rates are multiples of the resolution."""
    low = min(0.0, *(float(each.min(initial=0.0)) for each in rates))
    high = max(resolution, *(float(each.max(initial=0.0)) for each in rates))
    first, last = round(low / resolution), round(high / resolution)
    width = max(1, -(-(last - first + 1) // bins))
    n = -(-(last - first + 1) // width)
    return (first - 0.5 + width * np.arange(n + 1)) * resolution
