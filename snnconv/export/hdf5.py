"""HDF5: the format that `snnconv.load` reads back; its layout is documented in `snnconv.graph.file`."""

from __future__ import annotations

from ..graph.file import save
from .target import Target

TARGET = Target("hdf5", ".snn.h5", "every array and parameter as HDF5; snnconv.load reads it back", save)
