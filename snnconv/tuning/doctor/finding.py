"""A finding of the doctor, and the thresholds from which on there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SILENT_SHARE = 0.6
"""Share of a layer's neurons that never spike. Up to half are silent in many a trained network; they cost no accuracy,
but most of a layer says that it is fed too little current, or could be smaller."""

SILENT_SAMPLES = 16
"""Samples from which on it says something that a neuron is silent on all of them."""

SURE_SPIKES = 3.0
"""Spikes by the rate equation, below which a neuron may well stay silent while its input sets in."""

SATURATED_RATE = 0.95
"""Share of 1/tau_ref, from which on more current makes no difference to speak of."""

SATURATED_SHARE = 0.02
"""Share of neurons and samples at that rate. A few bright pixels saturate anywhere."""

ABOVE_SHARE = 0.001
"""Share of neurons and samples above the ceiling. It is the largest activations that are cut, and they weigh most;
scaling to the 99.9th percentile (Rueckauer et al. 2017) leaves this share."""

LOST_ACCURACY = 0.01
"""Accuracy that conversion and steps may cost: a point."""

LOST_DEVIATIONS = 2.0
"""Standard deviations of McNemar's test that a loss of accuracy has to be, since few samples differ by chance."""

RANGE_RATIO = 30.0
"""Between the highest rates of layers that feed each other. At 100 steps and a spike per step the slower one then sends
three spikes at most, where the faster one sends a hundred."""

FEWEST_SPIKES = 1.0
"""Spikes of the median neuron among those that should spike. With less than one, it tells 0 and its value apart by
chance alone."""

LOST_RATE = 0.05
"""Share of a layer's spikes that the time lost behind refractory periods below dt costs."""

NOTABLE = ("silent", "saturated", "above_ceiling", "lost_rate", "unscaled", "lost_accuracy")
"""Kinds that `convert` and `snnconv simulate` warn of. Few spikes are wanted in runs of few steps, and negative ones
come of the activations that were trained."""

WEIGHED = ("saturated", "above_ceiling", "lost_rate")
"""Kinds that nobody is warned of in a population with an initial voltage of its own: it was calibrated, or trained, for
its ceiling, and what is cut was weighed against what few steps can tell apart."""


@dataclass(frozen=True)
class Finding:
    """An ailment of a network.

    Parameters
    ----------
    kind : str
        "silent", "saturated", "above_ceiling", "lost_rate", "unscaled", "few_spikes", "negative_spikes" or
        "lost_accuracy".
    layer : str or None
        The population; None where it is about the whole network.
    what : str
        A sentence with the numbers in it.
    numbers : mapping of str to number
    remedy : str
        What to do.
    """

    kind: str
    layer: str | None
    what: str
    numbers: Mapping[str, float]
    remedy: str

    def __str__(self) -> str:
        where = "network" if self.layer is None else self.layer
        return f"{where}: {self.what} {self.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {**vars(self), "numbers": dict(self.numbers)}
