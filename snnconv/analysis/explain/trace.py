"""One neuron in a run: its current, its voltage and its spikes over time, drawn with characters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...graph import Inputs, SpikingGraph
from ...graph.passes.draft import part
from ...runtime.reference import run
from ...text.plain import labelled, number, plural
from ...text.table import Table

STEPS_PER_LINE = 60
STEPS_IN_TABLE = 12
BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Trace:
    """A neuron in a run in spikes.

    Parameters
    ----------
    layer : str
    unit : tuple of int
    sample : int
    dt : float
        Length of a step, in seconds.
    current : tuple of float
        J at each step.
    voltage : tuple of float
        At the end of each step; the threshold is 1.
    spikes : tuple of int
        Spikes in each step; below 0 for negative ones.
    """

    layer: str
    unit: tuple[int, ...]
    sample: int
    dt: float
    current: tuple[float, ...]
    voltage: tuple[float, ...]
    spikes: tuple[int, ...]

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return len(self.spikes)

    @property
    def rate(self) -> float:
        """Spikes per second, in Hz."""
        return sum(self.spikes) / (self.n_steps * self.dt)


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


def trace_title(trace: Trace) -> str:
    """The run in one line."""
    count = plural(sum(trace.spikes), "spike")
    run = f"{plural(trace.n_steps, 'step')} of {number(trace.dt * 1e3)} ms"
    return f"In spikes, sample {trace.sample}, {run}: {count} = {number(trace.rate)} Hz"


def trace_parts(trace: Trace) -> list[Table | str]:
    """Voltage and spikes of every step as characters, and the first steps as numbers."""
    low, high = min(trace.current), max(trace.current)
    mean = float(np.mean(trace.current))
    current = number(low, 6) if low == high else f"{number(low)} … {number(high)}, mean {number(mean, 6)}"
    lines = labelled("current", f"J = {current}")
    floor = min(0.0, *trace.voltage)
    lines += labelled("drawn", f"voltage from {number(floor)} (blank) to the threshold, 1 (█); | a spike, n several")
    share = (np.array(trace.voltage) - floor) / (1 - floor)
    blocks = [BLOCKS[int(place)] for place in np.ceil(np.clip(share, 0, 1) * (len(BLOCKS) - 1))]
    marks = [_mark(count) for count in trace.spikes]
    for start in range(0, trace.n_steps, STEPS_PER_LINE):
        stop = min(start + STEPS_PER_LINE, trace.n_steps)
        lines += [
            f"  steps {start + 1}-{stop}".ljust(18) + "".join(blocks[start:stop]).rstrip(),
            " " * 18 + "".join(marks[start:stop]).rstrip(),
        ]
    rows = [
        (
            str(step + 1),
            number((step + 1) * trace.dt * 1e3),
            number(trace.current[step], 6),
            number(trace.voltage[step], 6),
            str(trace.spikes[step]),
        )
        for step in range(min(STEPS_IN_TABLE, trace.n_steps))
    ]
    headings = ("step", "ends at (ms)", "J", "voltage at its end", "spikes")
    return [*lines, Table(headings, rows, left=(), wrap=(0,))]


def _mark(count: int) -> str:
    if count < 0:
        return "-"
    return " " if count == 0 else "|" if count == 1 else str(min(count, 9))
