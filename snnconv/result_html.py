"""What a run gave, as notebooks show it."""

from __future__ import annotations

from collections.abc import Mapping

from .graph.explanation.text import plural
from .html import table
from .runs import Result

HEADINGS = ("what", "kind", "shape", "mean rate (Hz)", "highest (Hz)", "silent", "spikes")
NOTE = "silent: share of neurons without a spike, over all samples; negative spikes count as -1"


def result_html(result: Result) -> str:
    """A row per output and per recorded population, with what its neurons did."""
    outputs = result.output if isinstance(result.output, Mapping) else {"output": result.output}
    rows = [[name, "output", _shape(array.shape), *[""] * 4] for name, array in outputs.items()]
    for name in result.recorded:
        records = {"spikes": result.spikes, "voltages": result.voltages, "rates": result.rates}
        kinds = [kind for kind, arrays in records.items() if name in arrays]
        rows.append([name, ", ".join(kinds), _shape(records[kinds[0]][name].shape), *_activity(result, name)])
    n_samples = len(next(iter(outputs.values())))
    run = f"{plural(result.n_steps, 'step')} of {result.dt * 1e3:g} ms = {result.n_steps * result.dt:.6g} s"
    notes = [NOTE] if result.recorded else ["no population recorded: run with record='all'"]
    return table(HEADINGS, rows, title=f"Result of {plural(n_samples, 'sample')}, {run}", notes=notes, left=range(3))


def _activity(result: Result, name: str) -> list[str]:
    if name not in result.rates and name not in result.spikes:
        return [""] * 4
    rates = result.measured_rates(name)
    n_spikes = round(float(rates.sum()) * result.n_steps * result.dt)
    return [f"{rates.mean():.4g}", f"{rates.max():.4g}", f"{(rates == 0).mean():.1%}", f"{n_spikes:,}"]


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
