"""Weights by layer, as .h5 files keep them, into a model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from ...errors import ModelFileError
from ...files.hdf5 import n_numbers, read_numbers
from .layer_config import plain_name
from .source import SavedLayer

# What a weight is, by the last part of its name; Keras 1 wrote "dense_1_W", later ones "dense_1/kernel:0"
KINDS = (
    *("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "gain", "embeddings", "alpha"),
    *("depthwise_kernel", "pointwise_kernel", "recurrent_kernel"),
)
KERAS1_KINDS = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}
STATISTICS = ("moving_mean", "moving_variance")

Owned = tuple[Any, Any]  # a layer, and one of its variables
Convert = Callable[[str, np.ndarray, Any], np.ndarray]


def load_layers(model: Any, saved: tuple[SavedLayer, ...], convert: Convert) -> None:
    """Set every weight of a model from the file.

    Parameters
    ----------
    convert : function of kind, array and layer
        Gives the array as this Keras lays it out.

    Raises
    ------
    ModelFileError
        If layers, or the number or the shapes of their weights, are others than the model's.
    """
    layers = [layer for layer in model.layers if layer.weights]
    saved = tuple(layer for layer in saved if layer.weights)
    for layer, found in _pairs(layers, saved):
        for (owner, variable), (name, dataset) in zip(_order(layer, found), found.weights, strict=True):
            array = convert(_kind(variable), _values(dataset, variable), owner)
            if array.shape != tuple(variable.shape) or array.dtype.kind not in "fiub":
                raise _misfit(layer, variable, name, dataset)
            variable.assign(array)
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _values(dataset: Any, variable: Any) -> np.ndarray:
    """The array in a dataset; HDF5 has no type for bfloat16, and keeps its two bytes as they are."""
    array = read_numbers(dataset)
    if array.dtype == "V2" and variable.dtype == "bfloat16":
        return (array.view("<u2").astype("uint32") << 16).view("float32")
    return array


def _pairs(layers: list[Any], saved: tuple[SavedLayer, ...]) -> Iterator[tuple[Any, SavedLayer]]:
    """Layers with their weights: by name, or in order where only the numbers in the names differ."""
    by_name = {plain_name(found.name): found for found in saved}
    if {layer.name for layer in layers} == by_name.keys() and len(saved) == len(layers):
        return ((layer, by_name[layer.name]) for layer in layers)
    ours, theirs = [layer.name for layer in layers], [plain_name(found.name) for found in saved]
    if [_without_number(name) for name in ours] == [_without_number(name) for name in theirs]:
        return zip(layers, saved, strict=True)
    missing, extra = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    raise ModelFileError(
        f"its weights are not those of the model in the config. Layers without weights in the file: "
        f"{_listed(missing) or 'none'}. Weights of other layers: {_listed(extra) or 'none'}."
    )


def _order(layer: Any, found: SavedLayer) -> list[Owned]:
    """The variables of a layer in the order of the file.

    Of nested models, Keras has written trained weights before statistics, or layer by layer, or frozen layers last;
    names and shapes say which it was.
    """
    orders = list(_orders(layer))
    sizes = [n_numbers(dataset) for _, dataset in found.weights]
    for order in orders:
        if [math.prod(variable.shape) for _, variable in order] == sizes and all(
            _fits(variable, name) for (_, variable), (name, _) in zip(order, found.weights, strict=True)
        ):
            return order
    if len(orders[0]) != len(found.weights):
        raise ModelFileError(
            f"layer '{layer.name}' ({type(layer).__name__}) has {len(orders[0])} weights, and the file has "
            f"{len(found.weights)} for it."
        )
    for (_, variable), (name, dataset), size in zip(orders[0], found.weights, sizes, strict=True):
        if math.prod(variable.shape) != size or not _fits(variable, name):
            raise _misfit(layer, variable, name, dataset)
    raise ModelFileError(f"the weights of layer '{layer.name}' are in an order that is not known.")


def _orders(layer: Any) -> Iterator[list[Owned]]:
    leaves = list(_leaves(layer))
    owned = [(leaf, variable) for leaf in leaves for variable in leaf.weights]
    # a layer that is in two nested models has its weights once
    owned = list({id(variable): (leaf, variable) for leaf, variable in reversed(owned)}.values())[::-1]
    owner = {id(variable): leaf for leaf, variable in owned}
    trained_first = [*layer.trainable_weights, *layer.non_trainable_weights]
    yield [(owner.get(id(variable), layer), variable) for variable in trained_first]
    yield owned
    yield [
        *(pair for pair in owned if _kind(pair[1]) not in STATISTICS),
        *(pair for pair in owned if _kind(pair[1]) in STATISTICS),
    ]


def _leaves(layer: Any) -> Iterator[Any]:
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _leaves(inner)
    else:
        yield layer


def _fits(variable: Any, name: str) -> bool:
    """Whether a weight of the file can be this variable, as far as its name says what it is."""
    theirs, ours = _saved_kind(name), _kind(variable)
    return theirs is None or ours not in KINDS or theirs in (ours, f"depthwise_{ours}")


def _kind(variable: Any) -> str:
    return variable.path.rsplit("/", 1)[-1]


def _saved_kind(name: str) -> str | None:
    last = name.rsplit("/", 1)[-1].split(":")[0]
    if last in KINDS:
        return last
    endings = [*KERAS1_KINDS.items(), *((kind, kind) for kind in KINDS)] if "/" not in name else []
    return next((kind for ending, kind in endings if last.endswith(f"_{ending}")), None)


def _misfit(layer: Any, variable: Any, name: str, dataset: Any) -> ModelFileError:
    return ModelFileError(
        f"layer '{layer.name}' ({type(layer).__name__}) needs a {_kind(variable)} of shape {tuple(variable.shape)}. "
        f"The file has '{name}' of shape {dataset.shape}."
    )


def _without_number(name: str) -> str:
    return re.sub(r"_\d+$", "", name)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"'{name}'" for name in names[:3]) + more
