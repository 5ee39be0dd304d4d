"""The picture of a tuning, with Matplotlib."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ModelFileError
from .canvas import COLOURS, IMAGES, colours, new_figure, write_figure

if TYPE_CHECKING:
    from ...tuning.search.result import Tuning

CALIBRATED = "calibrated"
BESIDE = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}


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
    if Path(path).suffix not in IMAGES:
        raise ModelFileError(f"cannot write '{path}': the name of a picture must end in {', '.join(IMAGES)}.")
    figure = new_figure((12, 4.5))
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    over_steps, over_energy = figure.subplots(1, 2, sharey=True)
    chosen, readout = found.chosen, str(found.chosen.setting.readout)
    line = found.reference_accuracy
    scales = sorted({scale for scale, _, _ in found.curves}, key=_factor)
    of_scale = dict(zip(scales, colours(len(scales)), strict=True))
    synapses = sorted({synapse for _, synapse, _ in found.curves}, key=_milliseconds)
    styles = dict(zip(synapses, ("-", "--", "-.", ":") * len(synapses), strict=False))
    in_order = sorted(found.curves.items(), key=lambda item: (_factor(item[0][0]), synapses.index(item[0][1])))
    for (scale, synapse, name), curve in in_order:
        if name == readout:
            over_steps.plot(
                np.arange(1, len(curve) + 1),
                curve,
                color=of_scale[scale],
                linestyle=styles[synapse],
                linewidth=1.2,
                label=f"{scale} {synapse}" if scale == CALIBRATED else f"× {scale}, {synapse}",
            )
    over_steps.plot(chosen.setting.n_steps, chosen.accuracy, "o", color="black", markersize=8, label="chosen")
    over_steps.set(xlabel="steps", title=f"readout {readout}")
    over_steps.set_ylabel("accuracy" if found.has_labels else "agreement with the rates")
    over_steps.legend(fontsize="small", title="rates, synapse", title_fontsize="small", **BESIDE)
    energies = np.array([choice.joules for choice in found.choices]) * 1e6
    accuracies = np.array([choice.accuracy for choice in found.choices])
    over_energy.plot(energies, accuracies, ".", color="#A8A8A8", markersize=4, label="settings")
    best = sorted((c.joules * 1e6, c.accuracy) for c in found.choices if c.is_efficient)
    over_energy.plot(*zip(*best, strict=True), ".", color=COLOURS[0], markersize=7, label="not dominated")
    over_energy.plot(chosen.joules * 1e6, chosen.accuracy, "o", color="black", markersize=8, label="chosen")
    over_energy.set(xscale="log", xlabel=f"energy of a sample on {found.device.name} (µJ)", title="all settings")
    over_energy.legend(fontsize="small", **BESIDE)
    over_energy.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    over_energy.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    over_energy.xaxis.set_minor_formatter(NullFormatter())
    for axes in (over_steps, over_energy):
        axes.axhline(line, color="grey", linewidth=0.8)
        axes.axhspan(line - found.accuracy_drop / 100, line, color="grey", alpha=0.15, linewidth=0)
        axes.set_ylim(max(-0.02, line - 0.3), max(line, accuracies.max()) + 0.02)  # chance at first is out of interest
    write_figure(figure, path, dpi=150)


def _factor(scale: str) -> float:
    """The order of rate scales in a list; calibrated networks stand behind the others."""
    return np.inf if scale == CALIBRATED else float(scale)


def _milliseconds(synapse: str) -> float:
    """The order of synapses such as "5 ms" in a list; "none" and "as given" stand before them."""
    return float(synapse.removesuffix(" ms")) if synapse.endswith(" ms") else 0.0
