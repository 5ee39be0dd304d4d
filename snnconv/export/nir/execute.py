"""Stepping a NIR graph as its readers do: Euler's method, one sample batch, one step after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...graph import Inputs
from ...neurons import numpy_ops
from .primitives import NirGraph, Primitive

Arrays = dict[str, np.ndarray]
SPIKING = ("LIF", "CubaLIF", "IF")
STATEFUL = (*SPIKING, "LI", "CubaLI")


def execute(
    graph: NirGraph, inputs: Mapping[str, np.ndarray], n_steps: int, importer_dt: float
) -> tuple[Arrays, Arrays]:
    """Run a NIR graph in NumPy, in float64.

    ``v += importer_dt/tau · (v_leak - v + r·I)``, or ``v += importer_dt · r·I`` for an IF; a neuron spikes where
    v > v_threshold, and v becomes v_reset. With a synapse I is ``I += importer_dt/tau_syn · (w_in·S - I)`` before.
    Voltages and currents start at 0. What a node gives reaches the next within the step.

    Parameters
    ----------
    inputs : mapping of name of an Input to (n, *shape) array, held constant, or (n, n_steps, *shape)
        Channels first.
    importer_dt : float
        Length of a step, in seconds.

    Returns
    -------
    spikes : mapping of name of a LIF or CubaLIF to (n, n_steps, *shape) uint8 array
    outputs : mapping of name of an Output to (n, n_steps, *shape) array
    """
    nodes = graph.in_order()
    given = Inputs(inputs, {node.name: tuple(node["shape"].tolist()) for node in nodes if node.type == "Input"})
    held = set(given) - given.varying
    voltages: Arrays = {}
    currents: Arrays = {}
    values: Arrays = {}
    spikes: dict[str, list[np.ndarray]] = {node.name: [] for node in nodes if node.type in SPIKING}
    outputs: dict[str, list[np.ndarray]] = {node.name: [] for node in nodes if node.type == "Output"}
    for node in nodes:
        if node.type in STATEFUL:
            voltages[node.name] = np.zeros((given.n, *node["r"].shape))
            currents[node.name] = np.zeros((given.n, *node["r"].shape))
        elif node.type != "Input" and held.issuperset(graph.sources(node.name)):
            held.add(node.name)  # the same at every step
    for step in range(n_steps):
        for node in nodes:
            if step and node.name in held:
                pass
            elif node.type == "Input":
                values[node.name] = given.at(step)[node.name]
            else:
                x = sum((values[source] for source in graph.sources(node.name)), start=np.zeros(()))
                if "tau_syn" in node.parameters:
                    i = currents[node.name]
                    x = currents[node.name] = i + importer_dt / node["tau_syn"] * (node["w_in"] * x - i)
                if node.type in STATEFUL:
                    values[node.name], voltages[node.name] = _step(node, x, voltages[node.name], importer_dt)
                else:
                    values[node.name] = _LINEAR[node.type](node, x)
            if node.type in SPIKING:
                spikes[node.name].append(values[node.name].astype("uint8"))
            elif node.type == "Output":
                outputs[node.name].append(values[node.name])
    return tuple({name: np.stack(steps, 1) for name, steps in kept.items()} for kept in (spikes, outputs))  # pyright: ignore[reportReturnType]


def _step(node: Primitive, x: np.ndarray, v: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    if node.type == "IF":
        v = v + dt * node["r"] * x
    else:
        tau = node["tau_mem" if "tau_syn" in node.parameters else "tau"]
        v = v + dt / tau * (node["v_leak"] - v + node["r"] * x)
    if node.type not in SPIKING:
        return v, v
    spiked = v > node["v_threshold"]
    return np.where(spiked, 1.0, 0.0), np.where(spiked, node["v_reset"], v)


def _affine(node: Primitive, x: np.ndarray) -> np.ndarray:
    y = x @ node["weight"].T
    return y + node["bias"] if "bias" in node.parameters else y


def _convolution(node: Primitive, x: np.ndarray) -> np.ndarray:
    n_axes = node["weight"].ndim - 2
    stride, padding, dilation = (
        tuple(np.broadcast_to(node[key], n_axes).tolist()) for key in ("stride", "padding", "dilation")
    )
    kernel = np.moveaxis(node["weight"], (0, 1), (-1, -2))
    pairs = tuple((pad, pad) for pad in padding)
    y = numpy_ops.conv(np.moveaxis(x, 1, -1), kernel, stride, pairs, dilation, int(node["groups"]))
    return np.moveaxis(y + node["bias"], -1, 1)


def _flatten(node: Primitive, x: np.ndarray) -> np.ndarray:
    shape = x.shape[1:]
    start, end = (int(node[key]) % len(shape) for key in ("start_dim", "end_dim"))
    return x.reshape(len(x), *shape[:start], -1, *shape[end + 1 :])


def _sum_pool(node: Primitive, x: np.ndarray) -> np.ndarray:
    size, stride, padding = (
        tuple(np.broadcast_to(node[key], 2).tolist()) for key in ("kernel_size", "stride", "padding")
    )
    padded = np.pad(x, ((0, 0), (0, 0), *((pad, pad) for pad in padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, (2, 3))
    return windows[:, :, :: stride[0], :: stride[1]].sum((-2, -1))


_LINEAR: Mapping[str, Callable[[Primitive, np.ndarray], np.ndarray]] = {
    "Affine": _affine,
    "Linear": _affine,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "Flatten": _flatten,
    "Scale": lambda node, x: x * node["scale"],
    "SumPool2d": _sum_pool,
    "AvgPool2d": lambda node, x: _sum_pool(node, x) / np.prod(np.broadcast_to(node["kernel_size"], 2)),
    "Output": lambda node, x: x,
}
