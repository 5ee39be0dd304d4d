"""Files of Keras 1: other names, and kernels in other layouts, which depend on the backend it ran on."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.keras_file_writer import (
    CLOSE,
    functional,
    node,
    numbers,
    one_layer,
    predict,
    same,
    with_weights,
    write_h5,
)


def keras1_dense(name, n_in, n_out, **more):
    return {
        "class_name": "Dense",
        "config": {
            "name": name, "trainable": True, "output_dim": n_out, "init": "glorot_uniform", "activation": "linear",
            "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}, "b_regularizer": None,
            "activity_regularizer": None, "W_constraint": None, "b_constraint": None, "bias": True, "input_dim": n_in,
            **more,
        },
    }  # fmt: skip


def keras1_conv2d(name, n, ordering, **more):
    return {
        "class_name": "Convolution2D",
        "config": {
            "name": name, "trainable": True, "nb_filter": n, "nb_row": 3, "nb_col": 2, "init": "glorot_uniform",
            "activation": "relu", "border_mode": "valid", "subsample": [1, 1], "dim_ordering": ordering,
            "W_regularizer": None, "b_regularizer": None, "activity_regularizer": None, "W_constraint": None,
            "b_constraint": None, "bias": True, **more,
        },
    }  # fmt: skip


def keras1_model(ordering, shape, n_flat):
    pool = {"name": "pool", "trainable": True, "pool_size": [2, 2], "border_mode": "valid", "strides": [2, 2]}
    norm = {"name": "norm", "trainable": True, "epsilon": 0.01, "mode": 0, "axis": {"tf": -1, "th": 1}[ordering],
            "gamma_regularizer": None, "beta_regularizer": None, "momentum": 0.99}  # fmt: skip
    return {
        "class_name": "Sequential",
        "config": [
            keras1_conv2d("conv", 4, ordering, batch_input_shape=[None, *shape], input_dtype="float32"),
            {"class_name": "BatchNormalization", "config": norm},
            {"class_name": "AveragePooling2D", "config": {**pool, "dim_ordering": ordering}},
            {"class_name": "Dropout", "config": {"name": "drop", "trainable": True, "p": 0.5}},
            {"class_name": "Flatten", "config": {"name": "flat", "trainable": True}},
            keras1_dense("out", n_flat, 3),
        ],
    }


def keras1_values(x, kernel, bias, norm, w, b, turned, channels_first):
    """By hand: x (n, rows, cols, channels), kernel (rows, cols, channels, filters); Theano turns kernels around."""
    kernel = kernel[::-1, ::-1] if turned else kernel
    rows, cols = x.shape[1] - 2, x.shape[2] - 1
    y = sum(x[:, i : i + rows, j : j + cols] @ kernel[i, j] for i in range(3) for j in range(2)) + bias
    gamma, beta, mean, variance = norm
    y = (np.maximum(y, 0) - mean) / np.sqrt(variance + 0.01) * gamma + beta
    y = y[:, : rows // 2 * 2, : cols // 2 * 2].reshape(len(x), rows // 2, 2, cols // 2, 2, -1).mean((2, 4))
    y = np.moveaxis(y, -1, 1) if channels_first else y
    return y.reshape(len(x), -1) @ w + b


@pytest.mark.sampled(3)
@pytest.mark.parametrize("version", ["1.2.2", None])
@pytest.mark.parametrize(
    ("ordering", "ending", "backend"),
    [
        ("tf", ":0", None),
        ("th", ":0", None),
        ("tf", "", None),
        ("th", "", None),
        ("th", "", "theano"),
        ("tf", "param", "theano"),
    ],
)
def test_a_convolutional_network_of_keras_1(tmp_path, ordering, ending, backend, version):
    """Keras 1 does not say which backend it ran on, but names of TensorFlow's variables end in ':0'."""
    x = numbers(3, 8, 7, 2)
    kernel, bias, norm = numbers(3, 2, 2, 4), numbers(4), [numbers(4), numbers(4), numbers(4), numbers(4) ** 2 + 0.5]
    w, b = numbers(36, 3), numbers(3)
    first = ordering == "th"
    stored = kernel.transpose(3, 2, 0, 1) if first else kernel
    names = [
        ["conv_W", "conv_b"],
        ["norm_gamma", "norm_beta", "norm_running_mean", "norm_running_std"],
        ["out_W", "out_b"],
    ]
    if ending == "param":
        names = [[f"param_{n}" for n in range(len(group))] for group in names]
    else:
        names = [[f"{name}{ending}" for name in group] for group in names]
    arrays = [[stored, bias], norm, [w, b]]
    layers = [list(zip(*pair, strict=True)) for pair in zip(names, arrays, strict=True)]
    weights = {"conv": layers[0], "norm": layers[1], "pool": [], "drop": [], "flat": [], "out": layers[2]}
    config = keras1_model(ordering, (2, 8, 7) if first else (8, 7, 2), 36)
    path = write_h5(tmp_path / "m.h5", config, weights, version, backend)
    expected = keras1_values(x, kernel, bias, norm, w, b, ending != ":0", first)
    received = predict(load_model(path), np.moveaxis(x, -1, 1) if first else x)
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)
    if not first:
        np.testing.assert_allclose(snnconv.convert(path).rate_output(x), expected, rtol=1e-4, atol=1e-5)
    if ending == "param":
        write_h5(path, config, weights, version, None)
        with pytest.raises(ModelFileError, match="does not say whether Keras 1 ran on Theano or on TensorFlow"):
            load_model(path)


@pytest.mark.parametrize("is_old", [True, False])
def test_conv1d_of_keras_1(tmp_path, is_old):
    """(filters, channels, length, 1) up to 1.1, then (length, 1, channels, filters)."""
    kernel, bias = numbers(3, 2, 4), numbers(4)
    config = {
        "name": "c",
        "trainable": True,
        "nb_filter": 4,
        "filter_length": 3,
        "init": "uniform",
        "activation": "relu",
        "border_mode": "same",
        "subsample_length": 1,
        "bias": True,
        "input_dim": 2,
        "input_length": 6,
        "batch_input_shape": [None, 6, 2],
    }
    pool = {"name": "p", "stride": 2, "pool_length": 2, "border_mode": "valid"}
    layers = [{"class_name": "Convolution1D", "config": config}, {"class_name": "MaxPooling1D", "config": pool},
              {"class_name": "GaussianNoise", "config": {"name": "g", "sigma": 0.1}}]  # fmt: skip
    stored = kernel.transpose(2, 1, 0)[..., None] if is_old else kernel[:, None]
    weights = {"c": [("c_W:0", stored), ("c_b:0", bias)], "p": [], "g": []}
    path = write_h5(tmp_path / "m.h5", {"class_name": "Sequential", "config": layers}, weights, "1.0.8", None)
    reference = with_weights(
        [keras.Input((6, 2)), kl.Conv1D(4, 3, padding="same", activation="relu"), kl.MaxPooling1D(2)], kernel, bias
    )
    same(path, reference, numbers(3, 6, 2))


def merge(mode, **more):
    config = {
        "name": "m",
        "mode": mode,
        "mode_type": "raw",
        "concat_axis": -1,
        "dot_axes": -1,
        "output_shape": None,
        "output_shape_type": "raw",
        "arguments": {},
        "output_mask": None,
        "output_mask_type": "raw",
        **more,
    }
    return {"class_name": "Merge", "config": config}


@pytest.mark.parametrize(
    ("mode", "function"),
    [
        ("sum", lambda a, b: a + b),
        ("mul", lambda a, b: a * b),
        ("ave", lambda a, b: (a + b) / 2),
        ("max", np.maximum),
        ("concat", lambda a, b: np.concatenate([a, b], -1)),
    ],
)
def test_merge_layers_of_keras_1(tmp_path, mode, function):
    start = {
        "class_name": "InputLayer",
        "config": {"name": "i", "batch_input_shape": [None, 3], "input_dtype": "float32", "sparse": False},
    }
    layers = [
        node(start),
        node(keras1_dense("a", None, 2), [["i", 0, 0]]),
        node(keras1_dense("b", None, 2), [["i", 0, 0]]),
        node(merge(mode), [["a", 0, 0], ["b", 0, 0]]),
    ]
    v, w = numbers(3, 2), numbers(3, 2)
    weights = {
        "i": [],
        "a": [("a_W:0", v), ("a_b:0", np.zeros(2))],
        "b": [("b_W:0", w), ("b_b:0", np.ones(2))],
        "m": [],
    }
    path = write_h5(tmp_path / "m.h5", functional("f", layers, [["i", 0, 0]], [["m", 0, 0]]), weights, "1.2.0", None)
    x = numbers(4, 3)
    np.testing.assert_allclose(predict(load_model(path), x), function(x @ v, x @ w + 1), **CLOSE)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (merge("dot"), r"layer 'm' \(Merge\) is a Merge layer of Keras 1 with mode='dot'\. Build the model"),
        (merge("sum", layers=[]), r"mode='sum' at the start of a Sequential"),
        (
            {"class_name": "BatchNormalization", "config": {"name": "n", "mode": 2, "axis": -1}},
            r"'n' .*statistics of the batch",
        ),
        (
            {"class_name": "LSTM", "config": {"name": "l", "output_dim": 3, "inner_init": "orthogonal"}},
            r"'l' \(LSTM\) is a recurrent layer of Keras 1",
        ),
        (
            {"class_name": "MaxoutDense", "config": {"name": "x", "output_dim": 3}},
            r"'x' \(MaxoutDense\) is of a class that Keras .* does not have",
        ),
        (keras1_conv2d("c", 2, "th", border_mode="same"), r"'c' .*trained with Theano, whose padding 'same' differs"),
    ],
)
def test_what_keras_1_had_and_this_keras_has_not(tmp_path, entry, message):
    path = write_h5(tmp_path / "m.h5", one_layer(entry, (4, 4)), {"c": [("c_W", numbers(2))]}, "1.2.2", None)
    with pytest.raises(ModelFileError, match=message):
        load_model(path)
