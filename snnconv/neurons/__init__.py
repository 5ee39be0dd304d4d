"""Neuron models: one frozen dataclass each, usable with NumPy, keras.ops and TensorFlow.

- base: what a neuron provides, its words among it
- lif, integrate, stepped_lif: neurons that fire at a threshold
- signed: integrate-and-fire whose spikes can be taken back
- spike_train: the spikes of a LIF under a constant current, without a loop
- accumulating, piecewise_linear: neurons with any rate function
- follower: neurons that send what functions of means give
- functions: those functions by name
- synapses: linear filters between layers
- numpy_ops: the array namespace of NumPy
"""

from .accumulating import Accumulating, Sigmoid, Softplus, Softsign, Tanh
from .base import NEURONS, Equations, Neuron
from .follower import Follower
from .functions import register_function
from .integrate import IF
from .lif import LIF
from .piecewise_linear import PiecewiseLinear
from .signed import SignedIF
from .stepped_lif import SteppedLIF

__all__ = [
    "IF",
    "LIF",
    "NEURONS",
    "Accumulating",
    "Equations",
    "Follower",
    "Neuron",
    "PiecewiseLinear",
    "Sigmoid",
    "SignedIF",
    "Softplus",
    "Softsign",
    "SteppedLIF",
    "Tanh",
    "register_function",
]
