"""Values of a Keras model: the shapes of its inputs, random samples for them, and what Keras computes of samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import tree

from ...errors import ConversionError
from ...graph.inputs import random_samples
from .builder import to_numpy
from .walk import functional_of, input_name, walk

Shape = tuple[int, ...]
Shapes = Sequence[int] | Mapping[str, Sequence[int]]
N_INTEGERS = 256  # random integers are below it


def input_shapes(model: Any, given: Shapes | None = None) -> dict[str, Shape]:
    """Shape of one sample for each input by name.

    Parameters
    ----------
    given : sequence of int, mapping of input name to sequence of int, or None
        Sizes for the axes that the model leaves open. One sequence is for all inputs that have open axes.

    Raises
    ------
    ConversionError
        If an axis stays open, or a size differs from the model's.
    """
    tensors = {input_name(tensor): tensor for tensor in functional_of(model).inputs}
    named = given if isinstance(given, Mapping) else {}
    unknown = sorted(set(named) - set(tensors))
    if unknown:
        raise ConversionError(f"input_shape names '{unknown[0]}'. Inputs of '{model.name}' are {sorted(tensors)}.")
    shapes = {}
    for name, tensor in tensors.items():
        own = tuple(tensor.shape[1:])
        wanted = named.get(name, own) if given is None or isinstance(given, Mapping) else given
        is_for_it = isinstance(given, Mapping) or None in own or len(tensors) == 1
        shapes[name] = _filled(model, name, own, tuple(wanted) if is_for_it else own)
    return shapes


def _filled(model: Any, name: str, own: tuple[int | None, ...], given: tuple[Any, ...]) -> Shape:
    sizes = [size for size in given if isinstance(size, (int, np.integer)) and size > 0]
    if len(given) == len(own) and len(sizes) < len(own) and given == own:
        example = ", ".join(str(224 if size is None else size) for size in own)
        raise ConversionError(
            f"input '{name}' of model '{model.name}' has the open shape {own}, and a spiking network needs to know its "
            f"size. Give it: input_shape=({example}{',' * (len(own) == 1)}) (--input-shape "
            f"{example.replace(' ', '')}); commands that get --input take it from there."
        )
    fits = len(sizes) == len(given) == len(own) and all(
        size in (None, wanted) for size, wanted in zip(own, given, strict=True)
    )
    if not fits:
        raise ConversionError(f"input '{name}' of model '{model.name}' has the shape {own}. input_shape is {given}.")
    return tuple(int(size) for size in sizes)


def shapes_from(model: Any, samples: Any) -> Shapes | None:
    """The sizes of open axes that samples have; None where they do not say.

    Parameters
    ----------
    samples : array, or list or mapping of arrays
        With an axis of the samples, and of the steps where they vary in time.
    """
    open_ = {input_name(each): tuple(each.shape[1:]) for each in functional_of(model).inputs if None in each.shape[1:]}
    if not open_ or samples is None:
        return None
    names = [input_name(each) for each in functional_of(model).inputs]
    if not isinstance(samples, Mapping):
        samples = dict(zip(names, samples if len(names) > 1 else [samples], strict=False))
    elif len(names) == 1 and names[0] not in samples and len(samples):
        samples = {names[0]: samples.get("x", next(iter(samples.values())))}
    found = {name: np.shape(samples[name])[-len(own) :] for name, own in open_.items() if name in samples}
    return {name: shape for name, shape in found.items() if len(shape) == len(open_[name])} or None


def random_inputs(
    model: Any, n: int, seed: int = 0, shapes: Mapping[str, Shape] | None = None
) -> dict[str, np.ndarray]:
    """Random samples for each input by name: numbers in 0…1, or integers where the input takes those.

    Integers are 0…255, or fewer where a layer looks them up in a table, which it may do with numbers of any type.
    """
    tensors = {input_name(tensor): tensor for tensor in functional_of(model).inputs}
    tables = [layer.input_dim for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    fewest = min([N_INTEGERS, *tables])
    below = {name: fewest for name, tensor in tensors.items() if keras.backend.is_int_dtype(tensor.dtype)}

    def call(operation: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int) -> list[Any]:
        found = frozenset().union(*(each for each in tree.flatten((args, kwargs)) if isinstance(each, frozenset)))
        if isinstance(operation, keras.layers.Embedding):
            below.update({name: min(below.get(name, operation.input_dim), operation.input_dim) for name in found})
        return [found] * len(tree.flatten(operation.output))

    if tables:
        walk(model, [frozenset([name]) for name in tensors], call)
    return random_samples(input_shapes(model) if shapes is None else shapes, n, seed, "float32", below)


def keras_values(model: Any, inputs: list[Any]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Compute with Keras: the first output of every layer call, by the name that `trace` gives to it, and the outputs.

    A model that was made for one number of samples gets so many at a time.

    Parameters
    ----------
    inputs : list of (n, *input) arrays
        One per input of the model.
    """
    size = _batch_size(model)
    n = len(inputs[0])
    if size is None or size == n:
        return _values(model, inputs)
    padded = [np.resize(np.asarray(x), (math.ceil(n / size) * size, *np.shape(x)[1:])) for x in inputs]  # repeats
    parts = [_values(model, [x[start : start + size] for x in padded]) for start in range(0, n, size)]
    values = {name: np.concatenate([part[name] for part, _ in parts])[:n] for name in parts[0][0]}
    return values, [np.concatenate(outputs)[:n] for outputs in zip(*(outputs for _, outputs in parts), strict=True)]


def _values(model: Any, inputs: list[Any]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    values: dict[str, Any] = {}

    def compute(operation: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int) -> Any:
        if isinstance(operation, keras.layers.Layer) and operation._call_has_training_arg:
            kwargs = {**kwargs, "training": False}
        try:
            return _computed(operation, args, kwargs, lead)
        except Exception as error:
            if type(error).__name__ != "UnimplementedError":  # of TensorFlow, which is not imported here
                raise
            raise ConversionError(
                f"layer '{name}': TensorFlow cannot compute it on this processor, so that nothing can be compared with "
                f"Keras. Convolutions with channels_first need oneDNN there: set the environment variable "
                f"TF_ENABLE_ONEDNN_OPTS=1 before Python starts."
            ) from error

    def call(operation: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int) -> Any:
        values[name] = compute(operation, name, args, kwargs, lead)
        return values[name]

    with keras.device("cpu:0"):  # a GPU may round products to ten bits
        dtypes = [tensor.dtype for tensor in functional_of(model).inputs]
        tensors = [keras.ops.convert_to_tensor(x, dtype) for x, dtype in zip(inputs, dtypes, strict=True)]
        outputs = walk(model, tensors, call, whole=compute)
    first = {name: tree.flatten(value)[0] for name, value in values.items()}
    return {name: to_numpy(value) for name, value in first.items()}, [to_numpy(value) for value in outputs]


def _computed(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int) -> Any:
    """The value of a layer or an operation, where the first `lead` axes behind the samples' are of time."""
    if not lead:
        return operation(*args, **kwargs)
    (n, *_), *_ = shapes = [tuple(each.shape) for each in tree.flatten((args, kwargs)) if hasattr(each, "shape")]
    times = shapes[0][1 : lead + 1]
    flat = operation(*_reshaped(args, (-1,), lead + 1), **_reshaped(kwargs, (-1,), lead + 1))
    return _reshaped(flat, (n, *times), 1)


def _reshaped(values: Any, start: tuple[int, ...], n_axes: int) -> Any:
    """Tensors with their first `n_axes` axes in another shape."""
    return tree.map_structure(
        lambda x: keras.ops.reshape(x, (*start, *x.shape[n_axes:])) if hasattr(x, "shape") else x, values
    )


def _batch_size(model: Any) -> int | None:
    """Number of samples that a model was made for; None where it takes any."""
    functional = functional_of(model)
    nodes = (node for nodes in functional._nodes_by_depth.values() for node in nodes)
    tensors = (tensor for node in nodes for tensor in node.outputs)
    return next((tensor.shape[0] for tensor in tensors if tensor.shape and tensor.shape[0] is not None), None)
