"""The contents of a model file: a config, which says how the network is built, and weights in one of two layouts.

This needs neither Keras nor TensorFlow, whose import takes seconds.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from ...errors import ModelFileError, in_short
from ...files.archives import check_archive
from ...files.hdf5 import (
    SIGNATURE,
    as_text,
    brief,
    check_not_integers,
    child,
    count_numbers,
    damaged,
    n_numbers,
    open_hdf5,
    read_names,
    read_text,
)
from ...files.limits import check_json, check_unpacked
from ...files.output import is_own

MODEL_SUFFIXES = (".keras", ".h5", ".hdf5")

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class SavedLayer:
    """The weights of one layer, or of one nested model, as they follow one another in the file."""

    name: str
    weights: tuple[tuple[str, h5py.Dataset], ...]


@dataclass(frozen=True)
class Source:
    """An open model file.

    Parameters
    ----------
    config : dict
        As it stands in the file: of any Keras, repaired nowhere.
    keras_version, backend : str or None
        What wrote the file, where it says so.
    layers : tuple of SavedLayer, or None
        Weights by layer: the layout of .h5 files. None for the layout of .keras and .weights.h5 files.
    archive : bytes or None
        Weights by path in the tree of Keras objects, as an HDF5 file in memory: the layout of .keras files.
    n_numbers : int
        How many numbers the weights hold; a model that claims more is not built.
    """

    config: dict[str, Any]
    keras_version: str | None
    backend: str | None
    layers: tuple[SavedLayer, ...] | None
    archive: bytes | None
    n_numbers: int

    @property
    def major(self) -> int | None:
        """Major version of the Keras that wrote the file, or None where it does not say."""
        start = (self.keras_version or "").split(".")[0]
        return int(start) if start.isdecimal() and len(start) < 10 else None


@contextmanager
def open_source(path: PathLike, config: PathLike | None = None) -> Iterator[Source]:
    """Open a model file by what is in it, whatever its name.

    Parameters
    ----------
    config : path or None
        A JSON file from ``model.to_json()``, for a file that holds weights only.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or holds no model.
    """
    path = Path(path)
    if path.is_dir():
        raise ModelFileError(_folder(path))
    if not path.is_file():
        raise ModelFileError(f"there is no file '{path}'.")
    json_config = None if config is None else _read_json_file(Path(config))
    try:
        if _is_zip(path):
            with _open_archive(path, json_config) as source:
                yield source
        else:
            with _open_layers(path, json_config) as source:
                yield source
    except ModelFileError as error:
        raise ModelFileError(f"cannot read '{path}': {in_short(error)}") from error


def check_model_file(path: PathLike, config: PathLike | None = None) -> None:
    """Find what is wrong with a file before Keras is imported.

    Raises
    ------
    ModelFileError
        As `open_source`.
    """
    with open_source(path, config):
        pass


@contextmanager
def _open_archive(path: Path, config: dict[str, Any] | None) -> Iterator[Source]:
    """A .keras file: config.json, metadata.json and model.weights.h5 in a zip archive."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "model.weights.h5" not in names:
                if names and all(name.endswith(".npy") for name in names):
                    raise ModelFileError("it holds arrays, and no model. Name a Keras file, or an exported .snn.h5.")
                raise ModelFileError("there is no model.weights.h5 in it. Save the model again, with model.save().")
            if any(name.startswith("assets/") and not name.endswith("/") for name in names):
                raise ModelFileError("it holds vocabularies or other assets, which snnconv does not read.")
            check_archive(archive, size)
            config = config or parse_config(archive.read("config.json"))
            metadata = parse_json(archive.read("metadata.json")) if "metadata.json" in names else {}
            weights = archive.read("model.weights.h5")
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError, NotImplementedError) as error:
        raise ModelFileError(f"it is damaged, or no .keras file ({brief(error)}).") from error
    except (RuntimeError, MemoryError, ArithmeticError) as error:
        raise ModelFileError(f"it is encrypted or damaged ({brief(error)}).") from error
    with open_hdf5(io.BytesIO(weights), size) as file, damaged():
        n = count_numbers(file)
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    yield Source(config, version if isinstance(version, str) else None, None, None, weights, n)


@contextmanager
def _open_layers(path: Path, config: dict[str, Any] | None) -> Iterator[Source]:
    """An HDF5 file: a whole model with its config, or weights only, in either layout."""
    with path.open("rb") as opened:
        if opened.read(len(SIGNATURE)) != SIGNATURE:
            raise ModelFileError(_not_a_model(path))
    with open_hdf5(path) as file:
        with damaged():
            check_not_integers(file)
            source = _read_layers(path, file, config)
        yield source


def _read_layers(path: Path, file: h5py.File, config: dict[str, Any] | None) -> Source:
    text = read_text(file, "model_config")
    if config is None:
        if text is None:
            raise ModelFileError(
                "it holds weights, but no config of the model. Pass the file that model.to_json() gave, as "
                "config='model.json', or save the whole model with model.save()."
            )
        config = parse_config(text)
    group = child(file, "model_weights") if "model_weights" in file else file
    version, backend = (
        read_text(group, key) or read_text(file, key) or _text_in(config, key) for key in ("keras_version", "backend")
    )
    names = read_names(group, "layer_names")
    if names is None and ("layers" in file or "_layer_checkpoint_dependencies" in file):
        return Source(config, version, backend, None, path.read_bytes(), count_numbers(file))
    if names is None:
        raise ModelFileError("it holds no weights of a Keras model.")
    top = "top_level_model_weights"
    if top in group and read_names(child(group, top), "weight_names"):
        raise ModelFileError("the model has weights outside of its layers, which snnconv does not read.")
    layers = tuple(_saved_layer(group, name) for name in names)
    n = sum(n_numbers(dataset) for layer in layers for _, dataset in layer.weights)
    return Source(config, version, backend, layers, None, n)


def _saved_layer(group: h5py.Group, name: str) -> SavedLayer:
    layer = child(group, name)
    if not isinstance(layer, h5py.Group):
        raise ModelFileError(f"it is damaged: '{name}' is no group of weights.")
    names = read_names(layer, "weight_names") or []
    return SavedLayer(name, tuple((weight, child(layer, weight)) for weight in names))


def parse_config(text: str | bytes) -> dict[str, Any]:
    """The JSON of a model as a dictionary.

    Raises
    ------
    ModelFileError
        If it is something else.
    """
    config = parse_json(text)
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise ModelFileError("its config is damaged, or not the config of a Keras model.")
    return config


def parse_json(text: str | bytes) -> Any:
    """The value in a text of JSON.

    Raises
    ------
    ModelFileError
        If it is none, or larger than that of any model.
    """
    check_json(text)
    try:
        return json.loads(as_text(text))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"its config is damaged: it is no JSON ({brief(error)}).") from error


def _read_json_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelFileError(f"there is no file '{path}'.")
    try:
        check_unpacked(path.stat().st_size, 0)
        return parse_config(path.read_bytes())
    except (ModelFileError, OSError) as error:
        raise ModelFileError(f"cannot read '{path}' as the JSON of a model: {in_short(error)}") from error


def _text_in(config: dict[str, Any], key: str) -> str | None:
    value = config.get(key)
    return value if isinstance(value, str) else None


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return (
            f"'{path}' is a SavedModel, which Keras 3 cannot load as a model. Save it with the Keras that made it, as "
            f"model.save('model.h5')."
        )
    return f"'{path}' is a folder. Name a model file in it."


def _not_a_model(path: Path) -> str:
    if path.suffix == ".json" and path.stat().st_size and is_own(path):
        return "it is written for other programs. Name the .snn.h5 or the Keras file of the network."
    if path.suffix == ".json":
        return "it is the JSON of a model, without weights. Name the file of the weights, and this one as config=."
    if path.suffix not in MODEL_SUFFIXES:
        return f"it is not a Keras model: expected {', '.join(MODEL_SUFFIXES)}."
    kind = ".keras" if path.suffix == ".keras" else "HDF5"
    return f"it is damaged, or no {kind} file. Save the model again, or copy the file again in binary mode."
