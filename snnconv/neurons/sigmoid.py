"""The sigmoid in spikes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from .accumulating import Accumulating
from .base import Array, check_positive


@dataclass(frozen=True)
class Sigmoid(Accumulating):
    """Rate ``max_rate / (1 + exp(-J))`` in Hz; see `Accumulating`.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this; with the defaults it is the sigmoid of J.
    max_rate : float
        Rate at large currents, in Hz.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    max_rate: float = 100.0

    def __post_init__(self) -> None:
        check_positive("Sigmoid", amplitude=self.amplitude, max_rate=self.max_rate)

    @property
    def rate_range(self) -> tuple[float, float]:
        return 0.5 * self.max_rate, self.max_rate

    @property
    def fires_negative(self) -> bool:
        return False

    def firing_rate(self, J: Array, xp: Any = np) -> Array:
        return 0.5 * self.max_rate * (1 + xp.tanh(0.5 * J))  # without overflow

    def current(self, firing_rate: np.ndarray) -> np.ndarray:
        return -np.log(self.max_rate / firing_rate - 1)

    def scale_rates(self, factor: float) -> tuple[Sigmoid, float]:
        return dataclasses.replace(self, amplitude=self.amplitude / factor, max_rate=self.max_rate * factor), 1.0
