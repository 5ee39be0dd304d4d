"""Files of every Keras: what is computed after loading is what the file says, or the error says what stands in the way.

The files of Keras 1 and 2 are made here as those versions wrote them; what they must compute comes from NumPy, or from
a model of this Keras that is given the same weights.
"""

import json
import sys
import types
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError, ModelFileError
from snnconv.keras_files import import_custom_objects, load_model

from .keras_file_writer import edit_config, write_h5, write_keras
from .networks import forum_model, random_cnn, randomise

RNG = np.random.default_rng(3)
CLOSE = {"rtol": 1e-5, "atol": 1e-6}  # Keras computes in float32


def numbers(*shape):
    return RNG.normal(0, 0.5, shape).astype("float32")


def predict(model, *xs):
    """Output of a model as an array, or a list of them."""
    values = model(list(xs) if len(xs) > 1 else xs[0], training=False)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, values)


def same(path, reference, *xs, **options):
    """The model in a file computes what the reference does."""
    loaded = load_model(path, **options)
    ours, theirs = (keras.tree.flatten(predict(model, *xs)) for model in (loaded, reference))
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, **CLOSE)
    return loaded


def with_weights(layers, *weights):
    """A Sequential of this Keras with these weights."""
    model = keras.Sequential(layers)
    model.set_weights(weights)
    return model


def dense(name, units, activation="linear", **more):
    return {
        "class_name": "Dense",
        "config": {
            "name": name, "trainable": True, "units": units, "activation": activation, "use_bias": True,
            "kernel_initializer": {
                "class_name": "VarianceScaling",
                "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "dtype": "float32"},
            },
            "bias_initializer": {"class_name": "Zeros", "config": {"dtype": "float32"}},
            "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
            "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
            **more,
        },
    }  # fmt: skip


def saved_dense(name, kernel, bias):
    return [(f"{name}/kernel:0", kernel), (f"{name}/bias:0", bias)]


def input_layer(name, shape):
    config = {"batch_input_shape": [None, *shape], "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    return {"class_name": "InputLayer", "config": config}


# Keras 2 and tf.keras


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


def conv_config(name, class_name="Conv2D", **more):
    config = {
        "name": name, "trainable": True, "dtype": "float32", "kernel_size": [3, 3], "strides": [1, 1],
        "padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1, "use_bias": True,
        "activation": "linear", "bias_initializer": {"class_name": "Zeros", "config": {}, "shared_object_id": 3},
        **more,
    }  # fmt: skip
    return {"class_name": class_name, "config": config}


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


def node(entry, *inbound):
    """An entry of a functional model, connected as Keras 2 wrote it."""
    return {**entry, "name": entry["config"]["name"], "inbound_nodes": list(inbound)}


def functional(name, layers, inputs, outputs, class_name="Model"):
    config = {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": class_name, "config": config}


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


def recurrent(class_name, name, **more):
    config = {
        "name": name, "trainable": True, "batch_input_shape": [None, 5, 3], "dtype": "float32", "time_major": False,
        "return_sequences": False, "return_state": False, "go_backwards": False, "stateful": False, "unroll": False,
        "units": 2, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "implementation": 2,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}},
        "dropout": 0.0, "recurrent_dropout": 0.0, **more,
    }  # fmt: skip
    return {
        "class_name": "Sequential",
        "config": {"name": "r", "layers": [{"class_name": class_name, "config": config}]},
    }


def test_recurrent_layers_load_and_conversion_names_them(tmp_path):
    w = numbers(3, 8), numbers(2, 8), numbers(8)
    names = "kernel", "recurrent_kernel", "bias"
    saved = {"lstm": [(f"lstm/lstm_cell/{n}:0", a) for n, a in zip(names, w, strict=True)]}
    path = write_h5(tmp_path / "m.h5", recurrent("LSTM", "lstm"), saved, "2.11.0")
    same(path, with_weights([keras.Input((5, 3)), kl.LSTM(2)], *w), numbers(4, 5, 3))
    with pytest.raises(ConversionError, match=r"layer 'lstm' \(LSTM\) has no spiking equivalent"):
        snnconv.convert(path)
    config = recurrent("LSTM", "lstm", time_major=True)
    with pytest.raises(
        ModelFileError, match=r"layer 'lstm' \(LSTM\) has time_major=True, which Keras .* does not have"
    ):
        load_model(write_h5(tmp_path / "m.h5", config, saved, "2.11.0"))


def test_a_gru_from_before_reset_after(tmp_path):
    w = numbers(3, 6), numbers(2, 6), numbers(6)
    names = "kernel", "recurrent_kernel", "bias"
    saved = {"gru": [(f"gru/{n}:0", a) for n, a in zip(names, w, strict=True)]}
    path = write_h5(tmp_path / "m.h5", recurrent("GRU", "gru"), saved, "2.1.2")
    same(path, with_weights([keras.Input((5, 3)), kl.GRU(2, reset_after=False)], *w), numbers(4, 5, 3))
    config = recurrent("GRU", "gru", recurrent_activation="hard_sigmoid")
    with pytest.raises(ModelFileError, match="'hard_sigmoid', which was another function in Keras 2"):
        load_model(write_h5(tmp_path / "m.h5", config, saved, "2.1.2"))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_content_counts_not_the_name(tmp_path, suffix):
    """tf.keras wrote HDF5 into files named .keras, and people rename files."""
    model = forum_model()
    other = {".keras": ".h5", ".h5": ".keras"}[suffix]
    model.save(tmp_path / f"a{other}")
    (tmp_path / f"a{other}").rename(tmp_path / f"b{suffix}")
    same(tmp_path / f"b{suffix}", model, numbers(3, 16))


# weights and JSON


def two_dense(tmp_path, version="2.2.4", names=("dense_1", "dense_2"), **options):
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        dense("dense_1", 5, "relu", batch_input_shape=[None, 4]), dense("dense_2", 2)]},
        "keras_version": version, "backend": "tensorflow"}  # fmt: skip
    w = numbers(4, 5), numbers(5), numbers(5, 2), numbers(2)
    weights = {names[0]: saved_dense(names[0], *w[:2]), names[1]: saved_dense(names[1], *w[2:])}
    (tmp_path / "model.json").write_text(json.dumps(config))
    path = write_h5(tmp_path / "weights.h5", config, weights, version, weights_only=True, **options)
    return path, with_weights([keras.Input((4,)), kl.Dense(5, activation="relu"), kl.Dense(2)], *w)


def test_weights_of_keras_2_and_json(tmp_path):
    path, reference = two_dense(tmp_path)
    same(path, reference, numbers(3, 4), config=tmp_path / "model.json")
    with pytest.raises(ModelFileError, match=r"weights\.h5': it holds weights, but no config.*config='model\.json'"):
        load_model(path)
    with pytest.raises(ModelFileError, match=r"it is the JSON of a model, without weights"):
        load_model(tmp_path / "model.json")
    with pytest.raises(ModelFileError, match=r"there is no file '.*other\.json'"):
        load_model(path, config=tmp_path / "other.json")
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"model\.json' as the JSON of a model: its config is damaged"):
        load_model(path, config=tmp_path / "model.json")


def test_names_may_be_numbered_otherwise_and_no_more(tmp_path):
    path, reference = two_dense(tmp_path, names=("dense_7", "dense_8"))
    same(path, reference, numbers(3, 4), config=tmp_path / "model.json")
    path, _ = two_dense(tmp_path, names=("first", "dense_2"))
    with pytest.raises(
        ModelFileError, match="Layers without weights in the file: 'dense_1'. Weights of other layers: 'first'"
    ):
        load_model(path, config=tmp_path / "model.json")


@pytest.mark.parametrize("make", [forum_model, random_cnn])
def test_weights_of_keras_3_and_json(tmp_path, make):
    model = make()
    model.save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "m.json").write_text(model.to_json())
    same(tmp_path / "m.weights.h5", model, numbers(3, *model.input_shape[1:]), config=tmp_path / "m.json")


# Keras 1


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


def one_layer(entry, shape):
    entry["config"].setdefault("batch_input_shape", [None, *shape])
    return {"class_name": "Sequential", "config": [entry]}


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


# what is refused


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"class_name": "TFOpLambda", "config": {"name": "tf.math.add", "function": "math.add"}},
            r"layer 'tf\.math\.add' \(TFOpLambda\) is an operation of TensorFlow.*Rescaling",
        ),
        (
            {"class_name": "SlicingOpLambda", "config": {"name": "s", "function": "x"}},
            r"'s' \(SlicingOpLambda\) is an operation",
        ),
        (
            {"class_name": "TensorFlowOpLayer", "config": {"name": "t", "node_def": "x"}},
            r"'t' \(TensorFlowOpLayer\) is an operation",
        ),
        (
            {"class_name": "Mine", "config": {"name": "m"}},
            r"layer 'm' \(Mine\) is of a class that Keras .*custom_objects=\{'Mine': …\} \(--custom-objects",
        ),
        (conv_config("c", filters=2, new_thing=5), r"layer 'c' \(Conv2D\) has new_thing=5, which Keras"),
        (
            dense("d", 2, "mine"),
            r"layer 'd' \(Dense\) has the activation 'mine', which Keras does not have.*custom_objects=\{'mine'",
        ),
        (
            dense(
                "d", 2, {"class_name": "function", "config": "eval", "module": "builtins", "registered_name": "eval"}
            ),
            r"activation 'eval'",
        ),
        (dense("d", 2, "get"), r"activation 'get'"),
        ({"class_name": "deserialize", "config": {"name": "d", "config": {}}}, r"is of a class that Keras"),
        (
            {
                "class_name": "Lambda",
                "config": {"name": "l", "function": ["4wEAAAA=", None, None], "function_type": "lambda"},
            },
            r"layer 'l' \(Lambda\) holds program code.*unsafe=True \(--unsafe\)",
        ),
        (
            {"class_name": "Lambda", "config": {"name": "l", "function": "system", "function_type": "function"}},
            r"'l' \(Lambda\) calls the function 'system'\. Pass it",
        ),
    ],
)
def test_what_is_refused_is_named(tmp_path, entry, message):
    path = write_h5(tmp_path / "m.h5", one_layer(entry, (4, 4)), {}, "2.11.0")
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


EVIL = {"module": "os", "class_name": "system", "config": "touch evil", "registered_name": "system"}
FUNCTION = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}


def first_dense(config):
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dense")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["config"]["layers"].append({**EVIL, "config": {"command": "touch evil"}}),
        lambda c: c["config"]["layers"].append(
            {"module": "evil_module", "class_name": "Evil", "config": {"name": "e"}, "registered_name": None}
        ),
        lambda c: c["config"]["layers"].append(
            {"module": "keras.utils", "class_name": "get_file", "config": {"name": "e", "origin": "x"}}
        ),
        lambda c: c["config"]["layers"].append(
            {"module": "keras.src.saving.saving_lib", "class_name": "load_model", "config": {"filepath": "x"}}
        ),
        lambda c: c["config"]["layers"].append({"module": "builtins", "class_name": "eval", "config": {"name": "e"}}),
        lambda c: first_dense(c)["config"].update(activation=FUNCTION),
        lambda c: first_dense(c)["config"].update(activation=EVIL),
        lambda c: first_dense(c)["config"].update(dtype=EVIL),
        lambda c: first_dense(c)["config"].update(units=EVIL),
        lambda c: first_dense(c)["config"].update(
            units={"class_name": "__lambda__", "config": {"code": "x", "defaults": None, "closure": None}}
        ),
        lambda c: first_dense(c)["config"].update(
            units={
                "class_name": "__typespec__",
                "module": "os",
                "spec_name": "system",
                "config": [],
                "registered_name": None,
            }
        ),
        lambda c: first_dense(c).update(registered_name="evil>Dense"),
        lambda c: first_dense(c).update(module=None),
        lambda c: c.update(EVIL),
    ],
)
def test_a_config_cannot_name_what_is_not_keras(tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil_module.py").write_text("open('evil', 'w')\nclass Evil: pass\n")
    forum_model().save(tmp_path / "m.keras")
    with pytest.raises(ModelFileError) as caught:
        load_model(edit_config(tmp_path / "m.keras", tmp_path / "evil.keras", lambda c: change(c) and None))
    assert "\n" not in str(caught.value)
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "evil").exists()


def test_what_only_training_needs_is_not_looked_at(tmp_path):
    """Initialisers, regularizers, constraints, losses and optimizers, in nested models too."""
    model = keras.Sequential([keras.Input((4,)), keras.Sequential([keras.Input((4,)), kl.Dense(3)], name="inner")])
    model.save(tmp_path / "m.keras")

    def change(config):
        inner = config["config"]["layers"][1]
        config["compile_config"] = inner["compile_config"] = {"loss": FUNCTION, "optimizer": EVIL}
        inner["config"]["layers"][1]["config"].update(
            kernel_initializer=EVIL, kernel_regularizer=EVIL, activity_regularizer=EVIL, bias_constraint=EVIL
        )

    same(edit_config(tmp_path / "m.keras", tmp_path / "n.keras", change), model, numbers(3, 4))


@keras.saving.register_keras_serializable("mine")
class Registered(kl.Layer):
    def call(self, x):
        return 2 * x


class Scaled(kl.Layer):
    def __init__(self, scale=3.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, shape):
        self.offset = self.add_weight(shape=(shape[-1],), name="offset")

    def call(self, x):
        return self.scale * x + self.offset

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def bend(x):
    return x * x


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_custom_objects(tmp_path, suffix):
    model = keras.Sequential([keras.Input((4,)), kl.Dense(3, activation=bend), Scaled(name="scaled"), Registered()])
    model.get_layer("scaled").offset.assign(numbers(3))
    model.save(tmp_path / f"m{suffix}")
    same(tmp_path / f"m{suffix}", model, numbers(3, 4), custom_objects={"Scaled": Scaled, "bend": bend})
    with pytest.raises(ModelFileError, match=r"activation 'bend'"):
        load_model(tmp_path / f"m{suffix}")
    with pytest.raises(ModelFileError, match=r"layer 'scaled' \(Scaled\) is of a class"):
        load_model(tmp_path / f"m{suffix}", custom_objects={"bend": bend})
    with pytest.raises(ModelFileError, match="custom_objects: 'Scaled' must be a class or a function. Received int"):
        load_model(tmp_path / f"m{suffix}", custom_objects={"Scaled": 3})
    with pytest.raises(ConversionError, match=r"layer 'dense.*' \(Dense\) has the activation 'bend'"):
        snnconv.convert(tmp_path / f"m{suffix}", custom_objects={"Scaled": Scaled, "bend": bend})


def test_custom_objects_of_a_module(monkeypatch):
    module = types.ModuleType("their_layers")
    exec("import os\nfrom math import pi\nclass Theirs: pass\ndef own(x): return x", module.__dict__)
    monkeypatch.setitem(sys.modules, "their_layers", module)
    assert set(import_custom_objects("their_layers")) == {"Theirs", "own"}
    with pytest.raises(ModelFileError, match="cannot import 'no.such.module' for custom objects: No module named 'no'"):
        import_custom_objects("no.such.module")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_lambda_layers_run_only_where_that_is_asked_for(tmp_path, suffix):
    model = keras.Sequential([keras.Input((4,)), kl.Lambda(lambda x: 3 * x, name="code"), kl.Dense(2)])
    model.save(tmp_path / f"m{suffix}")
    with pytest.raises(ModelFileError, match=r"layer 'code' \(Lambda\) holds program code"):
        snnconv.convert(tmp_path / f"m{suffix}")
    same(tmp_path / f"m{suffix}", model, numbers(3, 4), unsafe=True)
    with pytest.raises(ConversionError, match=r"layer 'code' \(Lambda\) has no spiking equivalent"):
        snnconv.convert(tmp_path / f"m{suffix}", unsafe=True)


# what this Keras writes


def own_loss(y, z):
    return keras.ops.mean(y - z)


def nested():
    """Nested models that are called twice, and layers that are shared in one model."""
    keras.utils.set_random_seed(2)
    inputs, inside = keras.Input((6,)), keras.Input((6,))
    shared = kl.Dense(6, name="shared")
    inner = keras.Sequential(
        [keras.Input((6,)), kl.Dense(6), kl.BatchNormalization(), snnconv.layers.IF()], name="inner"
    )
    deep = keras.Model(inside, snnconv.layers.LIF((100, 200), seed=1)(inner(kl.Dense(6)(inside))), name="deep")
    x = kl.Add()([deep(shared(inputs)), inputs])
    return randomise(keras.Model(inputs, [kl.Dense(2)(deep(shared(x))), x]))


def shared_across_models():
    keras.utils.set_random_seed(2)
    inputs = keras.Input((6,))
    shared = kl.Dense(6, name="shared")
    inner = keras.Sequential([keras.Input((6,)), shared, kl.BatchNormalization()], name="inner")
    return randomise(keras.Model(inputs, kl.Dense(2)(inner(shared(inputs)))))


def without_input():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([kl.Dense(5, activation="relu"), kl.Dense(2)])
    model.build((None, 6))
    return randomise(model)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", [forum_model, random_cnn, nested, without_input])
def test_round_trips(tmp_path, make, suffix):
    model = make()
    model.compile("adam", loss=own_loss, metrics=["mae"])
    model.save(tmp_path / f"m{suffix}")
    loaded = same(tmp_path / f"m{suffix}", model, numbers(4, *model.input_shape[1:]))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert not loaded.compiled


def test_a_layer_in_several_models(tmp_path):
    """Keras writes it into a .keras file, and cannot read it back."""
    model = shared_across_models()
    model.save(tmp_path / "m.h5")
    same(tmp_path / "m.h5", model, numbers(4, 6))
    model.save(tmp_path / "m.keras")
    with pytest.raises(ModelFileError, match=r"one layer is in several models\. Save it as model\.save\('model\.h5'\)"):
        load_model(tmp_path / "m.keras")


def test_a_loaded_model_can_be_trained_and_saved(tmp_path):
    forum_model().save(tmp_path / "m.h5")
    model = load_model(tmp_path / "m.h5")
    model.compile("adam", "mse")
    model.fit(numbers(8, 16), numbers(8, 4), verbose=0)
    model.save(tmp_path / "n.keras")
    np.testing.assert_array_equal(
        predict(keras.models.load_model(tmp_path / "n.keras"), np.ones((1, 16))), predict(model, np.ones((1, 16)))
    )


# files that are damaged, or claim too much


def test_weights_that_are_missing_or_others(tmp_path):
    model = forum_model()
    model.save(tmp_path / "m.h5")
    cases = [
        (
            lambda f: f.__delitem__("model_weights/dense/forum/dense/bias"),
            "there is no 'forum/dense/bias' in '/model_weights/dense'",
        ),
        (
            lambda f: f["model_weights/dense"].attrs.__setitem__("weight_names", [b"forum/dense/bias"]),
            r"layer 'dense' \(Dense\) has 2 weights, and the file has 1 for it",
        ),
        (
            lambda f: f["model_weights/dense"].attrs.__setitem__(
                "weight_names", [b"forum/dense/bias", b"forum/dense/kernel"]
            ),
            r"needs a kernel of shape \(16, 8\)\. The file has 'forum/dense/bias' of shape \(8,\)",
        ),
        (
            lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"dense", b"readout"]),
            "Layers without weights in the file: 'lif'",
        ),
        (lambda f: f.__delitem__("model_weights"), "it holds no weights of a Keras model"),
    ]
    for n, (change, message) in enumerate(cases):
        path = tmp_path / f"{n}.h5"
        path.write_bytes((tmp_path / "m.h5").read_bytes())
        with h5py.File(path, "a") as file:
            change(file)
        with pytest.raises(ModelFileError, match=message):
            load_model(path)


def test_a_keras_file_without_some_weights(tmp_path):
    model = forum_model()
    model.save(tmp_path / "m.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "m.keras").read("config.json"))
    weights = {f"layers/dense/vars/{n}": w for n, w in enumerate(model.get_layer("dense").get_weights())}
    weights |= {f"layers/lif/vars/{n}": w for n, w in enumerate(model.get_layer("lif").get_weights())}
    weights["more"] = numbers(100)
    with pytest.raises(ModelFileError, match=r"cannot build its model: .*'readout'|cannot build its model"):
        load_model(write_keras(tmp_path / "n.keras", config, weights))


@pytest.mark.parametrize("layout", ["keras", "h5"])
def test_a_model_that_claims_more_weights_than_there_are_is_not_built(tmp_path, layout):
    forum_model().save(tmp_path / "m.keras")
    if layout == "keras":
        path = edit_config(
            tmp_path / "m.keras", tmp_path / "n.keras", lambda c: first_dense(c)["config"].update(units=10**9)
        )
    else:
        config = {"class_name": "Sequential", "config": [dense("d", 10**12, batch_input_shape=[None, 10**6])]}
        path = write_h5(tmp_path / "m.h5", config, {"d": saved_dense("d", numbers(4, 2), numbers(2))})
    with pytest.raises(
        ModelFileError, match=r"claims a weight of shape \(.*; the file has \d+ numbers for all weights"
    ):
        load_model(path)


def test_arrays_that_claim_more_than_is_stored(tmp_path):
    path = write_h5(
        tmp_path / "m.h5", one_layer(dense("d", 2), (4,)), {"d": saved_dense("d", numbers(4, 2), numbers(2))}
    )
    for options in ({}, {"chunks": (1000, 1000)}, {"chunks": (1000, 1000), "compression": "gzip"}):
        with h5py.File(path, "a") as file:
            group = file["model_weights/d/d"]
            del group["kernel:0"]
            group.create_dataset("kernel:0", (10**6, 10**6), "float32", **options)
        with pytest.raises(
            ModelFileError, match=r"'/model_weights/d/d/kernel:0' claims shape \(1000000, 1000000\), and 0 bytes"
        ):
            load_model(path)


@pytest.mark.parametrize("link", [h5py.SoftLink("/model_weights/d/d/bias:0"), h5py.ExternalLink("other.h5", "/x")])
def test_links_are_not_followed(tmp_path, link):
    path = write_h5(
        tmp_path / "m.h5", one_layer(dense("d", 2), (4,)), {"d": saved_dense("d", numbers(4, 2), numbers(2))}
    )
    with h5py.File(path, "a") as file:
        del file["model_weights/d/d/kernel:0"]
        file["model_weights/d/d/kernel:0"] = link
    with pytest.raises(ModelFileError, match="is a link to another place, which is not followed"):
        load_model(path)


def test_an_archive_that_claims_too_much(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (1 << 29))
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(ModelFileError, match=r"'config\.json' claims 536870912 bytes"):
        load_model(tmp_path / "m.keras")


def test_what_is_no_model_file(tmp_path):
    (tmp_path / "text.h5").write_text("no model")
    (tmp_path / "text.keras").write_text("no model")
    (tmp_path / "text.txt").write_text("no model")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("x", "y")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["model_config"] = "[1, 2]"
    for name, message in (
        ("none.h5", "there is no file '.*none.h5'"),
        ("text.h5", "it is damaged, or no HDF5 file"),
        ("text.keras", r"it is damaged, or no \.keras file"),
        ("text.txt", r"it is not a Keras model: expected \.keras, \.h5, \.hdf5"),
        ("saved", r"is a SavedModel, which Keras 3 cannot load.*model\.save\('model\.h5'\)"),
        ("zip.keras", r"there is no model\.weights\.h5 in it"),
        ("other.h5", "its config is damaged, or not the config of a Keras model"),
    ):
        with pytest.raises(ModelFileError, match=message):
            load_model(tmp_path / name)
