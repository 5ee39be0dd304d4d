"""The state of a neuron and its spikes in one array, or in some that are made of each other, without loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from ...neurons import LIF, Neuron, SignedIF
from ...neurons.base import Array, State

_LARGEST_P = 4.0


class Packing(Protocol):
    """The arrays of a neuron that a loop carries in the place of its state."""

    def pack(self, spikes: Array, state: State, xp: Any) -> Any:
        """One or more arrays that hold the state after a step, exactly, and the step's spikes."""
        ...

    def unpack(self, packed: Any, xp: Any) -> tuple[Array, State]:
        """Inverse of `pack`: spikes and state."""
        ...


@dataclass(frozen=True)
class LIFPacking:
    """The voltage and the refractory state p of a LIF, and its spikes, in one array without loss.

    The array holds the voltage, which is at most 1 outside the refractory period and 0 in it; or else p, lifted by a
    power of two, which is exact, above every voltage; by a higher one where the neuron has just spiked.

    Parameters
    ----------
    smallest : float
        p below which it is lost in the share of a step.
    lift, lift_spiked : float
        Powers of two: the first lifts `smallest` to 4, the second lifts it above all that the first lifts.
    """

    smallest: float
    lift: float
    lift_spiked: float

    def pack(self, spikes: Array, state: State, xp: Any) -> Array:
        """One array that holds the state after a step, exactly, and the step's spikes."""
        v, p = state["voltage"], state["refractory"]
        resting = xp.where(p >= self.smallest, p * self.lift, v)
        return xp.where(spikes > 0, xp.maximum(p, xp.zeros_like(p) + self.smallest) * self.lift_spiked, resting)

    def unpack(self, packed: Array, xp: Any) -> tuple[Array, State]:
        """Inverse of `pack`: spikes and state."""
        zero = xp.zeros_like(packed)
        spiked, refractory = packed >= self.smallest * self.lift_spiked, packed >= self.smallest * self.lift
        p = xp.where(refractory, packed * xp.where(spiked, zero + 1 / self.lift_spiked, zero + 1 / self.lift), zero)
        v = xp.where(refractory, zero, packed)
        return xp.where(spiked, zero + 1, zero), {"voltage": v, "refractory": p}


@dataclass(frozen=True)
class CarriedSpikes:
    """The state and the spikes, side by side: each array of a signed IF's state is that before and these."""

    def pack(self, spikes: Array, state: State, xp: Any) -> dict[str, Array]:
        return {"spikes": spikes, **state}

    def unpack(self, packed: dict[str, Array], xp: Any) -> tuple[Array, State]:
        return packed["spikes"], {name: value for name, value in packed.items() if name != "spikes"}


_LIF_PACKINGS = {
    "float32": LIFPacking(2.0**-60, 2.0**62, 2.0**124),
    "float64": LIFPacking(2.0**-400, 2.0**402, 2.0**804),
}


def packing_of(neuron: Neuron, dtype: str) -> Packing | None:
    """The packing of a neuron's state in a dtype, or None where there is none.

    A class that inherits from LIF may have another step, and a long refractory period leaves no room between the
    voltages and the lifted states, and several spikes in a step no room for their number: they have none.
    """
    if type(neuron) is SignedIF:
        return CarriedSpikes()
    if type(neuron) is not LIF or neuron.max_spikes > 1 or math.expm1(neuron.tau_ref / neuron.tau_rc) >= _LARGEST_P:
        return None
    return _LIF_PACKINGS.get(dtype)
