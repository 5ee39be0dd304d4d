"""The float numbers that integers were rounded from: those of weights, and those of neurons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .neurons import freeze


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatOrigin:
    """The float numbers that the integers of a linear layer were rounded from.

    Parameters
    ----------
    scale : float64 array, per neuron
        S: ``kernel ≈ weights * S`` and ``bias ≈ biases * S * 2^shift``, each rounded to whole numbers, half to even;
        weights of few bits are cut off at the ends of these.
    weights, biases : float64 arrays
        Effective weights and biases, with gain, spike height and the neuron's and the synapse's multipliers in them.
    input_unit : float
        What an integer 1 of the input stands for in the float network (a spike: amplitude/dt).
    fraction_bits : int
        K: fractional bits that multipliers of leaks were rounded to.
    synapse_tau : float
        Time constant of the float network's lowpass, in seconds; 0 where there is none.
    """

    scale: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    input_unit: float
    fraction_bits: int
    synapse_tau: float = 0.0

    def __post_init__(self) -> None:
        freeze(self, *self.arrays())

    def arrays(self) -> dict[str, np.ndarray]:
        """Its arrays by name."""
        return {"scale": self.scale, "weights": self.weights, "biases": self.biases}


@dataclass(frozen=True, kw_only=True)
class FloatNeuron:
    """The float numbers that integer neurons were made of.

    Parameters
    ----------
    threshold_bits : int
        F: every threshold was made at least about 2^F.
    tau_rc, tau_ref : float
        In seconds; 0 for IF.
    min_voltage : float
        Where the threshold is 1; nan for IF neurons that ignore negative current.
    amplitude : float
        The output per Hz. It is in the weights of the layers behind.
    initial_voltage : float
        Where the threshold is 1; 0 or more, and below 1.
    """

    threshold_bits: int
    tau_rc: float
    tau_ref: float
    min_voltage: float
    amplitude: float
    initial_voltage: float = 0.0


def effective_tau(multiplier: int, fraction_bits: int, dt: float) -> float:
    """Time constant of ``x -= (x * multiplier) >> fraction_bits`` once every `dt`, in seconds."""
    share = multiplier / (1 << fraction_bits)
    if share == 0:
        return math.inf
    return 0.0 if share == 1 else -dt / math.log1p(-share)
