"""Neuron models: one frozen dataclass each, usable with NumPy, keras.ops and TensorFlow."""

from .accumulating import Accumulating, Sigmoid, Softplus, Softsign, Tanh
from .base import NEURONS, Neuron
from .integrate import IF
from .lif import LIF
from .piecewise_linear import PiecewiseLinear
from .stepped_lif import SteppedLIF

__all__ = [
    "IF",
    "LIF",
    "NEURONS",
    "Accumulating",
    "Neuron",
    "PiecewiseLinear",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "SteppedLIF",
    "Tanh",
]
