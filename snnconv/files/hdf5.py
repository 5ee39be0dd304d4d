"""HDF5 files: those of strangers, each claim of which is checked before memory is taken, and our own.

All are opened by `open_hdf5`, which compares what is claimed with what is stored; so what follows need not. Our own are
made in memory and written in one go by `new_hdf5`: a full disk then fails in Python, and not inside the HDF5 library.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from ..errors import ModelFileError, SnnconvError, in_short, one_line
from .hdf5_check import check_contents, objects
from .output import MARK

ORIGIN = "origin"
"""Attribute of the file that says who wrote it."""

INTEGER_FORMAT = "snnconv-integer"  # of the files of snnconv.quantize
SIGNATURE = b"\x89HDF\r\n\x1a\n"

MAX_ATTRIBUTE_BYTES = 1 << 28


def brief(error: BaseException) -> str:
    """First line of an error's message, as far as it fits into one of ours."""
    text = one_line(error)
    return text if len(text) <= 200 else f"{text[:200]}…"


@contextmanager
def damaged() -> Iterator[None]:
    """Turn what h5py raises while it reads into an error that says that the file is damaged."""
    try:
        yield
    except (SnnconvError, FileNotFoundError):
        raise
    except (
        OSError,
        RuntimeError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        MemoryError,
    ) as error:
        raise ModelFileError(f"it is damaged, or not an HDF5 file ({brief(error)}).") from error


@contextmanager
def open_hdf5(file: Any, file_bytes: int | None = None) -> Iterator[h5py.File]:
    """An HDF5 file to read from, given by path or as a file in memory.

    Parameters
    ----------
    file_bytes : int or None
        Size of the file that holds it in a packed form, by which limits go. None: its own.

    Raises
    ------
    ModelFileError
        If it is damaged, or holds what `check_contents` does not allow.
    """
    with damaged():
        if not isinstance(file, io.BytesIO) and not stat.S_ISREG(os.stat(file).st_mode):
            raise ModelFileError("it is no ordinary file.")  # opening a pipe would wait for ever
        hdf5 = h5py.File(file, "r")
    try:
        with damaged(), _contents(file) as data:
            check_contents(hdf5, data, len(data) if file_bytes is None else file_bytes)
        yield hdf5
    finally:
        hdf5.close()


@contextmanager
def _contents(file: Any) -> Iterator[Any]:
    """All of a file."""
    if isinstance(file, io.BytesIO):
        yield file.getvalue()
        return
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """The HDF5 file at a path; errors while it is used name it.

    Raises
    ------
    ModelFileError
        If it is missing or damaged, or whatever else is wrong with it.
    """
    try:
        with open_hdf5(path) as file, damaged():
            yield file
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no file '{path}'.") from error
    except SnnconvError as error:
        raise ModelFileError(f"cannot read '{path}': {in_short(error)}") from error


def claims(path: str | os.PathLike[str], is_one: Callable[[h5py.File], bool]) -> bool:
    """Whether there is an HDF5 file at a path, and `is_one` says so of it."""
    try:
        with open_hdf5(path) as file, damaged():
            return is_one(file)
    except (OSError, ModelFileError):
        return False


def child(group: h5py.Group, name: str) -> Any:
    """The object that a path in a group leads to.

    Raises
    ------
    ModelFileError
        If there is nothing.
    """
    found: Any = group
    for part in filter(None, name.split("/")):
        if not isinstance(found, h5py.Group) or part not in found:
            raise ModelFileError(f"it is damaged: there is no '{name}' in '{group.name}'.")
        found = found[part]
    return found


def n_numbers(dataset: Any) -> int:
    """The number of values in a dataset.

    Raises
    ------
    ModelFileError
        If it is no array of numbers.
    """
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiubV" or dataset.shape is None:
        raise ModelFileError(f"'{getattr(dataset, 'name', dataset)}' is not an array of numbers.")
    return math.prod(dataset.shape)


def read_texts(dataset: Any) -> Any:
    """The texts in a dataset.

    Raises
    ------
    ModelFileError
        If it is no array of texts.
    """
    if not isinstance(dataset, h5py.Dataset) or h5py.check_string_dtype(dataset.dtype) is None or dataset.shape is None:
        raise ModelFileError(f"it is damaged: '{getattr(dataset, 'name', dataset)}' is no table of names.")
    return dataset[()] if math.prod(dataset.shape) else np.empty(dataset.shape, object)


def read_numbers(dataset: Any) -> np.ndarray:
    """The array in a dataset.

    Raises
    ------
    ModelFileError
        As `n_numbers`.
    """
    with damaged():
        n_numbers(dataset)
        return np.asarray(dataset[()])


def count_numbers(file: h5py.File) -> int:
    """The number of values in all arrays of a file.

    Raises
    ------
    ModelFileError
        As `n_numbers`.
    """
    return sum(n_numbers(found) for found in objects(file) if isinstance(found, h5py.Dataset))


def read_text(group: h5py.Group, name: str) -> str | None:
    """The text in an attribute, or None if there is no such attribute."""
    return None if name not in group.attrs else as_text(_attribute(group, name))


def check_not_integers(file: h5py.File) -> None:
    """Raise ModelFileError, and say what to do, if a file holds a network in integers."""
    if read_text(file, "format") == INTEGER_FORMAT:
        raise ModelFileError(
            "it holds a network in integers, as 'snnconv quantize -o' writes it. snnconv.quantize.load reads it and "
            "snnconv.IntegerSimulator runs it; here, name the .snn.h5 or Keras file that it was made from."
        )


def read_attributes(group: h5py.Group) -> dict[str, Any]:
    """All attributes of a group in Python's own types; an array is a list."""
    return {name: _plain(_attribute(group, name)) for name in group.attrs}


def read_names(group: h5py.Group, name: str) -> list[str] | None:
    """A list of texts in an attribute, which Keras cuts into several where HDF5 has no room for it in one."""
    if name in group.attrs:
        return [as_text(text) for text in np.atleast_1d(_attribute(group, name))]
    names: list[str] = []
    n = 0
    while f"{name}{n}" in group.attrs:
        names += [as_text(text) for text in np.atleast_1d(_attribute(group, f"{name}{n}"))]
        n += 1
    return names if n else None


def as_text(value: Any) -> str:
    """Text that h5py gave as bytes, as text or in an array of one element."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise ModelFileError("it is damaged: a text in it is not UTF-8.") from error
    if not isinstance(value, str):
        raise ModelFileError(f"it is damaged: expected a text. Received {type(value).__name__}.")
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return as_text(value)
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


def _attribute(group: h5py.Group, name: str) -> Any:
    attribute = group.attrs.get_id(name)
    claimed = attribute.get_space().get_simple_extent_npoints() * attribute.dtype.itemsize
    if claimed > MAX_ATTRIBUTE_BYTES or (claimed and claimed > attribute.get_storage_size()):
        raise ModelFileError(f"it is damaged: attribute '{name}' claims shape {attribute.shape}.")
    value = group.attrs[name]
    return np.empty(0, dtype=object) if isinstance(value, h5py.Empty) else value


@contextmanager
def new_hdf5(path: str | os.PathLike[str], **options: Any) -> Iterator[h5py.File]:
    """Give an HDF5 file in memory; on success write it to `path`, which nobody reads before it is complete.

    Parameters
    ----------
    **options
        Of `h5py.File`.
    """
    image = io.BytesIO()
    with h5py.File(image, "w", **options) as file:
        file.attrs[ORIGIN] = np.bytes_(MARK)
        yield file
    with open(path, "wb") as written:
        written.write(image.getbuffer())
