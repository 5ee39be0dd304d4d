"""Keras layers of rate neurons: train with them, then `snnconv.convert` the model.

They are built on keras.ops alone, so they train on every Keras backend.
"""

from .base import NeuronLayer
from .integrate import IF
from .lif import LIF
from .quantized_relu import QuantizedReLU
from .stepped_lif import SteppedLIF

__all__ = ["IF", "LIF", "NeuronLayer", "QuantizedReLU", "SteppedLIF"]
