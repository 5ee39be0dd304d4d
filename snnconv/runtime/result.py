"""The result of a run, which all runtimes share: outputs, records and state, as a pandas table and as HTML too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RecordError, SnnconvError
from ..graph import Population, Reading
from ..graph.inputs import one_or_all
from ..graph.reading import PLAIN, OutputMean
from ..neurons.base import State
from ..text.picture import curves, raster
from ..text.plain import plural, run_text
from ..text.table import Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Result:
    """Outputs, records and state of a run.

    Parameters
    ----------
    outputs : mapping of label to (n, n_steps, *output) array
        Outputs of the network by name: values of the last linear layer at every step, before a softmax or the like.
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
    reading : Reading
        The mean that is the answer; see `Simulator.predict`.
    """

    outputs: Mapping[str, np.ndarray]
    n_steps: int
    dt: float
    spikes: Mapping[str, np.ndarray] = field(default_factory=dict)
    voltages: Mapping[str, np.ndarray] = field(default_factory=dict)
    rates: Mapping[str, np.ndarray] = field(default_factory=dict)
    state: Mapping[str, State] = field(default_factory=dict)
    reading: Reading = PLAIN

    def __post_init__(self) -> None:
        for kind in ("spikes", "voltages", "rates"):
            object.__setattr__(self, kind, Records(kind, getattr(self, kind)))

    @property
    def output(self) -> np.ndarray:
        """(n, n_steps, *output) array of the one output, or a dict of them by label where there are several."""
        return one_or_all(self.outputs)

    @property
    def mean_output(self) -> np.ndarray:
        """(n, *output) mean of the outputs, as `reading` weighs them, before a softmax or the like; or a dict."""
        means = {label: self.reading.mean(each) for label, each in self.outputs.items()}
        return one_or_all({label: mean.astype(self.outputs[label].dtype) for label, mean in means.items()})

    @property
    def n_samples(self) -> int:
        """Number of samples that were run."""
        return len(next(iter(self.outputs.values())))

    @property
    def times(self) -> np.ndarray:
        """(n_steps,) ends of the steps, in seconds."""
        return self.dt * np.arange(1, self.n_steps + 1)

    @property
    def recorded(self) -> tuple[str, ...]:
        """Populations of which anything was recorded, in the order of the network."""
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
        return self.rates[population]

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
        return spike_frame(self.spikes[population], self.dt)

    def __repr__(self) -> str:
        shapes = ", ".join(str(array.shape) for array in self.outputs.values())
        run = run_text(self.n_steps, self.dt)
        return f"<result of {run}: output {shapes}, recorded {list(self.recorded)}>"

    def _repr_html_(self) -> str:
        return result_html(self)


def recorded(arrays: Mapping[str, np.ndarray], population: str, kind: str) -> np.ndarray:
    """Find the record of a population.

    Raises
    ------
    RecordError
        If there is none.
    """
    if population not in arrays:
        raise RecordError(
            f"the {kind} of '{population}' were not recorded. Run with record=['{population}']. "
            f"Recorded: {list(arrays)}."
        )
    return arrays[population]


class Records(dict[str, np.ndarray]):
    """Arrays by population, of one kind: "spikes", "voltages" or "rates"; it says how to record those it lacks."""

    def __init__(self, kind: str, arrays: Mapping[str, np.ndarray]):
        super().__init__(arrays)
        self._kind = kind

    def __missing__(self, population: str) -> np.ndarray:
        return recorded(self, population, self._kind)

    def __reduce__(self) -> Any:
        return type(self), (self._kind, dict(self))


def spike_dtype(node: Population) -> str:
    """Smallest type that holds the spikes of one step."""
    if node.neuron.max_spikes_per_step != 1:
        return "int32"
    return "int8" if node.neuron.fires_negative else "uint8"


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


MOST_RASTERS = 3  # populations whose spikes are drawn
HEADINGS = ("what", "kind", "shape", "mean rate (Hz)", "highest (Hz)", "silent", "spikes")
NOTE = "silent: share of neurons without a spike, over all samples; negative spikes count as -1"


def result_html(result: Result) -> str:
    """Table of a result, a row per output and per recorded population, with rasters of spikes and the mean outputs."""
    labels = list(result.outputs) if len(result.outputs) > 1 else ["output"]
    shapes = [_shape(array.shape) for array in result.outputs.values()]
    rows = [[label, "output", shape, *[""] * 4] for label, shape in zip(labels, shapes, strict=True)]
    for name in result.recorded:
        records = {"spikes": result.spikes, "voltages": result.voltages, "rates": result.rates}
        kinds = [kind for kind, arrays in records.items() if name in arrays]
        rows.append([name, ", ".join(kinds), _shape(records[kinds[0]][name].shape), *_activity(result, name)])
    run = f"{run_text(result.n_steps, result.dt)} = {result.n_steps * result.dt:.6g} s"
    notes = [NOTE] if result.recorded else ["no population recorded: run with record='all'"]
    title = f"Result of {plural(result.n_samples, 'sample')}, {run}"
    rasters = "".join(
        raster(spikes[0], result.dt, f"{name}, first sample")
        for name, spikes in list(result.spikes.items())[:MOST_RASTERS]
        if spikes.size
    )
    means = "".join(
        _means(array[0], result, f"{label}, first sample, mean so far")
        for label, array in zip(labels, result.outputs.values(), strict=True)
        if array.size and np.isfinite(array[0]).all()
    )
    return Table(HEADINGS, rows, title=title, notes=notes, left=range(3)).html() + rasters + means


def _means(output: np.ndarray, result: Result, title: str) -> str:
    """Picture of the mean of an output after each step, as it is read, before a softmax or the like."""
    means = OutputMean(result.reading).after(0, output[None])[0]
    return curves(means.reshape(-1, math.prod(output.shape[1:])), result.dt, title)


def _activity(result: Result, name: str) -> list[str]:
    if name not in result.rates and name not in result.spikes:
        return [""] * 4
    rates = result.measured_rates(name)
    n_spikes = round(float(rates.sum()) * result.n_steps * result.dt)
    return [f"{rates.mean():.4g}", f"{rates.max():.4g}", f"{(rates == 0).mean():.1%}", f"{n_spikes:,}"]


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
