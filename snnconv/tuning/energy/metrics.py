"""The metrics of NeuroBench: what a network stores, how much of it is 0, and what a run computes.

Definitions are those of the harness 2.3, in whole numbers; docs/metrics.md has the formulas.

References
----------
Yik et al. (2025), "The NeuroBench framework for benchmarking neuromorphic computing algorithms and systems", Nature
Communications 16, 1545.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ParameterError
from ...graph import Population, SpikingGraph
from ...neurons.base import is_whole
from ...runtime.arguments import check_graph, check_steps
from ...text.plain import count_text, plural, run_text
from ...text.progress import track
from ...text.table import Report, Section, Table
from .arrivals import Connections
from .measure import samples_at_once
from .operations import arithmetic, operations_of_values

BYTES_PER_NUMBER = 4  # float32, in which networks run
NAME_WIDTH = 14  # longer names are broken


@dataclass(frozen=True)
class ConnectionMetrics:
    """A layer with a kernel, over all samples and steps.

    Parameters
    ----------
    name : str
    n_weights, n_zero_weights : int
        Of the kernel, without the bias.
    dense : int
        Synaptic operations, zeros included; those with padding are left out.
    effective_macs, effective_acs : int
        Operations of weights other than 0 with values other than 0: ACs at the steps at which all values of the batch
        are 0, 1 or -1, MACs at the others.
    """

    name: str
    n_weights: int
    n_zero_weights: int
    dense: int
    effective_macs: int
    effective_acs: int


@dataclass(frozen=True)
class PopulationMetrics:
    """A population, over all samples and steps.

    Parameters
    ----------
    name : str
    n_neurons : int
    n_activations, n_zero_activations : int
        Outputs at all steps, and those of them that are 0.
    membrane_updates : int
        Steps of a neuron after which its voltage is another than before; the first of each sample always counts.
    """

    name: str
    n_neurons: int
    n_activations: int
    n_zero_activations: int
    membrane_updates: int


@dataclass(frozen=True)
class Metrics:
    """NeuroBench's metrics of a run; it prints as text.

    Parameters
    ----------
    connections : tuple of ConnectionMetrics
    populations : tuple of PopulationMetrics
    footprint : int
        Bytes of kernels, biases and parameters of neurons.
    arithmetic : int
        Operations of functions of means, for one sample and step; no metric of NeuroBench has them.
    n_samples, n_steps, batch_size : int
    dt : float
        Length of a step, in seconds.
    """

    connections: tuple[ConnectionMetrics, ...]
    populations: tuple[PopulationMetrics, ...]
    footprint: int
    arithmetic: int
    n_samples: int
    n_steps: int
    batch_size: int
    dt: float

    @property
    def connection_sparsity(self) -> float:
        """Share of weights that are 0, rounded to 4 decimals as the harness rounds it."""
        zeros = sum(each.n_zero_weights for each in self.connections)
        return round(_share(zeros, sum(each.n_weights for each in self.connections)), 4)

    @property
    def activation_sparsity(self) -> float:
        """Share of outputs of neurons that are 0, over all steps."""
        zeros = sum(each.n_zero_activations for each in self.populations)
        return _share(zeros, sum(each.n_activations for each in self.populations))

    @property
    def synaptic_operations(self) -> dict[str, float]:
        """Dense, effective MACs and effective ACs of a sample, over all its steps."""
        names = ("dense", "effective_macs", "effective_acs")
        return {name: sum(getattr(each, name) for each in self.connections) / self.n_samples for name in names}

    @property
    def membrane_updates(self) -> float:
        """Changes of voltages of a sample, over all its steps."""
        return sum(each.membrane_updates for each in self.populations) / self.n_samples

    @property
    def report(self) -> Report:
        """The metrics, and what of them each layer has."""
        run = run_text(self.n_steps, self.dt)
        head = f"{plural(self.n_samples, 'sample')}, {run}, in batches of {self.batch_size}."
        operations = self.synaptic_operations
        rows = [
            ("footprint", f"{self.footprint:,}", "bytes"),
            ("connection sparsity", f"{self.connection_sparsity:.4f}", "share of weights that are 0"),
            ("activation sparsity", f"{self.activation_sparsity:.4f}", "share of outputs of neurons that are 0"),
            ("dense", f"{operations['dense']:,.2f}", "synaptic operations"),
            ("effective MACs", f"{operations['effective_macs']:,.2f}", "of them with other values than spikes"),
            ("effective ACs", f"{operations['effective_acs']:,.2f}", "of them with spikes"),
            ("membrane updates", f"{self.membrane_updates:,.2f}", "changes of a neuron's voltage"),
        ]
        parts: list[Table | str] = [Table(("metric", "value", ""), rows, left=(0, 2), indent=0)]
        notes = [
            "Operations and updates are those of one sample over all its steps; shares are",
            "over all samples.",
        ]
        if self.arithmetic:
            more = count_text(self.arithmetic * self.n_steps)
            notes.append(f"Functions of means do {more} operations beside, which no metric has.")
        sections = [Section("", [head]), Section("", [*parts, "", *notes])]
        return Report([*sections, *([Section("", [_layers(self)])] if self.connections or self.populations else [])])

    def __str__(self) -> str:
        return str(self.report)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "n_samples": self.n_samples,
            "n_steps": self.n_steps,
            "batch_size": self.batch_size,
            "dt": self.dt,
            "footprint": self.footprint,
            "connection_sparsity": self.connection_sparsity,
            "activation_sparsity": self.activation_sparsity,
            "synaptic_operations": self.synaptic_operations,
            "membrane_updates": self.membrane_updates,
            "arithmetic": self.arithmetic,
            "connections": [vars(each) for each in self.connections],
            "populations": [vars(each) for each in self.populations],
        }


def metrics(
    graph: SpikingGraph,
    x: Any,
    n_steps: int,
    dt: float | None = None,
    *,
    batch_size: int = 32,
    progress: bool | None = None,
) -> Metrics:
    """Measure a network as the NeuroBench harness does: footprint, sparsity, synaptic operations, membrane updates.

    Parameters
    ----------
    x : (n, *input) array, held constant, or (n, n_steps, *input) array
        A list or a dict of them where there are several inputs.
    n_steps : int
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    batch_size : int
        Samples that the harness would run together. Only the split into MACs and ACs depends on it: the operations of
        a layer at a step are ACs where all values of the batch are 0, 1 or -1.
    progress : bool or None
        Show a progress bar on long runs. None: where standard error is a terminal.

    Returns
    -------
    Metrics
        Print it for its tables.

    Raises
    ------
    InputError, ParameterError
        If the data or a parameter is out of range.
    """
    check_graph(graph, "metrics")
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    if not is_whole(batch_size):
        raise ParameterError(f"batch_size must be a whole number above 0. Received {batch_size!r}.")
    xs = graph.check_inputs(x, "float32", n_steps)
    from ...runtime.simulator import Simulator

    simulator = Simulator(graph, dt, progress=False)
    connections = Connections(graph, dt)
    batch_size = int(batch_size)
    at_once = min(batch_size, samples_at_once(connections, n_steps))
    record = [f"{name}.{kind}" for name in graph.populations for kind in ("spikes", "voltages")]
    counts = {layer.name: [0, 0] for layer in connections.layers}  # MACs and ACs
    neurons = {name: np.zeros(2, "int64") for name in graph.populations}
    with track(xs.n, progress, what="measuring", unit="samples") as advance:
        for batch in xs.parts(batch_size):
            events = {name: np.zeros(n_steps, "int64") for name in counts}
            are_binary = {name: np.ones(n_steps, bool) for name in counts}
            for part in batch.parts(at_once):
                result = simulator.run(part, n_steps, record=record)
                for layer, signal in connections.arrivals(part, result.spikes, n_steps):
                    events[layer.name] += connections.events(layer, signal)
                    are_binary[layer.name] &= signal.is_binary
                for name in neurons:
                    neurons[name] += _zeros_and_updates(result.spikes[name], result.voltages[name])
                advance(part.n)
            for name, each in counts.items():
                each[0] += int(events[name][~are_binary[name]].sum())
                each[1] += int(events[name][are_binary[name]].sum())
    dense, n_frames = operations_of_values(graph), xs.n * n_steps
    return Metrics(
        tuple(
            ConnectionMetrics(
                layer.name,
                layer.kernel.size,
                layer.kernel.size - int(np.count_nonzero(layer.kernel)),
                dense[layer.name] * n_frames,
                *counts[layer.name],
            )
            for layer in connections.layers
        ),
        tuple(
            PopulationMetrics(name, size, size * n_frames, *map(int, neurons[name]))
            for name, size in ((name, math.prod(graph[name].shape)) for name in neurons)
        ),
        footprint(connections.graph),
        sum(arithmetic(graph).values()),
        xs.n,
        n_steps,
        batch_size,
        dt,
    )


def footprint(graph: SpikingGraph) -> int:
    """Bytes of a graph's kernels, biases and other arrays, and of the numbers that are its neurons' parameters.

    Parameters
    ----------
    graph : SpikingGraph
        With spikes of height 1, so that no height is stored beside the kernels.
    """
    arrays = [array for node in graph.nodes for name, array in node.arrays().items() if name != "gain"]
    populations = [node for node in graph.nodes if isinstance(node, Population)]
    parameters = [value for node in populations for value in node.neuron.parameters().values()]
    numbers = [np.size(value) for value in parameters if np.asarray(value).dtype.kind in "if"]
    return BYTES_PER_NUMBER * (sum(array.size for array in arrays) + sum(numbers))


def _zeros_and_updates(spikes: np.ndarray, voltages: np.ndarray) -> tuple[int, int]:
    """Outputs that are 0, and voltages that are others than a step before; those after the first step all count."""
    changed = int(np.count_nonzero(voltages[:, 1:] != voltages[:, :-1]))
    return spikes.size - int(np.count_nonzero(spikes)), changed + voltages[:, 0].size


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _layers(metrics: Metrics) -> Table:
    headings = ("layer", "weights", "zero", "dense", "MACs", "ACs", "neurons", "silent", "updates")
    n = metrics.n_samples
    connections = [
        (each.name, f"{each.n_weights:,}", f"{each.n_zero_weights:,}", *map(count_text, operations))
        for each in metrics.connections
        for operations in [np.array([each.dense, each.effective_macs, each.effective_acs]) / n]
    ]
    populations = [
        (each.name, *[""] * 5, f"{each.n_neurons:,}", f"{silent:.1%}", count_text(each.membrane_updates / n))
        for each in metrics.populations
        for silent in [_share(each.n_zero_activations, each.n_activations)]
    ]
    return Table(headings, [*connections, *populations], name_width=NAME_WIDTH, indent=0)
