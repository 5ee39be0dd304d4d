"""The HDF5 layout as one flat mapping, for formats without groups and attributes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import SnnconvError
from ..graph import SpikingGraph
from ..graph.file import write


def flatten(graph: SpikingGraph, dt: float) -> dict[str, np.ndarray]:
    """Everything that the graph's HDF5 file holds, by its path in it.

    Datasets come under their paths, attributes under that of what they belong to and their name: both
    "populations/lif/kernel" and "populations/lif/tau_rc". It is read from such a file, so that no layout is written
    down twice. Strings are arrays of str; what HDF5 links to from two places is found under both.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.h5"
        write(graph, path, dt)
        entries: dict[str, np.ndarray] = {}
        with h5py.File(path, "r") as file:
            _collect(file, "", entries)
    return entries


def _collect(item: Any, path: str, entries: dict[str, np.ndarray]) -> None:
    """Add the attributes of a group or a dataset, and what is in it."""
    prefix = f"{path}/" if path else ""
    for key, value in item.attrs.items():
        _add(entries, prefix + key, value)
    if isinstance(item, h5py.Dataset):
        _add(entries, path, item[()])
        return
    for key in item:
        _collect(item[key], prefix + key, entries)


def _add(entries: dict[str, np.ndarray], path: str, value: Any) -> None:
    if path in entries:
        raise SnnconvError(f"'{path}' stands for two things in the HDF5 layout: an attribute and an array.")
    array = np.asarray(value)
    if array.dtype.kind in "OS":
        array = np.vectorize(lambda text: text.decode() if isinstance(text, bytes) else str(text), otypes=[str])(array)
    entries[path] = array
