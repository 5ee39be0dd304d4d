"""Stepping a NIR graph as its readers do: Euler's method, one sample batch, one step after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...graph import Inputs
from ...neurons import numpy_ops
from .primitives import NirGraph, Primitive

Arrays = dict[str, np.ndarray]
SPIKING = ("LIF", "CubaLIF")


def execute(
    graph: NirGraph, inputs: Mapping[str, np.ndarray], n_steps: int, importer_dt: float
) -> tuple[Arrays, Arrays]:
    """Run a NIR graph in NumPy, in float64.

    ``v += importer_dt/tau · (v_leak - v + r·I)``; a LIF spikes where v > v_threshold, and v becomes v_reset. In a
    CubaLIF I is ``I += importer_dt/tau_syn · (w_in·S - I)`` before. Voltages and currents start at 0. What a node gives
    reaches the next within the step.

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
        if node.type in (*SPIKING, "LI"):
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
                if node.type == "CubaLIF":
                    i = currents[node.name]
                    x = currents[node.name] = i + importer_dt / node["tau_syn"] * (node["w_in"] * x - i)
                if node.type in (*SPIKING, "LI"):
                    values[node.name], voltages[node.name] = _step(node, x, voltages[node.name], importer_dt)
                else:
                    values[node.name] = _LINEAR[node.type](node, x)
            if node.type in SPIKING:
                spikes[node.name].append(values[node.name].astype("uint8"))
            elif node.type == "Output":
                outputs[node.name].append(values[node.name])
    return tuple({name: np.stack(steps, 1) for name, steps in kept.items()} for kept in (spikes, outputs))  # pyright: ignore[reportReturnType]


def _step(node: Primitive, x: np.ndarray, v: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    v = v + dt / node["tau_mem" if node.type == "CubaLIF" else "tau"] * (node["v_leak"] - v + node["r"] * x)
    if node.type == "LI":
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
    shape = tuple(node["input_type"].tolist())
    start, end = (int(node[key]) % len(shape) for key in ("start_dim", "end_dim"))
    return x.reshape(len(x), *shape[:start], -1, *shape[end + 1 :])


_LINEAR: Mapping[str, Callable[[Primitive, np.ndarray], np.ndarray]] = {
    "Affine": _affine,
    "Linear": _affine,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "Flatten": _flatten,
    "Output": lambda node, x: x,
}
