"""Operations of TensorFlow that tf.keras wrote into a model as layers, by its version.

- Keras 2.4 on: a TFOpLambda or a SlicingOpLambda with the name of the function and the arguments of its call
- before: a TensorFlowOpLayer with a node of TensorFlow's graph, and its constants by their place among the inputs

They are made of keras.ops, so that they are converted as if the code of the model had called those.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from ...errors import ModelFileError
from ..trace.handlers.wrappers import function
from ..trace.registry import expands


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


def _operand(value: Any) -> Any:
    """A signal, a number, or the array that a list of numbers stands for."""
    return np.asarray(value, "float32") if isinstance(value, list) else value


def _bias_add(value: Any, bias: Any, data_format: str | None = None) -> Any:
    bias = _operand(bias)
    if data_format and data_format.startswith("NC"):
        bias = ops.reshape(bias, (-1, *(1,) * (len(value.shape) - 2)))
    return ops.add(value, bias)


NODE_LAYER = "TensorFlowOpLayer"
RECORDED = ("TFOpLambda", "SlicingOpLambda", NODE_LAYER)  # of one call each

# TensorFlow's names and arguments, in the words of keras.ops
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: ops.add(_operand(x), _operand(y)),
    "add_n": lambda inputs: sum(inputs[1:], start=inputs[0]),
    "subtract": lambda x, y: ops.subtract(_operand(x), _operand(y)),
    "multiply": lambda x, y: ops.multiply(_operand(x), _operand(y)),
    "truediv": lambda x, y: ops.true_divide(_operand(x), _operand(y)),
    "divide": lambda x, y: ops.true_divide(_operand(x), _operand(y)),
    "negative": lambda x: ops.negative(x),
    "bias_add": _bias_add,
    "abs": lambda x: ops.abs(x),
    "square": lambda x: ops.square(x),
    "maximum": lambda x, y: ops.maximum(_operand(x), _operand(y)),
    "minimum": lambda x, y: ops.minimum(_operand(x), _operand(y)),
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
    """The entry of a recorded operation as that of a `TensorFlowOperation`, connected as other layers are.

    Raises
    ------
    ModelFileError
        If the operation has no counterpart here.
    """
    where = f"layer '{entry['config'].get('name')}' ({entry['class_name']})"
    read = _from_node if entry["class_name"] == NODE_LAYER else _from_call
    try:
        called, made, tensors = read(entry["config"], entry.get("inbound_nodes") or [])
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ModelFileError(f"it is damaged: {where} is no operation of TensorFlow.") from error
    if made is None:
        raise ModelFileError(
            f"{where} calls tf.{called}, which tf.keras recorded "
            f"for a function of TensorFlow on tensors. Read are {', '.join(FUNCTIONS)}. Use a layer for it in the code "
            f"of the model, load the trained weights, and save the model again."
        )
    own = {"class_name": "TensorFlowOperation", "registered_name": "snnconv>TensorFlowOperation"}
    return {**entry, **own, "config": {**made, "name": entry.get("name")}, "inbound_nodes": [tensors]}


Recorded = tuple[str, dict[str, Any] | None, list[list[Any]]]
"""What was called; arguments of a `TensorFlowOperation`, or None where there is none; and its inputs."""


def _from_call(config: dict[str, Any], nodes: list[Any]) -> Recorded:
    """A TFOpLambda or a SlicingOpLambda."""
    called = str(config.get("function"))
    name = called.rsplit(".", 1)[-1]
    if name not in FUNCTIONS or len(nodes) != 1:
        return called, None, []
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
    return called, {"function": name, "first": first, "others": others}, tensors


def _is_reference(value: Any) -> bool:
    """Whether a value of a config names the output of a layer, or wraps a constant as one."""
    return (
        isinstance(value, (list, tuple))
        and len(value) >= 3
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and (isinstance(value[2], int) or value[0] == "_CONSTANT_VALUE")
    )


# Operations of TensorFlow's graph: the function here, the names of its inputs behind the first, and those of its
# arguments by the attributes that hold them.
NODES: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    **dict.fromkeys(("Add", "AddV2"), ("add", ("y",), {})),
    "Sub": ("subtract", ("y",), {}),
    "Mul": ("multiply", ("y",), {}),
    **dict.fromkeys(("RealDiv", "Div"), ("truediv", ("y",), {})),
    "BiasAdd": ("bias_add", ("bias",), {"data_format": "data_format"}),
    "Maximum": ("maximum", ("y",), {}),
    "Minimum": ("minimum", ("y",), {}),
    **{
        op: (op.lower(), (), {})
        for op in (
            *("Abs", "Square", "Relu", "Relu6", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Softmax"),
            *("Cast", "Identity"),
        )
    },
    "Neg": ("negative", (), {}),
    "StopGradient": ("stop_gradient", (), {}),
    "LeakyRelu": ("leaky_relu", (), {"alpha": "alpha"}),
    "ClipByValue": ("clip_by_value", ("clip_value_min", "clip_value_max"), {}),
    "AddN": ("add_n", (), {}),
    "ConcatV2": ("concat", ("axis",), {}),
    "Pack": ("stack", (), {"axis": "axis"}),
    "Reshape": ("reshape", ("shape",), {}),
    "Transpose": ("transpose", ("perm",), {}),
    "ExpandDims": ("expand_dims", ("axis",), {}),
    "Squeeze": ("squeeze", (), {"squeeze_dims": "axis"}),
    "Mean": ("reduce_mean", ("axis",), {"keep_dims": "keepdims"}),
    "Sum": ("reduce_sum", ("axis",), {"keep_dims": "keepdims"}),
    "Pad": ("pad", ("paddings",), {}),
    "PadV2": ("pad", ("paddings", "constant_values"), {}),
    "StridedSlice": ("getitem", ("begin", "end", "strides"), {}),
}
SEVERAL = ("add_n", "concat", "stack")  # functions of a list of tensors


def _from_node(config: dict[str, Any], nodes: list[Any]) -> Recorded:
    """A TensorFlowOpLayer."""
    node = _node_def(config.get("node_def"), str(config.get("name")))
    op, constants = str(node.get("op")), config.get("constants") or {}
    if op not in NODES or len(nodes) != 1 or not isinstance(constants, dict):
        return op, None, []
    name, names, attributes = NODES[op]
    tensors = [[*item[:3], {}] for item in nodes[0]]
    values: list[Any] = [{"tensor": number} for number in range(len(tensors))]
    for place, value in sorted((int(place), value) for place, value in constants.items()):
        values.insert(place, value)
    n_first = len(values) - len(names)
    if n_first < 1 or (n_first > 1 and name not in SEVERAL):
        return op, None, []
    others = dict(zip(names, values[n_first:], strict=True))
    given = node.get("attr") or {}
    others |= {key: _plain(given[attribute]) for attribute, key in attributes.items() if attribute in given}
    if name == "getitem":
        slices = _slices(others, {key: int(_plain(given.get(f"{key}_mask", {"i": 0}))) for key in MASKS})
        if slices is None:
            return op, None, []
        others = {"slice_spec": slices}
    return (
        op,
        {"function": name, "first": values[:n_first] if name in SEVERAL else values[0], "others": others},
        tensors,
    )


def _node_def(found: Any, name: str) -> Mapping[str, Any]:
    """A node of TensorFlow's graph as a dictionary; before TensorFlow 2.2 it is packed as a text.

    Raises
    ------
    ModelFileError
        If it is none.
    """
    if isinstance(found, str):
        from google.protobuf import json_format, message
        from tensorflow.core.framework import node_def_pb2

        try:
            found = json_format.MessageToDict(node_def_pb2.NodeDef.FromString(found.encode()))
        except message.DecodeError as error:
            raise ModelFileError(f"it is damaged: the operation of layer '{name}' cannot be read.") from error
    if not isinstance(found, dict):
        raise ModelFileError(f"it is damaged: layer '{name}' has no operation.")
    return found


def _plain(attribute: Mapping[str, Any]) -> Any:
    """The value of an attribute of a node of TensorFlow's graph."""
    ((kind, value),) = attribute.items()
    if kind == "list":
        ((kind, values),) = value.items() or (("i", []),)
        return [_plain({kind: each}) for each in values]
    if kind == "s":
        return base64.b64decode(value).decode()
    return {"i": int, "f": float, "b": bool}[kind](value)


MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")


def _slices(ends: Mapping[str, Any], masks: Mapping[str, int]) -> list[Any] | None:
    """The key of a StridedSlice as `_slice` takes it, or None where its ends are no numbers."""
    columns = [ends[key] for key in ("begin", "end", "strides")]
    if not all(isinstance(column, list) for column in columns):
        return None
    found: list[Any] = []
    for axis, (begin, end, stride) in enumerate(zip(*columns, strict=True)):
        has = {key: bool(mask >> axis & 1) for key, mask in masks.items()}
        if has["ellipsis"]:
            found.append({})
        elif has["new_axis"]:
            found.append(None)
        elif has["shrink_axis"]:
            found.append(int(begin))
        else:
            found.append(
                {
                    "start": None if has["begin"] else begin,
                    "stop": None if has["end"] else end,
                    "step": None if stride == 1 else stride,
                }
            )
    return found


expands(TensorFlowOperation)(function)
