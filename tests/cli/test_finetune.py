"""``snnconv finetune``: what it writes and prints, and how it fails."""

import json

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.training import datasets
from snnconv.training.finetune import held_back
from snnconv.tuning.adaptation import Adaptation

from ..helpers.command import fails, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetune")
    data = datasets.load("digits")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 1)), kl.Flatten(), kl.Dense(16, activation="relu"), kl.Dense(10)])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data.x_train[:800], data.y_train[:800], epochs=5, verbose=0)
    model.save(folder / "model.keras")
    np.savez(folder / "train.npz", x=data.x_train[:800], y=data.y_train[:800])
    np.savez(folder / "test.npz", x=data.x_test, y=data.y_test)
    np.save(folder / "x.npy", data.x_train[:800])
    return folder


def test_it_writes_a_graph_and_tells_before_and_after(folder):
    out = folder / "fast.snn.h5"
    options = ("--data", folder / "train.npz", "--test", folder / "test.npz", "--steps", 2, "--epochs", 3)
    printed = run("finetune", folder / "model.keras", *options, "-o", out)
    lines = printed.splitlines()
    assert max(len(line) for line in lines if "Wrote" not in line and "Next:" not in line) <= 80
    assert sum(line.split() == ["steps", "converted", "calibrated", "fine-tuned"] for line in lines) == 2
    assert f"Next: snnconv simulate {out} --steps 2" in lines[-1]
    graph, data = snnconv.load(out), datasets.load("digits")
    accuracy = snnconv.Simulator(graph).evaluate(data.x_test, data.y_test, 2)["accuracy"]
    rows = [line.split() for line in lines if line.split()[:1] == ["2"]]
    assert rows[-1][-1] == f"{accuracy:.2%}"


@pytest.mark.full
def test_a_graph_learns_from_its_own_rates_and_json_has_it_all(folder):
    snnconv.convert(folder / "model.keras", verbose=False).save(folder / "model.snn.h5")
    options = ("--data", folder / "x.npy", "--distill", 1, "--steps", 2, "--epochs", 1, "--spikes", "binary", "--json")
    options += ("--distill-layers", 0.5, "--flip", "--surrogate", "arctan", "--trainable", "kernels,initial_voltages")
    found = json.loads(run("finetune", folder / "model.snn.h5", *options))
    assert found["graph"] == str(folder / "model.finetuned.snn.h5")
    assert set(found["validation"]) == {"n_samples", "metric", "converted", "calibrated", "fine-tuned"}
    assert len(found["history"]["loss"]) == 1
    kinds = {view.neuron.kind for view in snnconv.load(found["graph"]).populations.values()}
    assert kinds == {"IF"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "x.npy"), "there are no labels. Pass --labels FILE"),
        (("--data", "train.npz", "--test", "x.npy"), "--test must hold labels"),
        (("--data", "train.npz", "--distill", "2"), "--distill must be a share above 0"),
        (("--data", "train.npz", "--backend", "mxnet"), "--backend must be one of tensorflow, jax, torch"),
        (("--data", "train.npz", "--steps", "0"), "--steps must be a whole number above 0"),
        (("--data", "train.npz", "--resume"), "there is nothing to resume"),
        (("--data", "train.npz", "--trainable", "weights"), "trainable names 'weights'"),
    ],
)
def test_bad_options_are_refused(folder, monkeypatch, options, message):
    monkeypatch.chdir(folder)
    fails(message, "finetune", "model.keras", *options, "-o", "other.snn.h5")
    assert not (folder / "other.snn.h5").exists()


def test_what_a_broken_run_left_is_not_overlooked(folder):
    (folder / "left.snn.h5.training").mkdir()
    options = ("--data", folder / "train.npz", "-o", folder / "left.snn.h5")
    fails("Add --resume to go on with it, or delete it", "finetune", folder / "model.keras", *options)
    assert not (folder / "left.snn.h5").exists()


def test_an_interrupt_says_how_to_go_on(folder, monkeypatch):
    class Interrupting(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    out = folder / "broken.snn.h5"
    arguments = ("finetune", folder / "model.keras", "--data", folder / "train.npz", "--epochs", 2, "-o", out)
    with monkeypatch.context() as patch:
        patch.setattr("snnconv.cli.train.each_epoch", lambda *_: Interrupting())
        said = run(*arguments, code=130)
    assert f"epochs are kept in '{out}.training'. To go on, give the same command with --resume." in said
    run(*arguments, "--resume")
    assert out.exists()


CONFIG = """\
name = "small"

[data]
dataset = "digits"

[[model.layers]]
type = "Flatten"

[[model.layers]]
type = "Dense"
units = 24
activation = "relu"

[[model.layers]]
type = "Dense"
units = 10

[training]
epochs = 4
learning_rate = 0.01

[finetune]
n_steps = 2
epochs = 8
teach = true
teacher_layers = 0.1
trainable = ["kernels", "neuron_biases"]

[simulation]
n_steps = 2
"""


def test_a_config_fine_tunes_what_it_trained(tmp_path):
    (tmp_path / "small.toml").write_text(CONFIG)
    found = json.loads(run("train", tmp_path / "small.toml", "-o", tmp_path / "out", "--json"))
    columns = found["finetune"]["validation"]
    assert columns["fine-tuned"]["2"] >= columns["calibrated"]["2"]
    assert (found["n_train"], columns["n_samples"]) == (1437 - 144, 144)
    data = datasets.load("digits")
    accuracy = snnconv.Simulator(snnconv.load(found["graph"])).evaluate(data.x_test, data.y_test, 2)["accuracy"]
    assert found["spiking_accuracy"] == accuracy


def test_a_config_calibrates_with_no_sample_that_is_held_back(tmp_path, monkeypatch):
    taken, apply = [], Adaptation.apply

    def noted(self, *arguments):
        taken.append(self.calibrate)
        return apply(self, *arguments)

    monkeypatch.setattr(Adaptation, "apply", noted)
    config = CONFIG.replace("epochs = 8", "epochs = 1") + "\n[conversion]\ncalibrate = true\ncalibrate_steps = 2\n"
    (tmp_path / "small.toml").write_text(config)
    run("train", tmp_path / "small.toml", "-o", tmp_path / "out", "--epochs", 1)
    data = datasets.load("digits")
    fitted, held = held_back(len(data.x_train), 0.1, 0)
    (samples,) = (each for each in taken if each is not None)  # none in trials before the training
    np.testing.assert_array_equal(samples, data.x_train[fitted][:300])
    assert set(held) & set(range(300)), "the first 300 of all would have had some"
