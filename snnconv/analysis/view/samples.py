"""Samples of a page as the data that its script draws: numbers, and pictures and voltages in bytes."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from .activity import MOST_MAPPED, Activity, LayerActivity


@dataclass(frozen=True, eq=False)
class ShownSample:
    """A sample that a page can show.

    Parameters
    ----------
    activity : Activity
    about : str
        Its number, and its true label where that is known.
    """

    activity: Activity
    about: str

    def to_dict(self) -> dict[str, Any]:
        """All that the script draws, in types that JSON can hold."""
        return {
            "about": self.about,
            "run": run_data(self.activity),
            "neurons": [_neurons(layer) for layer in self.activity.layers],
            "pictures": [{"name": each.name, **in_bytes(each.pixels)} for each in self.activity.pictures],
        }


def run_data(activity: Activity) -> dict[str, Any]:
    """The run as plain data: of every neuron shown the steps with spikes, counted from 1.

    Where a step has several spikes, or negative ones, `counts` holds how many, in the same order.
    """
    return {
        "n_steps": activity.n_steps,
        "dt": activity.dt,
        "layers": [
            {
                "name": layer.name,
                "n_neurons": layer.n_neurons,
                "shown": layer.shown.tolist(),
                "steps": [(np.nonzero(row)[0] + 1).tolist() for row in layer.spikes.T],
                "counts": [
                    row[row != 0].tolist() if np.any((row != 0) & (row != 1)) else None for row in layer.spikes.T
                ],
                "per_step": layer.per_step.tolist(),
                "expected": _rounded(float(layer.expected.mean())),
            }
            for layer in activity.layers
        ],
        "outputs": [
            {
                "name": output.name,
                "n_values": output.n_values,
                "shown": output.shown.tolist(),
                "values": [[_rounded(value) for value in row] for row in output.values.T.tolist()],
                "expected": [_rounded(value) for value in output.expected.tolist()],
            }
            for output in activity.outputs
        ],
    }


def _neurons(layer: LayerActivity) -> dict[str, Any]:
    """Currents, rates and voltages of the neurons shown, and a map of all rates where the layer has maps."""
    maps = layer.rates.reshape(layer.shape) if len(layer.shape) == 3 and layer.rates.size <= MOST_MAPPED else None
    return {
        "shape": list(layer.shape),
        "currents": [_rounded(value) for value in layer.currents.tolist()],
        "rates": [_rounded(value) for value in layer.rates[layer.shown].tolist()],
        "expected": [_rounded(value) for value in layer.expected[layer.shown].tolist()],
        "voltages": in_bytes(layer.voltages.T),
        "maps": None if maps is None else in_bytes(maps),
    }


def in_bytes(array: np.ndarray) -> dict[str, Any]:
    """An array in steps of a 255th of its range, as text: a page of numbers would be four times as large."""
    low, high = float(array.min()), float(array.max())
    levels = np.round((array - low) * (255 / (high - low) if high > low else 0.0)).astype("uint8")
    return {
        "shape": list(array.shape),
        "low": _rounded(low),
        "high": _rounded(high),
        "bytes": base64.b64encode(levels.tobytes()).decode("ascii"),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
