"""The numbers of a network as they are, in three formats under the same paths: HDF5, NPZ and JSON.

HDF5 is the format that `snnconv.load` reads back; its layout is documented in `snnconv.graph.file`. The other two hold
its arrays and attributes under their paths in it, for formats without groups and attributes:

- NPZ: ``np.load(path)["populations/lif/kernel"]`` is an array; ``["populations/lif/tau_rc"]`` is one of no axes.
- JSON: one entry to a line, arrays as nested lists in row-major order. Numbers have as many digits as it takes to read
  them back equal; an infinity, which JSON does not have, is the string "inf" or "-inf".
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import SnnconvError
from ..files.archives import write_npz
from ..files.hdf5 import ORIGIN, new_hdf5
from ..files.output import MARK
from ..graph import SpikingGraph
from ..graph.file import write as write_graph
from .target import Plan, Settings, Target


def plan_hdf5(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the graph as it is."""

    def write(path: Path) -> None:
        with new_hdf5(path) as file:
            write_graph(graph, file, settings.dt)

    return Plan(write)


def plan_npz(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the flattened graph; no entry needs pickle."""

    def write(path: Path) -> None:
        write_npz(path, flatten(graph, settings.dt))

    return Plan(write)


def plan_json(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the flattened graph as text."""

    def write(path: Path) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{{\n{json.dumps(ORIGIN)}: {json.dumps(MARK)}")
            for key, array in flatten(graph, settings.dt).items():
                value = json.dumps(_finite(array.tolist()), ensure_ascii=False, allow_nan=False)
                file.write(f",\n{json.dumps(key, ensure_ascii=False)}: {value}")
            file.write("\n}\n")

    return Plan(write)


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


TARGETS = (
    Target(
        "hdf5",
        ".snn.h5",
        "every array and parameter as HDF5; snnconv.load reads it back",
        "nothing",
        plan_hdf5,
        other_endings=(".hdf5",),
    ),
    Target("npz", ".snn.npz", "the same under the same paths, for NumPy without h5py", "nothing", plan_npz),
    Target(
        "json",
        ".snn.json",
        "the same under the same paths as text, with every digit, for any language",
        "nothing",
        plan_json,
    ),
)


def flatten(graph: SpikingGraph, dt: float) -> dict[str, np.ndarray]:
    """Everything that the graph's HDF5 file holds, by its path in it.

    Datasets come under their paths, attributes under that of what they belong to and their name: both
    "populations/lif/kernel" and "populations/lif/tau_rc". It is read from such a file in memory, so that no layout is
    written down twice. Strings are arrays of str; what HDF5 links to from two places is found under both.
    """
    entries: dict[str, np.ndarray] = {}
    with h5py.File(io.BytesIO(), "w") as file:
        write_graph(graph, file, dt)
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
