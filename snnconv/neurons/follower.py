"""A neuron whose mean output follows its current, in spikes of both signs: it sends what functions of means give."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ParameterError
from .base import (
    Array,
    Equations,
    Neuron,
    State,
    check_most,
    check_positive,
    linear_gain_bias,
    linear_max_rates_intercepts,
)

# Half a spike owed is sent. At a constant current it falls due after round numbers of steps, where the last digit of
# an exp would decide between one step and the next.
_TIE = 1e-6

# In a step, where there is no limit: a function such as 1/m is anywhere while the mean is still 0, and float32 counts
# to 2^24 alone.
_MOST_SPIKES = 2**20


@dataclass(frozen=True)
class Follower(Neuron):
    """Rate ``J`` in Hz, in spikes of both signs: the neuron's spikes so far sum up to what its current says *now*.

    The current is not summed up: it is a rate, which may have been wrong at earlier steps and is better known now, as
    a function of means is. After n steps the neuron should have sent ``n·dt·J`` spikes. Those that bring its sum
    closest to that are sent::

        v = n·dt·J - (spikes sent before)
        floor(v + 1/2) spikes;  v -= floor(v + 1/2)

    so that the mean output is within ``amplitude/(2T)`` of ``amplitude·J`` after a time T, whatever came before, as
    long as no more than `max_spikes` are due in a step.

    Parameters
    ----------
    amplitude : float
        Output of a neuron is its rate in Hz times this.
    max_spikes : int or None
        Most spikes of either sign in one step; None: no limit but the 2^20 that keep counts exact.
    window : float or None
        Where not None, sums forget: a spike counts for less the older it is, by the factor ``exp(-1)`` after so many
        seconds, and n goes no higher than ``window/dt``. The output then follows changes. See `RunningMean`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    amplitude: float = 0.01
    max_spikes: int | None = None
    window: float | None = None

    state: ClassVar[tuple[str, ...]] = ("voltage", "sent", "n_steps")
    uniform: ClassVar[tuple[str, ...]] = ("n_steps",)
    derived: ClassVar[tuple[str, ...]] = ("voltage",)
    meanings: ClassVar[Mapping[str, str]] = {
        **Neuron.meanings,
        "max_spikes": "most spikes of either sign in a step",
        "window": "s, after which a spike counts for a third",
    }

    def __post_init__(self) -> None:
        check_positive(self.kind, amplitude=self.amplitude)
        check_window(self.kind, self.window)
        check_most(self.kind, self.max_spikes)

    @property
    def equations(self) -> Equations:
        most = "" if self.max_spikes is None else f", at most {self.max_spikes} of either sign"
        return Equations(
            rate="J Hz",
            step="v = spikes due at the rate J since the start, less those sent before",
            threshold=f"|v| ≥ 1/2, with the sign of v{most}",
            reset="v -= n",
            unit="Hz",
        )

    @property
    def fires_negative(self) -> bool:
        """Whether spikes can be negative."""
        return True

    @property
    def max_spikes_per_step(self) -> int | None:
        return self.max_spikes

    def rate(self, J: Array, xp: Any = np) -> Array:
        return self.amplitude * J

    def initial_state(
        self, shape: tuple[int, ...], voltage: Array = 0.0, dtype: Any = "float64", xp: Any = np
    ) -> State:
        state = super().initial_state(shape, voltage, dtype, xp)
        return {**state, "sent": -state["voltage"]}

    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        n_steps, kept = counted(state["n_steps"], self.window, dt, xp)
        sent = state["sent"] * kept
        v = n_steps * dt * J - sent
        spikes = xp.floor(v + (0.5 + _TIE))
        most = xp.zeros_like(v) + (_MOST_SPIKES if self.max_spikes is None else self.max_spikes)
        spikes = xp.minimum(xp.maximum(spikes, -most), most)
        return spikes, {"voltage": v - spikes, "sent": sent + spikes, "n_steps": n_steps}

    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        return linear_gain_bias(max_rates, intercepts)

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        return linear_max_rates_intercepts(self, gain, bias)

    def scale_rates(self, factor: float) -> tuple[Follower, float]:
        return dataclasses.replace(self, amplitude=self.amplitude / factor), factor


def check_window(owner: str, window: float | None) -> None:
    """Raise ParameterError unless a window is None or a finite time above 0."""
    if window is not None and not (math.isfinite(window) and window > 0):
        raise ParameterError(f"{owner}: window must be None or a time above 0, in seconds. Received {window!r}.")


def counted(n_steps: Array, window: float | None, dt: float, xp: Any) -> tuple[Array, Array | float]:
    """The number of steps that a mean counts, this one included, and the share of earlier sums that it keeps.

    Without a window all steps count alike. With one, of w steps, the mean is plain up to step w; from there on it
    forgets a share 1/w of what it knew with each step.
    """
    after = n_steps + 1
    if window is None:
        return after, 1.0
    most = max(window / dt, 1.0)
    limited = xp.minimum(after, xp.zeros_like(after) + most)
    return limited, (limited - 1) / xp.maximum(n_steps, xp.ones_like(n_steps))
