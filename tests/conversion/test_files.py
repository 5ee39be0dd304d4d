"""Files of every Keras: what is computed after loading is what the file says, or the error says what stands in the way.

The files of Keras 1 and 2 are made here as those versions wrote them; what they must compute comes from NumPy, or from
a model of this Keras that is given the same weights.
"""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.keras_file_writer import (
    CLOSE,
    conv_config,
    dense,
    functional,
    input_layer,
    node,
    numbers,
    predict,
    same,
    saved_dense,
    with_weights,
    write_h5,
)


@pytest.mark.parametrize("texts", [bytes, str])
@pytest.mark.parametrize("shape", [[None, 4], [32, 4]], ids=["any batch", "batch of 32"])
def test_a_sequential_that_is_a_list(tmp_path, texts, shape):
    """Keras 2.0 to 2.2: the layers are the config, and the first one holds the input shape with the batch."""
    w, b, v, c = numbers(4, 5), numbers(5), numbers(5, 2), numbers(2)
    config = {
        "class_name": "Sequential",
        "config": [dense("dense_1", 5, "relu", batch_input_shape=shape, dtype="float32"), dense("dense_2", 2)],
    }
    weights = {"dense_1": saved_dense("dense_1_1", w, b), "dense_2": saved_dense("dense_2_1", v, c)}
    path = write_h5(tmp_path / "m.h5", config, weights, "2.1.6", texts=texts)
    x = numbers(6, 4)
    model = load_model(path)
    assert model.input_shape == (None, 4)
    np.testing.assert_allclose(predict(model, x), np.maximum(x @ w + b, 0) @ v + c, **CLOSE)
    np.testing.assert_allclose(snnconv.convert(path).rate_output(x), np.maximum(x @ w + b, 0) @ v + c, **CLOSE)


def test_a_sequential_of_tf_keras(tmp_path):
    """Groups of depthwise convolutions, lists of one axis, policies as objects, ragged inputs, alpha of a LeakyReLU."""
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    norm = {
        "name": "norm", "trainable": True, "dtype": policy, "axis": [3], "momentum": 0.99, "epsilon": 0.01,
        "center": True, "scale": True, "renorm": False, "fused": True, "virtual_batch_size": None,
        "gamma_initializer": {"class_name": "Ones", "config": {"dtype": "float32"}},
        "moving_mean_initializer": {"class_name": "Zeros", "config": {}},
    }  # fmt: skip
    layers = [
        input_layer("image", (9, 9, 2)),
        conv_config(
            "conv", filters=4, dtype={"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
        ),
        {"class_name": "BatchNormalization", "config": norm},
        {"class_name": "LeakyReLU", "config": {"name": "leaky", "trainable": True, "dtype": "float32", "alpha": 0.25}},
        conv_config(
            "deep", "DepthwiseConv2D", depth_multiplier=2, depthwise_initializer={"class_name": "Zeros", "config": {}}
        ),
        conv_config("apart", "SeparableConv2D", filters=3, depth_multiplier=1, kernel_initializer=None),
        {
            "class_name": "Flatten",
            "config": {"name": "flat", "trainable": True, "dtype": "float32", "data_format": "channels_last"},
        },
        dense("out", 2, {"class_name": "function", "config": "softmax", "module": "builtins"}, dtype="float32"),
    ]
    gamma, mean, variance = numbers(4) + 2, numbers(4), numbers(4) ** 2 + 1
    w = [
        *(numbers(3, 3, 2, 4), numbers(4), gamma, numbers(4), mean, variance, numbers(3, 3, 4, 2), numbers(8)),
        *(numbers(3, 3, 8, 1), numbers(1, 1, 8, 3), numbers(3), numbers(27, 2), numbers(2)),
    ]
    weights = {
        "conv": [("conv/kernel:0", w[0]), ("conv/bias:0", w[1])],
        "norm": [
            (f"norm/{k}:0", a) for k, a in zip(("gamma", "beta", "moving_mean", "moving_variance"), w[2:6], strict=True)
        ],
        "leaky": [],
        "deep": [("deep/depthwise_kernel:0", w[6]), ("deep/bias:0", w[7])],
        "apart": [("apart/depthwise_kernel:0", w[8]), ("apart/pointwise_kernel:0", w[9]), ("apart/bias:0", w[10])],
        "flat": [],
        "out": saved_dense("out", w[11], w[12]),
    }
    config = {"class_name": "Sequential", "config": {"name": "cnn", "layers": layers}}
    path = write_h5(tmp_path / "m.hdf5", config, weights, "2.11.0", texts=str, names_in_parts=True)
    reference = with_weights(
        [
            keras.Input((9, 9, 2)), kl.Conv2D(4, 3), kl.BatchNormalization(epsilon=0.01),
            kl.LeakyReLU(negative_slope=0.25), kl.DepthwiseConv2D(3, depth_multiplier=2), kl.SeparableConv2D(3, 3),
            kl.Flatten(), kl.Dense(2, activation="softmax"),
        ],
        *w,
    )  # fmt: skip
    model = same(path, reference, numbers(5, 9, 9, 2))
    assert [layer.name for layer in model.layers] == ["conv", "norm", "leaky", "deep", "apart", "flat", "out"]


def batch_normalization(name):
    return {
        "class_name": "BatchNormalization",
        "config": {"name": name, "trainable": True, "axis": -1, "epsilon": 0.001},
    }


@pytest.mark.parametrize("class_name", ["Model", "Functional"])
def test_a_functional_model_with_arguments(tmp_path, class_name):
    config = functional(
        "two",
        [
            node(input_layer("b", (4,))), node(input_layer("a", (4,))),
            node(dense("shared", 3), [["b", 0, 0, {}]], [["a", 0, 0, {}]]),
            node({"class_name": "Dropout", "config": {"name": "drop", "rate": 0.5, "noise_shape": None, "seed": None}},
                 [["shared", 1, 0, {"training": False}]]),
            node({"class_name": "Subtract", "config": {"name": "minus"}}, [["shared", 0, 0, {}], ["drop", 0, 0, {}]]),
            node({"class_name": "Concatenate", "config": {"name": "join", "axis": -1}},
                 [["minus", 0, 0, {}], ["shared", 1, 0, {}]]),
        ],
        [["b", 0, 0], ["a", 0, 0]], [["join", 0, 0], ["minus", 0, 0]], class_name,
    )  # fmt: skip
    w, b = numbers(4, 3), numbers(3)
    weights = {"b": [], "a": [], "shared": saved_dense("shared", w, b), "drop": [], "minus": [], "join": []}
    model = load_model(write_h5(tmp_path / "m.h5", config, weights))
    x, y = numbers(5, 4), numbers(5, 4)
    join, minus = predict(model, x, y)
    np.testing.assert_allclose(minus, (x - y) @ w, **CLOSE)
    np.testing.assert_allclose(join, np.concatenate([(x - y) @ w, y @ w + b], -1), **CLOSE)


# Orders in which weights of a nested model were written: trained ones first, or layer by layer where it is frozen.
ORDERS = {"trained first": [0, 1, 2, 3, 6, 7, 4, 5], "layer by layer": [0, 1, 2, 3, 4, 5, 6, 7]}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["Model", "Sequential", "list"])
def test_nested_models_that_are_called_twice(tmp_path, order, kind):
    """A nested model had a call of its own before the first by another model, so calls of it count from 1."""
    inside = [dense("d1", 6, "relu"), batch_normalization("n"), dense("d2", 6)]
    if kind == "Model":
        chain = ["start", "d1", "n", "d2"]
        nodes = [node(entry, [[before, 0, 0, {}]]) for entry, before in zip(inside, chain, strict=False)]
        inner = functional("inner", [node(input_layer("start", (6,))), *nodes], [["start", 0, 0]], [["d2", 0, 0]])
    else:
        inside[0]["config"]["batch_input_shape"] = [None, 6]
        inner = {
            "class_name": "Sequential",
            "config": inside if kind == "list" else {"name": "inner", "layers": inside},
        }
    inner |= {"name": "inner", "inbound_nodes": [[["x", 0, 0, {}]], [["between", 0, 0, {}]]]}
    config = functional(
        "outer",
        [
            node(input_layer("x", (6,))), inner, node(dense("between", 6), [["inner", 1, 0, {}]]),
            node({"class_name": "Add", "config": {"name": "sum"}}, [["inner", 2, 0, {}], ["x", 0, 0, {}]]),
        ],
        [["x", 0, 0]], [["sum", 0, 0], ["inner", 2, 0]],
    )  # fmt: skip
    names = ["d1/kernel", "d1/bias", "n/gamma", "n/beta", "n/moving_mean", "n/moving_variance", "d2/kernel", "d2/bias"]
    arrays = [numbers(6, 6), numbers(6), numbers(6), numbers(6), numbers(6), numbers(6) ** 2, numbers(6, 6), numbers(6)]
    between = [numbers(6, 6), numbers(6)]
    saved = [(f"{names[i]}:0", arrays[i]) for i in ORDERS[order]]
    weights = {"x": [], "inner": saved, "between": saved_dense("between", *between), "sum": []}
    path = write_h5(tmp_path / "m.h5", config, weights, "2.2.4")

    def inner_values(x):
        x = np.maximum(x @ arrays[0] + arrays[1], 0)
        x = (x - arrays[4]) / np.sqrt(arrays[5] + 0.001) * arrays[2] + arrays[3]
        return x @ arrays[6] + arrays[7]

    x = numbers(4, 6)
    twice = inner_values(inner_values(x) @ between[0] + between[1])
    total, last = predict(load_model(path), x)
    np.testing.assert_allclose(last, twice, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(total, twice + x, rtol=1e-4, atol=1e-5)


def test_a_sequential_that_starts_with_a_model(tmp_path):
    """Transfer learning: nothing but the model inside says what comes in, and its one output was in a list."""
    start = functional("base", [node(input_layer("i", (3,))), node(dense("d", 4), [["i", 0, 0, {}]])],
                       [["i", 0, 0]], [["d", 0, 0]], "Functional")  # fmt: skip
    config = {"class_name": "Sequential", "config": {"name": "whole", "layers": [start, dense("top", 2)]}}
    w, b, v, c = numbers(3, 4), numbers(4), numbers(4, 2), numbers(2)
    weights = {"base": saved_dense("d", w, b), "top": saved_dense("top", v, c)}
    x = numbers(5, 3)
    model = load_model(write_h5(tmp_path / "m.h5", config, weights, "2.9.0"))
    np.testing.assert_allclose(predict(model, x), (x @ w + b) @ v + c, **CLOSE)


def test_a_sequential_that_was_built_later(tmp_path):
    config = {
        "class_name": "Sequential",
        "config": {"name": "s", "layers": [dense("d", 2)], "build_input_shape": [None, 3]},
    }
    w, b, x = numbers(3, 2), numbers(2), numbers(4, 3)
    path = write_h5(tmp_path / "m.h5", config, {"d": saved_dense("d", w, b)}, "2.11.0")
    np.testing.assert_allclose(predict(load_model(path), x), x @ w + b, **CLOSE)
    config["config"].pop("build_input_shape")
    path = write_h5(tmp_path / "n.h5", config, {"d": saved_dense("d", w, b)}, "2.11.0")
    with pytest.raises(ModelFileError, match="model 's' was saved without the shape of its input"):
        load_model(path)
