"""The leaky integrate-and-fire neuron as integer hardware counts it: in whole steps."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ParameterError
from ..text.plain import number
from .base import Array, Equations, Neuron, State, check_numbers, check_positive
from .lif import LIF

_SMALLEST_DRIVE = 1e-18  # as for LIF: below it 1/(J - 1) would overflow float32


@dataclass(frozen=True)
class SteppedLIF(Neuron):
    """Leaky integrate-and-fire whose spikes, refractory period and leak are those of the integer neuron ILIF-1.

    With ``δ = round((1 - exp(-dt/tau_rc))·2^leak_bits) / 2^leak_bits`` and ``R = round(tau_ref/dt)``, at each step::

        r > 0:      r -= 1; no spike; v is held
        otherwise:  u = v + δ·(J - v)
                    u > 1:  spike, v = 0, r = R        otherwise: v = max(u, min_voltage)

    At a constant current J > 1 it spikes every n + R steps, n being the first step that brings it over the threshold:
    ``n = floor(ln(1 + 1/(J - 1)) / -ln(1 - δ)) + 1``. The rate, ``1 / (dt·(n + R))``, is therefore a staircase, which
    ends at ``1 / (dt·(1 + R))``. `snnconv.quantize` changes such a network by the rounding of its numbers alone.

    Parameters
    ----------
    tau_rc : float
        Membrane time constant, in seconds.
    tau_ref : float
        Refractory period, in seconds; rounded to whole steps.
    amplitude : float
        Output of a neuron is its rate in Hz times this.
    min_voltage : float
        Floor of the voltage; 0 or less.
    dt : float
        Length of a step, in seconds. It is part of the neuron, which runs in no other.
    leak_bits : int
        Fractional bits of the leak δ, 4 to 20.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    tau_rc: float = 0.02
    tau_ref: float = 0.002
    amplitude: float = 0.01
    min_voltage: float = 0.0
    dt: float = 0.001
    leak_bits: int = 12

    # r, the steps of the refractory period that are left
    state: ClassVar[tuple[str, ...]] = ("voltage", "refractory")
    meanings: ClassVar[Mapping[str, str]] = {
        **Neuron.meanings,
        "tau_rc": "s, membrane time constant",
        "tau_ref": "s, refractory period",
        "min_voltage": "floor of the voltage; the threshold is 1",
        "dt": "s, the step that the neuron is for",
        "leak_bits": "fractional bits of the leak",
    }

    def __post_init__(self) -> None:
        check_positive("SteppedLIF", tau_rc=self.tau_rc, amplitude=self.amplitude, dt=self.dt)
        check_numbers("SteppedLIF", tau_ref=self.tau_ref, min_voltage=self.min_voltage, leak_bits=self.leak_bits)
        if not (math.isfinite(self.tau_ref) and self.tau_ref >= 0):
            raise ParameterError(f"SteppedLIF: tau_ref must be 0 or more. Received {self.tau_ref!r}.")
        if not self.min_voltage <= 0:
            raise ParameterError(f"SteppedLIF: min_voltage must be 0 or less. Received {self.min_voltage!r}.")
        if self.leak_bits != int(self.leak_bits) or not 4 <= self.leak_bits <= 20:
            raise ParameterError(
                f"SteppedLIF: leak_bits must be a whole number from 4 to 20. Received {self.leak_bits!r}."
            )
        if not 0 < self.leak < 1:
            raise ParameterError(
                f"SteppedLIF: with leak_bits={self.leak_bits} the leak of tau_rc = {self.tau_rc:g} s in steps of "
                f"{self.dt:g} s is {self.leak:g}. Choose dt below tau_rc, and leak_bits above log2(tau_rc/dt)."
            )

    @property
    def equations(self) -> Equations:
        steps = f"floor(ln(1 + 1/(J - 1))·{number(-1 / math.log1p(-self.leak))}) + {1 + self.refractory_steps}"
        dt = number(self.dt)
        return Equations(
            rate=f"1/({dt}·({steps})) Hz for J > 1, else 0; ≤ {number(self.highest_rate)} Hz",
            step=f"v += {number(self.leak)}·(J - v); v > 1 is a spike, then v = 0, held for the next "
            f"{self.refractory_steps} steps; v ≥ {number(self.min_voltage)}; all for steps of {dt} s",
            threshold="v > 1",
            reset="to 0",
            unit="thresholds",
        )

    @property
    def only_dt(self) -> float:
        return self.dt

    @property
    def leak(self) -> float:
        """δ: the share of the way to J that a step takes."""
        one = 1 << int(self.leak_bits)
        return round(-math.expm1(-self.dt / self.tau_rc) * one) / one

    @property
    def refractory_steps(self) -> int:
        """R: steps without integration behind that of a spike."""
        return round(self.tau_ref / self.dt)

    @property
    def highest_rate(self) -> float:
        """Highest rate, in Hz."""
        return 1 / (self.dt * (1 + self.refractory_steps))

    def smooth(self, smoothing: float = 0.0) -> LIF:
        """The LIF through the middle of the staircase: what the rate is on average over a small range of currents.

        Rounding a time up to whole steps adds half a step on average, so its refractory period is ``(R + 1/2)·dt``.
        """
        tau_rc, tau_ref = -self.dt / math.log1p(-self.leak), (self.refractory_steps + 0.5) * self.dt
        return LIF(tau_rc, tau_ref, self.amplitude, self.min_voltage, smoothing)

    def rate(self, J: Array, xp: Any = np) -> Array:
        j = J - 1
        firing = j > _SMALLEST_DRIVE
        j = xp.where(firing, j, xp.ones_like(j))
        n_steps = xp.floor(xp.log1p(1 / j) * (-1 / math.log1p(-self.leak))) + (1 + self.refractory_steps)
        return xp.where(firing, (self.amplitude / self.dt) / n_steps, xp.zeros_like(j))

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        self.check_dt(dt)
        v, r = state["voltage"], state["refractory"]
        zero = xp.zeros_like(v)
        is_free = r < 0.5
        # The maximum keeps XLA from fusing product and sum into one operation that rounds once; see IF.
        u = v + xp.maximum(self.leak * (J - v), zero - 1e30)
        spiked = xp.where(is_free, u, zero) > 1
        after = xp.where(is_free, xp.maximum(u, zero + self.min_voltage), v)
        refractory = xp.where(spiked, zero + float(self.refractory_steps), xp.maximum(r - 1, zero))
        spikes = xp.where(spiked, xp.ones_like(v), zero)
        return spikes, {"voltage": xp.where(spiked, zero, after), "refractory": refractory}

    def distances(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, ...]:
        v = state["voltage"]
        is_free = state["refractory"] < 0.5
        return (xp.where(is_free, v + self.leak * (J - v), v) - 1,)

    def smooth_rate(self, J: Array, smoothing: float, xp: Any = np) -> Array:
        return self.smooth(smoothing).rate(J, xp)

    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        if not np.all(np.less(max_rates, self.highest_rate)):
            raise ParameterError(
                f"max_rates must be below {self.highest_rate:g} Hz, a spike every {1 + self.refractory_steps} steps of "
                f"{self.dt * 1e3:g} ms. Received {np.max(max_rates):g} Hz. Lower max_rates or shorten tau_ref."
            )
        return self.smooth().gain_bias(max_rates, intercepts)

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        return self.smooth().max_rates_intercepts(gain, bias)

    def scale_rates(self, factor: float) -> tuple[SteppedLIF, float]:
        scaled = {name: getattr(self, name) / factor for name in ("tau_rc", "tau_ref", "amplitude", "dt")}
        return dataclasses.replace(self, **scaled), 1.0
