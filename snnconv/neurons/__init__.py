"""Neuron models: one frozen dataclass each, usable with NumPy, keras.ops and TensorFlow."""

from .base import NEURONS, Neuron
from .integrate import IF
from .lif import LIF

__all__ = ["IF", "LIF", "NEURONS", "Neuron"]
