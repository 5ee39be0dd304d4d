"""The picture of a tuning, with Matplotlib."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ModelFileError, SnnconvError
from ..files import replacing

if TYPE_CHECKING:
    from .result import Tuning

FORMATS = (".png", ".svg", ".pdf")


def draw(found: Tuning, path: str | os.PathLike[str]) -> None:
    """Write a picture: accuracy over steps for each network, and accuracy over energy for each setting.

    Parameters
    ----------
    path : path
        Ends in .png, .svg or .pdf.

    Raises
    ------
    ModelFileError
        If it ends in something else, or cannot be written.
    SnnconvError
        If Matplotlib is not there.
    """
    if Path(path).suffix not in FORMATS:
        raise ModelFileError(f"cannot write '{path}': the name of a picture must end in {', '.join(FORMATS)}.")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise SnnconvError("plots need Matplotlib: pip install 'snnconv[plot]'.") from error
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    over_steps, over_energy = figure.subplots(1, 2, sharey=True)
    chosen, readout = found.chosen, str(found.chosen.setting.readout)
    line = found.reference_accuracy
    scales = sorted({float(scale) for scale, _, _ in found.curves})
    colours = {f"{scale:g}": f"C{number}" for number, scale in enumerate(scales)}
    synapses = list(dict.fromkeys(synapse for _, synapse, _ in found.curves))
    styles = dict(zip(synapses, ("-", "--", "-.", ":") * len(synapses), strict=False))
    for (scale, synapse, name), curve in found.curves.items():
        if name == readout:
            over_steps.plot(
                np.arange(1, len(curve) + 1),
                curve,
                color=colours[scale],
                linestyle=styles[synapse],
                linewidth=1.2,
                label=f"× {scale}, {synapse}",
            )
    over_steps.plot(chosen.setting.n_steps, chosen.accuracy, "o", color="black", markersize=8, label="chosen")
    over_steps.set(xlabel="steps", title=f"readout {readout}")
    over_steps.set_ylabel("accuracy" if found.has_labels else "agreement with the rates")
    over_steps.legend(fontsize=7, ncols=2, title="rates, synapse", title_fontsize=7)
    energies = np.array([choice.joules for choice in found.choices]) * 1e6
    accuracies = np.array([choice.accuracy for choice in found.choices])
    over_energy.plot(energies, accuracies, ".", color="lightgrey", markersize=4, label="settings")
    best = sorted((c.joules * 1e6, c.accuracy) for c in found.choices if c.is_efficient)
    over_energy.plot(*zip(*best, strict=True), ".", color="C0", markersize=7, label="not dominated")
    over_energy.plot(chosen.joules * 1e6, chosen.accuracy, "o", color="black", markersize=8, label="chosen")
    over_energy.set(xscale="log", xlabel=f"energy of a sample on {found.device.name} (µJ)", title="all settings")
    over_energy.legend(fontsize=7, loc="lower right")
    for axes in (over_steps, over_energy):
        axes.axhline(line, color="grey", linewidth=0.8)
        axes.axhspan(line - found.accuracy_drop / 100, line, color="grey", alpha=0.15, linewidth=0)
        axes.set_ylim(max(0.0, line - 0.3), min(1.0, max(line, accuracies.max()) + 0.02))
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
