"""Surrogates: the slopes that stand in for the derivative of a spike, by name.

A spike is a step function of the voltage, whose derivative is zero or infinite. On the way back it is replaced by a
function of the distance to the threshold, in thresholds. Each has the area 1, so that a voltage that grows by one
threshold is one spike in the mean.

"rate" is none of these: gradients then do not go through the steps at all. What goes back is the slope of each
neuron's rate at its mean current, which needs memory and time of one step, whatever their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...errors import ParameterError

RATE = "rate"
SMOOTHING = 0.1  # of a LIF's rate, in thresholds: as much as its current differs between steps, and more at few steps

Slope = Callable[[Any, Any], Any]
SLOPES: dict[str, Slope] = {}


def register_surrogate(slope: Slope, name: str | None = None) -> Slope:
    """Let `graph.to_keras` take a slope of your own, by the function's name.

    Parameters
    ----------
    slope : function of (distance, xp)
        The slope at a distance of the voltage above the threshold, in thresholds, written against an array namespace.
    name : str or None
        None: the function's own name.

    Returns
    -------
    function
        The same, so that this can stand as a decorator.

    Raises
    ------
    ParameterError
        If the name is taken by another function.
    """
    name = name or slope.__name__
    if name == RATE or SLOPES.get(name, slope) is not slope:
        raise ParameterError(f"register_surrogate: there is a surrogate '{name}' already. Give yours another name.")
    SLOPES[name] = slope
    return slope


@register_surrogate
def fast_sigmoid(distance: Any, xp: Any) -> Any:
    """Slope of a fast sigmoid, ``2 / (1 + 4·|d|)²`` (Zenke and Ganguli 2018)."""
    root = 1 + 4 * xp.maximum(distance, -distance)
    return 2 / (root * root)


@register_surrogate
def arctan(distance: Any, xp: Any) -> Any:
    """Slope of an arctangent, ``1 / (1 + (π·d)²)`` (Fang et al. 2021)."""
    scaled = math.pi * distance
    return 1 / (1 + scaled * scaled)


@register_surrogate
def straight_through(distance: Any, xp: Any) -> Any:
    """One within half a threshold, and zero beyond (Bengio, Léonard and Courville 2013)."""
    near = xp.maximum(distance, -distance) < 0.5
    return xp.where(near, xp.ones_like(distance), xp.zeros_like(distance))


def check_surrogate(name: Any) -> None:
    """Raise ParameterError unless there is a surrogate of this name."""
    if name != RATE and name not in SLOPES:
        raise ParameterError(
            f"there is no surrogate {name!r}. There are: {', '.join((RATE, *SLOPES))}; register one of your own with "
            f"snnconv.training.unrolled.register_surrogate."
        )
