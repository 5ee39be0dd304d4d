"""The variables of a Keras model, with the layers that own them."""

from __future__ import annotations

from typing import Any

from . import Source


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


def _owners(model: Any, path: str) -> dict[int, str]:
    """Name of the layer that owns a variable, by the variable's identity."""
    found: dict[int, str] = {}
    for layer in model.layers:
        name = f"{path}{layer.name}"
        own = _owners(layer, f"{name}.") if hasattr(layer, "layers") else {}
        found |= own or {id(variable): name for variable in layer.variables}
    return found


def _name(path: str, paths: set[str]) -> str:
    """What a variable is in its layer; a bias beside a gain is that of neurons."""
    folder, _, name = path.rpartition("/")
    is_of_neurons = name == "bias" and f"{folder}/gain" in paths and f"{folder}/kernel" not in paths
    return "neuron_bias" if is_of_neurons else name
