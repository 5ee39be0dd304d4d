"""Integer neurons: the step of each, its bounds and its words, in one place for every form of the network.

`step` is written once against an array namespace `xp` that has ``where``, ``maximum``, ``minimum`` and ``right_shift``:
`numpy`, or `snnconv.runtime.tensorflow_ops`. Besides these it uses + - * and comparisons alone. All numbers are
integers; shifts to the right round down, and ``half`` is half of what is shifted away, ``1 << (bits - 1)``.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .ranges import Range, extent, span

Array = Any  # numpy.ndarray, tf.Tensor or whatever the namespace `xp` works on
State = dict[str, Array]
MOST_SENT = 1 << 30
MOST_REFRACTORY_BITS = 4

INTEGER_NEURONS: dict[str, type[IntegerNeuron]] = {}


def half(fraction_bits: int) -> int:
    """Half of what a shift takes away: added before a shift to the right, it makes it round to the nearest."""
    return 1 << (fraction_bits - 1)


def leaked(V: Array, multiplier: int, fraction_bits: int, xp: Any = np) -> Array:
    """``V - ((V * multiplier + half) >> fraction_bits)``: the rest of V after one step of a leak."""
    return V - xp.right_shift(V * multiplier + half(fraction_bits), fraction_bits)


def freeze(owner: Any, *names: str) -> None:
    """Replace arrays of a frozen object by copies that cannot be written to; symbols of a tracer stay as they are."""
    for name in names:
        array = getattr(owner, name)
        if isinstance(array, np.ndarray):
            array = array.copy()
            array.flags.writeable = False
            object.__setattr__(owner, name, array)


def start_voltage(initial_voltage: float, threshold: np.ndarray) -> np.ndarray:
    """Voltage before the first step, below the threshold, where the float network starts at `initial_voltage` of it."""
    return np.minimum(np.rint(initial_voltage * threshold).astype(threshold.dtype), threshold - 1)


class IntegerNeuron(ABC):
    """A layer's neurons in integers: frozen numbers, one time step, and the ranges that follow from them.

    A subclass is a frozen dataclass. Subclassing registers it under its `kind`, which files, tables and circuits show.

    Parameters
    ----------
    threshold : int32 array
        θ. Like every array here it has the shape of the layer, or one number per channel, the last axis.
    floor, ceiling : int32 arrays
        Lowest and highest voltage after a step; the floor is 0 or below.
    start : int32 array
        Voltage before the first step, below the threshold.
    """

    kind: ClassVar[str]
    array_fields: ClassVar[tuple[str, ...]]  # arrays that a program needs to run the neurons, in the order of files
    meanings: ClassVar[dict[str, str]] = {
        "voltage": "V",
        "refractory": "r, steps of rest to come",
        "n_sent": "N, spikes sent",
    }  # of the state

    threshold: np.ndarray
    floor: np.ndarray
    ceiling: np.ndarray
    start: np.ndarray
    leak: int
    refractory_steps: int
    is_rectified: bool

    def __init_subclass__(cls) -> None:
        INTEGER_NEURONS[cls.kind] = cls

    def __post_init__(self) -> None:
        freeze(self, *self.array_fields)

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the integers that a neuron keeps from step to step."""
        return ("voltage",)

    @property
    def spikes(self) -> Range:
        """Range of the spikes of a step."""
        return Range(0, 1)

    def fits(self) -> bool:
        """Whether the numbers are such that the step is what it says."""
        return bool((self.threshold > 0).all() and (self.floor <= 0).all() and (self.ceiling >= 0).all())

    def initial_state(self, shape: tuple[int, ...], xp: Any = np, dtype: str = "int64") -> State:
        """State before the first step: voltages at `start`, which is broadcast to `shape`, and everything else 0."""
        state = {name: xp.zeros(shape, dtype) for name in self.state}
        state["voltage"] = state["voltage"] + self.start
        return state

    def received(self, drive: Array, xp: Any = np) -> Array:
        """The drive that reaches the voltage."""
        return drive

    @abstractmethod
    def potential(self, drive: Array, state: State, xp: Any = np) -> Array:
        """u: the voltage that is compared with the threshold."""

    @abstractmethod
    def fire(self, u: Array, state: State, xp: Any = np) -> tuple[Array, State]:
        """Spikes, in the range `spikes`, for a potential, and the state after the step."""

    def step(self, drive: Array, state: State, xp: Any = np) -> tuple[Array, State]:
        """Advance one step.

        Parameters
        ----------
        drive : (n, *shape) integer array
        state : dict of (n, *shape) integer arrays

        Returns
        -------
        spikes : (n, *shape) array of 0 and 1, and of -1 for neurons that take spikes back
        state : dict
            The state after the step.
        """
        return self.fire(self.potential(drive, state, xp), state, xp)

    def ranges(self, low: np.ndarray, high: np.ndarray) -> dict[str, Range]:
        """Ranges of the integers of a step where each neuron's drive lies between `low` and `high`.

        The potential never falls where the voltage or the drive grows, so its ends follow from theirs.
        """
        floor, ceiling = self.floor.astype("int64"), self.ceiling.astype("int64")
        return {
            "drive": span(self.received(low), self.received(high)),
            "threshold": span(self.threshold),
            "voltage": Range(int(floor.min()), int(ceiling.max())),
            "potential": span(self.potential(low, {"voltage": floor}), self.potential(high, {"voltage": ceiling})),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays that a program needs to run the neurons, by field name."""
        return {name: getattr(self, name) for name in self.array_fields}

    @abstractmethod
    def constants(self) -> dict[str, int]:
        """Single numbers that a program needs to run the neurons, by field name."""

    @abstractmethod
    def equations(self) -> list[str]:
        """Lines with the equations of a step, with their numbers in them."""

    def _limits(self) -> str:
        start = f", V starts at {extent(self.start)}" if self.start.any() else ""
        return f"threshold: {extent(self.threshold)}, floor: {extent(self.floor)}{start}"


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
    """

    threshold: np.ndarray
    floor: np.ndarray
    start: np.ndarray
    leak: int
    fraction_bits: int
    refractory_steps: int
    refractory_bits: int = 0
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
        return super().fits() and is_known and 0 <= self.refractory_bits <= MOST_REFRACTORY_BITS

    def share(self, state: State, xp: Any = np) -> Array:
        """Parts of a step that are left when rest has ended."""
        one = 1 << self.refractory_bits
        return one - xp.minimum(state["refractory"], one)

    def potential(self, drive: Array, state: State, xp: Any = np) -> Array:
        F = self.refractory_bits
        if F and self.refractory_steps:
            drive = xp.right_shift(drive * self.share(state, xp) + half(F), F)
        return leaked(state["voltage"], self.leak, self.fraction_bits, xp) + drive

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
        R, K, F = self.refractory_steps, self.fraction_bits, self.refractory_bits
        if R and F:
            return [
                f"share = {1 << F} - min(r, {1 << F})",
                f"u = V - ((V*{self.leak} + {half(K)}) >> {K}) + ((drive*share + {half(F)}) >> {F})",
                f"u > threshold:   spike, V = 0, r = max({R} - passed, 0)",
                f"otherwise:       V = max(u, floor), r = max(r - {1 << F}, 0)",
                f"passed = the odd numbers n below {2 << F} with n*(u - V) <= 2*share*(u - threshold)",
                self._limits(),
            ]
        rest = ["r > 0:           r = r - 1, no spike, V is held", "otherwise:"] if R else []
        return [
            *rest,
            f"u = V - ((V*{self.leak} + {half(K)}) >> {K}) + drive",
            f"u > threshold:   spike, V = 0{f', r = {R}' if R else ''}",
            "otherwise:       V = max(u, floor)",
            self._limits(),
        ]


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
