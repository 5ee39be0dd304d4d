"""Keras regularizers of firing rates."""

from __future__ import annotations

import math
from typing import Any

import keras

from ..errors import ParameterError

ops: Any = keras.ops


@keras.saving.register_keras_serializable(package="snnconv")
class FiringRate(keras.regularizers.Regularizer):
    """Keep firing rates in a range; the `activity_regularizer` of a layer of `snnconv.layers`.

    The loss grows by ``strength · mean(d²)``, where d is the distance in Hz from a rate to the range. The mean is taken
    over units, samples and places, so that the batch size does not matter.

    Parameters
    ----------
    min, max : float or None
        The range, in Hz; None: open at that end. Rates below `min` keep units from falling silent, those above `max`
        cost spikes.
    strength : float
        Loss per Hz². The default adds 0.1 where all rates are 100 Hz off.
    percentile : float or None
        Count, for each unit or channel, this percentile (0…100) of its rates over samples and places, and not every
        rate: with 99 and `max`, one rate in a hundred may be higher; with 99 and `min`, the unit has to be there for
        one input in a hundred.

    Raises
    ------
    ParameterError
        If a parameter is out of its range, or the regularizer is given to another layer, whose output is no rate.

    Examples
    --------
    >>> snnconv.layers.LIF(activity_regularizer=FiringRate(min=5, max=100, percentile=99))
    """

    def __init__(
        self,
        min: float | None = None,
        max: float | None = None,
        strength: float = 1e-5,
        percentile: float | None = None,
    ):
        if min is None and max is None:
            raise ParameterError("FiringRate: give min, max or both, in Hz.")
        low, high = 0.0 if min is None else min, math.inf if max is None else max
        if not (0 <= low < math.inf and high >= 0):
            raise ParameterError(f"FiringRate: min and max must be 0 Hz or more. Received min={min!r}, max={max!r}.")
        if low > high:
            raise ParameterError(f"FiringRate: min must not be above max. Received min={min!r}, max={max!r}.")
        if not (math.isfinite(strength) and strength >= 0):
            raise ParameterError(f"FiringRate: strength must be a finite number, 0 or more. Received {strength!r}.")
        if percentile is not None and not 0 <= percentile <= 100:
            raise ParameterError(f"FiringRate: percentile must lie in 0…100. Received {percentile!r}.")
        self.min, self.max, self.strength, self.percentile = min, max, float(strength), percentile

    def penalty(self, rates: Any) -> Any:
        """Penalty of rates outside the range, which the layer adds to the loss.

        Parameters
        ----------
        rates : (n, ..., units) tensor
            In Hz.
        """
        if self.percentile is not None:
            rates = _percentile(ops.reshape(rates, (-1, rates.shape[-1])), self.percentile)
        distance = ops.zeros_like(rates)
        if self.min is not None:
            distance = distance + ops.relu(self.min - rates)
        if self.max is not None:
            distance = distance + ops.relu(rates - self.max)
        return self.strength * ops.mean(ops.square(distance))

    def __call__(self, x: Any) -> Any:
        raise ParameterError(
            "FiringRate regularizes rates in Hz, which only the layers of snnconv.layers know. Give it to one of them "
            "when you make it: LIF(activity_regularizer=FiringRate(…)); for a relu, use snnconv.layers.IF."
        )

    def get_config(self) -> dict[str, Any]:
        return {"min": self.min, "max": self.max, "strength": self.strength, "percentile": self.percentile}


def _percentile(rates: Any, percentile: float) -> Any:
    """The percentile of each column, linear between its neighbours."""
    ordered = ops.sort(rates, axis=0)
    last = ops.shape(ordered)[0] - 1
    place = ops.cast(last, rates.dtype) * (percentile / 100)
    below = ops.cast(ops.floor(place), "int32")
    above = ops.minimum(below + 1, last)
    share = place - ops.cast(below, rates.dtype)
    return (1 - share) * ops.take(ordered, below, axis=0) + share * ops.take(ordered, above, axis=0)
