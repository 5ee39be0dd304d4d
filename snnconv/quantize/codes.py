"""Codes: numbers from outside as integers or spikes, specified in integers.

A number x is first rounded to an integer code ``q = round(x / step)``, half to even. This is done once, by whoever
has the numbers; from there on only integers are needed, so that a C program or a circuit can do the rest, or take the
values as they are given.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError, ParameterError
from .ranges import Range

CODES: dict[str, type[Code]] = {}
MAX_BITS = 16


@dataclass(frozen=True, kw_only=True)
class Code(ABC):
    """A way to send the numbers of an input to the network.

    Parameters
    ----------
    bits : int
        Bits of q, 1 to 16.
    low, high : float
        Smallest and largest input. Where low is 0 or more, q is 0…2^bits - 1 and `high` becomes the largest; below 0
        it is -(2^(bits-1) - 1)…2^(bits-1) - 1. An input of 0 is always q = 0.
    factor, offset : float
        What the network did to its inputs before its first kernel: ``factor * x + offset`` is rounded in place of x.
        `quantize` sets them.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    bits: int = 8
    low: float = 0.0
    high: float = 1.0
    factor: float = 1.0
    offset: float = 0.0

    kind: ClassVar[str]

    def __init_subclass__(cls, abstract: bool = False) -> None:
        cls.kind = cls.__name__
        if not abstract:
            CODES[cls.kind] = cls

    def __post_init__(self) -> None:
        smallest = 2 if self._inner[0] < 0 else 1
        if not isinstance(self.bits, int) or not smallest <= self.bits <= MAX_BITS:
            raise ParameterError(
                f"{self.kind}: bits must be a whole number from {smallest} to {MAX_BITS}. Received {self.bits!r}."
            )
        if not (np.isfinite([self.low, self.high, self.factor, self.offset]).all() and self.low < self.high):
            raise ParameterError(f"{self.kind}: low must be below high. Received {self.low!r} and {self.high!r}.")
        if self.step <= 0:
            raise ParameterError(f"{self.kind}: every input in {self.low!r}…{self.high!r} becomes 0.")

    @property
    def _inner(self) -> tuple[float, float]:
        """Smallest and largest number that is rounded."""
        ends = [self.factor * self.low + self.offset, self.factor * self.high + self.offset]
        return min(ends), max(ends)

    @property
    def codes(self) -> Range:
        """All q."""
        if self._inner[0] < 0:
            most = (1 << (self.bits - 1)) - 1
            return Range(-most, most)
        return Range(0, (1 << self.bits) - 1)

    @property
    def step(self) -> float:
        """The number that q = 1 stands for."""
        return max(map(abs, self._inner)) / self.codes.high

    @property
    @abstractmethod
    def unit(self) -> float:
        """The number that a mean sent value of 1 stands for."""

    @property
    @abstractmethod
    def sent(self) -> Range:
        """All values that are sent."""

    @property
    def is_constant(self) -> bool:
        """Whether a constant input is sent as the same values at every step."""
        return False

    @property
    def takes_varying(self) -> bool:
        """Whether inputs may vary from step to step."""
        return True

    @abstractmethod
    def start(self, q: np.ndarray) -> np.ndarray:
        """State before the first step, for codes (n, *shape)."""

    @abstractmethod
    def send(self, q: np.ndarray, state: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Values (n, *shape) that are sent at a step, counted from 0, and the state after it."""

    @abstractmethod
    def approximation(self) -> str:
        """The loss in a sentence without its subject."""

    def quantise(self, x: np.ndarray) -> np.ndarray:
        """q for inputs of any shape, as int64.

        Raises
        ------
        InputError
            If an input lies outside low…high by more than half a step.
        """
        rounded = np.rint((self.factor * np.asarray(x, "float64") + self.offset) / self.step).astype("int64")
        allowed = self.codes
        if not allowed.holds(rounded):
            raise InputError(
                f"inputs reach from {np.min(x):g} to {np.max(x):g}, outside of the {self.low:g}…{self.high:g} that "
                f"the network was quantised for. Quantise it with input={self.kind}(low=…, high=…) for this range."
            )
        return rounded

    def parameters(self) -> dict[str, Any]:
        """The code's parameters by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@dataclass(frozen=True, kw_only=True)
class Analog(Code):
    """The code that sends q itself at every step. With bits=1 and low=0, high=1 it takes spikes as they are given."""

    @property
    def unit(self) -> float:
        return self.step

    @property
    def sent(self) -> Range:
        return self.codes

    @property
    def is_constant(self) -> bool:
        return True

    def start(self, q: np.ndarray) -> np.ndarray:
        return np.zeros_like(q)

    def send(self, q: np.ndarray, state: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        return q, state

    def approximation(self) -> str:
        return f"inputs are rounded to {self.bits} bits, in steps of {self.step:.4g}"


class Spiking(Code, abstract=True):
    """A code whose values are spikes, 0 or 1: for inputs that are nowhere negative."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._inner[0] < 0:
            raise ParameterError(
                f"{self.kind}: spikes have no sign, and inputs reach {self._inner[0]:g}. Use Analog for them."
            )

    @property
    def sent(self) -> Range:
        return Range(0, 1)


@dataclass(frozen=True, kw_only=True)
class RateCode(Spiking):
    """Spikes at a rate proportional to the input, evenly spaced: the error of the rate is carried on, not drawn.

    With the period T, for each input::

        a = T >> 1 before the first step
        a += q;  a >= T: spike, a -= T

    Parameters
    ----------
    spikes_per_step : float
        Spikes per step of the largest input; above 0, at most 1. T is ``round(q_max / spikes_per_step)``.
    """

    spikes_per_step: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.spikes_per_step <= 1 or self.period >= 1 << 30:
            raise ParameterError(
                f"RateCode: spikes_per_step must be above 0 and at most 1. Received {self.spikes_per_step!r}."
            )

    @property
    def period(self) -> int:
        """T: the sum that a spike takes from the accumulator."""
        return round(self.codes.high / self.spikes_per_step)

    @property
    def unit(self) -> float:
        return self.step * self.period

    def start(self, q: np.ndarray) -> np.ndarray:
        return np.full_like(q, self.period >> 1)

    def send(self, q: np.ndarray, state: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        total = state + q
        spiked = total >= self.period
        return spiked.astype("int64"), np.where(spiked, total - self.period, total)

    def approximation(self) -> str:
        return (
            f"inputs are rounded to {self.bits} bits and sent as evenly spaced spikes, "
            f"{self.spikes_per_step:g} per step for the largest"
        )


@dataclass(frozen=True, kw_only=True)
class LatencyCode(Spiking):
    """One spike per input, the earlier the larger it is; the same again every `window` steps.

    At step t of a window, counted from 0, the threshold of all inputs is ``h[t] = q_max - t·q_max // window``. An
    input sends its spike at the first step with ``q >= h[t]``; where there is none, it is too small to send any.

    Parameters
    ----------
    window : int
        Steps of a window: 2 or more.
    spike_value : float or None
        What one spike per window stands for. It is the same for every input, so a network that was trained on
        values, not on times, is given something else. None: `high`, which is right for inputs that are 0 or `high`.
    """

    window: int = 32
    spike_value: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.window, int) or not 2 <= self.window < 1 << 14:
            raise ParameterError(
                f"LatencyCode: window must be a whole number from 2 to {(1 << 14) - 1}. Received {self.window!r}."
            )
        if self.spike_value is not None and not (np.isfinite(self.spike_value) and self.spike_value > 0):
            raise ParameterError(f"LatencyCode: spike_value must be above 0. Received {self.spike_value!r}.")

    @property
    def unit(self) -> float:
        return self.window * (self._inner[1] if self.spike_value is None else self.spike_value)

    @property
    def takes_varying(self) -> bool:
        return False

    def level(self, step: int) -> int:
        """h: the smallest q that has been sent at the end of this step of a window."""
        return self.codes.high - step * self.codes.high // self.window

    def start(self, q: np.ndarray) -> np.ndarray:
        return np.zeros_like(q)

    def send(self, q: np.ndarray, state: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        within = step % self.window
        spiked = q >= self.level(within)
        if within:
            spiked &= q < self.level(within - 1)
        return spiked.astype("int64"), state

    def approximation(self) -> str:
        return (
            f"inputs are sent as one spike each in every {self.window} steps, earlier for larger ones: the current "
            f"that a spike brings does not depend on the input"
        )
