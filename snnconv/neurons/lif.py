"""The leaky integrate-and-fire neuron."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ParameterError
from ..text.plain import number
from .accumulating import softplus
from .base import (
    Array,
    Equations,
    Neuron,
    State,
    check_most,
    check_numbers,
    check_positive,
    check_tuning,
    exponentials,
    with_tensors,
)
from .spike_train import LIFSpikeTrain

_SMALLEST_DRIVE = 1e-18  # below it the slope 1/j² would overflow float32; the rate there is under 1/(41 tau_rc)

_ARITHMETIC = """\
needs no exponential in its step: p = expm1(remaining refractory time / tau_rc) is its state beside the voltage v

    share = FREE_STEP - DECAY * p                 FREE_STEP = 1 - exp(-dt/tau_rc), DECAY = exp(-dt/tau_rc)
    v = v + (J - v) * max(share, 0)
    v > 1:  spike, p = max(GROWN_1 - GROWN * (v - 1) / (J - 1), 0), v = 0        GROWN = exp(tau_ref/tau_rc)
    else:   p = max(-share, 0), v = max(v, MIN_VOLTAGE)                          GROWN_1 = GROWN - 1"""

_SEVERAL = """\
needs no exponential in its step: p = expm1(remaining refractory time / tau_rc) is its state beside the voltage v

    share = FREE_STEP - DECAY * p                 FREE_STEP = 1 - exp(-dt/tau_rc), DECAY = exp(-dt/tau_rc)
    {} times:  v = v + (J - v) * max(share, 0)
        v > 1:  spike, share = GROWN * (v - 1) / (J - 1) - GROWN_1, v = 0        GROWN = exp(tau_ref/tau_rc)
        else:   share = min(share, 0), v = max(v, MIN_VOLTAGE)                   GROWN_1 = GROWN - 1
    p = max(-share, 0)"""


@dataclass(frozen=True)
class LIF(Neuron):
    """Leaky integrate-and-fire with a refractory period.

    ``tau_rc dv/dt = J - v``; when v crosses 1 the neuron spikes, v returns to 0 and stays there for `tau_ref`.
    Spike times are resolved inside a step: the crossing is found exactly, and the refractory period ends inside a
    step as well. `step` gives the spikes of Nengo's ``LIF`` without its exponential and logarithm.

    With the default of one spike in a step, what is left of it behind the refractory period is lost, so that rates are
    too low where `tau_ref` is below dt. With `max_spikes` of ``dt/tau_ref`` or more nothing is lost: under a current
    that is constant in each step the neuron fires as it does in continuous time.

    Parameters
    ----------
    tau_rc : float
        Membrane time constant, in seconds.
    tau_ref : float
        Refractory period, in seconds; 0 or more, at most 80 tau_rc.
    amplitude : float
        Output of a neuron is its rate in Hz times this.
    min_voltage : float
        Floor of the voltage; 0 or less.
    smoothing : float
        Width σ of the soft LIF, used by `rate` only: J - 1 becomes σ·softplus((J - 1)/σ), which gives the rate
        function a finite slope at threshold. 0 means none.
    max_spikes : int
        Most spikes in one step. Hardware has 1.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    Hunsberger and Eliasmith (2015), "Spiking deep networks with LIF neurons", for the rate and the soft LIF.
    """

    tau_rc: float = 0.02
    tau_ref: float = 0.002
    amplitude: float = 0.01
    min_voltage: float = 0.0
    smoothing: float = 0.0
    max_spikes: int = 1

    # p = expm1(remaining refractory time / tau_rc), floored at 0. The time is tau_rc * log1p(p).
    state: ClassVar[tuple[str, ...]] = ("voltage", "refractory")
    time_constants: ClassVar[tuple[str, ...]] = ("tau_rc", "tau_ref")
    rate_only: ClassVar[tuple[str, ...]] = ("smoothing",)
    meanings: ClassVar[Mapping[str, str]] = {
        **Neuron.meanings,
        "tau_rc": "s, membrane time constant",
        "tau_ref": "s, refractory period",
        "min_voltage": "floor of the voltage; the threshold is 1",
        "smoothing": "width of the soft threshold in training",
        "max_spikes": "most spikes in one step",
    }

    def __post_init__(self) -> None:
        check_positive("LIF", tau_rc=self.tau_rc, amplitude=self.amplitude)
        check_numbers("LIF", tau_ref=self.tau_ref, min_voltage=self.min_voltage, smoothing=self.smoothing)
        if not 0 <= self.tau_ref <= 80 * self.tau_rc:
            raise ParameterError(
                f"LIF: tau_ref must lie between 0 and 80 tau_rc = {80 * self.tau_rc:g} s, where "
                f"exp(tau_ref/tau_rc) still fits a float32. Received {self.tau_ref!r}."
            )
        if not self.min_voltage <= 0:
            raise ParameterError(f"LIF: min_voltage must be 0 or less. Received {self.min_voltage!r}.")
        if not (math.isfinite(self.smoothing) and self.smoothing >= 0):
            raise ParameterError(f"LIF: smoothing must be 0 or more. Received {self.smoothing!r}.")
        check_most("LIF", self.max_spikes, may_be_none=False)

    def parameters(self) -> dict[str, Any]:
        """The model's parameters by name; `max_spikes` only where it is not the usual 1."""
        found = super().parameters()
        return {name: value for name, value in found.items() if name != "max_spikes" or value != 1}

    @property
    def max_spikes_per_step(self) -> int:
        return self.max_spikes

    @property
    def equations(self) -> Equations:
        excess, condition = "J - 1", " for J > 1, else 0"
        if self.smoothing:
            excess, condition = f"s·softplus((J - 1)/s), s = {number(self.smoothing)}", ""
        highest = f"; < {number(1 / self.tau_ref)} Hz" if self.tau_ref else ""
        tau_rc, tau_ref, most = number(self.tau_rc), number(self.tau_ref), self.max_spikes
        again = f", and again in what is left of the step, up to {most} times" if most > 1 else ""
        return Equations(
            rate=f"1/({tau_ref} + {tau_rc}·ln(1 + 1/({excess}))) Hz{condition}{highest}",
            step=f"v += (J - v)·(1 - exp(-free/{tau_rc})), free: the part of the step outside the refractory period, "
            f"in s; v > 1 is a spike, then v = 0 for {tau_ref} s from the crossing on{again}; "
            f"v ≥ {number(self.min_voltage)}",
            threshold="v > 1",
            reset="to 0",
            unit="thresholds",
            arithmetic=_ARITHMETIC if most == 1 else _SEVERAL.format(most),
        )

    def rate(self, J: Array, xp: Any = np) -> Array:
        j = J - 1
        if self.smoothing:
            j = self.smoothing * softplus(j / self.smoothing, xp)
        firing = j > _SMALLEST_DRIVE
        j = xp.where(firing, j, xp.ones_like(j))
        rate = self.amplitude / (self.tau_ref + self.tau_rc * xp.log1p(1 / j))
        return xp.where(firing, rate, xp.zeros_like(j))

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        of = exponentials(self.tau_rc, xp)
        decay, free_step = of.exp(-dt / self.tau_rc), -of.expm1(-dt / self.tau_rc)
        grown, grown_1 = of.exp(self.tau_ref / self.tau_rc), of.expm1(self.tau_ref / self.tau_rc)
        v, p = state["voltage"], state["refractory"]
        zero = xp.zeros_like(v)

        # The share of the way to J, were the whole rest of the step free: 1 - exp(-(dt - remaining)/tau_rc).
        # Negative while refractory: then -share is p after this step.
        share, fired = free_step - decay * p, []
        for _ in range(int(self.max_spikes)):
            v = v + (J - v) * xp.maximum(share, zero)
            spiked = v > 1
            # exp(-(time since the crossing)/tau_rc) = (J - v)/(J - 1); the refractory period counts from the crossing.
            # Above 0 the share is what is left of the step behind it, for the next spike.
            drive = xp.where(spiked, J - 1, xp.ones_like(v))
            silent = share if self.max_spikes == 1 else xp.minimum(share, zero)
            share = xp.where(spiked, grown * (v - 1) / drive - grown_1, silent)
            v = xp.where(spiked, zero, xp.maximum(v, zero + self.min_voltage))
            fired.append(xp.where(spiked, xp.ones_like(v), zero))
        return sum(fired[1:], fired[0]), {"voltage": v, "refractory": xp.maximum(-share, zero)}

    def distances(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, ...]:
        v, of = state["voltage"], exponentials(self.tau_rc, xp)
        share = -of.expm1(-dt / self.tau_rc) - of.exp(-dt / self.tau_rc) * state["refractory"]
        return (v + (J - v) * xp.maximum(share, xp.zeros_like(v)) - 1,)

    def smooth_rate(self, J: Array, smoothing: float, xp: Any = np) -> Array:
        return with_tensors(self, {"smoothing": self.smoothing or smoothing}).rate(J, xp)

    def has_spike_train(self, dt: float) -> bool:
        return self.keeps_time(dt)

    def keeps_time(self, dt: float) -> bool:
        """Whether all of a step of `dt` seconds counts: else what is left of it behind the last spike is lost."""
        return self.max_spikes * self.tau_ref >= dt * (1 - 1e-9)  # nine digits: time constants are divided by scales

    def lost_time(self, dt: float) -> float:
        """Time of a step that is lost behind a spike, on average, in seconds: half of what is more than `tau_ref`."""
        return 0.0 if self.keeps_time(dt) else (dt - self.tau_ref) / 2

    def spike_train(self, J: Array, state: State, dt: float, xp: Any = np) -> LIFSpikeTrain:
        return LIFSpikeTrain(J, state, self.tau_rc, self.tau_ref, self.min_voltage, dt, xp)

    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        limit = 1 / self.tau_ref if self.tau_ref else math.inf
        max_rates, intercepts = check_tuning(max_rates, intercepts, limit)
        # 1/(1 - exp(…)): the current at which the rate equation gives max_rates
        current = -1 / np.expm1((self.tau_ref - 1 / max_rates) / self.tau_rc)
        gain = (1 - current) / (intercepts - 1)
        return gain, 1 - gain * intercepts

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        gain, bias = np.asarray(gain, "float64"), np.asarray(bias, "float64")
        hard = LIF(self.tau_rc, self.tau_ref, amplitude=1.0)
        return hard.rate(gain + bias), (1 - bias) / gain

    def scale_rates(self, factor: float) -> tuple[LIF, float]:
        scaled = {name: getattr(self, name) / factor for name in ("tau_rc", "tau_ref", "amplitude")}
        return dataclasses.replace(self, **scaled), 1.0
