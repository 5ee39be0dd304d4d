"""Layers that are functions known by name: operations that tf.keras wrote into a model, and arithmetic written as text.

Both are made of keras.ops, so that they are converted as if the code of the model had called those.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ...errors import ModelFileError
from ..trace.handlers.wrappers import function
from ..trace.registry import expands

MAX_EXPRESSION = 2000  # characters


def _same(x: Any, *_: Any, **__: Any) -> Any:
    return ops.multiply(x, 1.0)  # a layer has to do something to have an output of its own


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: float = 0) -> Any:
    return ops.pad(tensor, paddings, mode.lower(), **({"constant_values": constant_values} if constant_values else {}))


def _slice(tensor: Any, slice_spec: Any) -> Any:
    def key(item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        return ... if "start" not in item else slice(item["start"], item["stop"], item["step"])

    return tensor[tuple(key(item) for item in slice_spec)]


# TensorFlow's names and arguments, in the words of keras.ops
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: ops.add(x, y),
    "add_n": lambda inputs: sum(inputs[1:], start=inputs[0]),
    "subtract": lambda x, y: ops.subtract(x, y),
    "multiply": lambda x, y: ops.multiply(x, y),
    "truediv": lambda x, y: ops.true_divide(x, y),
    "divide": lambda x, y: ops.true_divide(x, y),
    "negative": lambda x: ops.negative(x),
    "bias_add": lambda value, bias, data_format=None: ops.add(value, bias),
    "abs": lambda x: ops.abs(x),
    "square": lambda x: ops.square(x),
    "maximum": lambda x, y: ops.maximum(x, y),
    "minimum": lambda x, y: ops.minimum(x, y),
    "relu": lambda features: ops.relu(features),
    "relu6": lambda features: ops.relu6(features),
    "leaky_relu": lambda features, alpha=0.2: ops.leaky_relu(features, alpha),
    "elu": lambda features: ops.elu(features),
    "selu": lambda features: ops.selu(features),
    "gelu": lambda features, approximate=False: ops.gelu(features, approximate),
    "silu": lambda features, beta=1.0: ops.silu(features),
    "swish": lambda features, beta=1.0: ops.silu(features),
    "sigmoid": lambda x: ops.sigmoid(x),
    "tanh": lambda x: ops.tanh(x),
    "softplus": lambda features: ops.softplus(features),
    "softsign": lambda features: ops.softsign(features),
    "softmax": lambda logits, axis=-1: ops.softmax(logits, -1 if axis is None else axis),
    "clip_by_value": lambda t, clip_value_min, clip_value_max: ops.clip(t, clip_value_min, clip_value_max),
    "concat": lambda values, axis: ops.concatenate(values, axis),
    "stack": lambda values, axis=0: ops.stack(values, axis),
    "reshape": lambda tensor, shape: ops.reshape(tensor, shape),
    "transpose": lambda a, perm=None, conjugate=False: ops.transpose(a, perm),
    "expand_dims": lambda input, axis: ops.expand_dims(input, axis),
    "squeeze": lambda input, axis=None, squeeze_dims=None: ops.squeeze(input, axis),
    "reduce_mean": lambda input_tensor, axis=None, keepdims=False: ops.mean(input_tensor, axis, bool(keepdims)),
    "reduce_sum": lambda input_tensor, axis=None, keepdims=False: ops.sum(input_tensor, axis, bool(keepdims)),
    "pad": _pad,
    "getitem": _slice,
    "cast": _same,
    "identity": _same,
    "stop_gradient": _same,
}


@keras.saving.register_keras_serializable(package="snnconv")
class TensorFlowOperation(keras.layers.Layer):
    """A function of TensorFlow that tf.keras recorded as a layer, computed by keras.ops.

    Parameters
    ----------
    function : str
        Its name, such as "add"; a key of `FUNCTIONS`.
    first, others : as in the call that was recorded
        The first argument, and the others by name. ``{"tensor": i}`` stands for the i-th input of the layer.
    """

    def __init__(self, function: str, first: Any, others: dict[str, Any], **options: Any):
        super().__init__(**options)
        if function not in FUNCTIONS:
            raise ModelFileError(f"layer '{self.name}' calls an unknown function.")
        self.function, self.first, self.others = function, first, dict(others)

    def call(self, inputs: Any) -> Any:
        tensors = inputs if isinstance(inputs, (list, tuple)) else [inputs]

        def filled(value: Any) -> Any:
            if isinstance(value, dict) and set(value) == {"tensor"}:
                return tensors[value["tensor"]]
            return [filled(item) for item in value] if isinstance(value, (list, tuple)) else value

        others = {key: filled(value) for key, value in self.others.items()}
        return FUNCTIONS[self.function](filled(self.first), **others)


def operation_entry(entry: dict[str, Any]) -> dict[str, Any]:
    """A TFOpLambda or SlicingOpLambda of a config as a `TensorFlowOperation`, connected as other layers are.

    Raises
    ------
    ModelFileError
        If the function has no counterpart here.
    """
    config, nodes = entry["config"], entry.get("inbound_nodes") or []
    where = f"layer '{config.get('name')}' ({entry['class_name']})"
    called = str(config.get("function"))
    name = called.rsplit(".", 1)[-1]
    if name not in FUNCTIONS or len(nodes) != 1:
        raise ModelFileError(
            f"{where} calls tf.{called}, which tf.keras recorded for a function of TensorFlow on tensors. Read are "
            f"{', '.join(FUNCTIONS)}. Use a layer for it in the code of the model, load the trained weights, and save "
            f"the model again."
        )
    (node,) = nodes
    tensors: list[list[Any]] = []

    def place(value: Any) -> Any:
        if _is_reference(value):
            if value[0] == "_CONSTANT_VALUE":
                return value[2]
            tensors.append([*value[:3], {}])
            return {"tensor": len(tensors) - 1}
        return [place(item) for item in value] if isinstance(value, (list, tuple)) else value

    is_one = bool(node) and isinstance(node[0], str)
    first = place(node) if is_one else [place(item) for item in node]
    items = [node] if is_one else node
    given = next((item[3] for item in items if len(item) > 3 and isinstance(item[3], dict)), {})
    others = {key: place(value) for key, value in given.items() if key != "name"}
    made = {"function": name, "first": first, "others": others, "name": config.get("name")}
    own = {"class_name": "TensorFlowOperation", "registered_name": "snnconv>TensorFlowOperation"}
    return {**entry, **own, "config": made, "inbound_nodes": [tensors]}


def _is_reference(value: Any) -> bool:
    """Whether a value of a config names the output of a layer, or wraps a constant as one."""
    return (
        isinstance(value, (list, tuple))
        and len(value) >= 3
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and (isinstance(value[2], int) or value[0] == "_CONSTANT_VALUE")
    )


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


for _layer in (TensorFlowOperation, Arithmetic):
    expands(_layer)(function)
