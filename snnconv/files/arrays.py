"""Arrays in .npy and .npz files from strangers: claims are compared with the file before memory is taken."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import InputError, ModelFileError
from .archives import check_archive

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
FAULTS = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, SyntaxError, RecursionError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, tokenize.TokenError),
)  # of NumPy and of zipfile, for headers that make no sense

Arrays = np.ndarray | dict[str, np.ndarray]
"""The contents of a file: one array, or several by name."""


def read_arrays(path: Path, mapped: bool = False) -> Arrays:
    """Read the array of an .npy file, or those of an .npz file by name.

    Parameters
    ----------
    mapped : bool
        Leave the array of an .npy file there, to be read part by part.

    Raises
    ------
    InputError
        If the file cannot be read, or may not be unpacked.
    """
    if not path.is_file():
        raise InputError(f"there is no file '{path}'.")
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_archive(archive, size)
                return {info.filename.removesuffix(".npy"): _member(archive, info) for info in archive.infolist()}
        with path.open("rb") as file:
            n_values = _n_values(file, size)
        return np.load(path, mmap_mode="r" if mapped and n_values else None, allow_pickle=False)
    except ModelFileError as error:
        raise InputError(f"cannot read '{path}': {error}") from error
    except FAULTS as error:
        # NumPy's own message recommends to unpickle a file of unknown origin
        raise InputError(
            f"cannot read '{path}': it is damaged, holds Python objects, or is no .npy or .npz file."
        ) from error


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        _n_values(member, info.file_size)
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _n_values(file: IO[Any], size: int) -> int:
    """The number of values of an array in a file of `size` bytes, by its header.

    Raises
    ------
    ValueError
        If the header claims what the file does not hold, or anything but numbers and texts.
    """
    read_header = HEADERS.get(np.lib.format.read_magic(file))
    if read_header is None:
        raise ValueError("of an unknown version")
    shape, _, dtype = read_header(file)
    if dtype.hasobject or any(isinstance(length, bool) or length < 0 for length in shape):
        raise ValueError("Python objects, or lengths that are none")
    n_values = math.prod(shape)
    if n_values * dtype.itemsize > size - file.tell() or (n_values and not dtype.itemsize):
        raise ValueError("more values than bytes")
    return n_values
