"""``snnconv train``: what it writes, and what it refuses before it has trained."""

import json
import os
import re
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import snnconv

from ..helpers.command import fails, run
from ..helpers.configs import CONFIG
from .test_app_json import KEYS


def test_train_writes_a_model_and_its_graph(config, tmp_path):
    printed = run("train", config, "--output", tmp_path / "out" / "deep")
    assert re.search(r"rate accuracy (9\d\.\d|100\.0)%", printed), printed
    assert re.search(r"spiking accuracy (9\d\.\d|100\.0)%", printed), printed
    assert "epoch 12/12" in printed
    assert [int(step) for step in re.findall(r"^ *(\d+) +\d+ ms", printed, re.M)] == [5, 10, 20, 30]
    files = tmp_path / "out" / "deep"
    assert sorted(os.listdir(files)) == ["model.keras", "model.snn.h5"]
    graph = snnconv.load(files / "model.snn.h5")
    x = np.random.default_rng(0).random((5, 12), "float32")
    expected = keras.models.load_model(files / "model.keras").predict(x, verbose=0)
    np.testing.assert_allclose(graph.rate_output(x), expected, rtol=1e-3, atol=1e-3)
    with h5py.File(files / "model.snn.h5") as file:
        assert file.attrs["dt"] == 0.002


def test_train_takes_epochs_and_data_from_the_command(config, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data.npz").rename(tmp_path / "elsewhere" / "data.npz")
    fails("there is no file or folder", "train", config, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    options = ("--epochs", 2, "--data-path", tmp_path / "elsewhere" / "data.npz")
    printed = run("train", config, *options, "-o", tmp_path / "out", "--json")
    found = json.loads(printed)
    assert printed.count("\n") == 1
    assert set(found) == KEYS["train"][""]
    assert (found["n_epochs"], found["n_train"], found["n_test"]) == (2, 240, 60)
    assert Path(found["graph"]).is_file()


def test_train_refuses_rates_that_no_neuron_can_reach(config, tmp_path):
    config.write_text(CONFIG.format(max_rates="600.0"))
    fails(r"max_rates must be below 1/tau_ref = 500 Hz.*Received 600", "train", config, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_train_finds_out_before_training_what_does_not_convert(config, tmp_path, monkeypatch):
    monkeypatch.setattr("snnconv.training.train", lambda *_, **__: pytest.fail("it trained"))
    neurons = 'type = "LIF"\nmax_rates = {max_rates}\namplitude = 0.005\nname = "lif"'
    assert neurons in CONFIG
    config.write_text(CONFIG.replace(neurons, 'type = "Activation"\nactivation = "sparsemax"'))
    fails(r"has no spiking equivalent", "train", config, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ('trainable = ["weights"]', r"trainable names 'weights'"),
        ('surrogate = "tanh"', r"no surrogate 'tanh'"),
        ("flip = true", r"flip is for one input of images"),
        ("teacher_layers = 0.1", r"teacher_layers needs teach = true"),
    ],
)
def test_train_finds_out_before_training_how_it_cannot_be_tuned(config, tmp_path, monkeypatch, key, message):
    monkeypatch.setattr("snnconv.training.train", lambda *_, **__: pytest.fail("it trained"))
    config.write_text(CONFIG.format(max_rates="200.0") + f"\n[finetune]\n{key}\n")
    fails(message, "train", config, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()
