"""Synapses: linear filters on the way from one layer to the next, without a hidden delay."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ParameterError
from .base import Array, State, check_positive, exponentials

SYNAPSES: dict[str, type[Synapse]] = {}


class Synapse(ABC):
    """A linear filter with unit gain at zero frequency. Subclassing registers it under its class name."""

    tau: float
    state: ClassVar[tuple[str, ...]]
    time_constants: ClassVar[tuple[str, ...]] = ()  # names of those that can be trained: `step` takes tensors for them

    def __init_subclass__(cls) -> None:
        SYNAPSES[cls.__name__] = cls

    @property
    def kind(self) -> str:
        """Name of the filter, as files and tables show it."""
        return type(self).__name__

    @property
    def equation(self) -> str:
        """A step in words, of the output y on the input x, with a = exp(-dt/tau)."""
        return f"defined by {self.kind}.step in {type(self).__module__}"

    @abstractmethod
    def step(self, x: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        """Filter one step of `dt` seconds; the output holds this step's input already."""

    def initial_state(self, shape: tuple[int, ...], dtype: Any = "float64", xp: Any = np) -> State:
        """State before the first step: the filter has seen zeros for ever."""
        return {name: xp.zeros(shape, dtype) for name in self.state}

    def parameters(self) -> dict[str, float]:
        """The filter's parameters by name."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Lowpass(Synapse):
    """First-order lowpass ``tau dy/dt = x - y``, exact for an input held over each step.

    ``y[n] = d·y[n-1] + (1 - d)·x[n]`` with ``d = exp(-dt/tau)``.

    Parameters
    ----------
    tau : float
        Time constant, in seconds.
    """

    tau: float = 0.005
    state: ClassVar[tuple[str, ...]] = ("filtered",)
    time_constants: ClassVar[tuple[str, ...]] = ("tau",)

    def __post_init__(self) -> None:
        check_positive("Lowpass", tau=self.tau)

    @property
    def equation(self) -> str:
        return "y += (1 - a)·(x - y)"

    def step(self, x: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        y = state["filtered"]
        y = y + (x - y) * -exponentials(self.tau, xp).expm1(-dt / self.tau)
        return y, {"filtered": y}


@dataclass(frozen=True)
class Alpha(Synapse):
    """Second-order lowpass ``1/(tau s + 1)²``: two `Lowpass` in series, exact for an input held over each step.

    Parameters
    ----------
    tau : float
        Time constant of both stages, in seconds.
    """

    tau: float = 0.005
    state: ClassVar[tuple[str, ...]] = ("inner", "filtered")
    time_constants: ClassVar[tuple[str, ...]] = ("tau",)

    def __post_init__(self) -> None:
        check_positive("Alpha", tau=self.tau)

    @property
    def equation(self) -> str:
        return "two lowpasses y += (1 - a)·(x - y) in series, solved exactly"

    def step(self, x: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        h = dt / self.tau
        decay = exponentials(self.tau, xp).exp(-h)
        inner = state["inner"] - x
        y = x + (state["filtered"] - x + inner * h) * decay
        return y, {"inner": x + inner * decay, "filtered": y}


def as_synapse(synapse: Synapse | float) -> Synapse:
    """Return `synapse` itself, or a `Lowpass` with that time constant in seconds where a number came."""
    if isinstance(synapse, Synapse):
        return synapse
    if isinstance(synapse, (int, float, np.number)) and not isinstance(synapse, bool):
        return Lowpass(float(synapse))
    raise ParameterError(
        f"a synapse is a time constant in seconds or a filter such as snnconv.synapses.Lowpass(0.005). "
        f"Received {synapse!r}."
    )
