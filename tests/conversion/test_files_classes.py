"""Files that name classes of the user, functions, and lambda layers."""

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
    numbers,
    same,
)


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


def test_a_module_that_ends_python_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "a_script_of_theirs.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelFileError, match="cannot import 'a_script_of_theirs' .*it ends Python"):
        import_custom_objects("a_script_of_theirs")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_lambda_layers_run_only_where_that_is_asked_for(tmp_path, suffix):
    model = keras.Sequential([keras.Input((4,)), kl.Lambda(lambda x: 3 * x, name="code"), kl.Dense(2)])
    model.save(tmp_path / f"m{suffix}")
    with pytest.raises(ModelFileError, match=r"layer 'code' \(Lambda\) holds program code"):
        snnconv.convert(tmp_path / f"m{suffix}")
    same(tmp_path / f"m{suffix}", model, numbers(3, 4), unsafe=True)
    graph = snnconv.convert(tmp_path / f"m{suffix}", unsafe=True)
    x = numbers(3, 4)
    np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), rtol=1e-4, atol=1e-5)


def test_a_model_of_a_class_of_their_own_is_told_without_a_name(tmp_path):
    class Theirs(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = kl.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model = Theirs()
    model(np.zeros((1, 3), "float32"))
    model.save(tmp_path / "theirs.keras")
    with pytest.raises(ModelFileError, match=r": a layer or model without a name \(Theirs\) is of a class"):
        load_model(tmp_path / "theirs.keras")
