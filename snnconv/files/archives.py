"""Zip archives from strangers: .keras and .npz files, checked before anything in them is unpacked."""

from __future__ import annotations

import zipfile

from ..errors import ModelFileError
from .limits import check_unpacked

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of Keras and of NumPy
ENCRYPTED = 1


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
