"""From a Keras model to a graph: one handler per layer type, found by exact type.

- `network`: the graph of a model
- `walk`: every layer call of a model in order, on names of nodes or on numbers
- `values`: shapes of inputs, and what Keras computes
- `registry`: the handlers, by type
- `handlers`: the handlers of Keras' own layers and operations
- `builder`: the nodes that handlers add
- `swaps`: the neurons of activations
"""

from .builder import Builder, to_numpy
from .network import trace
from .registry import handles
from .values import input_shapes, keras_values, random_inputs, shapes_from

__all__ = [
    "Builder",
    "handles",
    "input_shapes",
    "keras_values",
    "random_inputs",
    "shapes_from",
    "to_numpy",
    "trace",
]
