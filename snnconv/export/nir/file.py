"""NIR graphs as files: HDF5 in the layout of nir 1.0.8.

::

    /version                        of nir whose layout this is
    /node/type                      "NIRGraph"
    /node/edges                     (n, 2) names: from, to
    /node/nodes/<name>/type         and one dataset per parameter, by NIR's names
    /node/nodes/<name>/metadata/…   and /node/metadata/…: what NIR itself does not hold
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ...errors import ModelFileError, SnnconvError
from ...files.hdf5 import as_text, child, damaged, new_hdf5, open_hdf5, read_numbers, read_texts
from .primitives import PARAMETERS, NirGraph, Primitive

NIR_VERSION = "1.0.8"


def write_file(graph: NirGraph, path: Path, dtype: str) -> None:
    """Write a NIR graph; nobody reads the file before it is complete.

    Parameters
    ----------
    dtype : str
        "float32" or "float64", of all parameters.
    """
    with new_hdf5(path, track_order=True) as file:
        file["version"] = NIR_VERSION
        top = file.create_group("node", track_order=True)
        top["type"] = "NIRGraph"
        top["edges"] = np.array(graph.edges, dtype=object)
        _write_metadata(top, graph.metadata)
        nodes = top.create_group("nodes", track_order=True)  # readers then meet them in order
        for node in graph.nodes.values():
            group = nodes.create_group(node.name)
            group["type"] = node.type
            for key, value in node.parameters.items():
                is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
                array = value.astype(dtype) if is_float else value
                compression = "gzip" if np.size(array) > 1 else None
                group.create_dataset(key, data=array, compression=compression)
            _write_metadata(group, node.metadata)


def _write_metadata(group: h5py.Group, metadata: Mapping[str, Any]) -> None:
    for key, value in metadata.items():
        group[f"metadata/{key}"] = value


def read_file(path: str | os.PathLike[str]) -> NirGraph:
    """Read a NIR graph of the primitives in `PARAMETERS`.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or holds other primitives.
    """
    try:
        with open_hdf5(path) as file, damaged():
            return _read(file)
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no file '{path}'.") from error
    except SnnconvError as error:
        raise ModelFileError(f"cannot read '{path}': {error}") from error


def _read(file: h5py.File) -> NirGraph:
    if "node" not in file or _text(file, "node/type") != "NIRGraph":
        raise ModelFileError("it does not hold a NIR graph.")
    nodes = []
    others: dict[str, list[str]] = {}
    for name in child(file, "node/nodes"):
        group = child(file, f"node/nodes/{name}")
        kind = _text(group, "type")
        if kind not in PARAMETERS:
            others.setdefault(kind, []).append(name)
            continue
        parameters = {key: read_numbers(child(group, key)) for key in PARAMETERS[kind] if key in group}
        if "v_threshold" in parameters:
            parameters.setdefault("v_reset", np.zeros_like(parameters["v_threshold"]))
        missing = [key for key in PARAMETERS[kind] if key not in parameters]
        if missing:
            raise ModelFileError(f"node '{name}' ({kind}) has no '{missing[0]}'.")
        nodes.append(Primitive(name, kind, parameters, _metadata(group)))
    if others:
        found = "; ".join(f"{kind} ({', '.join(map(repr, names))})" for kind, names in others.items())
        raise ModelFileError(f"it holds nodes that snnconv does not read: {found}. It reads {', '.join(PARAMETERS)}.")
    edges = [(as_text(a), as_text(b)) for a, b in read_texts(child(file, "node/edges"))]
    return NirGraph.of(nodes, edges, _metadata(child(file, "node")))


def _metadata(group: h5py.Group) -> dict[str, Any]:
    if "metadata" not in group:
        return {}
    found = {}
    inside = child(group, "metadata")
    for key in inside:
        entry = child(inside, key)
        if isinstance(entry, h5py.Dataset):
            found[key] = _text(inside, key) if entry.dtype.kind in "OS" else read_numbers(entry).tolist()
    return found


def _text(group: Any, name: str) -> str:
    return as_text(read_texts(child(group, name)))
