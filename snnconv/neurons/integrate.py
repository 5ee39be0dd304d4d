"""The integrate-and-fire neuron without leak: a ReLU in spikes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ParameterError
from ..text.plain import number
from .base import (
    Array,
    Equations,
    Neuron,
    State,
    check_most,
    check_numbers,
    check_positive,
    linear_gain_bias,
    linear_max_rates_intercepts,
)

RELU = "IF(min_voltage=-float('inf'))"
"""The neuron that a relu becomes, as advice spells it: its mean output follows its mean current, as IF()'s does not."""


@dataclass(frozen=True)
class IF(Neuron):
    """Integrate-and-fire without leak; its rate in Hz is ``max(J, 0)``, so it is a ReLU.

    ``v += J·dt; n = floor(v)`` spikes; ``v -= n``. The reset subtracts, so that no current is lost.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this.
    min_voltage : float or None
        None: negative current is ignored, as in Nengo's ``SpikingRectifiedLinear``. A number (0, below, or ``-inf``):
        negative current lowers the voltage down to it. With ``-inf`` the mean output follows the mean current even
        where the current changes sign from step to step, as it does behind a spiking layer.
    max_spikes : int or None
        Most spikes in one step. Hardware has 1; None is no bound.
    rate_limit : float or None
        Upper limit of `rate`, in Hz; None: no limit. With at most n spikes per step the highest rate is n/dt; pass that
        here, as `rate` does not know dt.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    min_voltage: float | None = None
    max_spikes: int | None = None
    rate_limit: float | None = None

    state: ClassVar[tuple[str, ...]] = ("voltage",)
    rate_only: ClassVar[tuple[str, ...]] = ("rate_limit",)
    meanings: ClassVar[Mapping[str, str]] = {
        **Neuron.meanings,
        "min_voltage": "floor of the voltage; the threshold is 1",
        "max_spikes": "most spikes in one step",
        "rate_limit": "Hz, where the rate function ends",
    }

    def __post_init__(self) -> None:
        check_positive("IF", amplitude=self.amplitude)
        if self.min_voltage is not None:
            check_numbers("IF", min_voltage=self.min_voltage)
            if not self.min_voltage <= 0:
                raise ParameterError(f"IF: min_voltage must be None, 0 or less. Received {self.min_voltage!r}.")
        check_most("IF", self.max_spikes)
        if self.rate_limit is not None:
            check_positive("IF", rate_limit=self.rate_limit)

    @property
    def equations(self) -> Equations:
        limit, most, floor = self.rate_limit, self.max_spikes, self.min_voltage
        current = "max(J, 0)" if floor is None else "J"
        count = "floor(v)" if most is None else f"min(floor(v), {most})"
        kept = "" if floor is None or math.isinf(floor) else f"; v ≥ {number(floor)}"
        return Equations(
            rate="max(J, 0) Hz" if limit is None else f"min(max(J, 0), {number(limit)}) Hz",
            step=f"v += {current}·dt; n = {count} spikes, v -= n{kept}",
            threshold="v ≥ 1",
            reset="v -= n",
            unit="Hz",
        )

    @property
    def max_spikes_per_step(self) -> int | None:
        return self.max_spikes

    def rate(self, J: Array, xp: Any = np) -> Array:
        zero = xp.zeros_like(J)
        rate = xp.maximum(J, zero)
        return self.amplitude * (rate if self.rate_limit is None else xp.minimum(rate, zero + self.rate_limit))

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        zero = xp.zeros_like(state["voltage"])
        # The maximum, also where there is nothing to cut, keeps XLA from fusing product and sum into one operation that
        # rounds once: round numbers bring the voltage to the threshold exactly, and the spikes would not be NumPy's.
        v = state["voltage"] + xp.maximum(J * dt, zero if self.min_voltage is None else zero - 1e30)
        spikes = xp.maximum(xp.floor(v), zero)
        if self.max_spikes is not None:
            spikes = xp.minimum(spikes, zero + self.max_spikes)
        v = v - spikes
        if self.min_voltage is not None and math.isfinite(self.min_voltage):
            v = xp.maximum(v, zero + self.min_voltage)
        return spikes, {"voltage": v}

    def distances(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, ...]:
        v = state["voltage"]
        v = v + (xp.maximum(J, xp.zeros_like(v)) if self.min_voltage is None else J) * dt
        # the threshold of the next spike, or of the last one that the step can hold
        nearest = xp.maximum(xp.floor(v + 0.5), xp.ones_like(v))
        return (v - (nearest if self.max_spikes is None else xp.minimum(nearest, xp.zeros_like(v) + self.max_spikes)),)

    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        return linear_gain_bias(max_rates, intercepts)

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        return linear_max_rates_intercepts(self, gain, bias)

    def scale_rates(self, factor: float) -> tuple[IF, float]:
        limit = None if self.rate_limit is None else self.rate_limit * factor
        return dataclasses.replace(self, amplitude=self.amplitude / factor, rate_limit=limit), factor
