"""HDF5 files made in memory and written in one go: a full disk fails in Python, and not inside the HDF5 library."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from .output import MARK

ORIGIN = "origin"
"""Attribute of the file that says who wrote it."""


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
