"""The ReLU with a ceiling, a threshold or a negative slope, in spikes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ParameterError
from ..text.plain import number
from .accumulating import Accumulating
from .base import Array, Equations, as_tuples, check_most, check_numbers, check_positive

Slopes = float | tuple[Any, ...]


@dataclass(frozen=True)
class PiecewiseLinear(Accumulating):
    """Rate in Hz: ``min(J, max_rate)`` above `threshold`, ``negative_slope·(J - threshold)`` below; see `Accumulating`.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this.
    negative_slope : float, or (nested) tuple of float
        Slope below the threshold; one per unit where it is a tuple, which broadcasts against the units. Unless it is
        0, spikes are negative there.
    threshold : float
        Current that has to be exceeded, in Hz; 0 or more.
    max_rate : float or None
        Highest rate, in Hz; None: no limit.
    max_spikes : int or None
        As in `Accumulating`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    negative_slope: Slopes = 0.0
    threshold: float = 0.0
    max_rate: float | None = None

    meanings: ClassVar[Mapping[str, str]] = {
        **Accumulating.meanings,
        "negative_slope": "slope below the threshold",
        "threshold": "Hz, current that has to be exceeded",
        "max_rate": "Hz, highest rate",
    }

    def __post_init__(self) -> None:
        check_positive("PiecewiseLinear", amplitude=self.amplitude)
        check_numbers("PiecewiseLinear", threshold=self.threshold)
        check_most("PiecewiseLinear", self.max_spikes)
        if self.max_rate is not None:
            check_numbers("PiecewiseLinear", max_rate=self.max_rate)
        try:
            slopes = np.asarray(self.negative_slope, "float64").tolist()
        except (ValueError, TypeError):
            raise ParameterError(
                f"PiecewiseLinear: negative_slope must be a number, or one per unit. Received {self.negative_slope!r}."
            ) from None
        object.__setattr__(self, "negative_slope", as_tuples(slopes))
        if not np.isfinite(self.negative_slope).all():
            raise ParameterError(f"PiecewiseLinear: negative_slope must be finite. Received {self.negative_slope!r}.")
        if not (math.isfinite(self.threshold) and self.threshold >= 0):
            raise ParameterError(f"PiecewiseLinear: threshold must be 0 or more. Received {self.threshold!r}.")
        if self.max_rate is not None and not self.max_rate >= 0:
            raise ParameterError(f"PiecewiseLinear: max_rate must be None, 0 or more. Received {self.max_rate!r}.")

    @property
    def equations(self) -> Equations:
        threshold = number(self.threshold)
        top = "J" if self.max_rate is None else f"min(J, {number(self.max_rate)})"
        below = f"negative_slope·(J - {threshold})" if self.fires_negative else "0"
        rate = f"{top} Hz for J > {threshold}, else {below}"
        return dataclasses.replace(super().equations, rate=rate, unit="Hz")

    @property
    def starting_current(self) -> float:
        return self.threshold

    @property
    def rate_range(self) -> tuple[float, float]:
        return self.threshold, math.inf if self.max_rate is None else self.max_rate

    @property
    def fires_negative(self) -> bool:
        return bool(np.any(self.negative_slope))

    def firing_rate(self, J: Array, xp: Any = np) -> Array:
        zero = xp.zeros_like(J)
        limited = J if self.max_rate is None else xp.minimum(J, zero + self.max_rate)
        rate = xp.where(self.threshold < J, limited, zero)
        if not self.fires_negative:
            return rate
        slope = self.negative_slope
        if isinstance(slope, tuple):  # NumPy would promote a float32 current to the float64 of an array
            slope = np.asarray(slope, getattr(J.dtype, "name", None))
        return rate + slope * xp.minimum(J - self.threshold, zero)

    def current(self, firing_rate: np.ndarray) -> np.ndarray:
        return firing_rate

    def scale_rates(self, factor: float) -> tuple[PiecewiseLinear, float]:
        faster = dataclasses.replace(
            self,
            amplitude=self.amplitude / factor,
            threshold=self.threshold * factor,
            max_rate=None if self.max_rate is None else self.max_rate * factor,
        )
        return faster, factor
