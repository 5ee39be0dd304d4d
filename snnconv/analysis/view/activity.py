"""One sample in spikes: the part of a run that is shown, and no more of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...graph import Inputs, Node, Population, Readout, SpikingGraph
from ...runtime.reference import run
from ...text.progress import track
from ..plot.canvas import evenly

MOST_ROWS = 600  # neurons of all layers together
MOST_CELLS = 1_000_000  # neurons times steps
MOST_VALUES = 40_000  # values of outputs times steps
MOST_OUTPUTS = 20
MOST_MAPPED = 65_536  # neurons of a layer whose rates are drawn as maps, and values of an input drawn as a picture
KEPT = ("all.spikes", "all.voltages")
CHUNK = 10  # steps of which all spikes are kept at a time


@dataclass(frozen=True, eq=False)
class LayerActivity:
    """A population in the run.

    Parameters
    ----------
    name : str
    shape : tuple of int
    n_neurons : int
    shown : (n_shown,) array of int
        Numbers of the neurons whose spikes are kept, along the flattened shape, evenly spaced.
    spikes : (n_steps, n_shown) array of int
    voltages : (n_steps, n_shown) array
        After each step.
    currents : (n_shown,) array
        J in the rate network.
    per_step : (n_steps,) array of int
        Spikes of all neurons in each step, negative ones counted below 0.
    rates, expected : (n_neurons,) array
        Rates over the run, and of the rate network at the sample's mean over time, in Hz.
    """

    name: str
    shape: tuple[int, ...]
    n_neurons: int
    shown: np.ndarray
    spikes: np.ndarray
    voltages: np.ndarray
    currents: np.ndarray
    per_step: np.ndarray
    rates: np.ndarray
    expected: np.ndarray


@dataclass(frozen=True, eq=False)
class OutputActivity:
    """An output in the run, before a softmax or the like.

    Parameters
    ----------
    name : str
    n_values : int
    shown : (n_shown,) array of int
        Numbers of the values that are kept: the largest of the rate network, in the order of their numbers.
    values : (n_steps, n_shown) array
    expected : (n_shown,) array
        Of the rate network.
    """

    name: str
    n_values: int
    shown: np.ndarray
    values: np.ndarray
    expected: np.ndarray


@dataclass(frozen=True, eq=False)
class InputPicture:
    """An input that is a picture, as its mean over time.

    Parameters
    ----------
    name : str
    pixels : (height, width, 1 or 3) array
    """

    name: str
    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Activity:
    """A run of one sample."""

    n_steps: int
    dt: float
    layers: tuple[LayerActivity, ...]
    outputs: tuple[OutputActivity, ...]
    pictures: tuple[InputPicture, ...] = ()


def record(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, max_neurons: int) -> Activity:
    """Run one sample in the reference, a few steps at a time.

    Parameters
    ----------
    xs : Inputs
        One sample.
    max_neurons : int
        Most neurons of a layer whose spikes are kept; fewer where there are many layers or steps.
    """
    means = xs.means()
    expected = graph.rate_values(means)
    sizes = {name: math.prod(view.shape) for name, view in graph.populations.items()}
    share = min(MOST_ROWS, MOST_CELLS // n_steps) // max(len(sizes), 1)
    shown = {name: evenly(size, max(1, min(max_neurons, share))) for name, size in sizes.items()}
    kept = {label: _largest(_before(graph, label, expected), n_steps) for label in graph.outputs}
    spikes, per_step, counts, voltages = ({name: [] for name in sizes} for _ in range(4))
    values: dict[str, list[np.ndarray]] = {label: [] for label in graph.outputs}
    state: Any = None
    for start in _tracked(range(0, n_steps, CHUNK)):
        stop = min(start + CHUNK, n_steps)
        result = run(graph, xs.during(slice(start, stop)), stop - start, dt, record=KEPT, state=state)
        state = result.state
        for name in sizes:
            flat = result.spikes[name][0].reshape(stop - start, -1).astype("int64")
            spikes[name].append(flat[:, shown[name]])
            per_step[name].append(flat.sum(1))
            counts[name].append(flat.sum(0))
            voltages[name].append(result.voltages[name][0].reshape(stop - start, -1)[:, shown[name]])
        for label, output in result.outputs.items():
            values[label].append(output[0].reshape(stop - start, -1)[:, kept[label]])
    layers = tuple(
        LayerActivity(
            name=name,
            shape=graph.populations[name].shape,
            n_neurons=size,
            shown=shown[name],
            spikes=np.concatenate(spikes[name]),
            voltages=np.concatenate(voltages[name]),
            currents=_currents(graph[name], expected).reshape(-1)[shown[name]],
            per_step=np.concatenate(per_step[name]),
            rates=np.sum(counts[name], 0) / (n_steps * dt),
            expected=expected[name].reshape(-1) / graph.populations[name].neuron.amplitude,
        )
        for name, size in sizes.items()
    )
    outputs = tuple(
        OutputActivity(
            name=label,
            n_values=math.prod(graph[graph.outputs[label]].shape),
            shown=kept[label],
            values=np.concatenate(values[label]),
            expected=_before(graph, label, expected)[kept[label]],
        )
        for label in graph.outputs
    )
    pictures = tuple(_pictures(means))
    return Activity(n_steps, dt, layers, outputs, pictures)


def _currents(node: Node, values: dict[str, np.ndarray]) -> np.ndarray:
    """J of a population in the rate network."""
    bias = node.neuron_bias if isinstance(node, Population) else 0.0
    return np.broadcast_to(values[node.inputs[0]] + bias, (1, *node.shape))


def _pictures(xs: Inputs) -> Iterator[InputPicture]:
    """The inputs that are pictures: of two axes, or of three with one or three channels at the end."""
    for name, array in xs.items():
        pixels = array[0] if array.ndim == 4 else array[0][..., None]
        is_picture = array.ndim in (3, 4) and pixels.shape[-1] in (1, 3) and min(pixels.shape[:2]) > 1
        if is_picture and pixels.size <= MOST_MAPPED:
            yield InputPicture(name, pixels)


def _tracked(starts: range) -> Iterator[int]:
    with track(len(starts), what="running the sample") as advance:
        for start in starts:
            yield start
            advance()


def _before(graph: SpikingGraph, label: str, values: dict[str, np.ndarray]) -> np.ndarray:
    """Values of an output in the rate network, before a softmax or the like."""
    node = graph[graph.outputs[label]]
    return values[node.inputs[0] if isinstance(node, Readout) else node.name].reshape(-1)


def _largest(values: np.ndarray, n_steps: int) -> np.ndarray:
    most = max(1, min(MOST_OUTPUTS, MOST_VALUES // n_steps))
    return np.sort(np.argsort(-values, kind="stable")[:most])
