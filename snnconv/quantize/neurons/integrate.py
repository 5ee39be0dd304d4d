"""The integrate-and-fire neurons in integers: with spikes of one sign, and of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..ranges import Range, extent
from .base import Array, IntegerNeuron, State

MOST_SENT = 1 << 30


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerIF(IntegerNeuron):
    """The integrate-and-fire neuron in integers, without leak; its reset subtracts the threshold.

    At each step, for the voltage V, which starts at `start`::

        u = V + drive                   u = V + max(drive, 0) if is_rectified
        u >= threshold:  spike, V = min(u - threshold, ceiling)
        otherwise:       V = max(u, floor)

    Parameters
    ----------
    is_rectified : bool
        Whether negative drive is ignored.
    """

    threshold: np.ndarray
    floor: np.ndarray
    ceiling: np.ndarray
    start: np.ndarray
    is_rectified: bool
    leak: int = field(default=0, init=False)
    refractory_steps: int = field(default=0, init=False)

    kind: ClassVar[str] = "IF"
    array_fields: ClassVar[tuple[str, ...]] = ("threshold", "floor", "ceiling", "start")

    def received(self, drive: Array, xp: Any = np) -> Array:
        return xp.maximum(drive, 0) if self.is_rectified else drive

    def potential(self, drive: Array, state: State, xp: Any = np) -> Array:
        return state["voltage"] + self.received(drive, xp)

    def fire(self, u: Array, state: State, xp: Any = np) -> tuple[Array, State]:
        fires = u >= self.threshold
        reset = xp.minimum(u - self.threshold, self.ceiling)
        return xp.where(fires, 1, 0), {"voltage": xp.where(fires, reset, xp.maximum(u, self.floor))}

    def constants(self) -> dict[str, int]:
        return {}

    def equations(self) -> list[str]:
        return [
            f"u = V + {'max(drive, 0)' if self.is_rectified else 'drive'}",
            "u >= threshold:  spike, V = min(u - threshold, ceiling)",
            "otherwise:       V = max(u, floor)",
            f"{self._limits()}, ceiling: {extent(self.ceiling)}",
        ]


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerSignedIF(IntegerNeuron):
    """The integrate-and-fire neuron in integers that takes spikes back: a spike is 1, 0 or -1.

    At each step, for the voltage V and the spikes N that were sent and not taken back, from `start` and 0 on::

        u = V + drive
        u >= threshold:         spike 1,  V = min(u - threshold, ceiling), N = min(N + 1, 2^30)
        u <= -back and N > 0:   spike -1, V = u + threshold,               N = N - 1
        otherwise:              V = max(u, floor)

    Parameters
    ----------
    negative_threshold : int
        256ths of the threshold below 0 where a spike is taken back: ``back = max((threshold >> 8) * it, 1)``.
    """

    threshold: np.ndarray
    floor: np.ndarray
    ceiling: np.ndarray
    start: np.ndarray
    negative_threshold: int
    leak: int = field(default=0, init=False)
    refractory_steps: int = field(default=0, init=False)
    is_rectified: bool = field(default=False, init=False)

    kind: ClassVar[str] = "SignedIF"
    array_fields: ClassVar[tuple[str, ...]] = ("threshold", "floor", "ceiling", "start")

    @property
    def state(self) -> tuple[str, ...]:
        return ("voltage", "n_sent")

    @property
    def spikes(self) -> Range:
        return Range(-1, 1)

    def fits(self) -> bool:
        reaches = (self.ceiling >= self.threshold - 1).all()  # where a spike that is taken back leads
        return super().fits() and 0 < self.negative_threshold <= 256 and bool(reaches)

    def back(self, xp: Any = np) -> Array:
        """Distance below 0 at which a spike is taken back."""
        return xp.maximum(xp.right_shift(self.threshold, 8) * self.negative_threshold, 1)

    def potential(self, drive: Array, state: State, xp: Any = np) -> Array:
        return state["voltage"] + drive

    def fire(self, u: Array, state: State, xp: Any = np) -> tuple[Array, State]:
        n_sent = state["n_sent"]
        fires, below = u >= self.threshold, xp.where(n_sent > 0, u, 0) <= 0 - self.back(xp)
        spikes = xp.where(fires, 1, xp.where(below, -1, 0))
        reset = xp.minimum(u - self.threshold, self.ceiling)
        kept = xp.maximum(xp.where(below, u + self.threshold, u), self.floor)
        V = xp.where(fires, reset, kept)
        return spikes, {"voltage": V, "n_sent": xp.minimum(n_sent + spikes, MOST_SENT)}

    def ranges(self, low: np.ndarray, high: np.ndarray) -> dict[str, Range]:
        return {**super().ranges(low, high), "n_sent": Range(0, MOST_SENT)}

    def constants(self) -> dict[str, int]:
        return {"negative_threshold": self.negative_threshold}

    def equations(self) -> list[str]:
        return [
            "u = V + drive",
            "u >= threshold:         spike 1, V = min(u - threshold, ceiling), N = N + 1",
            "u <= -back and N > 0:   spike -1, V = u + threshold, N = N - 1",
            "otherwise:              V = max(u, floor)",
            f"{self._limits()}, ceiling: {extent(self.ceiling)}",
            f"back = max((threshold >> 8)*{self.negative_threshold}, 1): {extent(self.back())}",
        ]
