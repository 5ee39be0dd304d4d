"""Converters of Keras' layers and operations into nodes, registered by type.

- `activations`: neurons, and the activations that become neurons
- `convolution`: convolutions of every kind
- `dense`: products with a matrix
- `normalisation`: fixed scales and offsets
- `operations`: layers that join signals, and functions of keras.ops
- `pooling`: averages and maxima
- `recorded`: layers that are functions, as the operations recorded in them
- `shape`: numbers put elsewhere, added or left out
- `wrappers`: layers around a layer, layers that do nothing outside training, and those that are refused
"""

from . import activations, convolution, dense, normalisation, operations, pooling, recorded, shape, wrappers

__all__ = [
    "activations",
    "convolution",
    "dense",
    "normalisation",
    "operations",
    "pooling",
    "recorded",
    "shape",
    "wrappers",
]
