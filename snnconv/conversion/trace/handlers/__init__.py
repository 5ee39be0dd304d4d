"""Converters of Keras' layers and operations into nodes, registered by type.

- `activations`: neurons, and the activations that become neurons
- `attention`: attention, and tables that integers are looked up in
- `convolution`: convolutions of every kind
- `dense`: products with a matrix
- `functions`: functions of signals: products, extremes, norms, and one of each value
- `normalisation`: fixed scales and offsets
- `operations`: layers that join signals, and functions of keras.ops
- `pooling`: averages and maxima
- `recurrent`: layers with a memory, element by element of their sequences
- `refused_operations`: functions of keras.ops without a converter, by the reason
- `shape`: numbers put elsewhere, added or left out
- `wrappers`: layers around a layer or a function, layers that do nothing outside training, and those that are refused
"""

from . import (
    activations,
    attention,
    convolution,
    dense,
    functions,
    normalisation,
    operations,
    pooling,
    recurrent,
    refused_operations,
    shape,
    wrappers,
)

__all__ = [
    "activations",
    "attention",
    "convolution",
    "dense",
    "functions",
    "normalisation",
    "operations",
    "pooling",
    "recurrent",
    "refused_operations",
    "shape",
    "wrappers",
]
