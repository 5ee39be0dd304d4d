"""Functions of running means: spikes come in, and a function of their means so far is what goes on.

A function of spikes is not a function of the rates behind them: the product of two spike trains depends on which
spikes meet. What goes to a function of the rates is the function of the running means,

    m_i[n] = (x_i[1] + … + x_i[n]) / n,    y[n] = f(m_1[n], m_2[n], …)

so a function takes three nodes, or more where functions follow one another: a `RunningMean` for each of its inputs, a
`Function`, and a `Population` of `Follower` neurons, whose spikes sum up to ``n·y[n]`` as closely as spikes can. The
mean output goes to f of the mean inputs as 1/T, with an error of half a spike besides what the inputs bring along.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...errors import ParameterError
from ...neurons.base import Array, State
from ...neurons.follower import check_window, counted
from ...neurons.functions import FUNCTIONS, SignalFunction
from .base import Linear, Stateful


@dataclass(frozen=True, eq=False, kw_only=True)
class RunningMean(Stateful):
    """The mean of all inputs since the start; or of the last ones, where there is a window.

    Parameters
    ----------
    window : float or None
        In seconds: the mean is plain so long, and then forgets, as a lowpass of this time constant does. It follows
        inputs that change more slowly than that, and keeps an error of the order of spike height · dt/window.
    """

    window: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(f"node '{self.name}'", self.window)

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return {name: xp.zeros((n, *self.shape), dtype) for name in ("total", "n_steps")}

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        n_steps, kept = counted(state["n_steps"], self.window, dt, xp)
        total = state["total"] * kept + x
        return total / n_steps, {"total": total, "n_steps": n_steps}

    @property
    def uniform(self) -> tuple[str, ...]:
        return ("n_steps",)

    def rate(self, x: Array, xp: Any) -> Array:
        return x


@dataclass(frozen=True, eq=False, kw_only=True)
class Function(Linear):
    """A function of its inputs, at each step of those that come in then: of means, unless the data itself comes in.

    Parameters
    ----------
    function : str
        Name in `snnconv.neurons.functions.FUNCTIONS`.
    settings : str
        Arguments of the function besides the inputs, as JSON; axes count those of one sample.
    """

    function: str
    settings: str = "{}"

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.definition, self.arguments  # raises for what is not there

    @property
    def definition(self) -> SignalFunction:
        """The function that the name stands for.

        Raises
        ------
        ParameterError
            If it stands for nothing here.
        """
        if self.function not in FUNCTIONS:
            raise ParameterError(
                f"node '{self.name}' computes '{self.function}', which is not known here. Register it with "
                f"snnconv.register_function before the network is converted or loaded."
            )
        return FUNCTIONS[self.function]

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """Arguments of the function besides its inputs and the array namespace."""
        return {key: _tuples(value) for key, value in json.loads(self.settings).items()}

    def apply(self, *xs: Array, xp: Any) -> Array:
        return self.definition.compute(*xs, xp=xp, **self.arguments)

    def n_operations(self, shapes: tuple[tuple[int, ...], ...]) -> int:
        """Multiplications, divisions and calls of exp and the like, in one step of one sample.

        Parameters
        ----------
        shapes : tuple of tuple of int
            Those of the inputs.
        """
        if "equation" in self.arguments:
            labels = self.arguments["equation"].partition("->")[0].split(",")
            sizes = {
                key: n
                for each, shape in zip(labels, shapes, strict=True)
                for key, n in zip(each[1:], shape, strict=True)
            }
            return math.prod(sizes.values())
        return self.definition.cost * max(map(math.prod, (*shapes, self.shape)))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
