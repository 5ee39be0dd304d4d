"""The spikes of the two runtimes against each other, and their number against the rate equation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...graph import Inputs, Population, SpikingGraph, Stateful
from ...neurons import LIF
from ...neurons.base import steps_as
from ...runtime import reference
from ...runtime.arguments import Dtype
from ...runtime.result import spike_dtype
from ..precision import ROUNDING, Values, largest, outside, rates_around
from .report import LayerCheck

# Share of the spikes that may differ in float32, where the two runtimes add in another order: a spike at the very end
# of a step falls on either side of it. Up to 3e-4 were measured, after 1000 steps of an IF network, whose voltages
# never forget a rounding error. A deeper layer sees moved spikes and moves two to four times as many, and weights that
# are round numbers bring many voltages to the threshold exactly: more is right if float64 shows no difference.
FLOAT32_TIES = 1e-3

MEMORY = 32 << 20
"""Bytes that the values of all layers, or the recorded spikes of one runtime, take at most."""


Moved = dict[str, tuple[int, int, int]]
"""Differing and all spikes, and the largest difference of a neuron's counts, by population."""


def compare_runtimes(
    checks: dict[str, LayerCheck], graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, dtype: Dtype
) -> dict[str, LayerCheck]:
    """Compare spikes in TensorFlow with those of the NumPy loop, and their number with the rate equation."""
    found: list[Moved] = []
    equations: dict[str, list[_Equation]] = {node.name: [] for node in _populations(graph)}
    constant = _constant_nodes(graph)
    size = samples_at_once(graph)
    for part in xs.parts(size):
        values = graph.rate_values(part)
        moved, rates = _run_both(graph, part, n_steps, dt, dtype)
        found.append(moved)
        for node in _populations(graph):
            is_constant = node.inputs[0] in constant
            equations[node.name].append(_equation(node, values, rates[node.name], is_constant, n_steps, dt))
    moved = _merged(found)
    tied = _are_ties(graph, moved, xs, n_steps, dt) if dtype == "float32" else dict.fromkeys(moved, False)
    checks = dict(checks)
    for node in _populations(graph):
        n_moved, n_spikes, count_difference = moved[node.name]
        failure = note = None
        if n_moved:
            what = f"{n_moved:,} of {n_spikes:,} spikes differ in {dtype}, counts by up to {count_difference}"
            failure, note = (None, f"{what}: ties of rounding") if tied[node.name] else (what, None)
        check = checks[node.name].found(
            failure, note, n_spikes=n_spikes, n_moved=n_moved, count_difference=count_difference
        )
        checks[node.name] = _compare_with_equation(check, node, equations[node.name], n_steps, dt)
    return checks


def _run_both(
    graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, dtype: Dtype
) -> tuple[Moved, Mapping[str, np.ndarray]]:
    """Spikes that differ between the runtimes, and TensorFlow's rates."""
    from ...runtime.simulator import Simulator

    at_once = steps_at_once(graph, xs.n, n_steps)
    simulator = Simulator(graph, dt, dtype, memory=MEMORY)
    fast = slow = None
    n_moved: Counter[str] = Counter()
    theirs, ours = ({node.name: np.zeros((xs.n, *node.shape), "int64") for node in _populations(graph)} for _ in "ab")
    n_spikes: Counter[str] = Counter()
    for start in range(0, n_steps, at_once):
        run = {"n_steps": min(at_once, n_steps - start), "record": "all.spikes"}
        fast = simulator.run(xs, **run, state=fast and fast.state)
        slow = reference.run(graph, xs, dt=dt, dtype=dtype, **run, state=slow and slow.state)
        for name, expected in slow.spikes.items():
            n_moved[name] += int(np.count_nonzero(fast.spikes[name] != expected))
            n_spikes[name] += int(np.abs(expected).sum(dtype="int64"))
            theirs[name] += expected.sum(1, dtype="int64")
            ours[name] += fast.spikes[name].sum(1, dtype="int64")
    found = {name: (n_moved[name], n_spikes[name], int(largest(ours[name] - theirs[name]))) for name in ours}
    return found, {name: counts / (n_steps * dt) for name, counts in ours.items()}


def _merged(parts: list[Moved]) -> Moved:
    """The spikes of all parts: numbers added up, the largest difference of counts."""
    return {
        name: (
            sum(part[name][0] for part in parts),
            sum(part[name][1] for part in parts),
            max(p[name][2] for p in parts),
        )
        for name in parts[0]
    }


def _are_ties(graph: SpikingGraph, moved: Moved, xs: Inputs, n_steps: int, dt: float) -> dict[str, bool]:
    """Whether each population's differing spikes in float32 come from rounding."""
    few = {name: n_moved <= FLOAT32_TIES * max(n_spikes, 1) for name, (n_moved, n_spikes, _) in moved.items()}
    if all(few.values()):
        return few
    first = next(node.name for node in _populations(graph) if moved[node.name][0])
    if not few[first] and moved[first][2] > 1:
        return few  # a tie moves a spike by a step; behind moved spikes, counts may change by more
    exact = _merged([_run_both(graph, part, n_steps, dt, "float64")[0] for part in xs.parts(samples_at_once(graph))])
    return {name: few[name] or exact[name][0] == 0 for name in few}


@dataclass(frozen=True)
class _Equation:
    """Rates of a population on some samples, measured and by the equation: their sums, and the largest excess.

    Parameters
    ----------
    n : int
        Number of neurons, over all samples.
    measured, expected, difference : float
        Sums over neurons, in Hz; `difference` is absolute.
    excess : float
        Most spikes by which a neuron's count is outside what rounding of its current allows; 0 unless it is constant.
    bounded : bool
        Whether the current is constant, so that the equation bounds the counts.
    """

    n: int
    measured: float
    expected: float
    difference: float
    excess: float
    bounded: bool


def _equation(
    node: Population, values: Values, measured: np.ndarray, is_constant: bool, n_steps: int, dt: float
) -> _Equation:
    x, amplitude = values[node.inputs[0]], node.neuron.amplitude
    most = np.inf if node.neuron.max_spikes_per_step is None else node.neuron.max_spikes_per_step / dt
    expected = np.clip(values[node.name] / amplitude, -most, most)
    bounded = is_constant and _why_unbounded(node, dt) is None
    excess = 0.0
    if bounded:
        low, high = (np.clip(rate / amplitude, -most, most) for rate in rates_around(node, x, ROUNDING))
        excess = outside(measured, low, high) * n_steps * dt
    difference = np.abs(measured - expected)
    return _Equation(
        measured.size, float(measured.sum()), float(expected.sum()), float(difference.sum()), excess, bounded
    )


def _why_unbounded(node: Population, dt: float) -> str | None:
    """Reason for which the rate equation bounds no counts of a population, not even at constant current; or None."""
    if smoothing := getattr(node.neuron, "smoothing", 0.0):
        return f"smoothing={smoothing:g}: trained on smoothed rates, while its spikes are hard"
    if node.is_fitted and steps_as(node.neuron, LIF) and not node.neuron.keeps_time(dt):
        return "calibrated, although refractory periods end inside a step, whose rest is lost: rates are lower"
    return None


def _compare_with_equation(
    check: LayerCheck, node: Population, found: list[_Equation], n_steps: int, dt: float
) -> LayerCheck:
    """Compare measured rates with the rate equation.

    At constant current the number of spikes is within one of rate times duration, which is a theorem for neurons
    that start at rest. Behind another population the current is a train of spikes, and the difference only informs.
    """
    n = sum(each.n for each in found)
    is_dead = not check.n_spikes and any(each.expected for each in found)
    check = check.found(
        note="no neuron spiked, so that no spike was compared; take more steps" if is_dead else None,
        rate=sum(each.measured for each in found) / n,
        rate_equation=sum(each.expected for each in found) / n,
        rate_difference=sum(each.difference for each in found) / n,
    )
    if why := _why_unbounded(node, dt):
        return check.found(note=why)
    if not all(each.bounded for each in found):
        return check
    excess = float(np.max([each.excess for each in found]))
    failure = None
    if not excess <= 1 + 1e-3:
        failure = f"a neuron's count is {excess:.3g} spikes away from the rate equation, at constant current"
    return check.found(failure, rate_bound=1 / (n_steps * dt))


def _constant_nodes(graph: SpikingGraph) -> set[str]:
    """Names of the nodes whose value is the same at every step."""
    constant: set[str] = set()
    for node in graph.nodes:
        if not isinstance(node, Stateful) and constant.issuperset(node.inputs):
            constant.add(node.name)
    return constant


def _populations(graph: SpikingGraph) -> list[Population]:
    return [node for node in graph.nodes if isinstance(node, Population)]


def samples_at_once(graph: SpikingGraph) -> int:
    """Number of samples whose values, in float64 and in all layers, fit the memory; at least 1."""
    values = sum(math.prod(node.shape) for node in graph.nodes)
    return max(1, MEMORY // (values * np.dtype("float64").itemsize))


def steps_at_once(graph: SpikingGraph, n_samples: int, n_steps: int) -> int:
    """Number of steps whose spikes and outputs fit the memory, so that the last part is about as long as the others."""
    spikes = sum(
        math.prod(node.shape) * np.dtype(spike_dtype(node)).itemsize
        for node in graph.nodes
        if isinstance(node, Population)
    )
    outputs = sum(math.prod(graph[name].shape) for name in graph.outputs.values()) * np.dtype("float64").itemsize
    n_parts = math.ceil(n_steps / max(1, MEMORY // (n_samples * max(spikes + outputs, 1))))
    return math.ceil(n_steps / n_parts)
