"""Models that were loaded are the models that were saved."""

import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.keras_file_writer import (
    numbers,
    predict,
    same,
)
from ..helpers.networks import forum_model, random_cnn, randomise


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


@pytest.mark.sampled(3)
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
    """Keras writes it into a .keras file, and some versions cannot read it back."""
    model = shared_across_models()
    model.save(tmp_path / "m.h5")
    same(tmp_path / "m.h5", model, numbers(4, 6))
    model.save(tmp_path / "m.keras")
    try:
        keras.models.load_model(tmp_path / "m.keras")
    except ValueError:
        with pytest.raises(ModelFileError, match=r"one layer is in several models\. Save it as model\.save\('mo"):
            load_model(tmp_path / "m.keras")
    else:
        pytest.skip("this Keras makes a model of it, which computes nothing")


def test_a_loaded_model_can_be_trained_and_saved(tmp_path):
    forum_model().save(tmp_path / "m.h5")
    model = load_model(tmp_path / "m.h5")
    model.compile("adam", "mse")
    model.fit(numbers(8, 16), numbers(8, 4), verbose=0)
    model.save(tmp_path / "n.keras")
    np.testing.assert_array_equal(
        predict(keras.models.load_model(tmp_path / "n.keras"), np.ones((1, 16))), predict(model, np.ones((1, 16)))
    )


def test_a_claim_of_many_units_is_refused_before_arrays_of_that_size_are_made(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 1)), kl.Conv2D(2, 3), snnconv.layers.LIF(name="lif")])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][-1]["build_config"]["input_shape"][-1] = 10**9
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(ModelFileError, match=r"the input of layer 'lif' \(LIF\), of shape .*too large to run"):
        load_model(tmp_path / "m.keras")
