"""Readouts: a class read out of the outputs of many steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ParameterError
from ...graph.reading import OutputMean, Reading


@dataclass(frozen=True)
class Readout:
    """A function of the outputs up to a step; its largest value names the class.

    Parameters
    ----------
    kind : str
        "mean" of the steps so far; the "last" step; "lowpass": filtered, with the weight of a step falling by 1/e
        in `tau`.
    skip : int
        Steps at the beginning that the mean leaves out: until a network has settled, its outputs say little.
    fall : float
        Time constant, in steps, in which the weights of the mean's last steps fall; see `snnconv.graph.Reading`.
    tau : float or None
        Time constant of the lowpass, in seconds.

    Raises
    ------
    ParameterError
        If the kind is not known, or a parameter does not belong to it.
    """

    kind: str = "mean"
    skip: int = 0
    fall: float = 0.0
    tau: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("mean", "last", "lowpass"):
            raise ParameterError(f"a readout is 'mean', 'last' or 'lowpass'. Received {self.kind!r}.")
        for name, value in (("skip", self.skip), ("fall", self.fall)):
            if value < 0 or (value and self.kind != "mean"):
                raise ParameterError(f"{name} is for the readout 'mean', and 0 or more. Received {value!r}.")
        if (self.tau is not None) != (self.kind == "lowpass") or (self.tau is not None and not self.tau > 0):
            raise ParameterError(f"tau, above 0 seconds, is for the readout 'lowpass'. Received {self.tau!r}.")

    @classmethod
    def of(cls, reading: Reading) -> Readout:
        """The mean that is the answer of a network."""
        return cls(skip=reading.first - 1, fall=reading.fall)

    def read(self, output: np.ndarray, dt: float) -> np.ndarray:
        """The readout after every step.

        Parameters
        ----------
        output : (n, n_steps, *output) array
            As `Result.output`.
        dt : float
            Length of a step, in seconds.

        Returns
        -------
        (n, n_steps, *output) array
            NaN at the steps that are skipped.
        """
        if self.kind == "last":
            return output.astype("float64")
        if self.kind == "mean":
            means = OutputMean(self._reading).after(0, output)
            means[:, : self.skip] = np.nan
            return means
        decay = math.exp(-dt / (self.tau or math.inf))
        filtered = np.empty(output.shape)
        value = np.zeros((len(output), *output.shape[2:]))
        for step in range(output.shape[1]):
            value = decay * value + (1 - decay) * output[:, step]
            filtered[:, step] = value
        return filtered

    def n_counted(self, n_steps: int) -> np.ndarray:
        """(n_steps,) sum of the weights in the mean after each step; ones for a readout that is no mean."""
        if self.kind != "mean":
            return np.ones(n_steps)
        steps = np.arange(1, n_steps + 1)
        return np.where(steps > self.skip, self._reading.totals(steps), 0)

    @property
    def _reading(self) -> Reading:
        return Reading(self.skip + 1, self.fall)

    def __str__(self) -> str:
        if self.kind == "lowpass":
            return f"lowpass {(self.tau or 0) * 1e3:g} ms"
        said = f"mean from {self.skip + 1}" if self.skip else self.kind
        return f"{said}, end falling in {self.fall:g} steps" if self.fall else said


READOUTS = (Readout(), Readout(skip=10), Readout("lowpass", tau=0.02), Readout("last"))
"""What `tune` tries, unless asked otherwise."""
