"""Models as people have them, given to the command: open sizes, code that is not run, labels of one sigmoid."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.cli.options import KerasOptions
from snnconv.errors import ParameterError

from ..helpers.command import fails, run
from ..helpers.networks import randomise


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder with models and data."""
    folder = tmp_path_factory.mktemp("habits")
    rng = np.random.default_rng(0)
    convolution = kl.Conv2D(3, 3, activation="relu", padding="same", name="conv")
    layers = [keras.Input((None, None, 2)), convolution, kl.GlobalAveragePooling2D(), kl.Dense(1, activation="sigmoid")]
    model = randomise(keras.Sequential(layers))
    model.save(folder / "open.keras")
    x = rng.random((40, 6, 5, 2), "float32")
    y = (np.asarray(model(x))[:, 0] > np.median(np.asarray(model(x)))).astype(int)
    np.savez(folder / "data.npz", x=x, y=y)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y[:, None])
    np.save(folder / "words.npy", np.array(["ham", "spam"] * 20))
    code = kl.Lambda(lambda x: x / 255, name="code")
    keras.Sequential([keras.Input((4,)), code, kl.Dense(3, activation="relu", name="dense")]).save(folder / "code.h5")
    return folder


def test_open_sizes(places, tmp_path):
    fails(r"open shape \(None, None, 2\).*--input-shape 224,224,2", "export", places / "open.keras")
    for arguments in (("--input-shape", "6,5,2"), ("--input-shape", "6x5x2"), ("--data", places / "x.npy")):
        out = tmp_path / "open.snn.h5"
        run("export", places / "open.keras", "-o", out, "--force", *arguments)
        assert snnconv.load(out).populations["conv"].shape == (6, 5, 3)
    fails("input_shape is \\(6, 5, 3\\)", "inspect", places / "open.keras", "--input-shape", "6,5,3")
    assert "conv" in run("verify", places / "open.keras", "--input", places / "x.npy", "--steps", 10)


def test_code_is_replaced(places):
    fails("--replace 'code=x / 255'", "inspect", places / "code.h5")
    assert "dense" in run("inspect", places / "code.h5", "--replace", "code=x / 255")
    fails("must be arithmetic", "inspect", places / "code.h5", "--replace", "code=x.real")
    fails("--replace must be NAME=FORMULA", "inspect", places / "code.h5", "--replace", "x / 255")


def test_labels_of_one_sigmoid(places):
    run_of = ("simulate", places / "open.keras", "--input", places / "x.npy", "--steps", 20)
    assert "accuracy" in run(*run_of, "--labels", places / "y.npy")
    fails("y must be class numbers.*names.index", *run_of, "--labels", places / "words.npy")


@pytest.mark.full
def test_tune_takes_labels_of_one_sigmoid(places):
    done = run("tune", places / "open.keras", "--data", places / "data.npz", "--steps", 30, "--scales", "1")
    assert "In rates" in done


@pytest.mark.parametrize("sizes", [["6,a"], ["0,5,2"], ["6,5", "6,5"], ["a=6,5", "6,5"], [""]])
def test_sizes_that_are_none(sizes):
    with pytest.raises(ParameterError, match="--input-shape"):
        _ = KerasOptions(input_shape=sizes).shape


def test_sizes_of_several_inputs():
    assert KerasOptions(input_shape=["a=6,5", "b=3"]).shape == {"a": (6, 5), "b": (3,)}
    assert KerasOptions().shape is None
