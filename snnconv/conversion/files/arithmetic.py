"""A layer that is arithmetic written as text, in the place of program code; it is read, never run as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ...errors import ModelFileError
from ..trace.handlers.wrappers import function
from ..trace.registry import expands

MAX_EXPRESSION = 2000  # characters

_BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: lambda x: x}


@keras.saving.register_keras_serializable(package="snnconv")
class Arithmetic(keras.layers.Layer):
    """A layer that is arithmetic with numbers, and slices of its input x, written as text; it is not run as code.

    Parameters
    ----------
    expression : str
        Such as ``"x / 127.5 - 1"`` or ``"x[..., ::-1]"``. Lists of numbers stand for arrays. Of a layer with several
        inputs these are ``x[0]``, ``x[1]``, ….

    Raises
    ------
    ModelFileError
        If it has anything else in it.
    """

    def __init__(self, expression: str, **options: Any):
        super().__init__(**options)
        self.expression = expression
        self._tree = parsed(expression)

    def call(self, inputs: Any) -> Any:
        return _value(self._tree, inputs)


def parsed(expression: str) -> ast.expr:
    """The syntax tree of an expression in x, checked to have nothing but arithmetic, numbers and slices.

    Raises
    ------
    ModelFileError
        If it has anything else in it.
    """
    try:
        if len(expression) > MAX_EXPRESSION:
            raise ValueError("it is too long")
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _not_arithmetic(expression) from error
    if not _is_arithmetic(tree) or not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
        raise _not_arithmetic(expression)
    return tree


def _not_arithmetic(expression: str) -> ModelFileError:
    return ModelFileError(
        f"replace: {expression[:100]!r} must be arithmetic (+, -, *, /) with numbers, and slices, of the input x, such "
        f"as 'x / 127.5 - 1' or 'x[:, 1:]'."
    )


def _is_arithmetic(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    if isinstance(node, ast.Name):
        return node.id == "x"
    if isinstance(node, ast.BinOp):
        return type(node.op) in _BINARY and _is_arithmetic(node.left) and _is_arithmetic(node.right)
    if isinstance(node, ast.UnaryOp):
        return type(node.op) in _UNARY and _is_arithmetic(node.operand)
    if isinstance(node, ast.List):
        return all(map(_is_arithmetic, node.elts)) and not any(isinstance(each, ast.Name) for each in ast.walk(node))
    return isinstance(node, ast.Subscript) and _is_arithmetic(node.value) and _is_key(node.slice)


def _is_key(node: Any) -> bool:
    if isinstance(node, ast.Tuple):
        return not any(isinstance(each, ast.Tuple) for each in node.elts) and all(map(_is_key, node.elts))
    if isinstance(node, ast.Slice):
        return all(map(_is_key, filter(None, (node.lower, node.upper, node.step))))
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    is_number = isinstance(inner, ast.Constant) and type(inner.value) is int
    return is_number or (isinstance(node, ast.Constant) and node.value is ...)


def _value(node: Any, x: Any) -> Any:
    """The value of a checked expression."""
    if isinstance(node, ast.Name):
        return x
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, x), _value(node.right, x))  # pyright: ignore
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_value(node.operand, x))  # pyright: ignore
    if isinstance(node, ast.List):
        return np.asarray([_value(item, x) for item in node.elts], "float32")
    if isinstance(node, ast.Subscript):
        return _value(node.value, x)[_key(node.slice)]
    return node.value


def _key(node: Any) -> Any:
    if isinstance(node, ast.Tuple):
        return tuple(map(_key, node.elts))
    if isinstance(node, ast.Slice):
        return slice(*(None if each is None else _key(each) for each in (node.lower, node.upper, node.step)))
    return -node.operand.value if isinstance(node, ast.UnaryOp) else node.value  # pyright: ignore


expands(Arithmetic)(function)
