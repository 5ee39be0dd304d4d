"""The walk through a Keras model, with shared layers, nested models and functions, on any kind of value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import tree

from ...errors import ConversionError
from .registry import Expansion, expansion

Call = Callable[[Any, str, Any, dict[str, Any], int], Any]


def walk(
    model: Any,
    inputs: list[Any],
    call: Call,
    *,
    whole: Call | None = None,
    path: str = "",
    calls: dict[str, int] | None = None,
    lead: int = 0,
) -> list[Any]:
    """Go through a model's layer calls in order, into nested models, and return the values of its outputs.

    Parameters
    ----------
    call : function of layer, name, arguments, keyword arguments and lead
        Called with values in the place of symbolic tensors; it returns the value of the layer's output. The name is
        the layer's, behind the names of the models it is nested in; from the second call on with its number, as in
        ``encoder.dense@2``. `lead` is the number of axes that TimeDistributed layers around it put before its own.
    whole : likewise, or None
        Called for a layer that is a function (`Expansion.is_function`), after the operations in it; its value is taken
        for the layer's. None: that of the operations is.
    path : str
        Start of all names.
    calls : dict or None
        How many calls of each name there were, which is counted on.
    """
    calls = {} if calls is None else calls
    functional = functional_of(model)
    values = {id(tensor): value for tensor, value in zip(functional.inputs, inputs, strict=True)}
    depths = functional._nodes_by_depth
    for node in (node for depth in sorted(depths, reverse=True) for node in depths[depth]):
        if node.is_input or not node.operation:
            continue
        operation = node.operation
        args, kwargs = node.arguments.fill_in(values)
        name = _numbered(f"{path}{operation.name}", calls)
        inside = _inside(operation, node)
        if inside is None:
            outputs = tree.flatten(call(operation, name, args, kwargs, lead))
        else:
            given = _tensors(node, args, kwargs) if inside.is_function else _inputs_of(inside.model, args, kwargs)
            further = lead + inside.lead
            outputs = walk(
                inside.model, given, call, whole=whole, path=f"{name}.", calls=calls, lead=further
            )  # fmt: skip
            if inside.is_function and whole is not None:
                outputs = tree.flatten(whole(operation, name, args, kwargs, lead))
        values |= {id(tensor): value for tensor, value in zip(node.outputs, outputs, strict=True)}
    return [values[id(tensor)] for tensor in functional.outputs]


def functional_of(model: Any) -> Any:
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
    functional = type(keras.Model(_input := keras.Input(()), keras.layers.Identity()(_input)))
    if not isinstance(model, functional) or type(model).call is not functional.call:
        raise ConversionError(
            f"model '{getattr(model, 'name', model)}' ({type(model).__name__}) has a call of its own, which cannot be "
            f"looked into. Build it with keras.Sequential or keras.Model(inputs, outputs)."
        )
    return model


def input_name(tensor: Any) -> str:
    """Name of the input that a symbolic tensor is."""
    return tensor._keras_history.operation.name


def output_labels(model: Any) -> list[str]:
    """Names of the outputs; where a layer gives several of them, the later ones with a number."""
    numbers: dict[str, int] = {}
    return [_numbered(name, numbers) for name in functional_of(model).output_names]


def _inside(operation: Any, node: Any) -> Expansion | None:
    """The model that an operation is or stands for; None for an ordinary layer."""
    if isinstance(operation, keras.Model):
        return Expansion(operation)
    expand = expansion(type(operation))
    return None if expand is None else expand(operation, node.arguments.args, node.arguments.kwargs)


def _inputs_of(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments of a nested model, in the order of its inputs."""
    given = args[0] if args else kwargs["inputs"]
    if isinstance(given, dict):
        names = [input_name(tensor) for tensor in functional_of(model).inputs]
        if set(names) <= set(given):
            return [given[name] for name in names]
    return tree.flatten(given)


def _tensors(node: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments that are tensors of the model, in their order."""
    symbolic = tree.flatten((node.arguments.args, node.arguments.kwargs))
    given = tree.flatten((args, kwargs))
    return [value for place, value in zip(symbolic, given, strict=True) if isinstance(place, keras.KerasTensor)]


def _numbered(name: str, calls: dict[str, int]) -> str:
    calls[name] = calls.get(name, 0) + 1
    return name if calls[name] == 1 else f"{name}@{calls[name]}"
