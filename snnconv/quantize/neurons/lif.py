"""The leaky integrate-and-fire neuron in integers, with rest in whole steps or in parts of one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..ranges import Range, span
from .base import MOST_REFRACTORY_BITS, Array, IntegerNeuron, State, half, leaked


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerLIF(IntegerNeuron):
    """ILIF-1: the leaky integrate-and-fire neuron in integers.

    At each step, for the voltage V and the steps of rest r, which start at `start` and 0::

        r > 0:      r -= 1; no spike; V is held
        otherwise:  u = V - ((V * leak + half) >> fraction_bits) + drive
                    u > threshold:  spike, V = 0, r = refractory_steps
                    otherwise:      V = max(u, floor)

    With `refractory_bits` F above 0 r counts parts of a step, of which ``one = 2^F`` are a step, so that rest begins
    where the voltage crosses the threshold on a straight line and may end inside a step. In every step::

        share = one - min(r, one)
        u = V - ((V * leak + half) >> fraction_bits) + ((drive * share + one / 2) >> F)
        u > threshold:  spike, V = 0, r = max(refractory_steps - passed, 0)
        otherwise:      V = max(u, floor), r = max(r - one, 0)

    with ``passed = round(share * (u - threshold) / (u - V))``, the parts of the step since the crossing.

    Parameters
    ----------
    leak : int
        D: above 0, at most ``1 << fraction_bits``.
    fraction_bits : int
        K.
    refractory_steps : int
        R; with `refractory_bits` in parts of a step.
    refractory_bits : int
        F.
    is_short : bool
        Whether the rest of V after the leak is ``(V * (2^K - leak) + half - 1) >> K``, the same in one operation fewer.
    """

    threshold: np.ndarray
    floor: np.ndarray
    start: np.ndarray
    leak: int
    fraction_bits: int
    refractory_steps: int
    refractory_bits: int = 0
    is_short: bool = False
    ceiling: np.ndarray = field(init=False)  # the threshold
    is_rectified: bool = field(default=False, init=False)

    kind: ClassVar[str] = "LIF"
    array_fields: ClassVar[tuple[str, ...]] = ("threshold", "floor", "start")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "ceiling", self.threshold)

    @property
    def state(self) -> tuple[str, ...]:
        return ("voltage", "refractory") if self.refractory_steps else ("voltage",)

    def fits(self) -> bool:
        is_known = 0 < self.leak <= 1 << self.fraction_bits and 0 <= self.refractory_steps < 1 << 31
        is_known &= 0 <= self.refractory_bits <= MOST_REFRACTORY_BITS
        return super().fits() and is_known and (not self.is_short or self._holds_short())

    def _holds_short(self) -> bool:
        """Whether 32 bits hold the product of the short form, which is never negative."""
        K = self.fraction_bits
        return self.floor.min() >= 0 and int(self.ceiling.max()) * ((1 << K) - self.leak) + half(K) <= 1 << 31

    def share(self, state: State, xp: Any = np) -> Array:
        """Parts of a step that are left when rest has ended."""
        one = 1 << self.refractory_bits
        return one - xp.minimum(state["refractory"], one)

    def potential(self, drive: Array, state: State, xp: Any = np) -> Array:
        F = self.refractory_bits
        if F and self.refractory_steps:
            drive = xp.right_shift(drive * self.share(state, xp) + half(F), F)
        V, K = state["voltage"], self.fraction_bits
        if self.is_short:
            return xp.right_shift(V * ((1 << K) - self.leak) + (half(K) - 1), K) + drive
        return leaked(V, self.leak, K, xp) + drive

    def rest(self) -> str:
        """The rest of V after the leak, as an equation."""
        K = self.fraction_bits
        if self.is_short:
            return f"((V*{(1 << K) - self.leak} + {half(K) - 1}) >> {K})"
        return f"V - ((V*{self.leak} + {half(K)}) >> {K})"

    def shortened(self) -> IntegerLIF:
        """The same neuron with its leak in lowest terms and in one operation fewer, where 32 bits hold the product."""
        n_common = (self.leak & -self.leak).bit_length() - 1
        if n_common == self.fraction_bits:
            return self
        leak, K = self.leak >> n_common, self.fraction_bits - n_common
        found = dataclasses.replace(self, leak=leak, fraction_bits=K, is_short=True)
        return found if found.fits() else self

    def fire(self, u: Array, state: State, xp: Any = np) -> tuple[Array, State]:
        fires = u > self.threshold
        spikes, V = xp.where(fires, 1, 0), xp.where(fires, 0, xp.maximum(u, self.floor))
        if not self.refractory_steps:
            return spikes, {"voltage": V}
        r = state["refractory"]
        if self.refractory_bits:
            passed = self.passed(u, state, xp)
            after = xp.maximum(xp.where(fires, self.refractory_steps - passed, r - (1 << self.refractory_bits)), 0)
            return spikes, {"voltage": V, "refractory": after}
        rests = r > 0
        return xp.where(rests, 0, spikes), {
            "voltage": xp.where(rests, state["voltage"], V),
            "refractory": xp.where(rests, r - 1, xp.where(fires, self.refractory_steps, r)),
        }

    def passed(self, u: Array, state: State, xp: Any = np) -> Array:
        """Parts of the step since the crossing of the threshold, where there was one: a quotient by comparisons."""
        rise, over = u - state["voltage"], 2 * self.share(state, xp) * (u - self.threshold)
        found = 0
        for part in range(1, 2 << self.refractory_bits, 2):
            found = found + xp.where(part * rise <= over, 1, 0)
        return found

    def ranges(self, low: np.ndarray, high: np.ndarray) -> dict[str, Range]:
        floor, ceiling = self.floor.astype("int64"), self.ceiling.astype("int64")
        if self.refractory_bits and self.refractory_steps:
            whole = dataclasses.replace(self, refractory_bits=0).ranges(low, high)
            u, one = whole["potential"].with_zero(), 1 << self.refractory_bits
            drive, most = whole["drive"].with_zero().times(one), 2 * one * (u.high - int(floor.min()))
            parts = {
                "refractory": Range(0, self.refractory_steps),
                "shared_drive": Range(drive.low, drive.high + half(self.refractory_bits)),
                "crossing": Range(min(2 * one * (u.low - int(ceiling.max())), 0), most),
            }
            return {**whole, "potential": u, **parts}
        found = super().ranges(low, high)
        found["leak_product"] = span(floor * self.leak, ceiling * self.leak + half(self.fraction_bits))
        if self.refractory_steps:
            found["refractory"] = Range(0, self.refractory_steps)
        return found

    def constants(self) -> dict[str, int]:
        found = {name: getattr(self, name) for name in ("leak", "fraction_bits", "refractory_steps")}
        return {**found, "refractory_bits": self.refractory_bits} if self.refractory_bits else found

    def equations(self) -> list[str]:
        R, F, rest = self.refractory_steps, self.refractory_bits, self.rest()
        if R and F:
            return [
                f"share = {1 << F} - min(r, {1 << F})",
                f"u = {rest} + ((drive*share + {half(F)}) >> {F})",
                f"u > threshold:   spike, V = 0, r = max({R} - passed, 0)",
                f"otherwise:       V = max(u, floor), r = max(r - {1 << F}, 0)",
                f"passed = the odd numbers n below {2 << F} with n*(u - V) <= 2*share*(u - threshold)",
                self._limits(),
            ]
        held = ["r > 0:           r = r - 1, no spike, V is held", "otherwise:"] if R else []
        return [
            *held,
            f"u = {rest} + drive",
            f"u > threshold:   spike, V = 0{f', r = {R}' if R else ''}",
            "otherwise:       V = max(u, floor)",
            self._limits(),
        ]
