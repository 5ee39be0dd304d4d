"""Recurrent layers in old files load, and convert."""

import keras
import pytest
from keras import layers as kl

import snnconv
from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.keras_file_writer import (
    numbers,
    same,
    with_weights,
    write_h5,
)


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


def test_recurrent_layers_load_and_convert(tmp_path):
    w = numbers(3, 8), numbers(2, 8), numbers(8)
    names = "kernel", "recurrent_kernel", "bias"
    saved = {"lstm": [(f"lstm/lstm_cell/{n}:0", a) for n, a in zip(names, w, strict=True)]}
    path = write_h5(tmp_path / "m.h5", recurrent("LSTM", "lstm"), saved, "2.11.0")
    same(path, with_weights([keras.Input((5, 3)), kl.LSTM(2)], *w), numbers(4, 5, 3))
    assert "lstm.3" in snnconv.convert(path, verbose=False).populations
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
