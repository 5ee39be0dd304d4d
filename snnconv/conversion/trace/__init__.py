"""From a Keras model to a graph: one handler per layer type, found by exact type.

- `walk`: every layer call of a model in order, on names of nodes or on numbers
- `registry`: the handlers, by type
- `handlers`: the handlers of Keras' own layers and operations
- `builder`: the nodes that handlers add
- `swaps`: the neurons of activations
"""

from .builder import Builder, to_numpy
from .registry import handles
from .walk import keras_values, random_inputs, trace

__all__ = ["Builder", "handles", "keras_values", "random_inputs", "to_numpy", "trace"]
