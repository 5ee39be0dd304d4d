"""Keras layers of rate neurons: train with them, then `snnconv.convert` the model.

They are built on keras.ops alone, so they train on every Keras backend.

- base: the call that all layers share, with noise and rate regularizers
- spiking: training in spikes, as options and as what they do
- tuned: gain and bias from max_rates and intercepts
- lif, integrate, stepped_lif, quantized_relu: a layer each
- rate: a layer of any neuron, such as one of your own
- regularizers: firing rates kept in a range
- keras_ops: the array namespace of graphs that are unrolled in Keras
"""

from .base import NeuronLayer
from .integrate import IF
from .lif import LIF
from .quantized_relu import QuantizedReLU
from .rate import Rate
from .stepped_lif import SteppedLIF

__all__ = ["IF", "LIF", "NeuronLayer", "QuantizedReLU", "Rate", "SteppedLIF"]
