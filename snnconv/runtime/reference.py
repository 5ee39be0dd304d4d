"""The reference runtime: a plain NumPy loop over time, the code to trust and to compare with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..graph import Input, Linear, Population, Readout, SpikingGraph, Stateful
from ..neurons import numpy_ops
from ..neurons.base import State
from ..text.progress import track
from .arguments import (
    DtypeLike,
    check_dt,
    check_dtype,
    check_graph,
    check_read_from,
    check_state,
    check_steps,
    initial_voltages,
    recording,
)
from .result import Result, spike_dtype


def run(
    graph: SpikingGraph,
    x: Any,
    n_steps: int,
    dt: float | None = None,
    *,
    dtype: DtypeLike = "float64",
    initial_voltage: float | str = 0.0,
    seed: int | None = None,
    record: str | Iterable[str] = (),
    state: Mapping[str, State] | None = None,
    xp: Any = numpy_ops,
) -> Result:
    """Run a graph in spikes, one step after the other.

    Parameters
    ----------
    x : (n, *input) array, held constant, or (n, n_steps, *input) array
        A list or a dict of them where there are several inputs.
    n_steps : int
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    dtype : str
        "float64" or "float32".
    initial_voltage : float or "uniform"
        Voltage before the first step; "uniform" draws one per neuron from 0…1, with `seed`.
    record : names
        Populations whose spikes, voltages and rates to keep; see `snnconv.Simulator.run`.
    state : mapping or None
        `Result.state` of an earlier run, to go on from.
    xp : namespace
        The operations on arrays; others sum up in another order, for example.

    Returns
    -------
    Result

    Raises
    ------
    InputError, ParameterError
        If the data or a parameter is out of range.
    """
    check_graph(graph, "reference.run")
    dt = graph.dt if dt is None else dt
    dtype = check_dtype(dtype)
    n_steps = check_steps(n_steps, dt, dtype)
    check_dt(graph, dt)
    xs = graph.check_inputs(x, dtype, n_steps)
    wanted = recording(graph, record)
    nodes = [node.map_arrays(lambda array: array.astype(dtype, copy=False)) for node in graph.nodes]
    stateful = [node for node in nodes if isinstance(node, Stateful)]
    if state is None:
        voltages = initial_voltages(graph, initial_voltage, seed)
        state = {node.name: node.initial_state(xs.n, voltages.get(node.name, 0.0), dtype, xp) for node in stateful}
    else:
        check_state(stateful, state, xs.n)
        state = dict(state)

    outputs: dict[str, list[np.ndarray]] = {label: [] for label in graph.outputs}
    spikes: dict[str, list[np.ndarray]] = {name: [] for name in wanted["spikes"]}
    voltages: dict[str, list[np.ndarray]] = {name: [] for name in wanted["voltages"]}
    counts: dict[str, np.ndarray] = {name: np.zeros((xs.n, *graph[name].shape)) for name in wanted["rates"]}
    with track(n_steps, what="running the NumPy loop") as advance:
        for step in range(n_steps):
            values = xs.at(step)
            for node in nodes:
                if isinstance(node, Input):
                    continue
                inputs = [values[name] for name in node.inputs]
                if isinstance(node, Readout):
                    values[node.name] = inputs[0]
                elif isinstance(node, Linear):
                    values[node.name] = node.apply(*inputs, xp=xp)
                elif isinstance(node, Stateful):
                    value, state[node.name] = node.step(inputs[0], state[node.name], dt, xp)
                    values[node.name] = node.output(value, dt)
                    if isinstance(node, Population):
                        if node.name in spikes:
                            spikes[node.name].append(value.astype(spike_dtype(node)))
                        if node.name in voltages:
                            voltages[node.name].append(state[node.name]["voltage"])
                        if node.name in counts:
                            counts[node.name] += value
            for label, name in graph.outputs.items():
                outputs[label].append(values[name])
            advance()
    return Result(
        outputs={label: np.stack(steps, 1) for label, steps in outputs.items()},
        n_steps=n_steps,
        dt=dt,
        spikes={name: np.stack(steps, 1) for name, steps in spikes.items()},
        voltages={name: np.stack(steps, 1) for name, steps in voltages.items()},
        rates={name: count / (n_steps * dt) for name, count in counts.items()},
        state=state,
        reading=check_read_from(graph, None, n_steps),
    )
