"""Neurons as they are often written by hand: each differs from the real one in what a diagnosis names.

They are private to it, not registered, and run in NumPy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...neurons import IF, LIF
from ...neurons.base import Array, State


@dataclass(frozen=True)
class HandWrittenLIF(LIF, abstract=True):
    """A LIF with its time constants in the open, in which each part can be wrong.

    Parameters
    ----------
    decay : str
        "exact"; "euler": ``(J - v)·dt/tau_rc``; "none": ``J·dt/tau_rc``, no leak; "unscaled": v decays and all of J is
        added, without the factor 1 - exp(-dt/tau_rc); v then passes J at once, so a spike counts as at a step's end.
    whole_steps : int
        Steps without input after a spike, from the next one on; 0: the refractory period ends inside a step.
    resets_by_subtraction : bool
    fires_at_threshold : bool
        Whether a voltage of exactly 1 is a spike.
    """

    decay: str = "exact"
    whole_steps: int = 0
    resets_by_subtraction: bool = False
    fires_at_threshold: bool = False

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        v, waits = state["voltage"], state["refractory"]  # seconds, or whole steps
        free = np.where(waits > 0, 0.0, dt) if self.whole_steps else np.clip(dt - waits, 0.0, dt)
        v = v + self._change(J, v, free, dt)
        spiked = v >= 1 if self.fires_at_threshold else v > 1
        if self.whole_steps:
            spiked = spiked & (free > 0)
            waits = np.where(spiked, float(self.whole_steps), np.maximum(waits - 1, 0.0))
        else:
            crosses = spiked & (J > 1) & (v < J) & (self.decay != "unscaled")
            share = np.where(crosses, (1 - v) / np.where(crosses, J - 1, 1.0), 0.0)
            waits = np.where(spiked, self.tau_ref + self.tau_rc * np.log1p(share), waits - dt)
        reset = v - 1 if self.resets_by_subtraction else np.zeros_like(v)
        v = np.where(spiked, reset, np.maximum(v, self.min_voltage))
        return spiked.astype(v.dtype), {"voltage": v, "refractory": np.maximum(waits, 0.0)}

    def _change(self, J: Array, v: Array, free: Array, dt: float) -> Array:
        if self.decay == "euler":
            return (J - v) * free / self.tau_rc
        if self.decay == "none":
            return J * free / self.tau_rc
        if self.decay == "unscaled":
            return v * np.expm1(-free / self.tau_rc) + J * (free / dt)
        return -(J - v) * np.expm1(-free / self.tau_rc)


@dataclass(frozen=True)
class HandWrittenIF(IF, abstract=True):
    """An IF in which each part can be wrong.

    Parameters
    ----------
    resets_to_zero : bool
        Whether what is above the threshold is lost.
    fires_above_threshold : bool
        Whether a voltage of exactly 1 is no spike yet.
    leaves_out_dt : bool
        Whether a step adds J itself, not J·dt.
    """

    resets_to_zero: bool = False
    fires_above_threshold: bool = False
    leaves_out_dt: bool = False

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        change = J if self.leaves_out_dt else J * dt
        v = state["voltage"] + (np.maximum(change, 0.0) if self.min_voltage is None else change)
        spikes = np.maximum(np.ceil(v) - 1 if self.fires_above_threshold else np.floor(v), 0.0)
        if self.max_spikes is not None:
            spikes = np.minimum(spikes, self.max_spikes)
        v = np.where(spikes > 0, 0.0, v) if self.resets_to_zero else v - spikes
        if self.min_voltage is not None and math.isfinite(self.min_voltage):
            v = np.maximum(v, self.min_voltage)
        return spikes, {"voltage": v}
