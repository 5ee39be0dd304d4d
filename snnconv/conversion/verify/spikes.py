"""The spikes of the two runtimes against each other, and their number against the rate equation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...graph import Inputs, Population, SpikingGraph, Stateful
from ...runtime import reference
from ..precision import ROUNDING, Values, largest, outside, rates_around
from .report import LayerCheck

# Share of the spikes that may differ in float32, where the two runtimes add in another order: a spike at the very end
# of a step falls on either side of it. Up to 3e-4 were measured, after 1000 steps of an IF network, whose voltages
# never forget a rounding error. A deeper layer sees moved spikes and moves two to four times as many, and weights that
# are round numbers bring many voltages to the threshold exactly: more is right if float64 shows no difference.
FLOAT32_TIES = 1e-3


def compare_runtimes(
    checks: dict[str, LayerCheck], graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, dtype: str
) -> dict[str, LayerCheck]:
    """Compare spikes in TensorFlow with those of the NumPy loop, and their number with the rate equation."""
    values = graph.rate_values(xs)
    moved, rates = _run_both(graph, xs, n_steps, dt, dtype)
    tied = _are_ties(graph, moved, xs, n_steps, dt) if dtype == "float32" else dict.fromkeys(moved, False)
    constant = _constant_nodes(graph)
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
        is_constant = node.inputs[0] in constant
        checks[node.name] = _compare_with_equation(check, node, values, rates[node.name], is_constant, n_steps, dt)
    return checks


def _run_both(
    graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, dtype: str
) -> tuple[dict[str, tuple[int, int, int]], Mapping[str, np.ndarray]]:
    """Differing and all spikes and the largest difference of counts, by population; and TensorFlow's rates."""
    from ...runtime.simulator import Simulator

    record = ("all.spikes", "all.rates")
    fast = Simulator(graph, dt, dtype).run(xs, n_steps, record=record)
    slow = reference.run(graph, xs, n_steps, dt, dtype=dtype, record=record)
    found = {}
    for name, expected in slow.spikes.items():
        counts = fast.spikes[name].sum(1, dtype="int64") - expected.sum(1, dtype="int64")
        n_moved = int(np.count_nonzero(fast.spikes[name] != expected))
        found[name] = (n_moved, int(np.abs(expected).sum(dtype="int64")), int(largest(counts)))
    return found, fast.rates


def _are_ties(
    graph: SpikingGraph, moved: dict[str, tuple[int, int, int]], xs: Inputs, n_steps: int, dt: float
) -> dict[str, bool]:
    """Whether each population's differing spikes in float32 come from rounding."""
    few = {name: n_moved <= FLOAT32_TIES * max(n_spikes, 1) for name, (n_moved, n_spikes, _) in moved.items()}
    if all(few.values()):
        return few
    first = next(node.name for node in _populations(graph) if moved[node.name][0])
    if not few[first] and moved[first][2] > 1:
        return few  # a tie moves a spike by a step; behind moved spikes, counts may change by more
    exact, _ = _run_both(graph, xs, n_steps, dt, "float64")
    return {name: few[name] or exact[name][0] == 0 for name in few}


def _compare_with_equation(
    check: LayerCheck,
    node: Population,
    values: Values,
    measured: np.ndarray,
    is_constant: bool,
    n_steps: int,
    dt: float,
) -> LayerCheck:
    """Compare measured rates with the rate equation.

    At constant current the number of spikes is within one of rate times duration, which is a theorem for neurons
    that start at rest. Behind another population the current is a train of spikes, and the difference only informs.
    """
    x, amplitude, duration = values[node.inputs[0]], node.neuron.amplitude, n_steps * dt
    most = np.inf if node.neuron.max_spikes_per_step is None else node.neuron.max_spikes_per_step / dt
    expected = np.minimum(values[node.name] / amplitude, most)
    check = check.found(
        rate=float(measured.mean()),
        rate_equation=float(expected.mean()),
        rate_difference=float(np.abs(measured - expected).mean()),
    )
    smoothing = getattr(node.neuron, "smoothing", 0.0)
    if smoothing:
        return check.found(note=f"smoothing={smoothing:g}: trained on smoothed rates, while its spikes are hard")
    if not is_constant:
        return check
    low, high = (np.minimum(rate / amplitude, most) for rate in rates_around(node, x, ROUNDING))
    excess = outside(measured, low, high) * duration
    failure = None
    if not excess <= 1 + 1e-3:
        failure = f"a neuron's count is {excess:.3g} spikes away from the rate equation, at constant current"
    return check.found(failure, rate_bound=1 / duration)


def _constant_nodes(graph: SpikingGraph) -> set[str]:
    """Names of the nodes whose value is the same at every step."""
    constant: set[str] = set()
    for node in graph.nodes:
        if not isinstance(node, Stateful) and constant.issuperset(node.inputs):
            constant.add(node.name)
    return constant


def _populations(graph: SpikingGraph) -> list[Population]:
    return [node for node in graph.nodes if isinstance(node, Population)]
