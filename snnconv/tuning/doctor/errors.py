"""The error of each layer's rates, and its shares: what was cut, rounded, not silent, and a matter of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...text.table import Table
from .examination import Examination, Layer

HEADINGS = ("layer", "depth", "error", "clipping", "rounding", "silent", "time")
NOTES = (
    "error: root mean square difference of measured and expected rates, by that of the expected ones; its square's "
    "shares:",
    "clipping: activations above what spikes can carry; rounding: to a whole number of spikes; silent: spikes of "
    "neurons that should be silent; time: the rest, which comes late, unevenly, or from the layers before",
)


@dataclass(frozen=True)
class LayerError:
    """The error of a population's measured rates.

    Parameters
    ----------
    layer : str
        Name of the population.
    depth : int
        Number of populations on the longest way to it, itself included.
    error : float
        Root mean square difference of measured and expected rates, relative to the root mean square expected rate.
    clipping, rounding, silent, time : float
        Shares of the squared error, which add up to 1; all 0 where there is no error.
    """

    layer: str
    depth: int
    error: float
    clipping: float
    rounding: float
    silent: float
    time: float

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return dict(vars(self))


def layer_errors(found: Examination) -> list[LayerError]:
    """The error of each layer, in the order of the network."""
    return [_layer_error(layer, found.depths[layer.name], found) for layer in found.layers]


def error_table(errors: list[LayerError]) -> Table:
    """The errors for people to read."""
    rows = [
        [each.layer, f"{each.depth}", f"{each.error:.1%}"]
        + [f"{share:.0%}" for share in (each.clipping, each.rounding, each.silent, each.time)]
        for each in errors
    ]
    return Table(HEADINGS, rows, title="Error of each layer's rates", notes=NOTES)


def _layer_error(layer: Layer, depth: int, found: Examination) -> LayerError:
    expected, step = layer.expected, 1 / found.duration
    squares = np.square(layer.measured - expected)
    total = float(squares.sum())
    ceiling = layer.step_ceiling(found.dt)
    kept = np.clip(expected, -ceiling, ceiling)
    is_silent = expected == 0
    clipped = float(np.square(expected - kept).sum())
    rounded = float(np.square(kept - np.round(kept / step) * step)[~is_silent].sum())
    woken = float(squares[is_silent].sum())
    rest = max(total - clipped - rounded - woken, 0.0)
    parts = np.array([clipped, rounded, woken, rest])
    shares = parts / parts.sum() if total > 0 else np.zeros(4)
    size = max(float(np.square(expected).sum()), step**2)  # where all should be silent: that of one spike
    return LayerError(layer.name, depth, float(np.sqrt(total / size)), *map(float, shares))
