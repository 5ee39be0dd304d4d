"""Zip archives: those of strangers, checked before anything is unpacked, and .npz files, written array by array."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ModelFileError
from .limits import check_unpacked
from .output import MARK

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of Keras and of NumPy
ENCRYPTED = 1
Arrays = Mapping[str, np.ndarray]


def check_archive(archive: zipfile.ZipFile, file_bytes: int) -> None:
    """Compare what the members of an archive claim with the size of its file.

    Raises
    ------
    ModelFileError
        If they claim more than the file can hold, or are packed or named in another way than Keras and NumPy do it.
    """
    total, names = 0, set()
    for info in archive.infolist():
        if info.filename in names:
            raise ModelFileError(f"it is damaged: it holds two members {info.filename[:80]!r}.")
        names.add(info.filename)
        if info.compress_type not in METHODS or info.flag_bits & ENCRYPTED:
            raise ModelFileError(f"{info.filename[:80]!r} in it is encrypted, or packed in a way that is not read.")
        if info.compress_size > file_bytes:
            raise ModelFileError(f"it is damaged: {info.filename[:80]!r} claims more bytes than the file has.")
        total += info.file_size
        check_unpacked(total, file_bytes)


def write_npz(
    path: str | os.PathLike[str],
    alone: Arrays,
    parts: Sequence[Arrays] = (),
    names: Sequence[str] = (),
    n: int = 0,
    compression: int = 6,
) -> None:
    """Write an .npz file that nobody reads before it is complete.

    Parameters
    ----------
    alone : arrays to write as they are
    parts : of further arrays, which are written one part behind the other, with one part at a time in memory
    names : of these
    n : int
        Length of all parts together.
    compression : int
        Level, 1 to 9.

    Raises
    ------
    ModelFileError
        If the parts of an array do not fit together.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=compression) as file:
        file.comment = MARK.encode()
        for name, array in alone.items():
            _write_array(file, name, array.dtype, array.shape, [array])
        for name in names:
            first = parts[0][name]
            _write_array(file, name, first.dtype, (n, *first.shape[1:]), (part[name] for part in parts))


def _write_array(
    file: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], blocks: Iterable[np.ndarray]
) -> None:
    with file.open(f"{name}.npy", "w", force_zip64=True) as stream:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for block in blocks:
            if (block.dtype, block.shape[1:]) != (dtype, shape[1:]):
                raise ModelFileError(
                    f"'{name}' is {block.dtype} of shape {block.shape[1:]} in one part, and {dtype} of {shape[1:]} in "
                    f"another. Delete the parts to start anew."
                )
            stream.write(block.tobytes())
