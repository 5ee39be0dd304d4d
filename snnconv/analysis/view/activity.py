"""One sample in spikes: the part of a run that is shown, and no more of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...graph import Inputs, Readout, SpikingGraph
from ...runtime.reference import run
from ...text.progress import track
from ..plot.canvas import evenly

MOST_ROWS = 600  # neurons of all layers together
MOST_CELLS = 1_000_000  # neurons times steps
MOST_VALUES = 40_000  # values of outputs times steps
MOST_OUTPUTS = 20
CHUNK = 10  # steps of which all spikes are kept at a time


@dataclass(frozen=True, eq=False)
class LayerActivity:
    """A population in the run.

    Parameters
    ----------
    name : str
    n_neurons : int
    shown : (n_shown,) array of int
        Numbers of the neurons whose spikes are kept, along the flattened shape, evenly spaced.
    spikes : (n_steps, n_shown) array of int
    per_step : (n_steps,) array of int
        Spikes of all neurons in each step, negative ones counted below 0.
    rates, expected : (n_neurons,) array
        Rates over the run, and of the rate network at the sample's mean over time, in Hz.
    """

    name: str
    n_neurons: int
    shown: np.ndarray
    spikes: np.ndarray
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
class Activity:
    """A run of one sample."""

    n_steps: int
    dt: float
    layers: tuple[LayerActivity, ...]
    outputs: tuple[OutputActivity, ...]


def record(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, max_neurons: int) -> Activity:
    """Run one sample in the reference, a few steps at a time.

    Parameters
    ----------
    xs : Inputs
        One sample.
    max_neurons : int
        Most neurons of a layer whose spikes are kept; fewer where there are many layers or steps.
    """
    expected = graph.rate_values(xs.means())
    sizes = {name: math.prod(view.shape) for name, view in graph.populations.items()}
    share = min(MOST_ROWS, MOST_CELLS // n_steps) // max(len(sizes), 1)
    shown = {name: evenly(size, max(1, min(max_neurons, share))) for name, size in sizes.items()}
    kept = {label: _largest(_before(graph, label, expected), n_steps) for label in graph.outputs}
    spikes, per_step, counts = ({name: [] for name in sizes} for _ in range(3))
    values: dict[str, list[np.ndarray]] = {label: [] for label in graph.outputs}
    state: Any = None
    for start in _tracked(range(0, n_steps, CHUNK)):
        stop = min(start + CHUNK, n_steps)
        result = run(graph, xs.during(slice(start, stop)), stop - start, dt, record="all.spikes", state=state)
        state = result.state
        for name in sizes:
            flat = result.spikes[name][0].reshape(stop - start, -1).astype("int64")
            spikes[name].append(flat[:, shown[name]])
            per_step[name].append(flat.sum(1))
            counts[name].append(flat.sum(0))
        for label, output in result.outputs.items():
            values[label].append(output[0].reshape(stop - start, -1)[:, kept[label]])
    layers = tuple(
        LayerActivity(
            name=name,
            n_neurons=size,
            shown=shown[name],
            spikes=np.concatenate(spikes[name]),
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
    return Activity(n_steps, dt, layers, outputs)


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
