"""Files given to the command: no models, damaged graphs, what cannot be converted, classes of the user."""

import os

import h5py
import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv

from ..helpers.command import fails, run


@pytest.mark.sampled(3)
@pytest.mark.parametrize("command", ["export", "inspect", "simulate", "verify"])
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("missing.keras", r"there is no file '.*missing\.keras'"),
        ("", "is a folder"),
        ("text.txt", r"not a Keras model: expected \.keras, \.h5, \.hdf5"),
        ("text.h5", "damaged, or not?( an)? HDF5 file"),
        ("empty.h5", "damaged, or not?( an)? HDF5 file"),
        ("text.keras", r"damaged, or no \.keras file"),
        ("other.keras", "no model.weights.h5 in it"),
        ("truncated.h5", "damaged, or not?( an)? HDF5 file"),
        ("truncated.keras", r"damaged, or no \.keras file"),
        ("truncated.snn.h5", "damaged, or not?( an)? HDF5 file"),
        ("model.weights.h5", r"weights, but no config.*model\.save\(\)"),
    ],
)
def test_files_that_are_no_models(files, command, name, pattern):
    fails(pattern, command, files / name)


@pytest.mark.parametrize(
    ("target", "pattern"),
    [
        ("npz", "it holds arrays, and no model. Name a Keras file, or an exported .snn.h5"),
        ("json", "it is written for other programs. Name the .snn.h5 or the Keras file"),
    ],
)
def test_graphs_for_other_programs(files, tmp_path, target, pattern):
    run("export", files / "graph.snn.h5", "-t", target, "-o", tmp_path / f"x.snn.{target}")
    fails(pattern, "inspect", tmp_path / f"x.snn.{target}")


@pytest.mark.parametrize(
    ("damage", "pattern"),
    [
        (lambda file: file["populations"].pop("lif"), "cannot read"),
        (lambda file: file["populations/lif"].pop("neuron_bias"), "cannot read"),
        (lambda file: file["populations/lif/kernel"].__setitem__((0, 0), np.nan), "NaN"),
        (lambda file: file.attrs.__setitem__("version", 99), "version 99"),
        (lambda file: file.pop("order"), "cannot read"),
    ],
    ids=["no population", "no bias", "NaN", "later version", "no order"],
)
def test_damaged_graphs(folder, tmp_path, damage, pattern):
    path = tmp_path / "damaged.snn.h5"
    path.write_bytes((folder / "graph.snn.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        damage(file)
    fails(pattern, "export", path, "-t", "npz")
    fails(pattern, "verify", path)
    assert os.listdir(tmp_path) == ["damaged.snn.h5"]


def unconvertible():
    inputs = keras.Input((5, 8, 1))
    yield keras.Model(inputs, kl.Resizing(4, 4, name="resized")(inputs)), r"'resized' \(Resizing"
    inputs = keras.Input((4,))
    yield (
        keras.Model(inputs, kl.Dense(2, activation="sparsemax", name="hidden")(inputs)),
        "'sparsemax'.*no spiking equivalent",
    )
    model = keras.Sequential([keras.Input((4,)), kl.Dense(3, name="hidden"), snnconv.layers.LIF(), kl.Dense(2)])
    kernel, bias = model.layers[0].get_weights()
    kernel[1, 2] = np.nan
    model.layers[0].set_weights([kernel, bias])
    yield model, "'hidden' .* has NaN or infinity in its kernel"


@pytest.mark.parametrize("number", range(3), ids=["LSTM", "sparsemax", "NaN in weights"])
def test_models_that_cannot_be_converted(tmp_path, number):
    model, pattern = list(unconvertible())[number]
    model.save(tmp_path / "m.keras")
    (tmp_path / "m.snn.h5").write_text("old")
    for command in (("export", "--force"), ("inspect",), ("verify",)):
        fails(pattern, *command, tmp_path / "m.keras")
    assert sorted(os.listdir(tmp_path)) == ["m.keras", "m.snn.h5"]
    assert (tmp_path / "m.snn.h5").read_text() == "old"


DOUBLED = """
import keras

class Doubled(keras.layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)
"""


def test_a_class_of_the_user_is_named_and_must_be_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "doubled_layers.py").write_text(DOUBLED)
    names: dict = {"__name__": "doubled_layers"}
    exec(DOUBLED, names)
    keras.Sequential([keras.Input((4,)), names["Doubled"](2, name="twice")]).save("m.keras")
    fails("'twice' .*Doubled.*--custom-objects", "export", "m.keras")
    fails("cannot import 'nowhere'", "export", "m.keras", "--custom-objects", "nowhere")
    arguments = ("export", "m.keras", "--custom-objects", "doubled_layers")
    fails(r"'twice' \(Doubled\) has no spiking equivalent. It is a subclass of Dense", *arguments)
    assert not list(tmp_path.glob("*.h5"))


def test_weights_and_the_json_of_the_model(files, tmp_path):
    config = tmp_path / "model.json"
    config.write_text(keras.models.load_model(files / "model.keras").to_json())
    out = tmp_path / "x.snn.h5"
    run("export", files / "model.weights.h5", "--config", config, "-o", out)
    kernel = snnconv.load(out).populations["lif"].kernel
    np.testing.assert_array_equal(kernel, snnconv.load(files / "graph.snn.h5").populations["lif"].kernel)
    assert "Passed" in run("verify", out, "--keras", files / "model.weights.h5", "--config", config, "--steps", 10)
    fails("no file", "inspect", files / "model.weights.h5", "--config", tmp_path / "missing.json")
