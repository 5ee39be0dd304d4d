"""Layers that are functions: Lambda, and operations of TensorFlow in files, as the operations of keras.ops in them.

A function is called on symbolic tensors, as it would be in the code of a model; what it did to them is a model.
"""

from __future__ import annotations

import re
from typing import Any

import keras
from keras import layers as kl
from keras import tree

from ....errors import ConversionError, one_line
from ..registry import Expansion, expands


@expands(kl.Lambda)
def function(layer: Any, args: Any, kwargs: Any) -> Expansion:
    """The operations that a layer's function did to symbolic tensors.

    Raises
    ------
    ConversionError
        If it does not take them, as functions of TensorFlow and NumPy do not.
    """
    inputs: list[Any] = []

    def fresh(value: Any) -> Any:
        if not isinstance(value, keras.KerasTensor):
            return value
        inputs.append(keras.Input(batch_shape=value.shape, dtype=value.dtype))
        return inputs[-1]

    def connected(value: Any) -> Any:  # some versions of Keras want an operation between an input and an output
        return keras.layers.Identity(name="same")(value) if any(value is x for x in inputs) else value

    args, kwargs = tree.map_structure(fresh, args), tree.map_structure(fresh, kwargs)
    try:
        outputs = tree.map_structure(connected, layer.call(*(args or ()), **(kwargs or {})))
        model = keras.Model(inputs, outputs)
    except Exception as error:
        # a function of the user raises anything
        raise ConversionError(
            f"layer '{layer.name}' ({type(layer).__name__}) holds a function that cannot be looked into: it does not "
            f"take symbolic tensors ({one_line(error)}). Write it with +, -, *, /, slices and functions of keras.ops, "
            f"use layers, or register a converter with @snnconv.handles({type(layer).__name__})."
        ) from error
    for operation in model.operations:
        if not isinstance(operation, keras.layers.Layer):  # their numbers depend on what was called before
            operation.name = re.sub(r"_\d+$", "", operation.name)
    return Expansion(model, is_function=True)
