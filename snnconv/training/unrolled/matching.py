"""Layers that learn the rates of another network: the difference of their mean outputs, added to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from ...errors import ParameterError
from ...graph import Inputs, SpikingGraph
from ...graph.spiking_graph import rate_values
from ...layers import keras_ops
from .model import layer_name
from .node_layer import ops


class MatchRates(keras.layers.Layer):
    """The answer of a network as it is, and a loss for layers whose mean outputs are not a teacher's rates.

    The loss is ``weight`` times the squared difference relative to the squared rates, on average over the layers.

    Parameters
    ----------
    teacher : SpikingGraph
    factors : dict of population name to (channels,) array
        Unit of the outputs of the layers that are compared, in the teacher's.
    weight : float
    """

    def __init__(self, teacher: SpikingGraph, factors: Mapping[str, np.ndarray], weight: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.teacher, self.factors, self.weight = teacher, dict(factors), weight

    def build(self, input_shape: Any) -> None:
        self.built = True

    def call(self, inputs: Mapping[str, Any]) -> Any:
        given = {node.name: x for node, x in zip(self.teacher.inputs, inputs["inputs"], strict=True)}
        nodes = [node.map_arrays(lambda a: ops.convert_to_tensor(a, self.dtype)) for node in self.teacher.nodes]
        rates, losses = rate_values(nodes, given, keras_ops), []
        for (name, factor), signal in zip(self.factors.items(), inputs["signals"], strict=True):
            mean = signal[1] if len(signal) > 1 else ops.mean(signal[0], 1)
            difference = mean * ops.convert_to_tensor(factor, self.dtype) - rates[name]
            size = ops.mean(rates[name] * rates[name]) + keras.config.epsilon()
            losses.append(ops.mean(difference * difference) / size)
        self.add_loss(self.weight * sum(losses) / len(losses))
        return inputs["answer"]


def matching(model: Any, graph: SpikingGraph, teacher: SpikingGraph, xs: Inputs, weight: float) -> Any:
    """The model that `to_keras` made of a graph, with the loss of `MatchRates` for all populations of the same name.

    Parameters
    ----------
    xs : Inputs
        Samples that tell the units of the outputs.

    Raises
    ------
    ParameterError
        If the networks have no population in common.
    """
    from ...runtime.rates import rate_values as values_of

    shapes = {name: view.node.shape for name, view in teacher.populations.items()}
    names = [name for name, view in graph.populations.items() if shapes.get(name) == view.node.shape]
    if not names:
        raise ParameterError(
            "teacher_layers needs populations of the same names and shapes in both networks, and there are none. "
            "Pass teacher='rates', or leave teacher_layers at 0."
        )
    factors = _factors(values_of(teacher, xs, names), values_of(graph, xs, names))
    signals = [keras.tree.flatten(model.get_layer(layer_name(name)).output) for name in names]
    layer = MatchRates(teacher, factors, weight, name="match_rates")
    return keras.Model(model.input, layer({"answer": model.output, "inputs": list(model.inputs), "signals": signals}))


def _factors(taught: Mapping[str, np.ndarray], own: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Factors by which the rates of each channel come closest to those of a teacher."""
    found = {}
    for name, rates in own.items():
        axes = tuple(range(rates.ndim - 1))
        square = np.sum(rates * rates, axes)
        product = np.sum(rates * taught[name], axes)
        found[name] = np.where(square > 0, product / np.where(square > 0, square, 1.0), 1.0)
    return found
