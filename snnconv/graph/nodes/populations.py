"""Nodes with a state: neurons and synapses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...neurons.base import Array, Neuron, State
from ...neurons.follower import Follower
from ...neurons.synapses import Synapse
from .base import Stateful


@dataclass(frozen=True, eq=False, kw_only=True)
class Filter(Stateful):
    """A synapse: filters its input over time."""

    synapse: Synapse

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return self.synapse.initial_state((n, *self.shape), dtype, xp)

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        return self.synapse.step(x, state, dt, xp)

    def rate(self, x: Array, xp: Any) -> Array:
        return x  # unit gain at constant input


@dataclass(frozen=True, eq=False, kw_only=True)
class Population(Stateful):
    """Spiking neurons with the input current ``J = x + neuron_bias``.

    Parameters
    ----------
    neuron : Neuron
    neuron_bias : array that broadcasts against the shape
        Added to the input; the gain does not multiply it.
    gain : array that broadcasts against the shape
        For the record: it is applied upstream, in a kernel or an `Affine`, and not here.
    initial_voltage : float
        Voltage before the first step, where the threshold is 1. 0 leaves it to the run.
    """

    neuron: Neuron
    neuron_bias: np.ndarray
    gain: np.ndarray
    initial_voltage: float = 0.0
    array_fields: ClassVar[tuple[str, ...]] = ("neuron_bias", "gain")

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return self.neuron.initial_state((n, *self.shape), voltage, dtype, xp)

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        return self.neuron.step(x + self.neuron_bias, state, dt, xp)

    @property
    def is_fitted(self) -> bool:
        """Whether calibration or training chose its spikes for few steps: a start, or at most so many in a step."""
        return bool(self.initial_voltage) or (isinstance(self.neuron, Follower) and self.neuron.max_spikes is not None)

    @property
    def uniform(self) -> tuple[str, ...]:
        return self.neuron.uniform

    @property
    def derived(self) -> tuple[str, ...]:
        return self.neuron.derived

    def output(self, value: Array, dt: float) -> Array:
        height = self.neuron.amplitude / dt
        return value if height == 1 else value * height

    def rate(self, x: Array, xp: Any) -> Array:
        """Output at a constant input: the amplitude times the firing rate."""
        return self.neuron.rate(x + self.neuron_bias, xp)
