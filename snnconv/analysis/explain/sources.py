"""The variables of a Keras model with the layers that own them, as the model or its graph tells them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...graph import Linear, Population, SpikingGraph

STATISTICS = ("moving_mean", "moving_variance", "mean", "variance")
"""Variables of a normalisation that no gradient trains."""
_CALL = re.compile(r"@\d+(?=\.|$)")  # the number of a later call of a shared layer


@dataclass(frozen=True)
class Source:
    """A variable as Keras has it.

    Parameters
    ----------
    path : str
        As in dense/kernel.
    shape : tuple of int
    is_trainable : bool
    layer : str
        The layer that owns it, as `SpikingGraph.report` names it.
    name : str
        "kernel", "bias", …; "neuron_bias" for the bias of a layer of neurons.
    """

    path: str
    shape: tuple[int, ...]
    is_trainable: bool
    layer: str
    name: str


def keras_sources(model: Any) -> tuple[Source, ...]:
    """Every variable of a model, in Keras' order.

    Parameters
    ----------
    model : keras.Model
        Layers in nested models are named as the graph names them, as in ``encoder.dense``.
    """
    owners = _owners(model, "")
    names = {variable.path for variable in model.variables}
    return tuple(
        Source(
            variable.path,
            tuple(variable.shape),
            bool(variable.trainable),
            owners.get(id(variable), ""),
            _name(variable.path, names),
        )
        for variable in model.variables
    )


def graph_sources(graph: SpikingGraph) -> tuple[Source, ...]:
    """The variables as far as the graph knows them: the trained arrays that it keeps, and the gains."""
    found: dict[str, Source] = {}
    dense = {_layer(graph, node.name) for node in graph.nodes if isinstance(node, Linear) and "kernel" in node.trained}
    for node in graph.nodes:
        for key, array in sorted(node.trained.items(), key=lambda item: not item[0].endswith("kernel")):
            if isinstance(node, Population) and array.ndim == 0:
                continue  # the bias of an activation, which is no variable
            owner, _, name = key.rpartition(".")
            layer = _layer(graph, owner or node.name)
            if name == "kernel" and any(other.name == f"{layer}.depthwise" for other in graph.nodes):
                name = "depthwise_kernel" if node.name.endswith(".depthwise") else "pointwise_kernel"
            is_second = isinstance(node, Population) and layer in dense  # as fine-tuning gives an activation
            path = f"{layer}/{'neuron_bias' if is_second else name}"
            name = "neuron_bias" if isinstance(node, Population) else name
            found.setdefault(path, Source(path, array.shape, name not in STATISTICS, layer, name))
        if isinstance(node, Population) and node.gain.ndim:
            layer = _layer(graph, node.name)
            found.setdefault(f"{layer}/gain", Source(f"{layer}/gain", node.gain.shape, False, layer, "gain"))
    return tuple(found.values())


def belongs(name: str, layer: str) -> bool:
    """Whether a node is, or is part of, what a layer became; calls of a shared layer count as one."""
    name = _CALL.sub("", name)
    return name == layer or name.startswith((f"{layer}.", f"{layer}@"))


def _owners(model: Any, path: str) -> dict[int, str]:
    """Name of the layer that owns a variable, by the variable's identity."""
    found: dict[int, str] = {}
    for layer in model.layers:
        name = f"{path}{layer.name}"
        own = _owners(layer, f"{name}.") if hasattr(layer, "layers") else {}
        found |= own or {id(variable): name for variable in layer.variables}
    return found


def _name(path: str, paths: set[str]) -> str:
    """The name of a variable in its layer; a bias beside a gain is that of neurons."""
    folder, _, name = path.rpartition("/")
    is_of_neurons = name == "bias" and f"{folder}/gain" in paths and f"{folder}/kernel" not in paths
    return "neuron_bias" if is_of_neurons else name


def _layer(graph: SpikingGraph, name: str) -> str:
    """The layer that a node is of; without a report, the node's name up to what names its parts."""
    layers = [layer for line in graph.report if belongs(name, layer := _CALL.sub("", line.layer))]
    return max(layers, key=len) if layers else name.removesuffix(".linear").removesuffix(".depthwise")
