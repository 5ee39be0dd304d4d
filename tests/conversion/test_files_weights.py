"""Weights in files of their own, beside the JSON of the model."""

import json

import keras
import numpy as np
import pytest
from keras import layers as kl

from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.keras_file_writer import (
    dense,
    numbers,
    same,
    saved_dense,
    with_weights,
    write_h5,
)
from ..helpers.networks import forum_model, random_cnn


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_content_counts_not_the_name(tmp_path, suffix):
    """tf.keras wrote HDF5 into files named .keras, and people rename files."""
    model = forum_model()
    other = {".keras": ".h5", ".h5": ".keras"}[suffix]
    model.save(tmp_path / f"a{other}")
    (tmp_path / f"a{other}").rename(tmp_path / f"b{suffix}")
    same(tmp_path / f"b{suffix}", model, numbers(3, 16))


# weights and JSON


def two_dense(tmp_path, names=("dense_1", "dense_2"), **options):
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        dense("dense_1", 5, "relu", batch_input_shape=[None, 4]), dense("dense_2", 2)]},
        "keras_version": "2.2.4", "backend": "tensorflow"}  # fmt: skip
    w = numbers(4, 5), numbers(5), numbers(5, 2), numbers(2)
    weights = {names[0]: saved_dense(names[0], *w[:2]), names[1]: saved_dense(names[1], *w[2:])}
    (tmp_path / "model.json").write_text(json.dumps(config))
    path = write_h5(tmp_path / "weights.h5", config, weights, "2.2.4", weights_only=True, **options)
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


@pytest.mark.filterwarnings("ignore:.*HDF5 file.*")
def test_bfloat16_in_hdf5_is_read(tmp_path):
    """Keras writes such files and cannot read them."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = keras.Sequential([keras.Input((8,)), kl.Dense(8, activation="relu"), kl.Dense(2)])
    finally:
        keras.config.set_dtype_policy(policy)
    model.save(tmp_path / "m.h5")
    for ours, theirs in zip(load_model(tmp_path / "m.h5").weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours, "float32"), np.asarray(theirs, "float32"))
