"""NIR graphs as files: HDF5 in the layout of nir 1.0.8.

::

    /version                        of nir whose layout this is
    /node/type                      "NIRGraph"
    /node/edges                     (n, 2) names: from, to
    /node/nodes/<name>/type         and one dataset per parameter, by NIR's names
    /node/nodes/<name>/…            a graph in it has nodes and edges of its own
    /node/nodes/<name>/metadata/…   and /node/metadata/…: what NIR itself does not hold
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ...errors import ModelFileError
from ...files.hdf5 import as_text, child, claims, new_hdf5, read_numbers, read_texts, reading
from .primitives import OPTIONAL, PARAMETERS, NirGraph, Primitive

NIR_VERSION = "1.0.8"
GRAPH = "NIRGraph"
Edge = tuple[str, str]


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
        top["type"] = GRAPH
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
    """Read a NIR graph of the primitives in `PARAMETERS`; sub-graphs become part of it, as "graph.node".

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or holds other primitives.
    """
    with reading(path) as file:
        return _read(file)


def is_nir_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is an HDF5 file that claims to hold a NIR graph."""
    return claims(path, lambda file: "node" in file and _text(file, "node/type") == GRAPH)


def _read(file: h5py.File) -> NirGraph:
    if "node" not in file or _text(file, "node/type") != GRAPH:
        raise ModelFileError("it does not hold a NIR graph.")
    top = child(file, "node")
    others: dict[str, list[str]] = {}
    nodes, edges = _members(top, "", others)
    if others:
        found = "; ".join(f"{kind} ({', '.join(map(repr, names))})" for kind, names in others.items())
        raise ModelFileError(f"it holds nodes that snnconv does not read: {found}. It reads {', '.join(PARAMETERS)}.")
    return NirGraph.of(nodes, edges, _metadata(top))


def _members(group: Any, prefix: str, others: dict[str, list[str]]) -> tuple[list[Primitive], list[Edge]]:
    """Primitives and edges of a graph and of the graphs in it, whose names are joined with dots.

    Primitives that snnconv does not read are added to `others`, by kind.
    """
    nodes: list[Primitive] = []
    edges: list[Edge] = [(prefix + as_text(a), prefix + as_text(b)) for a, b in read_texts(child(group, "edges"))]
    for name in child(group, "nodes"):
        inside, full = child(group, f"nodes/{name}"), prefix + name
        kind = _text(inside, "type")
        if kind == GRAPH:
            more, within = _members(inside, f"{full}.", others)
            kept, edges = _joined(full, more, within, edges)
            nodes += kept
        elif kind in PARAMETERS:
            nodes.append(_primitive(inside, full, kind))
        else:
            others.setdefault(kind, []).append(full)
    return nodes, edges


def _joined(
    name: str, nodes: list[Primitive], within: list[Edge], around: list[Edge]
) -> tuple[list[Primitive], list[Edge]]:
    """The nodes of a sub-graph without its Input and Output, and all edges, which pass these by."""
    ends = {kind: [node.name for node in nodes if node.type == kind] for kind in ("Input", "Output")}
    if any(len(names) != 1 for names in ends.values()):
        raise ModelFileError(f"the graph '{name}' in it must have one Input and one Output; they are {ends}.")
    (first,), (last,) = ends.values()
    edges = [(last if a == name else a, first if b == name else b) for a, b in around] + within
    for end in (first, last):
        sources, targets = [a for a, b in edges if b == end], [b for a, b in edges if a == end]
        edges = [edge for edge in edges if end not in edge] + [(a, b) for a in sources for b in targets]
    return [node for node in nodes if node.name not in (first, last)], edges


def _primitive(group: Any, name: str, kind: str) -> Primitive:
    parameters = {key: _parameter(group, key) for key in PARAMETERS[kind] if key in group}
    if "v_threshold" in parameters:
        parameters.setdefault("v_reset", np.zeros_like(parameters["v_threshold"]))
    if "tau_syn" in parameters:
        parameters.setdefault("w_in", np.ones_like(parameters["tau_syn"]))
    missing = [key for key in PARAMETERS[kind] if key not in parameters and key not in OPTIONAL]
    if missing:
        raise ModelFileError(f"node '{name}' ({kind}) has no '{missing[0]}'.")
    return Primitive(name, kind, parameters, _metadata(group))


def _parameter(group: Any, name: str) -> Any:
    """An array, or a text, as the padding of a convolution can be."""
    entry = child(group, name)
    return _text(group, name) if isinstance(entry, h5py.Dataset) and entry.dtype.kind in "OS" else read_numbers(entry)


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
