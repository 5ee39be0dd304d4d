"""Mistakes in the step of a neuron, and neurons as people write them by hand, in which each part can be wrong."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from ....neurons import IF, LIF, Neuron
from ....neurons.base import Array, State, steps_as
from .mistake import ChangeNeuron, Mistake


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


def _is_lif(neuron: Neuron) -> TypeGuard[LIF]:
    return (steps_as(neuron, LIF) and neuron.max_spikes == 1) or isinstance(neuron, HandWrittenLIF)


def _is_if(neuron: Neuron) -> TypeGuard[IF]:
    return steps_as(neuron, IF) or isinstance(neuron, HandWrittenIF)


def _lif(**changes: Any) -> ChangeNeuron:
    def change(neuron: Neuron, dt: float) -> Neuron | None:
        if not _is_lif(neuron):
            return None
        return dataclasses.replace(_by_hand(neuron), **changes)

    return change


def _if(**changes: Any) -> ChangeNeuron:
    def change(neuron: Neuron, dt: float) -> Neuron | None:
        if not _is_if(neuron):
            return None
        own = neuron.parameters()
        if not isinstance(neuron, HandWrittenIF):
            neuron = HandWrittenIF(**own)
        changed = dataclasses.replace(neuron, **changes)
        return None if changed == neuron else changed

    return change


def _by_hand(neuron: LIF) -> HandWrittenLIF:
    return neuron if isinstance(neuron, HandWrittenLIF) else HandWrittenLIF(**neuron.parameters())


def _whole_steps(more: int) -> ChangeNeuron:
    def change(neuron: Neuron, dt: float) -> Neuron | None:
        if not _is_lif(neuron):
            return None
        steps = math.ceil(neuron.tau_ref / dt - 1e-6) + more
        return dataclasses.replace(_by_hand(neuron), whole_steps=steps) if steps > 0 else None

    return change


def _without_refractory_period(neuron: Neuron, dt: float) -> Neuron | None:
    return dataclasses.replace(neuron, tau_ref=0.0) if _is_lif(neuron) and neuron.tau_ref else None


def _one_step_longer(neuron: Neuron, dt: float) -> Neuron | None:
    return dataclasses.replace(neuron, tau_ref=neuron.tau_ref + dt) if _is_lif(neuron) else None


def _floor(value: float | None) -> ChangeNeuron:
    def change(neuron: Neuron, dt: float) -> Neuron | None:
        if _is_lif(neuron) and value is not None and neuron.min_voltage != value:
            return dataclasses.replace(neuron, min_voltage=value)
        if _is_if(neuron) and neuron.min_voltage != value:
            return dataclasses.replace(neuron, min_voltage=value)
        return None

    return change


def _at_most_one(neuron: Neuron, dt: float) -> Neuron | None:
    if not _is_if(neuron) or neuron.max_spikes == 1:
        return None
    return dataclasses.replace(neuron, max_spikes=1)


def _any_number(neuron: Neuron, dt: float) -> Neuron | None:
    if not _is_if(neuron) or neuron.max_spikes is None:
        return None
    return dataclasses.replace(neuron, max_spikes=None)


NEURON = (
    Mistake(
        "Euler instead of exact decay",
        "v += (J - v)·(1 - exp(-dt/tau_rc)), not (J - v)·dt/tau_rc",
        "decay",
        neuron=_lif(decay="euler"),
    ),
    Mistake("leak left out", "v += (J - v)·(1 - exp(-dt/tau_rc)): v decays", "decay", neuron=_lif(decay="none")),
    Mistake(
        "input current not multiplied by 1 - exp(-dt/tau_rc)",
        "v += (J - v)·(1 - exp(-dt/tau_rc)), not v·exp(-dt/tau_rc) + J",
        "decay",
        neuron=_lif(decay="unscaled"),
    ),
    Mistake("dt left out of the integration", "v += J·dt", "decay", neuron=_if(leaves_out_dt=True)),
    *(
        Mistake(
            "refractory period in whole steps" + {0: "", -1: ", one fewer", 1: ", one more"}[more],
            "it starts at the crossing and ends inside a step: the rest of that step counts",
            "refractory period",
            neuron=_whole_steps(more),
        )
        for more in (0, -1, 1)
    ),
    Mistake(
        "no refractory period",
        "v stays at 0 for tau_ref after a spike",
        "refractory period",
        neuron=_without_refractory_period,
    ),
    Mistake(
        "refractory period one step too long",
        "count it down before the step's free part is taken, not after",
        "refractory period",
        neuron=_one_step_longer,
    ),
    Mistake("no voltage floor", "v = max(v, min_voltage)", "floor", neuron=_floor(-math.inf)),
    Mistake("voltage floor at 0", "v may fall to min_voltage", "floor", neuron=_floor(0.0)),
    Mistake("negative currents ignored", "a negative current lowers v", "floor", neuron=_floor(None)),
    Mistake("reset by subtraction", "v = 0 after a spike", "reset", neuron=_lif(resets_by_subtraction=True)),
    Mistake("reset to 0", "v -= number of spikes: nothing is lost", "reset", neuron=_if(resets_to_zero=True)),
    Mistake(
        "spike at v ≥ 1", "a spike needs v > 1: 1 itself is none", "threshold", neuron=_lif(fires_at_threshold=True)
    ),
    Mistake("spike only at v > 1", "v ≥ 1 is a spike", "threshold", neuron=_if(fires_above_threshold=True)),
    Mistake("at most one spike in a step", "floor(v) spikes in a step", "count", neuron=_at_most_one),
    Mistake("several spikes in a step", "at most max_spikes in a step", "count", neuron=_any_number),
    Mistake(
        "another initial voltage",
        "voltages start at 0, or where the network's initial_voltage says",
        "initial voltage",
        initial_voltage="one",
    ),
    Mistake(
        "another initial voltage in each neuron",
        "all voltages start alike, mostly at 0; Nengo's start anywhere in 0…1 unless told otherwise",
        "initial voltage",
        initial_voltage="each",
    ),
    Mistake(
        "state carried over from the sample before",
        "every sample starts anew: initial voltage, no refractory time left",
        "initial voltage",
        carries_state=True,
    ),
    Mistake("computed in float32", "the reference computes in float64", "precision", dtype="float32"),
)
