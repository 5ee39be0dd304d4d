"""The walk through a Keras model, with shared layers and nested models, on any kind of value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import tree

from ...errors import ConversionError
from ...graph import LayerReport, SpikingGraph
from ...graph.passes.fold import fold_padding
from ...graph.spiking_graph import random_samples
from ...neurons import Neuron
from . import handlers as _handlers  # noqa: F401  (registers the handlers)
from .builder import Builder, to_numpy
from .registry import layer_handler, operation_handler, takes_call
from .swaps import Swaps

Call = Callable[[Any, str, Any, dict[str, Any]], Any]


def trace(model: keras.Model, swap_activations: Mapping[Any, Neuron] | None = None) -> SpikingGraph:
    """The graph of a built Sequential or functional model, with nothing folded yet but zero padding.

    Raises
    ------
    ConversionError
        If the model or one of its layers cannot be converted.
    """
    swaps = Swaps(swap_activations, _largest_outputs(model))
    build, functional = Builder(swaps), _functional(model)
    names, report = [], []
    for tensor in functional.inputs:
        name, shape = _input_name(tensor), tuple(tensor.shape[1:])
        if None in shape:
            raise ConversionError(
                f"input '{name}' of model '{model.name}' has the open shape {shape}. A spiking network needs to know "
                f"its size: build the model with a full input shape."
            )
        names.append(build.input(name, shape))

    def call(layer: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        build.begin(layer, name)
        report.append(LayerReport(name, type(layer).__name__))
        if not isinstance(layer, keras.layers.Layer):
            return build.finish(operation_handler(layer)(layer, build, *args, **kwargs))
        if takes_call(type(layer)):
            return build.finish(layer_handler(layer)(layer, build, *args, **kwargs))
        signals = [value for value in tree.flatten((args, kwargs)) if isinstance(value, str)]
        return build.finish(layer_handler(layer)(layer, build, *signals))

    outputs = walk(model, names, call)
    graph = SpikingGraph(
        build.nodes,
        dict(zip(_labels(functional), outputs, strict=True)),
        model.name,
        {"made_by": f"keras {keras.__version__}"},
        tuple(report),
    )
    if swaps.unused:
        key = getattr(swaps.unused[0], "__name__", swaps.unused[0])
        raise ConversionError(f"swap_activations names '{key}', which is no activation in this model.")
    return fold_padding(graph)


def keras_values(model: keras.Model, inputs: list[Any]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Compute with Keras: the output of every layer call, by the name that `trace` gives to it, and the outputs.

    Parameters
    ----------
    inputs : list of (n, *input) arrays
        One per input of the model.
    """
    values: dict[str, Any] = {}

    def call(operation: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(operation, keras.layers.Layer) and operation._call_has_training_arg:
            kwargs = {**kwargs, "training": False}
        values[name] = operation(*args, **kwargs)
        return values[name]

    with keras.device("cpu:0"):  # a GPU may round products to ten bits
        dtypes = [tensor.dtype for tensor in _functional(model).inputs]
        tensors = [keras.ops.convert_to_tensor(x, dtype) for x, dtype in zip(inputs, dtypes, strict=True)]
        outputs = walk(model, tensors, call)
    flat = {name: value for name, value in values.items() if not isinstance(value, (list, tuple, dict))}
    return {name: to_numpy(value) for name, value in flat.items()}, [to_numpy(value) for value in outputs]


def random_inputs(model: keras.Model, n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random samples for each input by name: numbers in 0…1, or integers where the input takes those.

    Integers are 0…255, or fewer where a layer looks them up in a table.
    """
    tensors = {_input_name(tensor): tensor for tensor in _functional(model).inputs}
    shapes = {name: tuple(tensor.shape[1:]) for name, tensor in tensors.items()}
    integers = {name for name, tensor in tensors.items() if keras.backend.is_int_dtype(tensor.dtype)}
    tables = [layer.input_dim for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    return random_samples(shapes, n, seed, "float32", integers, min([256, *tables]))


def _largest_outputs(model: keras.Model) -> Callable[[str], float]:
    """Largest value in the output of a layer call, by its name, on random inputs in 0…1; found when first asked."""

    @functools.cache
    def values() -> dict[str, float]:
        found, _ = keras_values(model, list(random_inputs(model, 16).values()))
        return {name: float(np.max(value, initial=0.0)) for name, value in found.items()}

    return lambda name: values().get(name) or 1.0


def walk(
    model: keras.Model, inputs: list[Any], call: Call, path: str = "", calls: dict[str, int] | None = None
) -> list[Any]:
    """Go through a model's layer calls in order, into nested models, and return the values of its outputs.

    `call` is given the layer, a name for this call, and the arguments with values in the place of symbolic tensors;
    it returns the value of the layer's output. The name is the layer's, behind the names of the models it is nested
    in; from the second call on with its number, as in ``encoder.dense@2``.
    """
    calls = {} if calls is None else calls
    functional = _functional(model)
    values = {id(tensor): value for tensor, value in zip(functional.inputs, inputs, strict=True)}
    depths = functional._nodes_by_depth
    for node in (node for depth in sorted(depths, reverse=True) for node in depths[depth]):
        if node.is_input or not node.operation:
            continue
        operation = node.operation
        args, kwargs = node.arguments.fill_in(values)
        name = _numbered(f"{path}{operation.name}", calls)
        if isinstance(operation, keras.Model):
            outputs = walk(operation, _inputs_of(operation, args, kwargs), call, f"{name}.", calls)
        else:
            outputs = tree.flatten(call(operation, name, args, kwargs))
        values |= {id(tensor): value for tensor, value in zip(node.outputs, outputs, strict=True)}
    return [values[id(tensor)] for tensor in functional.outputs]


def _functional(model: keras.Model) -> Any:
    """The graph of layers in a model.

    Raises
    ------
    ConversionError
        If the model has none: it is not built, or has a `call` of its own.
    """
    if isinstance(model, keras.Sequential):
        if not model.built or model._functional is None:  # pyright: ignore[reportAttributeAccessIssue]
            raise ConversionError(
                f"model '{model.name}' is not built, so it has no weights yet. Start it with keras.Input(shape), or "
                f"call model.build(input_shape)."
            )
        return model._functional  # pyright: ignore[reportAttributeAccessIssue]
    functional = type(keras.Model(_input := keras.Input(()), _input))
    if not isinstance(model, functional) or type(model).call is not functional.call:
        raise ConversionError(
            f"model '{getattr(model, 'name', model)}' ({type(model).__name__}) has a call of its own, which cannot be "
            f"looked into. Build it with keras.Sequential or keras.Model(inputs, outputs)."
        )
    return model


def _inputs_of(model: keras.Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments of a nested model, in the order of its inputs."""
    given = args[0] if args else kwargs["inputs"]
    if isinstance(given, dict):
        names = [_input_name(tensor) for tensor in _functional(model).inputs]
        if set(names) <= set(given):
            return [given[name] for name in names]
    return tree.flatten(given)


def _labels(functional: Any) -> list[str]:
    """Names of the outputs; where a layer gives several of them, the later ones with a number."""
    numbers: dict[str, int] = {}
    return [_numbered(name, numbers) for name in functional.output_names]


def _input_name(tensor: Any) -> str:
    return tensor._keras_history.operation.name


def _numbered(name: str, calls: dict[str, int]) -> str:
    calls[name] = calls.get(name, 0) + 1
    return name if calls[name] == 1 else f"{name}@{calls[name]}"
