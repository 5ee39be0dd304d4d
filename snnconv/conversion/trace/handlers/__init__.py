"""How each Keras layer and operation becomes nodes: one module per kind of layer."""

from . import activations, convolution, dense, max_pooling, merge, normalisation, operations, pooling, shape, wrappers

__all__ = [
    "activations",
    "convolution",
    "dense",
    "max_pooling",
    "merge",
    "normalisation",
    "operations",
    "pooling",
    "shape",
    "wrappers",
]
