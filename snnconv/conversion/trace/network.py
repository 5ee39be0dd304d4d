"""The graph of a Keras model: its layer calls, each handed to its converter."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from ...errors import ConversionError
from ...graph import LayerReport, SpikingGraph
from ...graph.passes.channels import channels_last
from ...graph.passes.fold import fold_padding
from ...neurons import Neuron
from ...text.advice import argument
from . import handlers as _handlers  # noqa: F401  (registers the handlers)
from .builder import Builder
from .swaps import Swaps
from .values import Shape, input_shapes, keras_values, random_inputs
from .walk import output_labels, walk


def trace(
    model: keras.Model,
    swap_activations: Mapping[Any, Neuron] | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> tuple[SpikingGraph, dict[str, str]]:
    """The graph of a built Sequential or functional model, with channels last, and nothing folded yet but zero padding.

    With it come the populations whose amplitude is stated, each with the activation that `swap_activations` changes, or
    "" where a layer states it.

    Parameters
    ----------
    shapes : mapping of input name to tuple of int, or None
        Shape of one sample, from `input_shapes`. None: the model's own.

    Raises
    ------
    ConversionError
        If the model or one of its layers cannot be converted.
    """
    shapes = input_shapes(model) if shapes is None else shapes
    swaps = Swaps(swap_activations, _largest_outputs(model, shapes))
    build = Builder(swaps)
    names = [build.input(name, shape) for name, shape in shapes.items()]
    report = []

    def call(layer: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int) -> Any:
        report.append(LayerReport(name, type(layer).__name__))
        return build.call(layer, name, args, kwargs, lead)

    outputs = walk(model, names, call)
    build.read_last(outputs)
    graph = SpikingGraph(
        build.nodes,
        dict(zip(output_labels(model), outputs, strict=True)),
        model.name,
        {"made_by": f"keras {keras.__version__}"},
        tuple(report),
    )
    if swaps.unused:
        key = getattr(swaps.unused[0], "__name__", swaps.unused[0])
        raise ConversionError(f"{argument('swap_activations')} names '{key}', which is no activation in this model.")
    return fold_padding(channels_last(graph)), build.stated


def _largest_outputs(model: keras.Model, shapes: Mapping[str, Shape]) -> Callable[[str], float]:
    """Largest value in the output of a layer call, by its name, on random inputs in 0…1; found when first asked."""

    @functools.cache
    def values() -> dict[str, float]:
        found, _ = keras_values(model, list(random_inputs(model, 16, shapes=shapes).values()))
        return {name: float(np.max(value, initial=0.0)) for name, value in found.items()}

    return lambda name: values().get(name) or 1.0
