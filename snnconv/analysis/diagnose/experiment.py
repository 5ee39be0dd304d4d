"""Runs of a case with mistakes in it, and fits of the voltages that its neurons may have started with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np

from ...graph import SpikingGraph, Stateful
from ...graph.passes.draft import part
from ...neurons import Neuron
from ...runtime.arguments import Dtype
from ...runtime.reference import run
from .case import CURRENT, Case, population
from .mistakes import Mistake

N_FIRST, N_NEXT, N_ROUNDS = 21, 9, 5  # voltages tried in 0…1, then around the best of the round before
MAX_SAMPLES = 4
UNITS_AT_ONCE = 256
MAX_VALUES = 1 << 24  # of the widest node, over the samples and steps that run together

Voltage = float | np.ndarray

Steps = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Spikes (m, n_steps, k) for a current of that shape and voltages that broadcast against (m, k)."""


class Experiment:
    """Runs a case with mistakes in it, for some samples, steps and units; keeps the currents that it has computed.

    Parameters
    ----------
    case : Case
    samples : slice
    n_steps : int
        The first so many steps.
    units : (k,) array of int, or None
        Units along the flattened shape. None: all.
    everywhere : bool
        Whether a mistake is made in every population of the case, or in its target only.
    """

    def __init__(
        self,
        case: Case,
        samples: slice = slice(None),
        n_steps: int | None = None,
        units: np.ndarray | None = None,
        everywhere: bool = False,
    ):
        self.case = case
        self.samples = samples
        self.n_steps = case.n_steps if n_steps is None else n_steps
        self.units = units if _can_select(case.population.neuron) else None
        self.names = case.populations if everywhere else (case.target,)
        self._inputs = case.inputs.part(samples).during(slice(self.n_steps))
        self._n = self._inputs.n
        self._currents: dict[tuple[Mistake, ...], np.ndarray] = {}

    def select(self, spikes: np.ndarray) -> np.ndarray:
        """Spikes (n, n_steps, *units) of all as this experiment gives them: (n, n_steps, k)."""
        flat = spikes[self.samples, : self.n_steps].reshape(self._n, self.n_steps, -1)
        return flat if self.units is None else flat[..., self.units]

    def spikes(self, mistakes: tuple[Mistake, ...] = (), voltage: Voltage | None = None) -> np.ndarray | None:
        """The spikes that the population's units send with these mistakes.

        Parameters
        ----------
        mistakes : tuple of Mistake
        voltage : float, (k,) array or None
            Before the first step. None: that of the population.

        Returns
        -------
        (n, n_steps, k) array of whole numbers, or None where the mistakes cannot all be made here
        """
        prepared = self._prepare(mistakes)
        if prepared is None:
            return None
        current, neuron, dtype = prepared
        carries = any(mistake.carries_state for mistake in mistakes)
        if carries:
            current = current.reshape(1, -1, current.shape[-1])
        found = self._steps(current, neuron, voltage, dtype).reshape(self._n, self.n_steps, -1)
        for mistake in mistakes:
            if mistake.record is not None:
                found = mistake.record(found)
        return found

    def fit(self, mistakes: tuple[Mistake, ...], seen: np.ndarray) -> Voltage | None:
        """The initial voltage with which the spikes come closest to those seen, (n, n_steps, k); None: no other one."""
        kind = next((mistake.initial_voltage for mistake in mistakes if mistake.initial_voltage), "")
        if not kind:
            return None
        prepared = self._prepare(mistakes)
        if prepared is None:
            return None
        current, neuron, dtype = prepared

        def steps(part_of_current: np.ndarray, voltage: np.ndarray) -> np.ndarray:
            found = self._steps(part_of_current, neuron, voltage, dtype)
            for mistake in mistakes:
                if mistake.record is not None:
                    found = mistake.record(found)
            return found

        units_at_once = UNITS_AT_ONCE if _can_select(neuron) else current.shape[-1]
        return fit_voltages(steps, current, seen, kind == "one", units_at_once)

    def _prepare(self, mistakes: tuple[Mistake, ...]) -> tuple[np.ndarray, Neuron, str] | None:
        """Current (n, n_steps, k), neuron, and dtype; None where the mistakes cannot all be made."""
        is_alone = len(self.names) == 1
        key = tuple(mistake for mistake in mistakes if _changes_current(mistake, is_alone))
        graph = self._changed(self.case.graph, mistakes)
        if graph is None:
            return None
        dtype: Dtype = "float32" if any(mistake.dtype == "float32" for mistake in mistakes) else "float64"
        carries = any(mistake.carries_state for mistake in mistakes)
        if key not in self._currents:
            self._currents[key] = self._current(graph, dtype, carries)
        return self._currents[key], population(graph, self.case.target).neuron, dtype

    def _changed(self, graph: SpikingGraph, mistakes: tuple[Mistake, ...]) -> SpikingGraph | None:
        """The graph with the mistakes made; None if one of them can be made nowhere."""
        for mistake in mistakes:
            if mistake.network is None and mistake.neuron is None:
                continue
            is_made = False
            for name in self.names:
                changed = None
                if mistake.network is not None:
                    changed = mistake.network(self.case, graph, name)
                elif mistake.neuron is not None:
                    changed = _with_neuron(graph, name, mistake.neuron(population(graph, name).neuron, self.case.dt))
                if changed is not None:
                    graph, is_made = changed, True
            if not is_made:
                return None
        return graph

    def _current(self, graph: SpikingGraph, dtype: Dtype, carries: bool) -> np.ndarray:
        """The input current J of the target: (n, n_steps, k)."""
        node = population(graph, self.case.target)
        before = part(graph, [], {CURRENT: node.inputs[0]})
        has_state = any(isinstance(each, Stateful) for each in before.nodes)
        inputs = self._inputs.only(each.name for each in before.inputs)
        every = inputs.over_time(self.n_steps)
        n, n_steps = self._n, self.n_steps
        if has_state:
            if carries:  # one long run, through all samples
                joined = {name: array.reshape(1, -1, *before[name].shape) for name, array in every.items()}
                found = run(before, joined, n * n_steps, self.case.dt, dtype=dtype).output
            else:
                found = run(before, inputs, n_steps, self.case.dt, dtype=dtype).output
        elif not inputs.varying:
            found = run(before, inputs, 1, self.case.dt, dtype=dtype).output
        else:  # without state all steps are computed at once, as samples
            joined = {name: array.reshape(-1, *before[name].shape) for name, array in every.items()}
            found = run(before, joined, 1, self.case.dt, dtype=dtype).output
        current = found + node.neuron_bias.astype(dtype)
        size = math.prod(node.shape)
        current = current.reshape(n, -1, size)
        if self.units is not None:
            current = current[..., self.units]
        return np.broadcast_to(current, (n, n_steps, current.shape[-1]))

    def _steps(self, current: np.ndarray, neuron: Neuron, voltage: Voltage | None, dtype: str) -> np.ndarray:
        """Spikes (n, n_steps, k) under a current of that shape; the voltage broadcasts against (n, k)."""
        n, n_steps, k = current.shape
        shape = (n, k) if _can_select(neuron) else (n, *self.case.population.shape)
        voltage = self.case.population.initial_voltage if voltage is None else voltage
        start = np.broadcast_to(np.asarray(voltage, dtype), (n, k)).reshape(shape)
        state = neuron.initial_state(shape, start, dtype)
        found = np.empty((n_steps, n, k), "int64")
        for step in range(n_steps):
            spikes, state = neuron.step(current[:, step].reshape(shape), state, self.case.dt)
            found[step] = spikes.reshape(n, k)
        return np.swapaxes(found, 0, 1)


def in_batches(case: Case) -> Iterator[slice]:
    """Slices of the samples that run together in bounded memory."""
    widest = max(math.prod(node.shape) for node in case.graph.nodes)
    size = max(1, MAX_VALUES // (widest * case.n_steps))
    for start in range(0, case.n, size):
        yield slice(start, start + size)


def fit_voltages(
    steps: Steps, current: np.ndarray, seen: np.ndarray, is_shared: bool, units_at_once: int
) -> float | np.ndarray:
    """The initial voltages in 0…1 with which spikes come closest to those seen.

    Parameters
    ----------
    current, seen : (n, n_steps, k) arrays
        Of which the first few samples are used. A neuron starts alike in every sample.
    is_shared : bool
        Whether all neurons start alike.
    units_at_once : int
        Neurons that are run together.

    Returns
    -------
    float, or (k,) array
    """
    n_samples, _, n_units = current.shape
    current, seen = current[:MAX_SAMPLES], seen[: min(MAX_SAMPLES, n_samples)]
    if is_shared:
        return float(_fit(steps, current, seen, True)[0])
    parts = [slice(start, start + units_at_once) for start in range(0, n_units, units_at_once)]
    return np.concatenate([_fit(steps, current[..., units], seen[..., units], False) for units in parts])


def _fit(steps: Steps, current: np.ndarray, seen: np.ndarray, is_shared: bool) -> np.ndarray:
    n, n_steps, k = current.shape
    width = 1.0
    best = np.full(1 if is_shared else k, 0.5)
    for number in range(N_ROUNDS):
        n_tried = N_FIRST if number == 0 else N_NEXT
        tried = np.clip(best + width * np.linspace(-0.5, 0.5, n_tried)[:, None], 0.0, 1.0)  # (n_tried, 1 or k)
        voltage = np.repeat(np.broadcast_to(tried, (n_tried, k)), n, 0)
        found = steps(np.tile(current, (n_tried, 1, 1)), voltage)
        wrong = (found.reshape(n_tried, n, n_steps, k) != seen).sum((1, 2))
        wrong = wrong.sum(1, keepdims=True) if is_shared else wrong
        best = _middle(tried, wrong == wrong.min(0))
        width *= 2 / (n_tried - 1)
    return best


def _middle(tried: np.ndarray, is_best: np.ndarray) -> np.ndarray:
    """The middle one of those that are best, for each unit: away from the ends of what fits."""
    order = np.cumsum(is_best, 0)
    middle = np.argmax(order >= (order[-1] + 1) // 2, 0)
    return np.take_along_axis(np.broadcast_to(tried, is_best.shape), middle[None], 0)[0]


def _with_neuron(graph: SpikingGraph, name: str, neuron: Neuron | None) -> SpikingGraph | None:
    if neuron is None:
        return None
    nodes = (dataclasses.replace(node, neuron=neuron) if node.name == name else node for node in graph.nodes)  # pyright: ignore
    return dataclasses.replace(graph, nodes=tuple(nodes))


def _changes_current(mistake: Mistake, is_alone: bool) -> bool:
    """Whether the target's input current may be another with this mistake."""
    is_of_run = mistake.carries_state or mistake.dtype != "float64"
    return mistake.network is not None or is_of_run or (mistake.neuron is not None and not is_alone)


def _can_select(neuron: Neuron) -> bool:
    """Whether units may be run by themselves: no parameter of the neuron is an array over all of them."""
    return not any(np.ndim(value) for value in neuron.parameters().values())
