"""Layers without nodes of their own: around a layer or a function, for training alone, or refused with advice."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
from keras import layers as kl
from keras import tree

from ....errors import ConversionError, one_line
from ..builder import Builder
from ..registry import Expansion, expands, handler_inside_time, handles, layer_handler, refuses

AUGMENTATIONS = (
    "AugMix", "CutMix", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale",
    "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
)  # fmt: skip

_INTEGERS = "it looks integers up in a table. Apply it to the data first, and build the model on what it gives"
_PREPARATION = "it is no linear map. Apply it to the data first, and build the model on what it gives"
_CODE = "it holds code that cannot be looked into. Use layers, or functions of keras.ops on the model's tensors"

REFUSED = {
    _INTEGERS: (
        *("ReversibleEmbedding", "CategoryEncoding", "Discretization", "Hashing", "HashedCrossing"),
        *("IntegerLookup", "StringLookup", "TextVectorization"),
    ),
    _PREPARATION: (
        *("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "MaxNumBoundingBoxes"),
        *("MelSpectrogram", "RandomCrop", "Resizing", "Solarization", "STFTSpectrogram", "Pipeline"),
    ),
    _CODE: ("TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"),
}

for _reason, _names in REFUSED.items():
    refuses(*(getattr(kl, name) for name in _names if hasattr(kl, name)), because=_reason)


@handles(kl.TimeDistributed, inside_time=True)
def time_distributed(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    """The same layer at every time: a layer that acts on the last axes takes one more axis in front."""
    return handler_inside_time(layer.layer)(layer.layer, build, x, lead=lead + 1)


@expands(kl.TimeDistributed)
def model_at_every_time(layer: Any, args: Any, kwargs: Any) -> Expansion | None:
    """The model inside, which then acts on the last axes layer by layer."""
    return Expansion(layer.layer, lead=1) if isinstance(layer.layer, keras.Model) else None


@handles(kl.SpectralNormalization)
def spectral_normalization(layer: Any, build: Builder, x: str) -> str:
    """After training nothing but the layer inside."""
    return layer_handler(layer.layer)(layer.layer, build, x)


@handles(kl.InputLayer, kl.Identity, kl.ActivityRegularization, inside_time=True)
@handles(kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.SpatialDropout3D, inside_time=True)
@handles(kl.AlphaDropout, kl.GaussianDropout, kl.GaussianNoise, inside_time=True)
@handles(*(getattr(kl, name) for name in AUGMENTATIONS if hasattr(kl, name)), inside_time=True)
def pass_on(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return x


@expands(kl.Lambda, kl.SimpleRNNCell, kl.GRUCell, kl.LSTMCell, kl.StackedRNNCells)
def function(layer: Any, args: Any, kwargs: Any) -> Expansion:
    """The operations that a layer does to symbolic tensors, on which it is called as in the code of a model."""
    return operations(layer, layer.call, args, kwargs)


def operations(layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Expansion:
    """The operations that a function of a layer does to symbolic tensors.

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
        outputs = tree.map_structure(connected, call(*(args or ()), **(kwargs or {})))
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
