"""The integrate-and-fire neuron that can take spikes back: a ReLU of the mean current, in spikes of both signs."""

from __future__ import annotations

import dataclasses
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
    as_tuples,
    check_positive,
    linear_gain_bias,
    linear_max_rates_intercepts,
)

_NEVER = 1e6  # thresholds away from a spike that cannot be


@dataclass(frozen=True)
class SignedIF(Neuron):
    """Integrate-and-fire whose spikes are +1 or -1, at most one per step; its rate in Hz is ``max(J, 0)``.

    With the voltage v and n, the spikes sent less those taken back::

        v += J·dt
        v >= 1:                                +1, v -= 1, n += 1
        v <= -negative_threshold and n > 0:    -1, v += 1, n -= 1

    A spike sent on currents that turn out to be too high is taken back later. After any number of steps n is therefore
    the sum of J·dt where that is positive, and 0 elsewhere, up to one spike: the ReLU of the mean current, where `IF`
    keeps what it has sent and deep networks drift away. Two limits: n changes by at most one per step, so that it ends
    at the number of steps, and a spike that is due later than it could be sent comes late.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this.
    negative_threshold : float
        A spike is taken back where the voltage is this far below 0, in thresholds; above 0. A low one follows the
        current closely, a high one saves spikes that are sent and taken back.
    rate_limit : float, (nested) tuple of float, or None
        Upper limit of `rate`, in Hz; one per unit where it is a tuple, which broadcasts against the units. None: no
        limit. The steps end at 1/dt; pass that here, as `rate` does not know dt.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    Wang, Zhang, Chen and Qu (2022), "Signed neuron with memory: towards simple, accurate and high-efficient ANN-SNN
    conversion", for the negative spike and the memory of what was sent.
    """

    amplitude: float = 0.01
    negative_threshold: float = 1 / 16
    rate_limit: float | tuple[Any, ...] | None = None

    state: ClassVar[tuple[str, ...]] = ("voltage", "n_sent")
    rate_only: ClassVar[tuple[str, ...]] = ("rate_limit",)
    meanings: ClassVar[Mapping[str, str]] = {
        **Neuron.meanings,
        "negative_threshold": "thresholds below 0, where a spike is taken back",
        "rate_limit": "Hz, where the rate function ends",
    }

    def __post_init__(self) -> None:
        check_positive("SignedIF", amplitude=self.amplitude, negative_threshold=self.negative_threshold)
        if self.rate_limit is None:
            return
        limits = np.asarray(self.rate_limit, "float64")
        if not (np.isfinite(limits) & (limits > 0)).all():
            raise ParameterError(f"SignedIF: rate_limit must be finite and above 0. Received {self.rate_limit!r}.")
        object.__setattr__(self, "rate_limit", as_tuples(limits.tolist()))

    @property
    def equations(self) -> Equations:
        limit = self.rate_limit
        highest = "rate_limit" if isinstance(limit, tuple) else None if limit is None else number(limit)
        back = number(self.negative_threshold)
        return Equations(
            rate="max(J, 0) Hz" if highest is None else f"min(max(J, 0), {highest}) Hz",
            step=f"v += J·dt; v ≥ 1: spike +1, v -= 1; v ≤ -{back} and more sent than taken back: spike -1, v += 1",
            threshold=f"v ≥ 1, and v ≤ -{back} for a negative one",
            reset="v -= 1, v += 1",
            unit="Hz",
        )

    @property
    def fires_negative(self) -> bool:
        return True

    def rate(self, J: Array, xp: Any = np) -> Array:
        zero = xp.zeros_like(J)
        rate, limit = xp.maximum(J, zero), self.rate_limit
        if isinstance(limit, tuple):  # NumPy would promote a float32 current to the float64 of an array
            limit = np.asarray(limit, getattr(J.dtype, "name", None))
        return self.amplitude * (rate if limit is None else xp.minimum(rate, zero + limit))

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        zero = xp.zeros_like(state["voltage"])
        # The maximum keeps XLA from fusing product and sum into one operation that rounds once; see IF.
        v = state["voltage"] + xp.maximum(J * dt, zero - 1e30)
        n_sent, one = state["n_sent"], zero + 1
        # In floors, which vectorise where comparisons do not. Both are 0 or 1, and never 1 together.
        sent = xp.minimum(xp.maximum(xp.floor(v), zero), one)
        taken_back = xp.minimum(xp.maximum(xp.floor(zero + (1 - self.negative_threshold) - v), zero), n_sent)
        spikes = sent - xp.minimum(taken_back, one)
        return spikes, {"voltage": v - spikes, "n_sent": n_sent + spikes}

    def distances(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, ...]:
        v = state["voltage"] + J * dt
        can_take_back = state["n_sent"] > 0.5
        return v - 1, xp.where(can_take_back, v + self.negative_threshold, xp.zeros_like(v) + _NEVER)

    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        return linear_gain_bias(max_rates, intercepts)

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        return linear_max_rates_intercepts(self, gain, bias)

    def scale_rates(self, factor: float) -> tuple[SignedIF, float]:
        limit = None if self.rate_limit is None else as_tuples((np.asarray(self.rate_limit) * factor).tolist())
        return dataclasses.replace(self, amplitude=self.amplitude / factor, rate_limit=limit), factor
