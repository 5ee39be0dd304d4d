"""The registry of converters: one function per type of layer or operation, and reasons where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import ConversionError

Handler = Callable[..., Any]
_HANDLERS: dict[type, Handler] = {}
_NAMED: dict[str, Handler] = {}
_INSIDE_TIME: dict[type, Handler] = {}
_AS_CALLED: set[type] = set()
_REFUSED: dict[type, str] = {}
_EXPANDED: dict[type, Callable[..., Expansion | None]] = {}


@dataclass(frozen=True)
class Expansion:
    """A model that a layer stands for: its layers are converted in the place of it.

    Parameters
    ----------
    model : keras.Model
    lead : int
        How many axes come before those that the model knows of.
    is_function : bool
        Whether the layer computes by itself, and the model is what its function did to symbolic tensors.
    """

    model: Any
    lead: int = 0
    is_function: bool = False


_REFUSED_OPERATIONS: dict[str, str] = {}


def handles(*types: type, inside_time: bool = False, as_called: bool = False) -> Callable[[Handler], Handler]:
    """Register a function as the converter of these layer types.

    The function is called as ``handler(layer, build, *inputs)``: `inputs` are names of nodes, `build` is a `Builder`
    whose methods add nodes and return their names, and the name returned, that of the node added last, is the layer's
    output. Types count exactly: a subclass needs a handler of its own.

    Parameters
    ----------
    inside_time : bool
        Whether the layers also convert inside a TimeDistributed. The function is then called with the keyword
        `lead`: how many axes come before those that the layer knows of.
    as_called : bool
        Whether the function takes all arguments of the layer's call as they stand there, with names of nodes in the
        place of tensors; else it takes the names alone.
    """

    def register(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(types, handler))
        for each in types:
            _EXPANDED.pop(each, None)
        if inside_time:
            _INSIDE_TIME.update(dict.fromkeys(types, handler))
        if as_called:
            _AS_CALLED.update(types)
        return handler

    return register


def handles_named(*names: str) -> Callable[[Handler], Handler]:
    """Register a function as the converter of classes that are not imported, by module and name."""

    def register(handler: Handler) -> Handler:
        _NAMED.update(dict.fromkeys(names, handler))
        return handler

    return register


def full_name(kind: type) -> str:
    """A class by module and name, as in "keras_lmu.layers.LMU"."""
    return f"{kind.__module__}.{kind.__qualname__}"


def refuses(*types: type, because: str) -> None:
    """Say why these layer types have no converter, and what to use instead."""
    _REFUSED.update(dict.fromkeys(types, because))


def expands(*types: type) -> Callable[[Callable[..., Expansion | None]], Callable[..., Expansion | None]]:
    """Register a function as the one that finds the model that a layer of these types stands for.

    The function is called as ``expand(layer, args, kwargs)`` with the symbolic tensors of a call, and returns None for
    a layer that has a converter as it is.
    """

    def register(expand: Callable[..., Expansion | None]) -> Callable[..., Expansion | None]:
        _EXPANDED.update(dict.fromkeys(types, expand))
        return expand

    return register


def expansion(layer_type: type) -> Callable[..., Expansion | None] | None:
    """The function that finds the model in a layer of this type, unless a converter was registered later."""
    return _EXPANDED.get(layer_type)


def handled() -> tuple[type, ...]:
    """All types of layers and operations that convert."""
    return tuple(dict.fromkeys((*_HANDLERS, *_EXPANDED)))


def handler_of(layer_type: type) -> Handler | None:
    """The converter of a type, where it has one of its own."""
    return _HANDLERS.get(layer_type) or _NAMED.get(full_name(layer_type))


def works_inside_time(layer_type: type) -> bool:
    """Whether a layer type also converts inside a TimeDistributed."""
    return layer_type in _INSIDE_TIME


def refusals() -> dict[type, str]:
    """Reasons and advice by the layer types that have no converter."""
    return dict(_REFUSED)


def refuses_operations(*names: str, because: str) -> None:
    """Say why these functions of keras.ops have no converter; one that is registered all the same is used."""
    _REFUSED_OPERATIONS.update(dict.fromkeys(map(_plain, names), because))


def operation_refusal(name: str) -> str | None:
    """The reason why a function of keras.ops, or its operation, has no converter; None where none is said."""
    return _REFUSED_OPERATIONS.get(_plain(name))


def _plain(name: str) -> str:
    """The same for a function and for its operation: ``argmax`` for Argmax, ``cumsum``, …"""
    return name.replace("_", "").lower()


def is_handled(layer_type: type) -> bool:
    """Whether a layer type has a converter."""
    return handler_of(layer_type) is not None or layer_type in _EXPANDED


def is_refused(layer_type: type) -> bool:
    """Whether a layer type is known to have no spiking equivalent."""
    return layer_type in _REFUSED and layer_type not in _HANDLERS


def takes_call(layer_type: type) -> bool:
    """Whether the converter of a layer type takes the arguments of the layer's call as they stand there."""
    return layer_type in _AS_CALLED


def handler_inside_time(layer: Any) -> Handler:
    """The converter of a layer inside a TimeDistributed, by its type.

    Raises
    ------
    ConversionError
        If there is none.
    """
    if type(layer) in _INSIDE_TIME:
        return _INSIDE_TIME[type(layer)]
    raise ConversionError(
        f"layer '{layer.name}' ({type(layer).__name__}) does not convert inside a TimeDistributed. Build the model for "
        f"one time, and let the spiking network's own time stand for it."
    )


def layer_handler(layer: Any) -> Handler:
    """The converter of a layer, by its type.

    Raises
    ------
    ConversionError
        If there is none.
    """
    kind = type(layer)
    handler = handler_of(kind)
    if handler is not None:
        return handler
    name = f"layer '{layer.name}' ({kind.__name__}) has no spiking equivalent"
    register = f"or register a converter with @snnconv.handles({kind.__name__})."
    if kind in _REFUSED:
        raise ConversionError(f"{name}: {_REFUSED[kind]}, {register}")
    parent = next((t.__name__ for t in kind.__mro__[1:] if t in _HANDLERS), None)
    hint = f" It is a subclass of {parent}, but may compute something else." if parent else ""
    raise ConversionError(f"{name}.{hint} Replace it by layers that have one, {register}")


def operation_handler(operation: Any) -> Handler:
    """The converter of an operation of keras.ops, by its type.

    It is called as ``handler(operation, build, *args, **kwargs)``. Names of nodes stand for signals among the
    arguments; the others are constants.

    Raises
    ------
    ConversionError
        If there is none.
    """
    if type(operation) in _HANDLERS:
        return _HANDLERS[type(operation)]
    reason = operation_refusal(type(operation).__name__)
    if reason is not None:
        raise ConversionError(
            f"operation '{operation.name}' ({type(operation).__name__}), a function of keras.ops, has no spiking "
            f"equivalent: {reason}."
        )
    raise ConversionError(
        f"operation '{operation.name}' ({type(operation).__name__}) is a function of keras.ops without a spiking "
        f"equivalent. Those that convert are arithmetic, activations, clip, einsum, matmul, softmax, max, min, mean, "
        f"sum, reshape, transpose, concatenate, stack, squeeze, expand_dims, pad and slices; else use the layer that "
        f"does the same."
    )
