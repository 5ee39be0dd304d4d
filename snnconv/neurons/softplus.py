"""The softplus, as a function and in spikes."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .accumulating import Accumulating
from .base import Array, check_positive


@dataclass(frozen=True)
class Softplus(Accumulating):
    """Rate ``unit_rate · log(1 + exp(J))`` in Hz; see `Accumulating`.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this; with the defaults it is softplus(J).
    unit_rate : float
        Rate where the softplus is 1, in Hz.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    unit_rate: float = 100.0

    def __post_init__(self) -> None:
        check_positive("Softplus", amplitude=self.amplitude, unit_rate=self.unit_rate)

    @property
    def rate_range(self) -> tuple[float, float]:
        return self.unit_rate * math.log(2), math.inf

    @property
    def fires_negative(self) -> bool:
        return False

    def firing_rate(self, J: Array, xp: Any = np) -> Array:
        return self.unit_rate * softplus(J, xp)

    def current(self, firing_rate: np.ndarray) -> np.ndarray:
        # log(exp(y) - 1) without overflow
        y = firing_rate / self.unit_rate
        return y + np.log(-np.expm1(-y))

    def scale_rates(self, factor: float) -> tuple[Softplus, float]:
        return dataclasses.replace(self, amplitude=self.amplitude / factor, unit_rate=self.unit_rate * factor), 1.0


def softplus(x: Array, xp: Any) -> Array:
    """log(1 + exp(x)) without overflow, in a form whose automatic derivative at 0 is 1/2; logaddexp gives 1 there."""
    return xp.maximum(x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.maximum(x, -x)))
