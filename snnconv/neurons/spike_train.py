"""The spikes of a LIF under constant current, without a loop over time.

Under a constant current J > 1 the neuron fires with the period ``T = tau_ref + tau_rc·log1p(1/(J - 1))``, as long as
the refractory period spans a step. Its k-th spike falls at ``first + k·T``, so that the spikes of a step are the
difference of two counts. Against the loop, rounding can move a spike that falls on the end of a step by one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .base import Array, State


@dataclass(frozen=True)
class LIFSpikeTrain:
    """Spikes of LIF neurons under the constant current `J`.

    Parameters
    ----------
    J : (n, *shape) array
    state : dict
        Voltage, at most 1, and refractory, before the first step; each (n, *shape).
    tau_rc, tau_ref, dt : float
        Seconds.
    min_voltage : float
    xp : namespace of the arrays
    """

    J: Array
    state: State
    tau_rc: float
    tau_ref: float
    min_voltage: float
    dt: float
    xp: Any

    def phases(self) -> tuple[Array, Array]:
        """Spikes per step, and the first spike's time in periods; both 0 where the neuron is silent."""
        first, period = self._times()
        fires, zero = self.J > 1, self.xp.zeros_like(self.J)
        return self.xp.where(fires, self.dt / period, zero), self.xp.where(fires, first / period, zero)

    def state_after(self, n_steps: Array) -> State:
        """The state after that many steps, a scalar of the dtype of `J`."""
        xp, v, zero, end = self.xp, self.state["voltage"], self.xp.zeros_like(self.J), n_steps * self.dt
        first, period = self._times()
        n_spikes = spike_count(n_steps, *self.phases(), xp)
        last = first + (n_spikes - 1) * period
        spiked = n_spikes > 0
        remaining = xp.where(spiked, self.tau_ref - (end - last), self._refractory_time() - end)
        start = xp.where(spiked, zero, v)
        v = start - (self.J - start) * xp.expm1(xp.minimum(remaining, zero) / self.tau_rc)
        v = xp.minimum(xp.maximum(v, zero + self.min_voltage), zero + 1)
        return {"voltage": v, "refractory": xp.expm1(xp.maximum(remaining, zero) / self.tau_rc)}

    def _refractory_time(self) -> Array:
        return self.tau_rc * self.xp.log1p(self.state["refractory"])

    def _times(self) -> tuple[Array, Array]:
        """Time of the first spike, and the period, in seconds; of any value where the neuron is silent."""
        xp = self.xp
        drive = xp.where(self.J > 1, self.J - 1, xp.ones_like(self.J))
        first = self._refractory_time() + self.tau_rc * xp.log1p((1 - self.state["voltage"]) / drive)
        return first, self.tau_ref + self.tau_rc * xp.log1p(1 / drive)


def spike_count(n_steps: Array, per_step: Array, phase: Array, xp: Any) -> Array:
    """Spikes before the end of step `n_steps`: a voltage of exactly 1 is not a spike yet."""
    return xp.maximum(xp.ceil(n_steps * per_step - phase), xp.zeros_like(phase))


def spikes_between(times: Array, per_step: Array, phase: Array, xp: Any) -> Array:
    """Spikes, (len(times) - 1, n, *shape), between one of the `times` and the next, in steps since the start."""
    times = xp.reshape(times, (-1, *(1,) * len(phase.shape)))
    return spike_count(times[1:], per_step, phase, xp) - spike_count(times[:-1], per_step, phase, xp)
