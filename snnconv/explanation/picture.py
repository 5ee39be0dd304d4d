"""A neuron over time as a picture, with Matplotlib."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import replacing
from ..graph.explanation import Explanation
from ..plot import voltages
from ..runs import Result


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
        output=np.zeros(one),
        n_steps=trace.n_steps,
        dt=trace.dt,
        spikes={trace.layer: np.reshape(trace.spikes, one)},
        voltages={trace.layer: np.reshape(trace.voltage, one)},
    )
    ax = voltages(result, trace.layer, units=(0,))
    ax.get_lines()[0].set_label("voltage")
    currents = ax.twinx()
    currents.step(result.times * 1e3, trace.current, where="pre", color="tab:orange", linewidth=0.9, label="J")
    currents.set_ylabel("input current J")
    lines = [ax.get_lines()[0], *currents.get_lines()]
    ax.legend(lines, [str(line.get_label()) for line in lines], loc="lower right")
    place = ", ".join(map(str, trace.unit))
    ax.set_title(f"unit {place} of '{trace.layer}', sample {trace.sample}: {trace.rate:.4g} Hz")
    figure: Any = ax.figure
    suffix = os.path.splitext(path)[1].removeprefix(".")
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, format=suffix or "png")
    except ValueError as error:
        raise InputError(f"cannot draw '{path}': {error}. Name a file with .png, .svg or .pdf.") from error
    finally:
        from matplotlib import pyplot

        pyplot.close(figure)
