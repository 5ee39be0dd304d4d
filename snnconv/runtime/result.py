"""What the runtimes share: what is asked of a run, and what it gives back.

Spikes as a pandas table.

What a run gave, as notebooks show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, ParameterError, SnnconvError
from ..graph import Node, Population, SpikingGraph
from ..neurons.base import State
from ..text.plain import plural
from ..text.table import Table

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("spikes", "voltages", "rates")
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")
Recording = Mapping[str, tuple[str, ...]]
"""Names of the populations to record, by kind, in the order of the network."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a run gives.

    Parameters
    ----------
    output : (n, n_steps, *output) array, or a dict of them where the network has several outputs
        Output of the last linear layer at every step, before a softmax or the like.
    spikes : mapping of population name to (n, n_steps, *units) array of whole numbers
        Spikes of each neuron in each step. The neuron's output is this times amplitude/dt.
    voltages : mapping of population name to (n, n_steps, *units) array
        Voltages at the end of each step, where 1 is the threshold.
    rates : mapping of population name to (n, *units) array
        Spikes per second over the whole run, in Hz.
    state : mapping of node name to mapping of variable to (n, *shape) array
        State after the last step; pass it to another run to go on from there.
    n_steps : int
    dt : float
        Length of a step, in seconds.
    """

    output: Any
    n_steps: int
    dt: float
    spikes: Mapping[str, np.ndarray] = field(default_factory=dict)
    voltages: Mapping[str, np.ndarray] = field(default_factory=dict)
    rates: Mapping[str, np.ndarray] = field(default_factory=dict)
    state: Mapping[str, State] = field(default_factory=dict)

    @property
    def times(self) -> np.ndarray:
        """(n_steps,) ends of the steps, in seconds."""
        return self.dt * np.arange(1, self.n_steps + 1)

    @property
    def recorded(self) -> tuple[str, ...]:
        """The populations of which anything was recorded, in the order of the network."""
        there = {*self.spikes, *self.voltages, *self.rates}
        names = [*self.state, *self.rates, *self.spikes, *self.voltages]
        return tuple(dict.fromkeys(name for name in names if name in there))

    def measured_rates(self, population: str) -> np.ndarray:
        """(n, *units) spikes per second of a population, in Hz, as recorded or counted from recorded spikes.

        Raises
        ------
        InputError
            If neither was recorded.
        """
        if population not in self.rates and population in self.spikes:
            return self.spikes[population].sum(1, dtype="float64") / (self.n_steps * self.dt)
        return recorded(self.rates, population, "rates")

    def to_frame(self, population: str) -> pd.DataFrame:
        """The spikes of a population as a pandas table: a row per sample, step and neuron that spiked.

        Its columns are ``sample``, counted from 0; ``step``, counted from 1; ``time_s``, the end of the step in
        seconds; ``unit``, the neuron's number along the flattened shape, and where the shape has several axes also
        its place along each, ``unit_0``, ``unit_1``, …; and ``count``, the spikes in the step, below 0 for negative
        ones. Rows are ordered by sample, step and unit.

        Raises
        ------
        InputError
            If the spikes were not recorded.
        SnnconvError
            If pandas is not installed.
        """

        return spike_frame(recorded(self.spikes, population, "spikes"), self.dt)

    def __repr__(self) -> str:
        outputs = self.output.values() if isinstance(self.output, Mapping) else [self.output]
        shapes = ", ".join(str(array.shape) for array in outputs)
        run = f"{self.n_steps} steps of {self.dt * 1e3:g} ms"
        return f"<result of {run}: output {shapes}, recorded {list(self.recorded)}>"

    def _repr_html_(self) -> str:

        return result_html(self)


def recorded(arrays: Mapping[str, np.ndarray], population: str, kind: str) -> np.ndarray:
    """The record of a population.

    Raises
    ------
    InputError
        If there is none.
    """
    if population not in arrays:
        raise InputError(
            f"the {kind} of '{population}' were not recorded. Run with record=['{population}']. "
            f"Recorded: {list(arrays)}."
        )
    return arrays[population]


def recording(graph: SpikingGraph, record: str | Iterable[str]) -> Recording:
    """What to record, from names such as "lif" (all of it), "lif.spikes", "lif.voltages", "lif.rates", or "all".

    Raises
    ------
    InputError
        If a name is not that of a population.
    """
    names = list(graph.populations)
    entries = [record] if isinstance(record, str) else list(record)
    wanted: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for entry in entries:
        name, _, kind = (entry, "", "") if entry in names or entry == "all" else str(entry).rpartition(".")
        if (name not in names and name != "all") or kind not in ("", *KINDS):
            raise InputError(
                f"cannot record {entry!r}. Populations are {names}; record a name, 'all', or either followed by "
                f"one of {['.' + kind for kind in KINDS]}."
            )
        for each in KINDS if kind == "" else [kind]:
            wanted[each] |= set(names) if name == "all" else {name}
    return {kind: tuple(name for name in names if name in chosen) for kind, chosen in wanted.items()}


def check_steps(n_steps: Any, dt: float) -> int:
    """`n_steps` as an int, after checking it and `dt`.

    Raises
    ------
    ParameterError
        If n_steps is not a whole number above 0, or dt not above 0.
    """
    if isinstance(n_steps, bool) or not isinstance(n_steps, (int, np.integer)) or n_steps < 1:
        raise ParameterError(f"n_steps must be a whole number above 0. Received {n_steps!r}.")
    if not (np.isfinite(dt) and dt > 0):
        raise ParameterError(f"dt must be above 0 seconds. Received {dt!r}.")
    return int(n_steps)


def check_dt(graph: SpikingGraph, dt: float) -> None:
    """Raise ParameterError, naming the population, unless all neurons run in steps of `dt` seconds."""
    for node in graph.nodes:
        if isinstance(node, Population):
            try:
                node.neuron.check_dt(dt)
            except ParameterError as error:
                raise ParameterError(f"population '{node.name}': {error}") from None


def check_dtype(dtype: str) -> None:
    """Raise ParameterError unless `dtype` is one that both runtimes compute in."""
    if dtype not in ("float32", "float64"):
        raise ParameterError(f"dtype must be 'float32' or 'float64'. Received {dtype!r}.")


def check_precision(precision: str, dtype: str) -> None:
    """Raise ParameterError unless products can be computed with `precision` in a run in `dtype`."""
    if precision not in PRECISIONS:
        raise ParameterError(f"precision must be one of {', '.join(map(repr, PRECISIONS))}. Received {precision!r}.")
    if precision != "float32" and dtype != "float32":
        raise ParameterError(f"precision {precision!r} is for dtype 'float32'. Received dtype {dtype!r}.")


def initial_voltages(graph: SpikingGraph, initial_voltage: float | str, seed: int | None) -> dict[str, Any]:
    """Voltage of each population before the first step: the number, or one per neuron drawn from 0…1.

    A population with an initial voltage of its own keeps it. A neuron starts alike in every sample, so that results do
    not depend on how samples are batched.

    Raises
    ------
    ParameterError
        If it is neither "uniform" nor a number up to the threshold, 1.
    """
    populations = [node for node in graph.nodes if isinstance(node, Population)]
    if isinstance(initial_voltage, str) and initial_voltage == "uniform":
        rng = np.random.default_rng(seed)
        return {node.name: node.initial_voltage or rng.random(node.shape) for node in populations}
    if not isinstance(initial_voltage, (int, float, np.number)) or not -np.inf < initial_voltage <= 1:
        raise ParameterError(
            f"initial_voltage must be 'uniform' or a number up to 1, the threshold. Received {initial_voltage!r}."
        )
    return {node.name: node.initial_voltage or float(initial_voltage) for node in populations}


def check_state(nodes: Iterable[Node], state: Mapping[str, State], n: int) -> None:
    """Raise InputError unless `state` fits these stateful nodes and `n` samples."""
    for node in nodes:
        if node.name not in state:
            raise InputError(f"state lacks node '{node.name}'. Pass the state of a result of the same graph.")
        for variable, array in state[node.name].items():
            if np.shape(array) != (n, *node.shape):
                raise InputError(
                    f"state '{variable}' of '{node.name}' must have shape {(n, *node.shape)} for these {n} samples. "
                    f"Received {np.shape(array)}."
                )


def spike_dtype(node: Population) -> str:
    """Smallest type that holds the spikes of one step."""
    return "uint8" if node.neuron.max_spikes_per_step == 1 else "int32"


def spike_frame(spikes: np.ndarray, dt: float) -> pd.DataFrame:
    """One row per sample, step and neuron that spiked; see `Result.to_frame`.

    Parameters
    ----------
    spikes : (n, n_steps, *units) array
    dt : float
        Length of a step, in seconds.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise SnnconvError("to_frame needs pandas: pip install 'snnconv[frames]'.") from error
    samples, steps, *places = np.nonzero(spikes)
    shape = spikes.shape[2:]
    unit = np.ravel_multi_index(tuple(places), shape) if shape else np.zeros(len(samples), "int64")
    axes = {f"unit_{axis}": place for axis, place in enumerate(places)} if len(shape) > 1 else {}
    columns = {
        "sample": samples,
        "step": steps + 1,
        "time_s": dt * (steps + 1),
        "unit": unit,
        **axes,
        "count": spikes[(samples, steps, *places)].astype("int64"),
    }
    return pd.DataFrame(columns)


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
    title = f"Result of {plural(n_samples, 'sample')}, {run}"
    return Table(HEADINGS, rows, title=title, notes=notes, left=range(3)).html()


def _activity(result: Result, name: str) -> list[str]:
    if name not in result.rates and name not in result.spikes:
        return [""] * 4
    rates = result.measured_rates(name)
    n_spikes = round(float(rates.sum()) * result.n_steps * result.dt)
    return [f"{rates.mean():.4g}", f"{rates.max():.4g}", f"{(rates == 0).mean():.1%}", f"{n_spikes:,}"]


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
