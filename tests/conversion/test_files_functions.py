"""Functions in files: operations that tf.keras recorded, arithmetic in the place of code, names of TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

import snnconv
from snnconv.conversion.files import from_legacy, is_legacy, load_model
from snnconv.conversion.files.arithmetic import Arithmetic
from snnconv.conversion.files.operations import FUNCTIONS
from snnconv.errors import ConversionError, ModelFileError

from ..helpers.keras_file_writer import write_h5


def recorded(name, function, *node, kind="TFOpLambda"):
    """A layer as tf.keras 2.4 to 2.15 wrote it: a node of one tensor is not in a list of its own."""
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": list(node)}


def tensor(layer, **others):
    return [layer, 0, 0, others]


def operations():
    given = {"batch_input_shape": [None, 4, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    last = {"start": None, "stop": None, "step": None}
    behind = {**last, "start": 1}
    return [
        {"class_name": "InputLayer", "config": given, "name": "x", "inbound_nodes": []},
        recorded("scaled", "math.truediv", tensor("x", y=255.0, name=None)),
        recorded("inverse", "math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["scaled", 0, 0], "name": None}]),
        recorded("sum", "__operators__.add", tensor("inverse", y=["x", 0, 0], name=None)),
        recorded("relu", "nn.relu", tensor("sum", name=None)),
        recorded("joined", "concat", [tensor("relu", axis=-1), tensor("x", axis=-1)]),
        recorded("cut", "__operators__.getitem", tensor("joined", slice_spec=[last, behind]), kind="SlicingOpLambda"),
        recorded("turned", "compat.v1.transpose", tensor("cut", perm=[0, 2, 1], name="t", conjugate=False)),
        recorded("mean", "math.reduce_mean", tensor("turned", axis=[2], keepdims=False)),
        recorded("flat", "reshape", tensor("mean", shape=[-1, 6])),
        recorded("cast", "cast", tensor("flat", dtype="float32")),
        recorded("clipped", "clip_by_value", tensor("cast", clip_value_min=0.0, clip_value_max=6.0)),
    ]  # fmt: skip


def write(path, layers, end):
    config = {"name": "old", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [[end, 0, 0]]}
    entry = {"class_name": "Functional", "config": config}
    return write_h5(path, entry, {"dense": []}, version="2.11.0")


def test_operations_of_tensorflow_are_read_and_converted(tmp_path):
    path = write(tmp_path / "old.h5", operations(), "clipped")
    x = np.random.default_rng(0).normal(0, 2, (5, 4, 3)).astype("float32")
    total = np.maximum(1 - x / 255 + x, 0)
    expected = np.clip(np.concatenate([total, x], -1)[:, 1:].mean(1), 0, 6)
    np.testing.assert_allclose(np.asarray(load_model(path)(x)), expected, rtol=1e-5, atol=1e-6)
    graph = snnconv.convert(path)
    np.testing.assert_allclose(graph.rate_output(x), expected, rtol=1e-5, atol=1e-6)
    assert list(graph.populations) == ["relu.relu", "clipped.clip"]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (recorded("bad", "math.cumsum", tensor("x")), r"'bad' \(TFOpLambda\) calls tf\.math\.cumsum.*Read are add, .*"),
        (recorded("bad", "math.add", tensor("x", y=1.0), tensor("x", y=2.0)), "calls tf.math.add"),
        (recorded("bad", "math.add", tensor("x", nonsense=1.0)), "cannot build its model"),
        (recorded("bad", None, tensor("x")), "calls tf.None"),
    ],
)
def test_other_operations_are_refused(tmp_path, layer, message):
    with pytest.raises(ModelFileError, match=message):
        load_model(write(tmp_path / "old.h5", [operations()[0], layer], "bad"))


def test_every_function_is_written_with_the_arguments_of_tensorflow():
    import inspect

    elsewhere = {"getitem", "bias_add"}
    modules = (tf, tf.math, tf.nn, tf.compat.v1, tf.compat.v1.nn)
    for name in set(FUNCTIONS) - elsewhere:
        ours = [each for each in inspect.signature(FUNCTIONS[name]).parameters.values() if each.kind < 2]
        theirs = [set(inspect.signature(getattr(m, name)).parameters) for m in modules if hasattr(m, name)]
        names = {each.name for each in ours[1:]}
        assert any(names - {"keepdims", "axis"} <= each for each in theirs), name


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_code_is_replaced_by_what_it_computes(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    first = kl.Lambda(lambda x: x / 255, name="code")
    model = keras.Sequential([keras.Input((4, 3)), first, kl.Dense(2, activation="relu"), kl.Flatten()])
    model.save(path)
    x = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype("float32")
    with pytest.raises(ModelFileError, match=r"replace=\{'code': 'x / 255'\} \(--replace 'code=x / 255'\)"):
        snnconv.convert(path)
    for replacement in ("x / 255", lambda x: x / 255):
        graph = snnconv.convert(path, replace={"code": replacement})
        np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), rtol=1e-5, atol=1e-6)
    with pytest.raises(ModelFileError, match=r"replace names 'cod', which is no layer.*\['.*', 'code', 'dense"):
        snnconv.convert(path, replace={"cod": "x"})
    with pytest.raises(ModelFileError, match="must be arithmetic in x or a function. Received 3"):
        snnconv.convert(path, replace={"code": 3})


def test_arithmetic_computes_what_python_would():
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    for text in ("x / 127.5 - 1", "-(x + 2) * [1, 2.5, -3]", "x[:, 1:, ::-1]", "x[..., -1] / 2", "2 - +x[:, 0]"):
        expected = eval(text.replace("[1, 2.5, -3]", "np.array([1, 2.5, -3])"))
        np.testing.assert_allclose(np.asarray(Arithmetic(text)(x)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "x.shape", "__import__('os')", "y", "1", "x ** 9", "x if x else 1", "lambda: x", "x[x]", "x['a']", "[x, 1]", "",
        "x +", "x[1.5]", "x[(1, 2), 3]", "x * 'a'", "(x := 1)", "x * True", "-" * 5000 + "x", "x[None]", "f(x)",
    ],
)  # fmt: skip
def test_anything_but_arithmetic_is_refused(text):
    with pytest.raises(ModelFileError, match="must be arithmetic"):
        Arithmetic(text)


@pytest.mark.parametrize("suffix", [None, ".keras", ".h5"])
def test_activations_by_their_names_in_tensorflow(tmp_path, suffix):
    layers = [kl.Dense(5, activation=tf.nn.relu), kl.Dense(4, activation=tf.nn.softmax)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    path = model
    if suffix is not None:
        path = tmp_path / f"model{suffix}"
        model.save(path)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(snnconv.convert(path).rate_output(x), np.asarray(model(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["RandomFlip", "RandomZoom", "RandomHeight", "RandomWidth"])
def test_augmentation_of_any_keras_is_dropped(tmp_path, name):
    config = {
        "name": "augment",
        "trainable": True,
        "dtype": "float32",
        "rng_type": "stateful",
        "factor": 0.1,
        "seed": None,
    }
    augment = {"class_name": name, "config": {**config, "batch_input_shape": [None, 6, 5, 3]}}
    flat = {"class_name": "Flatten", "config": {"name": "flat", "trainable": True, "dtype": "float32"}}
    entry = {"class_name": "Sequential", "config": {"name": "old", "layers": [augment, flat]}}
    graph = snnconv.convert(write_h5(tmp_path / "old.h5", entry, {"flat": []}, version="2.21.0"))
    assert graph.report[0].action == "dropped: it does nothing outside training"


class Legacy:
    """A model as tf_keras has it: it saves itself, with layers that this Keras reads."""

    name = "legacy"

    def __init__(self, model):
        self.model = model

    def save(self, path, **options):
        assert options == {"include_optimizer": False, "save_format": "h5"}
        if self.model is None:
            raise NotImplementedError("a subclassed model has no .h5\nand more")
        self.model.save(path)


Legacy.__module__ = "tf_keras.src.engine.sequential"


def test_models_of_tf_keras_in_memory_go_through_a_file():
    model = keras.Sequential([keras.Input((3,)), kl.Dense(4, activation="relu"), kl.Dense(2)])
    assert is_legacy(Legacy(model))
    assert not is_legacy(model)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(
        snnconv.convert(Legacy(model)).rate_output(x), np.asarray(model(x)), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ConversionError, match=r"'legacy' is of tf_keras.*no \.h5\..*model\.save\('model\.h5'\)"):
        from_legacy(Legacy(None))
