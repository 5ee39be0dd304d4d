"""A graph as a Keras model over time steps, to be trained in spikes, and the way back.

- `surrogates`: slopes that stand in for the derivative of a spike
- `node_layer`: a node of a graph as a Keras layer, with its arrays as weights
- `fused`: a function of tensors as one program, forward and backward
- `layers`: the kinds of nodes, each as such a layer
- `matching`: a loss for layers whose outputs are not the rates of a teacher
- `model`: the model of a graph, and the graph of a model
"""

from .model import graph_of, is_unrolled, to_keras, with_weights_of
from .surrogates import register_surrogate

__all__ = ["graph_of", "is_unrolled", "register_surrogate", "to_keras", "with_weights_of"]
