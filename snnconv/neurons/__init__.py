"""Neuron models: one frozen dataclass each, usable with NumPy, keras.ops and TensorFlow."""

from .accumulating import Accumulating
from .base import NEURONS, Neuron
from .integrate import IF
from .lif import LIF
from .piecewise_linear import PiecewiseLinear
from .sigmoid import Sigmoid
from .softplus import Softplus
from .softsign import Softsign
from .stepped_lif import SteppedLIF
from .tanh import Tanh

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
