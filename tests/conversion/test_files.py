"""Files of every Keras: what is computed after loading is what the file says, or the error says what stands in the way.

The files of Keras 1 and 2 are made here as those versions wrote them; what they must compute comes from NumPy, or from
a model of this Keras that is given the same weights.
"""

import json
import sys
import types

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.conversion.files import import_custom_objects, load_model
from snnconv.errors import ConversionError, ModelFileError

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
from ..helpers.networks import forum_model, random_cnn, randomise

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


# what the user's own code is needed for


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
