"""The rate network in TensorFlow, with which spikes are compared; fast enough for hundreds of images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..graph import Linear, SpikingGraph
from ..graph.spiking_graph import rate_values as through
from . import tensorflow_ops
from .batches import sizes


def rate_values(graph: SpikingGraph, x: Any, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Values of nodes, (n, *shape) in float32, with every population replaced by its rate function.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
    """
    xs = graph.check_inputs(x, "float32")
    names = list(names)
    nodes = [node.map_arrays(lambda array: tf.constant(array, tf.float32)) for node in graph.nodes]

    def values(inputs: dict[str, Any]) -> list[np.ndarray]:
        found = through(nodes, inputs, tensorflow_ops, names)
        return [np.asarray(found[name]) for name in names]

    size, _ = sizes(graph, xs.n, 1, "float32")
    parts = [values({name: tf.constant(array) for name, array in part.items()}) for part in xs.parts(size)]
    return {name: np.concatenate([part[k] for part in parts]) for k, name in enumerate(names)}


def linear_values(node: Linear, inputs: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Values of a linear node in float64, for several sets of inputs at once.

    Parameters
    ----------
    inputs : sequence, one for each input of the node, of as many (n, *shape) arrays as there are sets
    """
    node = node.map_arrays(lambda array: tf.constant(array, tf.float64))
    xs = [tf.constant(np.concatenate(each)) for each in inputs]
    return np.split(np.asarray(node.apply(*xs, xp=tensorflow_ops)), len(inputs[0]))
