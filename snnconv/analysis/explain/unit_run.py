"""One neuron in a run."""

from __future__ import annotations

import numpy as np

from ...graph import Inputs, SpikingGraph
from ...graph.passes.part import part
from ...runtime.reference import run
from . import Trace


def trace_unit(
    graph: SpikingGraph,
    layer: str,
    unit: tuple[int, ...],
    xs: Inputs,
    sample: int,
    n_steps: int,
    dt: float,
) -> Trace:
    """A unit in a run of the reference.

    Parameters
    ----------
    xs : Inputs
        One sample.
    sample : int
        Its number, for the record.
    """
    population = graph.populations[layer].node
    needed = part(graph, [layer], {"current": population.inputs[0]})
    given = xs.only(node.name for node in needed.inputs)
    result = run(needed, given, n_steps, dt, record=[f"{layer}.spikes", f"{layer}.voltages"])
    at = (0, slice(None), *unit)
    current = result.output[at] + np.broadcast_to(population.neuron_bias, population.shape)[unit]
    return Trace(
        layer,
        unit,
        sample,
        dt,
        tuple(map(float, np.broadcast_to(current, n_steps))),
        tuple(map(float, result.voltages[layer][at])),
        tuple(map(int, result.spikes[layer][at])),
    )
