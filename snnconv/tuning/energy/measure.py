"""Measurement: a network is run, and its spikes and operations are counted as time goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...graph import Inputs, Population, SpikingGraph
from ...runtime.arguments import check_graph, check_steps
from ...text.progress import track
from .devices import Device, find_devices
from .operations import has_max_pool, operations_of_spikes, operations_of_values
from .report import EnergyReport, LayerEnergy

if TYPE_CHECKING:
    from ...runtime.simulator import Simulator

BYTES = 256 << 20  # that recorded spikes may take at a time


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
        Weights that those spikes met, by the node that holds them.
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
    dt: float = 0.001,
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
    dt : float
        Length of a step, in seconds.
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
    check_steps(n_steps, dt)
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
        Multiply-accumulates as an ANN.
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
        silence = {name: np.zeros((1, *graph[name].shape)) for name in sizes}
        operations = operations_of_spikes(graph, silence)
        rows: list[tuple[str, ...]] = []
        for name in operations:
            source = graph[name].inputs[0]
            alone = len(graph.consumers(source)) == 1 and not graph.is_output(source)
            if name in sizes and (source,) in rows and alone:
                rows[rows.index((source,))] = (source, name)
            else:
                rows.append((name,))
        products = {name: each.n_products for name, each in operations.items()}
        arithmetic = {name: each.n_arithmetic for name, each in operations.items()}
        return cls(tuple(rows), products, arithmetic, operations_of_values(graph), sizes)


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
                synops=float(sum(activity.synops[each][at] for each in row)),
                products=sum(structure.products[each] for each in row),
                arithmetic=sum(structure.arithmetic[each] for each in row),
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
    graph = simulator.graph
    populations = [node for node in graph.nodes if isinstance(node, Population)]
    n = xs.n
    # rates are net of negative spikes, and known only at the end
    in_time = {p.name for p in populations if len(checkpoints) > 1 or p.neuron.fires_negative}
    size = sum(math.prod(p.shape) for p in populations if p.name in in_time) * n_steps * 4
    batch = max(1, min(n, BYTES // max(size, 1)))
    record = [f"{p.name}.{'spikes' if p.name in in_time else 'rates'}" for p in populations]
    spikes: dict[str, Any] = {p.name: 0.0 for p in populations}
    synops: dict[str, Any] = {}
    outputs: list[Mapping[str, np.ndarray]] = []
    by_sample = has_max_pool(graph)
    with track(n, False if advance else progress, unit="samples") as bar:
        for part in xs.parts(batch):
            result = simulator.run(part, n_steps, record=record)
            counts = {}
            for population in populations:
                name = population.name
                if name in in_time:
                    count = _counted(result.spikes[name], checkpoints, by_sample)
                else:
                    count = np.rint(result.rates[name] * (n_steps * simulator.dt))
                    count = count[:, None] if by_sample else count.mean(0)[None, None]
                counts[name] = count.reshape(-1, *population.shape)
                total = counts[name].reshape(-1, len(checkpoints), math.prod(population.shape)).sum(-1).mean(0)
                spikes[name] = spikes[name] + total * (part.n / n)
            for name, each in operations_of_spikes(graph, counts).items():
                total = np.broadcast_to(each.synops, (max(len(each.synops), len(checkpoints)),))
                synops[name] = synops.get(name, 0.0) + total.reshape(-1, len(checkpoints)).mean(0) * (part.n / n)
            outputs.append(result.outputs)
            (advance or bar)(part.n)
    joined = {label: np.concatenate([part[label] for part in outputs]) for label in graph.outputs}
    return Activity(tuple(checkpoints), spikes, synops, graph.as_output(joined))


def _counted(spikes: np.ndarray, checkpoints: Sequence[int], by_sample: bool) -> np.ndarray:
    """Spikes up to each checkpoint, whatever their sign: (n or 1, checkpoints, *units)."""
    first = [0, *checkpoints[:-1]]
    spikes = spikes[:, : checkpoints[-1]]
    spikes = np.abs(spikes) if spikes.dtype.kind == "i" else spikes
    if not by_sample:
        spikes = spikes.sum(0, dtype="int64")[None] / len(spikes)
    return np.cumsum(np.add.reduceat(spikes, first, 1, dtype="float64"), 1)
