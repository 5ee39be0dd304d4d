"""Operations of TensorFlow as tf.keras recorded them before 2.4, as nodes of its graph; and names with slashes."""

import copy

import keras
import numpy as np
import pytest
from google.protobuf import json_format
from keras import layers as kl
from tensorflow.core.framework import node_def_pb2

import snnconv
from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.keras_file_writer import write_h5

DENSE = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")


def node(name, op, *inputs, constants=(), **attributes):
    """A layer as tf.keras 2.0 to 2.3 wrote it; its own name lacks the prefix of the layer's."""
    definition = {"name": name, "op": op, "input": [*inputs], "attr": {"T": {"type": "DT_FLOAT"}, **attributes}}
    config = {"name": name, "trainable": True, "dtype": None, "node_def": definition, "constants": dict(constants)}
    entry = {"class_name": "TensorFlowOpLayer", "config": config, "name": f"tf_op_layer_{name}"}
    return {**entry, "inbound_nodes": [[[each, 0, 0, {}] for each in inputs]]}


def op(name):
    return f"tf_op_layer_{name}"


def layers():
    given = {"batch_input_shape": [None, 6, 4], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    dense = {"name": "block/dense", "units": 4, "activation": "linear", "use_bias": False}
    masks = {f"{key}_mask": {"i": "0"} for key in ("ellipsis", "new_axis", "shrink_axis")}
    cut = {"begin_mask": {"i": "5"}, "end_mask": {"i": "7"}, **masks}
    row = {"begin_mask": {"i": "1"}, "end_mask": {"i": "1"}, **masks, "shrink_axis_mask": {"i": "2"}}
    return [
        {"class_name": "InputLayer", "config": given, "name": "x", "inbound_nodes": []},
        {"class_name": "Dense", "config": dense, "name": "block/dense", "inbound_nodes": [[["x", 0, 0, {}]]]},
        node("mul", "Mul", "block/dense", constants={"1": 2.0}),
        node("add", "AddV2", op("mul"), constants={"1": [1.0, 2.0, 3.0, 4.0]}),
        node("Relu", "Relu", op("add")),
        node("a/concat", "ConcatV2", op("Relu"), "block/dense", constants={"2": -1}, N={"i": "2"}),
        node("cut", "StridedSlice", op("a/concat"),
             constants={"1": [0, 1, 0], "2": [0, 0, 0], "3": [1, 1, 2]}, **cut),
        node("Mean", "Mean", op("cut"), constants={"1": [1]}, keep_dims={"b": False}),
        node("Leaky", "LeakyRelu", op("Mean"), alpha={"f": 0.1}),
        node("Expand", "ExpandDims", op("Leaky"), constants={"1": 1}),
        node("Squeeze", "Squeeze", op("Expand"), squeeze_dims={"list": {"i": ["1"]}}),
        node("Reshape", "Reshape", op("Squeeze"), constants={"1": [-1, 2, 2]}),
        node("turn", "Transpose", op("Reshape"), constants={"1": [0, 2, 1]}),
        node("row", "StridedSlice", op("turn"), constants={"1": [0, 1], "2": [0, 2], "3": [1, 1]}, **row),
        node("Bias", "BiasAdd", op("row"), constants={"1": [1.0, -2.0]}, data_format={"s": "TkhXQw=="}),
        node("sub", "Sub", op("Bias"), constants={"0": 1.0}),
        node("div", "RealDiv", op("sub"), constants={"1": 3.0}),
    ]  # fmt: skip


def write(path, entries, end="div"):
    config = {"name": "old", "layers": entries, "input_layers": [["x", 0, 0]], "output_layers": [[op(end), 0, 0]]}
    weights = {"block/dense": [("block/dense/kernel:0", DENSE)]} if len(entries) > 2 else {"x": []}
    return write_h5(path, {"class_name": "Model", "config": config}, weights, version="2.2.4-tf")


def expected(x):
    y = x @ DENSE
    y = np.concatenate([np.maximum(y * 2 + [1, 2, 3, 4], 0), y], -1)[:, 1:, ::2].mean(1)
    y = np.where(y > 0, y, 0.1 * y).reshape(-1, 2, 2).transpose(0, 2, 1)[:, 1] + [1.0, -2.0]
    return (1 - y) / 3


X = np.random.default_rng(1).normal(size=(5, 6, 4)).astype("float32")


def packed(entries):
    """The same with nodes as a packed text."""
    entries = copy.deepcopy(entries)
    for entry in entries[2:]:
        made = json_format.ParseDict(entry["config"]["node_def"], node_def_pb2.NodeDef())
        entry["config"]["node_def"] = made.SerializeToString().decode()
    return entries


def test_nodes_of_tensorflow_are_read_and_converted(tmp_path):
    path = write(tmp_path / "old.h5", layers())
    np.testing.assert_allclose(np.asarray(load_model(path)(X)), expected(X), rtol=1e-5, atol=1e-6)
    graph = snnconv.convert(path)
    np.testing.assert_allclose(graph.rate_output(X), expected(X), rtol=1e-5, atol=1e-6)
    assert list(graph.populations) == ["tf_op_layer_Relu.relu", "tf_op_layer_Leaky.leaky_relu"]


def test_packed_nodes_are_read(tmp_path):
    entries = [*layers()[:2], *packed([*layers()[:2], *layers()[2:5]])[2:]]  # alpha and the like are no UTF-8
    model = load_model(write(tmp_path / "old.h5", entries, "Relu"))
    np.testing.assert_allclose(np.asarray(model(X)), np.maximum(X @ DENSE * 2 + [1, 2, 3, 4], 0), rtol=1e-5)


def test_channels_first_biases(tmp_path):
    entries = [layers()[0], node("Bias", "BiasAdd", "x", constants={"1": [*range(6)]}, data_format={"s": "TkNX"})]
    model = load_model(write(tmp_path / "old.h5", entries, "Bias"))
    np.testing.assert_allclose(np.asarray(model(X)), X + np.arange(6)[:, None])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"node_def": {"op": "Cumsum"}}, r"'bad' \(TensorFlowOpLayer\) calls tf\.Cumsum, .*Read are add"),
        ({"node_def": {"op": "MatMul"}}, r"calls tf\.MatMul"),
        ({"node_def": "\x00\x01"}, "it is damaged: the operation of layer 'bad' cannot be read"),
        ({"node_def": 3}, "it is damaged: layer 'bad' has no operation"),
        ({"node_def": {"op": "AddV2"}, "constants": {"one": 1.0}}, "it is damaged: layer 'bad'"),
        ({"node_def": {"op": "AddV2"}, "constants": {}}, r"calls tf\.AddV2"),
        ({"node_def": {"op": "AddV2"}, "constants": [1.0]}, r"calls tf\.AddV2"),
        ({"node_def": {"op": "LeakyRelu", "attr": {"alpha": {"f": "a"}}}, "constants": {}}, "it is damaged"),
        ({"node_def": {"op": "StridedSlice"}, "constants": {"1": 0, "2": 1, "3": 1}}, r"calls tf\.StridedSlice"),
    ],
)
def test_other_nodes_are_refused(tmp_path, changes, message):
    entry = node("bad", "Relu", "x")
    entry["config"].update(changes)
    with pytest.raises(ModelFileError, match=message):
        load_model(write(tmp_path / "old.h5", [layers()[0], entry], "bad"))


def test_arithmetic_takes_the_place_of_a_layer_with_a_slash(tmp_path):
    code = {"name": "tf_op_layer_a/b", "function": ["4wEA", None, None], "function_type": "lambda"}
    entry = {"class_name": "Lambda", "config": code, "name": code["name"], "inbound_nodes": [[["x", 0, 0, {}]]]}
    path = write(tmp_path / "old.h5", [layers()[0], entry], "a/b")
    graph = snnconv.convert(path, replace={"tf_op_layer_a/b": "x / 2"})
    np.testing.assert_allclose(graph.rate_output(X), X / 2, rtol=1e-6)


def test_a_sequential_with_slashes(tmp_path):
    model = keras.Sequential([keras.Input((4,)), kl.Dense(3, name="a.b"), kl.Dense(2, name="c")])
    config = model.get_config()
    for layer in config["layers"]:
        layer["config"]["name"] = layer["config"]["name"].replace("a.b", "a/b")
    weights = {
        name: [
            (f"{name}/{kind}:0", np.asarray(each)) for kind, each in zip(("kernel", "bias"), layer.weights, strict=True)
        ]
        for name, layer in zip(("a/b", "c"), model.layers, strict=True)
    }
    path = write_h5(tmp_path / "old.h5", {"class_name": "Sequential", "config": config}, weights, version="2.2.4")
    np.testing.assert_allclose(np.asarray(load_model(path)(X[:, 0])), np.asarray(model(X[:, 0])), rtol=1e-6)
