"""Reading: the mean of the outputs over time that is a network's answer, and what each step weighs in it.

What a neuron has sent up to a step is off by what it still owes there, which does not grow with time: it starts at a
known value, and at the end it is as large as anywhere. A plain mean ends with all of it. Where the last steps weigh
less and less, the mean is one over several ends, whose debts are averaged too. In the theory of sigma-delta
modulators, which neurons with reset by subtraction are, this is the choice of the decimation filter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import SnnconvError

FIRST, FALL = "best_read_from", "best_read_fall"  # in the metadata of a graph

SHORTEST = 4.0  # steps of a run, by `fall`, from which on the last ones weigh less: in fewer all are needed


@dataclass(frozen=True)
class Reading:
    """A mean over time: from which step on, and how the weights of the last steps fall.

    At step t of n a value weighs ``1 - exp(-(n + 1 - t) / fall)``, as in the mean of what a lowpass of `fall` steps
    makes of the values.

    Parameters
    ----------
    first : int
        First step of the mean, counted from 1.
    fall : float
        Time constant in steps; 0: all steps weigh the same.

    References
    ----------
    Candy and Temes (1992), "Oversampling methods for A/D and D/A conversion", for decimation.
    """

    first: int = 1
    fall: float = 0.0

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Reading:
        """The reading that the metadata of a graph hold.

        Raises
        ------
        SnnconvError
            If they hold what is none.
        """
        first, fall = metadata.get(FIRST, "1"), metadata.get(FALL, "0")
        if not (first.isascii() and first.isdecimal() and 0 < len(first) < 10 and int(first)):
            raise SnnconvError(f"{FIRST} in the metadata must be a whole number above 0. Received {first!r}.")
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,17})?", fall, re.ASCII):
            raise SnnconvError(f"{FALL} in the metadata must be a number of steps, 0 or more. Received {fall!r}.")
        return cls(int(first), float(fall))

    @property
    def metadata(self) -> dict[str, str]:
        """The reading as metadata of a graph."""
        return {FIRST: str(self.first), FALL: repr(float(self.fall))}

    def within(self, n_steps: int) -> Reading:
        """The reading of a run: what the run is too short for is left out.

        More than half of the steps are read, and the weights fall in runs of at least `SHORTEST` times `fall`.
        """
        first = self.first if 2 * (self.first - 1) <= n_steps else 1
        return Reading(first, self.fall if n_steps >= SHORTEST * self.fall else 0.0)

    def weights(self, n_steps: int) -> np.ndarray:
        """(n_steps,) weight of each step in the mean after the last, 0…1."""
        left = np.arange(n_steps, 0, -1)
        falling = -np.expm1(-left / self.fall) if self.falls(n_steps) else np.ones(n_steps)
        return np.where(left <= n_steps + 1 - self.first, falling, 0.0)

    def totals(self, steps: np.ndarray) -> np.ndarray:
        """Sum of the weights of the mean after each of these steps; before `first` all steps count."""
        counted = np.where(steps < self.first, steps, steps - self.first + 1)
        if not self.fall:
            return counted
        tail = self.decay * -np.expm1(-counted / self.fall) / (1 - self.decay)
        return counted - np.where(self.falls(steps), tail, 0.0)

    @property
    def decay(self) -> float:
        """Factor by which what a step lacks in weight falls with each later step, 0…1."""
        return float(np.exp(-1 / self.fall)) if self.fall else 0.0

    def falls(self, steps: Any) -> Any:
        """Whether the weights fall in the mean after a step."""
        return (self.fall > 0) & (steps >= max(self.first, SHORTEST * self.fall))

    def mean(self, outputs: np.ndarray) -> np.ndarray:
        """(n, *output) mean of (n, n_steps, *output) values, in float64."""
        weights = self.weights(outputs.shape[1])
        total = np.zeros((len(outputs), *outputs.shape[2:]))
        for step in np.flatnonzero(weights):  # a product would copy all of them in float64
            total += weights[step] * outputs[:, step]
        return total / weights.sum()

    @property
    def fields(self) -> dict[str, float]:
        """Both numbers by name, as manifests and results have them."""
        return {"read_from": self.first, "read_fall": self.fall}

    @property
    def described(self) -> str:
        """The steps and their weights, in the words that follow "the mean of the outputs"; empty for a plain mean."""
        start = [f"from step {self.first} on"] if self.first > 1 else []
        end = [f"with the weight 1 - exp(-(n + 1 - t)/{self.fall:g}) at step t of n"] if self.fall else []
        return ", ".join(start + end)


PLAIN = Reading()  # the mean over all steps


class OutputMean:
    """Mean of the outputs up to each step, as a reading weighs them; before its first step, of all steps so far."""

    def __init__(self, reading: Reading):
        self._reading = reading
        self._summed: Any = 0.0
        self._early: Any = 0.0
        self._lacking: Any = 0.0

    def after(self, start: int, outputs: np.ndarray) -> np.ndarray:
        """Means after the steps of one chunk, in float64, given its outputs (n, steps, …); chunks come in order.

        Parameters
        ----------
        start : int
            Steps before the chunk; at 0 the means start anew.
        """
        reading = self._reading
        if start == 0:
            self._summed = self._early = self._lacking = 0.0
        summed = np.cumsum(outputs, 1, "float64") + self._summed
        early = outputs[:, : max(0, reading.first - 1 - start)]
        self._summed, self._early = summed[:, -1:], early.sum(1, dtype="float64", keepdims=True) + self._early
        steps = np.arange(start + 1, start + 1 + outputs.shape[1]).reshape(-1, *(1,) * (outputs.ndim - 2))
        summed = summed - np.where(steps >= reading.first, self._early, 0.0)
        if reading.fall:
            summed -= self._lack(start, outputs)
        return summed / reading.totals(steps)

    def _lack(self, start: int, outputs: np.ndarray) -> np.ndarray:
        """Parts of the sums after each step that falling weights leave out."""
        reading, lack = self._reading, np.zeros(outputs.shape)
        for number in range(outputs.shape[1]):
            step = start + number + 1
            if step >= reading.first:
                self._lacking = reading.decay * (self._lacking + outputs[:, number].astype("float64"))
            if reading.falls(step):
                lack[:, number] = self._lacking
        return lack
