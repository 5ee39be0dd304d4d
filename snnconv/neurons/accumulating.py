"""Neurons whose rate is any function of their mean current, and those of the sigmoid, tanh, softsign and softplus.

`Accumulating` has the step, which is the same for every function. `Sigmoid`, `Tanh`, `Softsign` and `Softplus` add a
`RateFunction` each: the function, its inverse and its words.
"""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import ParameterError
from ..text.plain import number
from .base import Array, Equations, Neuron, State, check_most, check_positive, check_tuning

# A spike is due when the voltage is this close to the threshold. At a constant current whole numbers of spikes fall
# due after round numbers of steps, where the last digit of a tanh would decide between one step and the next.
_TIE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Accumulating(Neuron, abstract=True):
    """A neuron that keeps account of how many spikes it owes.

    After n steps with the mean current m it should have sent ``n·dt·F(m)`` spikes, F being its rate in Hz. The
    voltage is what it has not sent yet::

        m += (J - m)/n
        v += n·dt·F(m) - (n-1)·dt·F(m before)
        floor(v) spikes;  v -= floor(v)

    At a constant current the mean output is within amplitude/T of ``rate(J)`` after a time T. Behind other spiking
    neurons m goes to its limit as 1/T, and the mean output with it: to F of the mean current, not to a mean of F. It
    is therefore meant for inputs that are held: where an input changes, the output follows its mean since the start.

    Where F is nowhere negative, a neuron that has sent too much waits. Where it is, spikes are negative in part: a
    step with a count of -1 takes amplitude/dt away. Hardware whose spikes have no sign cannot hold such a neuron.

    Parameters
    ----------
    max_spikes : int or None
        Most spikes of either sign in one step; what is due beyond them is sent later. None: no limit.
    """

    max_spikes: int | None = None

    state: ClassVar[tuple[str, ...]] = ("voltage", "mean_current", "n_steps", "n_due")
    uniform: ClassVar[tuple[str, ...]] = ("n_steps",)
    meanings: ClassVar[Mapping[str, str]] = {
        **Neuron.meanings,
        "max_spikes": "most spikes of either sign in a step",
    }

    @abstractmethod
    def firing_rate(self, J: Array, xp: Any = np) -> Array:
        """F: the rate at a constant current, in Hz; below 0 for negative spikes."""

    @abstractmethod
    def current(self, firing_rate: np.ndarray) -> np.ndarray:
        """The current that gives a rate in Hz, for rates in `rate_range`."""

    @property
    def starting_current(self) -> float:
        """The current at an intercept: where the slope is largest, or firing starts."""
        return 0.0

    @property
    @abstractmethod
    def rate_range(self) -> tuple[float, float]:
        """The rate from `starting_current` on, and the highest rate, in Hz."""

    @property
    @abstractmethod
    def fires_negative(self) -> bool:
        """Whether spikes can be negative."""

    @property
    def equations(self) -> Equations:
        most = "" if self.max_spikes is None else f", at most {self.max_spikes}"
        step = f"v += spikes due at the mean current so far; floor(v) spikes{most}, and v loses as many"
        return dataclasses.replace(super().equations, step=step, threshold="v ≥ 1", reset="v -= n")

    def parameters(self) -> dict[str, Any]:
        found = super().parameters()  # the own ones of a neuron come first
        found["max_spikes"] = found.pop("max_spikes")
        return found

    @property
    def max_spikes_per_step(self) -> int | None:
        return self.max_spikes

    def rate(self, J: Array, xp: Any = np) -> Array:
        return self.amplitude * self.firing_rate(J, xp)

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        n_steps = state["n_steps"] + 1
        mean = state["mean_current"] + (J - state["mean_current"]) / n_steps
        n_due = n_steps * dt * self.firing_rate(mean, xp)
        v = state["voltage"] + (n_due - state["n_due"])
        zero = xp.zeros_like(v)
        spikes = xp.floor(xp.maximum(v + _TIE, zero))
        if self.fires_negative:
            spikes = spikes - xp.floor(xp.maximum(_TIE - v, zero))
        if self.max_spikes is not None:
            spikes = xp.minimum(xp.maximum(spikes, zero - self.max_spikes), zero + self.max_spikes)
        return spikes, {"voltage": v - spikes, "mean_current": mean, "n_steps": n_steps, "n_due": n_due}

    def distances(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, ...]:
        n_steps = state["n_steps"] + 1
        mean = state["mean_current"] + (J - state["mean_current"]) / n_steps
        v = state["voltage"] + (n_steps * dt * self.firing_rate(mean, xp) - state["n_due"])
        nearest, one = xp.floor(v + 0.5), xp.ones_like(v)
        if self.max_spikes is not None:
            nearest = xp.minimum(xp.maximum(nearest, -one * self.max_spikes), one * self.max_spikes)
        if not self.fires_negative:
            return (v - xp.maximum(nearest, one),)
        return (v - xp.where(v < 0, xp.minimum(nearest, -one), xp.maximum(nearest, one)),)

    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        low, high = self.rate_range
        if not (np.all(np.greater(max_rates, low)) and np.all(np.less(max_rates, high))):
            raise ParameterError(
                f"max_rates of a {self.kind} neuron must lie above {low:g} Hz, its rate at the intercept, and below "
                f"{high:g} Hz. Received {np.min(max_rates):g}…{np.max(max_rates):g} Hz."
            )
        max_rates, intercepts = check_tuning(max_rates, intercepts, np.inf)
        current = self.current(max_rates)
        gain = (current - self.starting_current) / (1 - intercepts)
        return gain, current - gain

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        gain, bias = np.asarray(gain, "float64"), np.asarray(bias, "float64")
        return self.firing_rate(gain + bias), (self.starting_current - bias) / gain


@dataclass(frozen=True)
class RateFunction:
    """A rate as a function of the current, for a unit of it in Hz.

    Parameters
    ----------
    words : str
        The function of J, with ``{}`` in the place of the unit.
    rate : function of (unit, J, xp)
        The rate in Hz.
    current : function of (unit, rate)
        Its inverse.
    limits : (low, high) tuple of float
        Between which the rate lies, in units; low is below 0 where spikes can be negative.
    """

    words: str
    rate: Callable[[float, Array, Any], Array]
    current: Callable[[float, np.ndarray], np.ndarray]
    limits: tuple[float, float]


@dataclass(frozen=True)
class FunctionNeuron(Accumulating, abstract=True):
    """An accumulating neuron with a `RateFunction`, whose unit is the parameter named `unit_name`."""

    function: ClassVar[RateFunction]
    unit_name: ClassVar[str] = "max_rate"

    def __post_init__(self) -> None:
        check_positive(self.kind, amplitude=self.amplitude, **{self.unit_name: self._unit_rate})
        check_most(self.kind, self.max_spikes)

    @property
    def equations(self) -> Equations:
        rate = f"{self.function.words.format(number(self._unit_rate))} Hz"
        return dataclasses.replace(super().equations, rate=rate, unit="no unit")

    @property
    def rate_range(self) -> tuple[float, float]:
        return float(self.firing_rate(0.0)), self.function.limits[1] * self._unit_rate

    @property
    def fires_negative(self) -> bool:
        return self.function.limits[0] < 0

    def firing_rate(self, J: Array, xp: Any = np) -> Array:
        return self.function.rate(self._unit_rate, J, xp)

    def current(self, firing_rate: np.ndarray) -> np.ndarray:
        return self.function.current(self._unit_rate, firing_rate)

    def scale_rates(self, factor: float) -> tuple[Self, float]:
        scaled: Any = {"amplitude": self.amplitude / factor, self.unit_name: self._unit_rate * factor}
        return dataclasses.replace(self, **scaled), 1.0

    @property
    def _unit_rate(self) -> float:
        return getattr(self, self.unit_name)


def softplus(x: Array, xp: Any) -> Array:
    """log(1 + exp(x)) without overflow, in a form whose automatic derivative at 0 is 1/2; logaddexp gives 1 there."""
    return xp.maximum(x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.maximum(x, -x)))


@dataclass(frozen=True)
class Sigmoid(FunctionNeuron):
    """Rate ``max_rate / (1 + exp(-J))`` in Hz; see `Accumulating`.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this; with the defaults it is the sigmoid of J.
    max_rate : float
        Rate at large currents, in Hz.
    max_spikes : int or None
        As in `Accumulating`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    max_rate: float = 100.0

    meanings: ClassVar[Mapping[str, str]] = {**Accumulating.meanings, "max_rate": "Hz, highest rate"}
    function: ClassVar[RateFunction] = RateFunction(
        "{} / (1 + exp(-J))",
        lambda unit, J, xp: 0.5 * unit * (1 + xp.tanh(0.5 * J)),  # without overflow
        lambda unit, rate: -np.log(unit / rate - 1),
        limits=(0.0, 1.0),
    )


@dataclass(frozen=True)
class Softplus(FunctionNeuron):
    """Rate ``unit_rate · log(1 + exp(J))`` in Hz; see `Accumulating`.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this; with the defaults it is softplus(J).
    unit_rate : float
        Rate where the softplus is 1, in Hz.
    max_spikes : int or None
        As in `Accumulating`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    unit_rate: float = 100.0

    meanings: ClassVar[Mapping[str, str]] = {**Accumulating.meanings, "unit_rate": "Hz, by which J is scaled to a rate"}
    unit_name: ClassVar[str] = "unit_rate"
    function: ClassVar[RateFunction] = RateFunction(
        "{}·ln(1 + exp(J))",
        lambda unit, J, xp: unit * softplus(J, xp),
        lambda unit, rate: rate / unit + np.log(-np.expm1(-(rate / unit))),  # log(exp(rate/unit) - 1) without overflow
        limits=(0.0, math.inf),
    )


@dataclass(frozen=True)
class Softsign(FunctionNeuron):
    """Rate ``max_rate · J / (1 + |J|)`` in Hz, in spikes of both signs; see `Accumulating`.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this; with the defaults it is softsign(J).
    max_rate : float
        Rate at large currents, in Hz.
    max_spikes : int or None
        As in `Accumulating`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    max_rate: float = 100.0

    meanings: ClassVar[Mapping[str, str]] = {**Accumulating.meanings, "max_rate": "Hz, highest rate"}
    function: ClassVar[RateFunction] = RateFunction(
        "{}·J / (1 + |J|)",
        lambda unit, J, xp: unit * J / (1 + xp.maximum(J, -J)),
        lambda unit, rate: rate / (unit - rate),
        limits=(-1.0, 1.0),
    )


@dataclass(frozen=True)
class Tanh(FunctionNeuron):
    """Rate ``max_rate · tanh(J)`` in Hz, in spikes of both signs; see `Accumulating`.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this; with the defaults it is tanh(J).
    max_rate : float
        Rate at large currents, in Hz.
    max_spikes : int or None
        As in `Accumulating`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    max_rate: float = 100.0

    meanings: ClassVar[Mapping[str, str]] = {**Accumulating.meanings, "max_rate": "Hz, highest rate"}
    function: ClassVar[RateFunction] = RateFunction(
        "{}·tanh(J)",
        lambda unit, J, xp: unit * xp.tanh(J),
        lambda unit, rate: np.arctanh(rate / unit),
        limits=(-1.0, 1.0),
    )
