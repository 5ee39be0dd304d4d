"""From a Keras model to a graph: one handler per layer type, found by exact type."""

from .builder import Builder, to_numpy
from .registry import handles
from .walk import keras_values, trace

__all__ = ["Builder", "handles", "keras_values", "to_numpy", "trace"]
