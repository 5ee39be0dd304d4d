"""What a network is quantised with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from .scales import SCALES


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Widths, scales and times of an integer network; see `quantize`.

    Raises
    ------
    ParameterError
        If one is out of its range.
    """

    weight_bits: int = 8
    dt: float = 0.001
    fraction_bits: int = 12
    threshold_bits: int = 8
    scale: str = "neuron"
    n_steps: int = 1000

    def __post_init__(self) -> None:
        limits = {"weight_bits": (2, 16), "fraction_bits": (4, 20), "threshold_bits": (2, 20), "n_steps": (1, 1 << 24)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
                raise ParameterError(f"{name} must be a whole number from {low} to {high}. Received {value!r}.")
            object.__setattr__(self, name, int(value))
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise ParameterError(f"dt must be above 0 seconds. Received {self.dt!r}.")
        if self.scale not in SCALES:
            raise ParameterError(f"scale must be one of {', '.join(SCALES)}. Received {self.scale!r}.")
