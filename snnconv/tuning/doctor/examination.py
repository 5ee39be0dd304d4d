"""An examination: the rates of every layer, by the rate functions and as measured in spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...graph import Population, PopulationView, SpikingGraph
from ...neurons import LIF, SteppedLIF
from ...neurons.base import steps_as
from ...text.plain import plural


@dataclass(frozen=True, eq=False)
class Layer:
    """One population's rates.

    Parameters
    ----------
    view : PopulationView
    expected : (n, n_neurons) array
        By the rate functions of all layers, in Hz; below 0 for negative spikes.
    measured : (n, n_neurons) array
        In spikes, in Hz.
    """

    view: PopulationView
    expected: np.ndarray
    measured: np.ndarray

    @property
    def name(self) -> str:
        """Name of the population."""
        return self.view.name

    @property
    def peak(self) -> float:
        """The rate that one in a thousand neurons and samples exceeds, in Hz."""
        return float(np.quantile(np.abs(self.expected), 0.999))

    @property
    def deviation(self) -> float:
        """Mean difference of measured and expected rates, relative to the mean rate."""
        return float(np.abs(self.measured - self.expected).mean() / max(np.abs(self.expected).mean(), 1e-9))

    def step_ceiling(self, dt: float) -> float:
        """Highest rate in steps of `dt` seconds, in Hz."""
        most = self.view.neuron.max_spikes_per_step
        return math.inf if most is None else most / dt

    def ceiling(self, dt: float) -> float:
        """Highest rate, also for what refractory periods allow, in Hz."""
        neuron = self.view.neuron
        if isinstance(neuron, SteppedLIF):
            return neuron.highest_rate
        by_rest = 1 / neuron.tau_ref if steps_as(neuron, LIF) and neuron.tau_ref > 0 else math.inf
        return min(by_rest, self.step_ceiling(dt))


@dataclass(frozen=True, eq=False)
class Examination:
    """A network in rates and in spikes, on the same samples.

    Parameters
    ----------
    layers : tuple of Layer
    rate_output, spiking_output : (n, *output) arrays
        Of the first output; in spikes its mean over time.
    n_steps : int
    dt : float
        Length of a step, in seconds.
    """

    graph: SpikingGraph
    layers: tuple[Layer, ...]
    rate_output: np.ndarray
    spiking_output: np.ndarray
    n_steps: int
    dt: float

    @property
    def steps(self) -> str:
        """The length of the run in words, as in "32 steps"."""
        return plural(self.n_steps, "step")

    @property
    def duration(self) -> float:
        """Length of the run, in seconds."""
        return self.n_steps * self.dt

    @cached_property
    def depths(self) -> dict[str, int]:
        """Number of populations on the longest way to each population, itself included."""
        reached: dict[str, int] = {}
        for node in self.graph.nodes:
            before = max((reached[name] for name in node.inputs), default=0)
            reached[node.name] = before + isinstance(node, Population)
        return {layer.name: reached[layer.name] for layer in self.layers}

    @cached_property
    def neighbours(self) -> list[tuple[Layer, Layer]]:
        """Pairs of layers of which the first feeds the second."""
        by_name = {layer.name: layer for layer in self.layers}
        sources: dict[str, list[str]] = {}
        pairs = []
        for node in self.graph.nodes:
            reached = list(dict.fromkeys(source for name in node.inputs for source in sources[name]))
            sources[node.name] = reached
            if isinstance(node, Population):
                pairs += [(by_name[source], by_name[node.name]) for source in reached]
                sources[node.name] = [node.name]
        return pairs
