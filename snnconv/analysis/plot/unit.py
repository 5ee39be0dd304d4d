"""A neuron over time as a picture, with Matplotlib."""

from __future__ import annotations

import os

import numpy as np

from ...errors import InputError
from ...runtime.result import Result
from ..explain import Explanation
from . import voltages
from .canvas import COLOURS, new_figure, write_figure


def draw(explanation: Explanation, path: str | os.PathLike[str]) -> None:
    """Draw a unit's current, voltage and spikes into an image file, whole or not at all.

    Parameters
    ----------
    explanation : Explanation
        Of a unit at a sample.
    path : path
        Its suffix says in which format: .png, .svg, .pdf.

    Raises
    ------
    InputError
        If the explanation is of no sample, or the format unknown.
    SnnconvError
        If Matplotlib is not installed.
    ModelFileError
        If the file cannot be written.
    """
    trace = explanation.trace
    if trace is None:
        raise InputError("a picture shows a unit at a sample: pass x as well, or --input on the command line.")
    one = (1, trace.n_steps, 1)
    result = Result(
        outputs={},
        n_steps=trace.n_steps,
        dt=trace.dt,
        spikes={trace.layer: np.reshape(trace.spikes, one)},
        voltages={trace.layer: np.reshape(trace.voltage, one)},
    )
    figure = new_figure((7.0, 5.0))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    voltages(result, trace.layer, units=(0,), ax=above)
    above.get_legend().remove()
    above.set_xlabel("")
    place = ", ".join(map(str, trace.unit))
    above.set_title(f"unit {place} of '{trace.layer}', sample {trace.sample}: {trace.rate:.4g} Hz; | marks a spike")
    edges = np.concatenate([[0.0], result.times * 1e3])
    below.stairs(trace.current, edges, baseline=None, color=COLOURS[1], linewidth=1.2)
    low, high = min(trace.current), max(trace.current)
    margin = 0.08 * (high - low) or max(0.1 * abs(high), 0.1)  # so that a constant one shows as such
    unit = next((layer.unit for layer in explanation.layers if layer.name == trace.layer), "no unit")
    label = "input current J" if unit == "no unit" else f"input current J\n({unit})"
    below.set(xlabel="time (ms)", ylabel=label, ylim=(low - margin, high + margin))
    write_figure(figure, path)
