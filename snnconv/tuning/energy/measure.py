"""Measurement: a network is run, and its spikes and operations are counted as time goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...graph import Function, Inputs, Population, SpikingGraph, Weighted
from ...runtime.arguments import check_graph, check_steps
from ...text.progress import track
from .arrivals import Connections
from .devices import Device, find_devices
from .operations import arithmetic, operations_of_values
from .report import EnergyReport, LayerEnergy

if TYPE_CHECKING:
    from ...runtime.simulator import Simulator

BYTES = 256 << 20  # that records and what is computed from them may take at a time
VOLTAGE_AND_SPIKE = 8  # bytes of a neuron's record at a step, where its spikes are counted in int32
VALUES_AT_ONCE = 4  # arrays of values at all steps that are there together


@dataclass(frozen=True, eq=False)
class Activity:
    """Spikes, operations and outputs of a run, up to each of some numbers of steps; means over the samples.

    Parameters
    ----------
    checkpoints : tuple of int
        Numbers of steps.
    spikes : mapping of population name to (checkpoints,) array
        Spikes of all its neurons.
    synops : mapping of node name to (checkpoints,) array
        Weights other than 0 that values other than 0 met, by the node that holds the weights; without those whose
        values come from the input with no spike among them.
    output : (n, n_steps, *output) array
        Or a dict of them where there are several outputs.
    """

    checkpoints: tuple[int, ...]
    spikes: Mapping[str, np.ndarray]
    synops: Mapping[str, np.ndarray]
    output: Any


def energy(
    graph: SpikingGraph,
    x: Any,
    n_steps: int,
    dt: float | None = None,
    device: str | Device | Iterable[str | Device] | None = None,
    *,
    progress: bool | None = None,
) -> EnergyReport:
    """Count the spikes and operations of a run, and the energy that a device takes for them.

    Parameters
    ----------
    x : (n, *input) array, held constant, or (n, n_steps, *input) array
        A list or a dict of them where there are several inputs.
    n_steps : int
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    device : str, Device, several of them, or None
        Names are those of `snnconv.accounting.DEVICES`. None: all of those.
    progress : bool or None
        Show a progress bar on long runs. None: where standard error is a terminal.

    Returns
    -------
    EnergyReport
        Print it for its tables.

    Raises
    ------
    InputError, ParameterError
        If the data or a parameter is out of range.
    """
    devices = find_devices(device)
    check_graph(graph, "energy")
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    xs = graph.check_inputs(x, "float32", n_steps)
    from ...runtime.simulator import Simulator

    activity = measure(Simulator(graph, dt, progress=False), xs, n_steps, (n_steps,), progress=progress)
    return report(Structure.of(graph), activity, devices, dt, n_samples=xs.n, constant=not xs.varying)


@dataclass(frozen=True, eq=False)
class Structure:
    """The part of an account that does not depend on spikes.

    Parameters
    ----------
    rows : tuple of tuple of str
        Names of the nodes that do operations, a population together with the layer that feeds it and nothing else.
    products : mapping of node name to int
        Products with values that come from the input with no spike on the way, each time they are computed.
    arithmetic : mapping of node name to int
        Operations of functions of means, at every step.
    macs : mapping of node name to int
        Multiply-accumulates as an ANN, zeros included.
    n_neurons : mapping of population name to int
    """

    rows: tuple[tuple[str, ...], ...]
    products: Mapping[str, int]
    arithmetic: Mapping[str, int]
    macs: Mapping[str, int]
    n_neurons: Mapping[str, int]

    @classmethod
    def of(cls, graph: SpikingGraph) -> Structure:
        """The structure of a graph."""
        sizes = {node.name: math.prod(node.shape) for node in graph.nodes if isinstance(node, Population)}
        has_spikes: set[str] = set()
        rows: list[tuple[str, ...]] = []
        for node in graph.nodes:
            if isinstance(node, Population) or has_spikes.intersection(node.inputs):
                has_spikes.add(node.name)
            if not isinstance(node, (Weighted, Function, Population)):
                continue
            source = node.inputs[0]
            alone = len(graph.consumers(source)) == 1 and not graph.is_output(source)
            if isinstance(node, Population) and (source,) in rows and alone:
                rows[rows.index((source,))] = (source, node.name)
            else:
                rows.append((node.name,))
        macs = operations_of_values(graph)
        products = {name: n for name, n in macs.items() if name not in has_spikes}
        return cls(tuple(rows), products, arithmetic(graph), macs, sizes)


def report(
    structure: Structure,
    activity: Activity,
    devices: Sequence[Device],
    dt: float,
    *,
    n_samples: int,
    constant: bool,
    at: int = -1,
) -> EnergyReport:
    """The account of a run up to the checkpoint with the number `at`."""
    layers = []
    for row in structure.rows:
        name = row[-1]
        layers.append(
            LayerEnergy(
                name=name,
                n_neurons=structure.n_neurons.get(name, 0),
                spikes=float(activity.spikes[name][at]) if name in structure.n_neurons else 0.0,
                synops=float(sum(activity.synops[each][at] for each in row if each in activity.synops)),
                products=sum(structure.products.get(each, 0) for each in row),
                arithmetic=sum(structure.arithmetic.get(each, 0) for each in row),
                macs=sum(structure.macs.get(each, 0) for each in row),
            )
        )
    return EnergyReport(tuple(layers), tuple(devices), n_samples, activity.checkpoints[at], dt, constant)


def measure(
    simulator: Simulator,
    xs: Inputs,
    n_steps: int,
    checkpoints: Sequence[int],
    *,
    progress: bool | None = None,
    advance: Callable[[float], None] | None = None,
) -> Activity:
    """Run samples, and count up to each checkpoint.

    Parameters
    ----------
    xs : Inputs
    checkpoints : sequence of int
        Numbers of steps, growing, up to n_steps.
    advance : callable or None
        Called with the number of samples that are done, in the place of a progress bar.
    """
    graph, n = simulator.graph, xs.n
    connections = Connections(graph, simulator.dt)
    ends = np.asarray(checkpoints) - 1
    spikes = {name: np.zeros(len(ends)) for name in graph.populations}
    synops = {layer.name: np.zeros(len(ends)) for layer in connections.layers}
    outputs: list[Mapping[str, np.ndarray]] = []
    record = [f"{name}.spikes" for name in graph.populations]
    with track(n, False if advance else progress, unit="samples") as bar:
        for part in xs.parts(samples_at_once(connections, n_steps)):
            result = simulator.run(part, n_steps, record=record)
            for name in spikes:
                sent = np.abs(result.spikes[name].reshape(part.n, n_steps, -1), dtype="int32").sum((0, 2))
                spikes[name] += np.cumsum(sent)[ends] / n
            for layer, signal in connections.arrivals(part, result.spikes, n_steps):
                if not signal.is_input:
                    synops[layer.name] += np.cumsum(connections.events(layer, signal))[ends] / n
            outputs.append(result.outputs)
            (advance or bar)(part.n)
    joined = {label: np.concatenate([part[label] for part in outputs]) for label in graph.outputs}
    return Activity(tuple(checkpoints), spikes, synops, graph.as_output(joined))


def samples_at_once(connections: Connections, n_steps: int) -> int:
    """Samples whose spikes and values at all steps fit in `BYTES`."""
    sizes = [math.prod(node.shape) for node in connections.graph.nodes if isinstance(node, Population)]
    each = n_steps * (VOLTAGE_AND_SPIKE * sum(sizes) + VALUES_AT_ONCE * 4 * connections.largest)
    return max(1, BYTES // max(each, 1))
