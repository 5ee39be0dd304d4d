"""The part that all integer neurons have: a frozen set of numbers, a step, and the ranges that follow from them.

`step` is written once against an array namespace `xp` that has ``where``, ``maximum``, ``minimum`` and ``right_shift``:
`numpy`, or `snnconv.runtime.tensorflow_ops`. Besides these it uses + - * and comparisons alone. All numbers are
integers; shifts to the right round down, and ``half`` is half of what is shifted away, ``1 << (bits - 1)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from ..ranges import Range, extent, span

Array = Any  # numpy.ndarray, tf.Tensor or whatever the namespace `xp` works on
State = dict[str, Array]
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

    def shortened(self) -> IntegerNeuron:
        """The same neuron with a step of fewer operations, where its numbers allow one."""
        return self

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
