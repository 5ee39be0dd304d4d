"""The integer network in NumPy, one step after the other: the loop that every other form of it must equal.

It counts in int64 and checks that every integer stays in its proven range, so that it gives what int32 would give.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ParameterError, SnnconvError
from ..graph.inputs import has_steps
from ..neurons import numpy_ops
from ..runtime.arguments import check_steps, recording
from ..runtime.result import Result
from .integer_graph import IntegerGraph
from .neurons import State
from .nodes import (
    EncodedInput,
    IntegerLayer,
    IntegerNode,
    MaxPool,
    SpikingLayer,
    SumPool,
    WeightedNode,
    WeightedSums,
)

STATEFUL = (IntegerLayer, MaxPool)


def run(graph: IntegerGraph, x: Any, n_steps: int, *, record: str | Iterable[str] = ()) -> Result:
    """Run an integer graph from rest.

    Parameters
    ----------
    x : (n, *input) array, held constant, or (n, n_steps, *input) array
        In the units of the float network; `IntegerGraph.input` rounds and encodes it.
    n_steps : int
        At most what the graph was quantised for.
    record : str or iterable of str
        Layers to record, as in `snnconv.Simulator.run`.

    Returns
    -------
    Result
        `output` holds the drive of the readout at each step, as int64: Y is its sum over time, and
        `IntegerGraph.as_float` gives it in the float network's units. `voltages` are integers as well, with each
        neuron's threshold in ``graph.populations[name].threshold``. `state` holds what is left after the last step.

    Raises
    ------
    InputError, ParameterError
        If the data or a parameter is out of range.
    SnnconvError
        If an integer leaves its proven range: a fault of snnconv, or a graph that was changed by hand.
    """
    check_integers(graph, "run")
    n_steps = check_run(graph, n_steps)
    codes = graph.check_inputs(x, n_steps)
    n = len(codes)
    wanted = recording(graph, record)  # pyright: ignore[reportArgumentType]
    varies = has_steps(codes, graph.input.shape)
    sent = graph.input.code.start(codes[:, 0] if varies else codes)
    state = {node.name: initial_state(node, n) for node in graph.nodes if isinstance(node, STATEFUL)}

    outputs: dict[str, list[np.ndarray]] = {label: [] for label in graph.outputs}
    spikes: dict[str, list[np.ndarray]] = {name: [] for name in wanted["spikes"]}
    voltages: dict[str, list[np.ndarray]] = {name: [] for name in wanted["voltages"]}
    counts = {name: np.zeros((n, *graph[name].shape)) for name in wanted["rates"]}
    for step in range(n_steps):
        values: dict[str, np.ndarray] = {}
        for node in graph.nodes:
            if isinstance(node, EncodedInput):
                value, sent = node.code.send(codes[:, step] if varies else codes, sent, step)
            elif isinstance(node, SumPool):
                value = sum_pool(node, values[node.inputs[0]])
            elif isinstance(node, MaxPool):
                value, state[node.name] = node.step(values[node.inputs[0]], state[node.name])
                if node.is_running:
                    _checked(node, "total", state[node.name]["total"])
            elif isinstance(node, WeightedSums):
                value = weighted_sum(node, values[node.inputs[0]])
            elif isinstance(node, IntegerLayer):
                total = weighted_sum(node, values[node.inputs[0]])
                for name in node.branches:
                    total = total + values[name].reshape(total.shape)
                value, state[node.name] = drive(node, total, state[node.name])
                if isinstance(node, SpikingLayer):
                    value, state[node.name] = fire(node, value, state[node.name])
            else:
                raise SnnconvError(f"node '{node.name}' ({node.kind}) cannot be run by snnconv.quantize.run.")
            values[node.name] = _checked(node, "value", value)
            if isinstance(node, SpikingLayer) and node.name in spikes:
                spikes[node.name].append(value.astype(node.spike_dtype))
            if node.name in voltages:
                voltages[node.name].append(state[node.name]["voltage"].astype("int32"))
            if node.name in counts:
                counts[node.name] += value
        for label, name in graph.outputs.items():
            outputs[label].append(values[name])
    return Result(
        outputs={label: np.stack(steps, 1) for label, steps in outputs.items()},
        n_steps=n_steps,
        dt=graph.dt,
        spikes={name: np.stack(steps, 1) for name, steps in spikes.items()},
        voltages={name: np.stack(steps, 1) for name, steps in voltages.items()},
        rates={name: count / (n_steps * graph.dt) for name, count in counts.items()},
        state=state,
    )


def check_integers(graph: Any, taker: str) -> None:
    """Raise ParameterError, with the way to an integer graph, unless this is one."""
    if isinstance(graph, IntegerGraph):
        return
    advice = f"Quantise it first: {taker}(snnconv.quantize.quantize(graph))." if hasattr(graph, "populations") else ""
    raise ParameterError(f"{taker} takes an IntegerGraph. Received {type(graph).__name__}. {advice}".rstrip())


def check_run(graph: IntegerGraph, n_steps: Any) -> int:
    """`n_steps` as an int, after checking that the graph's integers are proven for so many.

    Raises
    ------
    ParameterError
        If it is no whole number above 0, or more than the graph was quantised for.
    """
    n_steps = check_steps(n_steps, graph.dt)
    if n_steps > graph.settings.n_steps:
        raise ParameterError(
            f"the network's sums over time are proven for {graph.settings.n_steps} steps. Received n_steps={n_steps}; "
            f"quantise it with n_steps={n_steps}."
        )
    return n_steps


def initial_state(layer: IntegerLayer | MaxPool, n: int) -> State:
    """State of a layer before the first step, for `n` samples: zeros, and the voltages that its neurons start at."""
    if isinstance(layer, MaxPool):
        return layer.initial_state(n)
    state = {"current": np.zeros((n, *layer.connection_shape), "int64")} if layer.synapse else {}
    return state | (layer.neuron.initial_state((n, *layer.shape)) if isinstance(layer, SpikingLayer) else {})


def sum_pool(node: SumPool, x: np.ndarray) -> np.ndarray:
    """Sum over windows of integers (n, …)."""
    channels = node.input_shape[-1]
    ones = np.ones((*node.size, 1, channels), "int64")
    rank = len(node.size)
    x = x.reshape(len(x), *node.input_shape)
    return numpy_ops.conv(x, ones, node.strides, ((0, 0),) * rank, (1,) * rank, channels)


def weighted_sum(node: WeightedNode, x: np.ndarray) -> np.ndarray:
    """Shifted sums of weighted integers (n, …), (n, *connection_shape)."""
    x = x.reshape(len(x), *node.input_shape)
    kernel = node.kernel.astype("int64")
    if node.strides:
        total = numpy_ops.conv(x, kernel, node.strides, node.padding, node.dilation, node.groups)
    else:
        total = x @ kernel
    return total << node.shift


def drive(layer: IntegerLayer, total: np.ndarray, state: State) -> tuple[np.ndarray, State]:
    """Drive (n, *shape) for totals (n, *connection_shape), and the state after the synapse's step."""
    found, state = layer.drive(_checked(layer, "total_input", total), state)
    if layer.synapse:
        _checked(layer, "synapse", state["current"])
    return found, state


def fire(layer: SpikingLayer, drive: np.ndarray, state: State) -> tuple[np.ndarray, State]:
    """Spikes (n, *shape), 0 or 1, for a drive, and the state after the step, taken in two halves to see the middle."""
    drive = _checked(layer, "drive", layer.neuron.received(drive))
    u = _checked(layer, "potential", layer.neuron.potential(drive, state))
    spikes, after = layer.neuron.fire(u, state)
    _checked(layer, "voltage", after["voltage"])
    return spikes, {**state, **after}


def _checked(node: IntegerNode, what: str, values: np.ndarray) -> np.ndarray:
    """The values, if they are in the node's range for them."""
    if not node.ranges[what].holds(values):
        raise SnnconvError(
            f"the {what.replace('_', ' ')} of '{node.name}' reaches {values.min():,}…{values.max():,}, outside of "
            f"its proven range {node.ranges[what]}. Was the graph changed by hand?"
        )
    return values
