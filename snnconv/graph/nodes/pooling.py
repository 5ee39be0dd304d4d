"""Pooling over windows: means, and largest values of spikes by way of their running sums.

The largest of some spikes is not the largest of the rates behind them: of two neurons that fire by turns the one or
the other always spikes. What goes to the largest rate is the largest running sum. Rueckauer et al. (2017) gate the
window on it: at every step the output is what the neuron with the highest sum sends at that step. Here the output is
what the highest sum *grows* by,

    y[n] = max over the window of S[n] - max over the window of S[n-1],    S[n] = x[1] + … + x[n]

so that the sum of the output is the highest sum of an input, exactly and at every step, with nothing lost when
another neuron takes the lead. The mean output differs from the largest of the rates by no more than the worst mean in
the window does from its rate: as 1/T. For spikes of one height the output is such spikes again, at most one a step.

References
----------
Rueckauer, Lungu, Hu, Pfeiffer and Liu (2017), "Conversion of continuous-valued deep networks to efficient
event-driven networks for image classification", section 2.2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...neurons.base import Array, State
from .base import Linear, Pairs, Stateful


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool(Linear, abstract=True):
    """One value for each window; padding does not count.

    Parameters
    ----------
    size, strides : one number per spatial axis
    padding : (before, after) per spatial axis
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Pairs


class AveragePool(Pool):
    """Mean over windows; padding does not count."""

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.average_pool(xs[0], self.size, self.strides, self.padding)


class MaxPool(Pool):
    """Largest value in each window; padding does not count. Of spikes, it takes their `RunningSum`."""

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.max_pool(xs[0], self.size, self.strides, self.padding)


@dataclass(frozen=True, eq=False, kw_only=True)
class RunningSum(Stateful):
    """The sum of all inputs since the start. In rates it is not there: what counts is how fast it grows."""

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return {"total": xp.zeros((n, *self.shape), dtype)}

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        total = state["total"] + x
        return total, {"total": total}

    def rate(self, x: Array, xp: Any) -> Array:
        return x


@dataclass(frozen=True, eq=False, kw_only=True)
class Difference(Stateful):
    """The growth of the input since the step before; 0 is what came before the first. Undoes a `RunningSum`."""

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return {"last": xp.zeros((n, *self.shape), dtype)}

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        return x - state["last"], {"last": x}

    def rate(self, x: Array, xp: Any) -> Array:
        return x
