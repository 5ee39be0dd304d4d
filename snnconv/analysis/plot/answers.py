"""The answers of a network over time: filtered outputs, and the share of them that is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...graph import Readout, SpikingGraph
from ...neurons.synapses import Lowpass
from ...runtime.result import Result, recorded
from ..explain import one_sample
from .canvas import GREY, check_units, colours, layer_of, milliseconds, new_axes, of_sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_LARGEST = 4


def filtered_output(
    graph: SpikingGraph,
    result: Result,
    x: Any,
    layer: str | None = None,
    *,
    sample: int = 0,
    units: Iterable[int] | None = None,
    tau: float = 0.02,
    ax: Axes | None = None,
) -> Axes:
    """A lowpass of the spikes over time, with the value of the rate network as a dashed line.

    Parameters
    ----------
    result : Result
        Of a run of `graph`.
    x : (n, *input) array, or (n, n_steps, *input) array; or a list or a dict of them
        The samples of the run. The dashed lines are for their mean over time.
    layer : str or None
        An output, before a softmax or the like; or a population whose spikes were recorded, drawn as rates in Hz.
        None: the first output.
    units : iterable of int, or None
        Numbers of the units, counted along the flattened shape. None: the four with the largest expected values.
    tau : float
        Time constant of the lowpass, in seconds.

    Raises
    ------
    InputError
        If something was not recorded, or a layer, a sample or a unit is not there.
    """
    layer = next(iter(graph.outputs)) if layer is None else layer
    shape = layer_of(graph, layer).shape
    is_population = layer in graph.populations and layer not in graph.outputs
    if is_population:
        values = of_sample(recorded(result.spikes, layer, "spikes"), sample, result.n_steps) / result.dt
    else:
        values = of_sample(recorded(result.outputs, layer, "outputs"), sample, result.n_steps)
    expected = _expected(graph, x, layer, is_population, sample, result.n_steps)
    largest = np.argsort(-expected, kind="stable")[:N_LARGEST].tolist()
    chosen = check_units(largest if units is None else units, int(np.prod(shape)))
    ax = new_axes(ax)
    time, filtered = milliseconds(result), _filtered(values[:, chosen], tau, result.dt)
    for place, (unit, colour) in enumerate(zip(chosen, colours(len(chosen)), strict=True)):
        ax.plot(time, filtered[:, place], color=colour, linewidth=1.3, label=f"unit {unit}")
        ax.axhline(expected[unit], color=colour, linestyle="--", linewidth=1)
    ax.plot([], [], color=GREY, linestyle="--", linewidth=1, label="rate network")
    ax.set(xlabel="time (ms)", ylabel="firing rate (Hz)" if is_population else "output")
    ax.set(xlim=(0, time[-1]), title=f"{layer}, sample {sample}; lowpass of {tau * 1e3:g} ms")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
    return ax


def accuracy(
    found: Result | Any,
    y: Any = None,
    *,
    dt: float = 0.001,
    rate_accuracy: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Share of samples that the running mean of the output classifies rightly, after each step.

    Parameters
    ----------
    found : Result, (n_steps,) array, or mapping of name to (n_steps,) array
        A run of a network with one output of one value per class; or curves, as `Simulator.evaluate` gives
        them in "accuracy_over_time", with the name of each.
    y : (n,) class numbers, or (n, n_classes) one-hot rows
        The classes of the run's samples; not for curves.
    dt : float
        Length of a step of the curves, in seconds; a Result knows its own.
    rate_accuracy : float or None
        Accuracy of the rate network or of Keras, for a dashed line.

    Raises
    ------
    InputError
        If the labels do not fit the run, or a curve is not one number per step.
    """
    if isinstance(found, Result):
        dt, curves = found.dt, {"spikes": _accuracies(found, y)}
    elif y is not None:
        raise InputError("y goes with a Result; accuracy curves are measured already. Leave y out.")
    else:
        curves = dict(found) if isinstance(found, Mapping) else {"spikes": found}
    curves = {str(name): np.asarray(curve, "float64") for name, curve in curves.items()}
    for name, curve in curves.items():
        if curve.ndim != 1 or not curve.size:
            raise InputError(f"the accuracy '{name}' must be one number per step. Received the shape {curve.shape}.")
    ax = new_axes(ax)
    for (name, curve), colour in zip(curves.items(), colours(len(curves)), strict=True):
        style = {"where": "post", "color": colour, "linewidth": 1.5}
        ax.step(dt * 1e3 * np.arange(1, len(curve) + 1), 100 * curve, label=f"{name}: {curve[-1]:.1%}", **style)
    if rate_accuracy is not None:
        label = f"rate network: {rate_accuracy:.1%}"
        ax.axhline(100 * rate_accuracy, color=GREY, linestyle="--", linewidth=1, label=label)
    longest = dt * 1e3 * max(map(len, curves.values()))
    ax.set(xlabel=f"time (ms), steps of {dt * 1e3:g} ms", ylabel="accuracy (%)", xlim=(0, longest))
    ax.set_ylim(min(0.0, ax.get_ylim()[0]), max(100.0, ax.get_ylim()[1]))
    ax.set_title("accuracy of the mean output so far")
    ax.legend(loc="lower right", fontsize="small", title="at the end", title_fontsize="small")
    return ax


def _expected(graph: SpikingGraph, x: Any, layer: str, is_population: bool, sample: int, n_steps: int) -> np.ndarray:
    """(n_units,) values of the rate network at a sample's mean over time; rates in Hz of a population."""
    xs = one_sample(graph.check_inputs(x, "float64", n_steps), sample)
    values = graph.rate_values(xs.means())
    if is_population:
        return values[layer].reshape(-1) / graph.populations[layer].neuron.amplitude
    node = graph[graph.outputs[layer]]
    return values[node.inputs[0] if isinstance(node, Readout) else node.name].reshape(-1)


def _filtered(values: np.ndarray, tau: float, dt: float) -> np.ndarray:
    """(n_steps, n_units) values behind a lowpass."""
    lowpass = Lowpass(tau)
    state, filtered = lowpass.initial_state(values.shape[1:]), []
    for value in values:
        now, state = lowpass.step(value, state, dt)
        filtered.append(now)
    return np.stack(filtered)


def _accuracies(result: Result, y: Any) -> np.ndarray:
    output = result.output
    if len(result.outputs) > 1 or output.ndim != 3:
        raise InputError("accuracy is for runs with one output of one value per class.")
    if y is None:
        raise InputError("the accuracy of a run takes the classes of its samples: pass y.")
    n, _, n_classes = output.shape
    labels = np.asarray(y)
    labels = labels.argmax(-1) if labels.shape == (n, n_classes) and n_classes > 1 else labels.reshape(-1)
    if labels.shape != (n,) or not np.isin(labels, np.arange(n_classes)).all():
        raise InputError(f"y must be class numbers from 0 to {n_classes - 1}, one for each of the {n} samples.")
    return (np.cumsum(output, 1, "float64").argmax(-1) == labels[:, None]).mean(0)
