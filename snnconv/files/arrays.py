"""Arrays in .npy and .npz files from strangers: claims are compared with the file before memory is taken."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import InputError, ModelFileError
from .archives import check_archive
from .limits import MOST_PACKED, raised

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
    with _faults(f"'{path}'"):
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            return _unpacked(path, size)
        with path.open("rb") as file:
            n_values = _n_values(file, size)
        return np.load(path, mmap_mode="r" if mapped and n_values else None, allow_pickle=False)


def unpack_arrays(data: bytes, what: str) -> dict[str, np.ndarray]:
    """The arrays, by name, of an .npz file in memory that another process sent.

    Parameters
    ----------
    what : str
        Its name in messages.

    Raises
    ------
    InputError
        As `read_arrays`.
    """
    with _faults(what):
        return _unpacked(io.BytesIO(data), len(data))


class OwnArrays(Mapping[str, np.ndarray]):
    """The arrays of an .npz file that a run wrote itself, by name, each read from the file when it is asked for.

    Such a file may hold as much as its packing can: spikes are mostly 0.

    Raises
    ------
    InputError
        As `read_arrays`, also when an array is read.
    """

    def __init__(self, path: Path):
        self._path = path
        with self._opened() as archive:
            self._members = {info.filename.removesuffix(".npy"): info.filename for info in archive.infolist()}

    def __getitem__(self, name: str) -> np.ndarray:
        member = self._members[name]
        with self._opened() as archive:
            return _member(archive, archive.getinfo(member))

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        with _faults(f"'{self._path}'"), zipfile.ZipFile(self._path) as archive:
            size = self._path.stat().st_size
            with raised(MOST_PACKED * size):
                check_archive(archive, size)
            yield archive


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """Turn all that reading can raise into one line."""
    try:
        yield
    except ModelFileError as error:
        raise InputError(f"cannot read {what}: {error}") from error
    except FAULTS as error:
        # NumPy's own message recommends to unpickle a file of unknown origin
        raise InputError(
            f"cannot read {what}: it is damaged, holds Python objects, or is no .npy or .npz file."
        ) from error


def _unpacked(file: Path | IO[bytes], size: int) -> dict[str, np.ndarray]:
    """All arrays of an .npz file of `size` bytes."""
    with zipfile.ZipFile(file) as archive:
        check_archive(archive, size)
        return {info.filename.removesuffix(".npy"): _member(archive, info) for info in archive.infolist()}


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
