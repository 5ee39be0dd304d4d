"""From a Keras model to a graph: one handler per layer type, found by exact type."""

from .builder import Builder, to_numpy
from .registry import handles
from .walk import keras_values, random_inputs, trace

__all__ = ["Builder", "handles", "keras_values", "random_inputs", "to_numpy", "trace"]
