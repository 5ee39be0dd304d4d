"""Which function converts which layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ConversionError

if TYPE_CHECKING:
    from .builder import Builder

Handler = Callable[..., str]
_HANDLERS: dict[type, Handler] = {}


def handles(*types: type) -> Callable[[Handler], Handler]:
    """Register a function as the converter of these layer types.

    The function is called as ``handler(layer, build, *inputs)``: `inputs` are names of nodes, `build` is a `Builder`
    whose methods add nodes and return their names, and the name returned is the layer's output. Types count exactly:
    a subclass needs a handler of its own.
    """

    def register(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(types, handler))
        return handler

    return register


def convert_layer(layer: Any, build: Builder, inputs: list[str]) -> str:
    """Call the handler of the layer's type.

    Raises
    ------
    ConversionError
        If there is none.
    """
    handler = _HANDLERS.get(type(layer))
    if handler is None:
        parent = next((t.__name__ for t in type(layer).__mro__[1:] if t in _HANDLERS), None)
        hint = f" It is a subclass of {parent}, but may compute something else." if parent else ""
        raise ConversionError(
            f"layer '{layer.name}' ({type(layer).__name__}) has no spiking equivalent.{hint} Replace it by layers that "
            f"have one, or register a converter with @snnconv.handles({type(layer).__name__})."
        )
    return handler(layer, build, *inputs)
