"""Files that name what must not run, claim more than they hold, or are damaged: the error says which of these it is."""

import json
import sys
import zipfile

import h5py
import keras
import pytest
from keras import layers as kl

from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.keras_file_writer import (
    conv_config,
    dense,
    edit_config,
    numbers,
    one_layer,
    same,
    saved_dense,
    write_h5,
    write_keras,
)
from ..helpers.networks import forum_model

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


@pytest.mark.sampled(4)
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


@pytest.mark.parametrize("what", ["heap", "reference"])
def test_texts_whose_lengths_are_damaged(tmp_path, what):
    """HDF5's own library would run for ever, or write past the end of its memory."""
    weights = {"d": saved_dense("d", numbers(4, 2), numbers(2))}
    path = write_h5(tmp_path / "m.h5", one_layer(dense("d", 2), (4,)), weights, texts=str)
    load_model(path)
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    if what == "heap":
        data[heap + 16 : heap + 200] = bytes(184)
    else:
        address = heap.to_bytes(8, "little")
        places = [at for at in range(4, len(data)) if data[at : at + 8] == address and data[at - 4]]
        data[places[0] - 4] += 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="it is damaged: the texts in it do not have the lengths"):
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
    with pytest.raises(ModelFileError, match=r"it claims 536,870,912 bytes when unpacked"):
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
