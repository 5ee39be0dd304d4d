"""Codes: the neurons and spike heights that each kind of population gets, to tell its values in few steps."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ...graph import Population
from ...graph.passes.recoding import Recoding
from ...graph.passes.spikes import has_height, is_relu, of_height
from ...neurons import LIF, Accumulating, Follower, Neuron
from ...neurons.base import steps_as
from .heights import GRID, best_codes, best_heights, by_channel, percentile_heights

HALF_THRESHOLD = 0.5

# Factor on the heights that fit the samples best at constant currents, where spikes can be taken back. A neuron that
# would spike at every step cannot make up for the steps before its currents have settled, and other samples have larger
# activations; both errors have one sign in all neurons and add up from layer to layer, which those of rounding do not.
HEADROOM = 1.2


@dataclass(frozen=True)
class Code:
    """Kind of spikes, rule for their heights, and number of steps.

    Parameters
    ----------
    n_steps : int
    dt : float
        Seconds.
    spikes : str
        "binary" or "signed", for populations whose rate is a relu.
    percentile, target_rate : float or None
        As in `calibrate`.
    keeps_outliers : bool
        Whether the largest value has to fit, rather than most of them finely.
    """

    n_steps: int
    dt: float
    spikes: str = "signed"
    percentile: float | None = None
    target_rate: float | None = None
    keeps_outliers: bool = False

    @property
    def chooses_heights(self) -> bool:
        """Whether heights are those of the least error, and not as asked for."""
        return self.percentile is None and self.target_rate is None

    def heights(self, values: np.ndarray) -> np.ndarray:
        """Spike heights of channels for (n, *space, channels) values, 0 or more."""
        values = by_channel(values)
        if self.chooses_heights and not self.keeps_outliers:
            return best_heights(values, self.n_steps)
        share = 1.0 if self.target_rate is None else self.target_rate * self.dt
        return percentile_heights(values, 100 if self.percentile is None else self.percentile) / share

    def recoding(self, population: Population, values: np.ndarray) -> Recoding:
        """The recoding of a population that gives `values`, (n, *shape), in rates.

        A relu gets spikes of one height per channel. A neuron that keeps account of what it owes fires as much faster
        as one spike per step allows. One that follows a function of means gets a height and a centre per channel. A LIF
        stays as it is.
        """
        neuron = population.neuron
        if is_relu(neuron):
            height = self.heights(values)
            if self.spikes == "signed" and self.chooses_heights:
                height = HEADROOM * height
            ceiling = getattr(neuron, "max_rate", getattr(neuron, "rate_limit", None))
            if ceiling is not None:  # spikes at every step are the ceiling, or lie below it
                height = np.minimum(height, neuron.amplitude * np.asarray(ceiling))
            return dataclasses.replace(of_height(neuron, height, self.dt, self.spikes), start=HALF_THRESHOLD)
        if isinstance(neuron, Follower):
            if not self.chooses_heights:
                return of_height(neuron, self.heights(values), self.dt)
            shares = GRID[-1:] if self.keeps_outliers else GRID
            centre, height = best_codes(by_channel(values), self.n_steps, shares=shares)
            return dataclasses.replace(of_height(neuron, HEADROOM * height, self.dt), centre=centre)
        if isinstance(neuron, Accumulating):
            highest = float(self.heights(np.abs(values).reshape(-1, 1))[0])
            faster, current = neuron.scale_rates(neuron.amplitude / (highest * self.dt))
            return Recoding(dataclasses.replace(faster, max_spikes=1), current, start=HALF_THRESHOLD)
        return Recoding(neuron, start=HALF_THRESHOLD)


def has_code(neuron: Neuron) -> bool:
    """Whether calibration knows what to do for such neurons."""
    return has_height(neuron) or isinstance(neuron, Accumulating) or steps_as(neuron, LIF)
