"""The fields of a graph in an HDF5 file, layout version 1.

::

    /                       attributes: format = "snnconv", version, origin, name, dt, and the metadata
    /order                  names of all nodes, in execution order
    /report                 (n_layers, 3): each layer of the Keras model, its type, and what was done to it
    /outputs                (n_outputs, 2) names: of the output, of the node that gives it
    /nodes/<name>           every node but the populations: attributes kind, inputs, shape and settings; its arrays
    /populations/<name>     attributes neuron, tau_rc, tau_ref, amplitude, min_voltage, …, dt, shape, inputs;
                            `input`: what feeds the kernel; `connection`: the node in /nodes that holds it
        kernel, dense_bias      folded: the gain is in them (the same datasets as in /nodes/<connection>)
        neuron_bias, gain       the gain is for the record only
        trained/                kernel, dense_bias, neuron_bias as Keras trained them
    /scales/<place>/0, 1 …  of the node at this place of the order, counted from 0: its trained/kernel times these, one
                            after the other, is its kernel to the last bit
    /readout/<output>       likewise, without neurons; attribute `activation`

An array that a layer does not have is left out; dense_bias is zeros where there is a kernel without bias. A population
without a kernel right before it has no kernel, no dense_bias and no `connection`: its gain is in the node that `inputs`
names, or further upstream.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import h5py
import numpy as np

from ..errors import ModelFileError
from ..files.hdf5 import (
    check_not_integers,
    claims,
    new_hdf5,
    read_attributes,
    read_numbers,
    read_text,
    read_texts,
    reading,
)
from ..files.limits import GRAPH_VALUES, check_values
from ..files.output import check_ending
from ..files.writing import replacing
from ..neurons import NEURONS
from ..neurons.synapses import SYNAPSES
from ..text.advice import either
from .nodes import NODES, Affine, Node, Population, Weighted
from .nodes.kernels import Product, scales_of
from .report import LayerReport
from .views import PopulationView, ReadoutView, population_views, readout_views

FORMAT, VERSION = "snnconv", 1
ENDINGS = (".snn.h5", ".h5", ".hdf5")
DEFAULT_DT = 0.001  # seconds
_MODELS = {"neuron": NEURONS, "synapse": SYNAPSES}
_TRAINED = {"bias": "neuron_bias"}  # names under a population's trained/, by those in the node

T = TypeVar("T")


class Writable(Protocol):
    """The fields of a `SpikingGraph`."""

    @property
    def nodes(self) -> tuple[Node, ...]: ...
    @property
    def outputs(self) -> Mapping[str, str]: ...
    @property
    def name(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, str]: ...
    @property
    def report(self) -> tuple[LayerReport, ...]: ...


def save(graph: Writable, path: str | os.PathLike[str], dt: float = DEFAULT_DT) -> None:
    """Write `graph` to an HDF5 file, whole or not at all.

    Parameters
    ----------
    dt : float
        Time step the file is meant for, in seconds; noted in it, and the one of the graph that is read back.

    Raises
    ------
    ModelFileError
        If it cannot be written, or the name ends as those of another format do.
    """
    check_ending(path, ENDINGS)
    with replacing(path) as temporary, new_hdf5(temporary) as file:
        write(graph, file, dt)


def write(graph: Writable, file: h5py.File, dt: float) -> None:
    """Write `graph` into an empty HDF5 file; see `save`."""
    file.attrs.update(format=FORMAT, version=VERSION, name=graph.name, dt=dt)
    file.attrs.update({f"metadata.{key}": value for key, value in graph.metadata.items()})
    file["order"] = np.array([node.name for node in graph.nodes], dtype=object)
    file["outputs"] = np.array(list(graph.outputs.items()), dtype=object)
    if graph.report:
        file["report"] = np.array([dataclasses.astuple(line) for line in graph.report], dtype=object)
    for place, node in enumerate(graph.nodes):
        is_population = isinstance(node, Population)
        group = file.require_group(f"{'populations' if is_population else 'nodes'}/{node.name}")
        group.attrs.update(attributes(node))
        for key, array in node.arrays().items():
            group[key] = array
        for key, array in node.trained.items():
            group[f"trained/{_TRAINED[key] if is_population else key}"] = array
        if isinstance(node, Weighted):
            for number, scale in enumerate(scales_of(node, "kernel")):
                file[f"scales/{place}/{number}"] = scale
    nodes = {node.name: node for node in graph.nodes}
    for view in population_views(nodes).values():
        group = file[f"populations/{view.name}"]
        group.attrs["dt"] = view.neuron.parameters().get("dt", dt)
        _link_connection(file, group, view)
    for view in readout_views(nodes, graph.outputs).values():
        group = file.require_group(f"readout/{view.name}")
        group.attrs.update(activation=view.activation, shape=view.shape, node=graph.outputs[view.name])
        _link_connection(file, group, view)


def attributes(node: Node) -> dict[str, Any]:
    """Kind, inputs, shape and settings of a node, without its arrays; a value of None is left out.

    A neuron or a synapse is given by its kind under "neuron" or "synapse", with its parameters beside it.
    """
    found: dict[str, Any] = {"kind": node.kind}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if field.name in ("name", "trained", *node.array_fields):
            continue
        if field.name in _MODELS:
            found |= {field.name: value.kind, **value.parameters()}
        else:
            found[field.name] = value
    return {key: value for key, value in found.items() if value is not None}


def _link_connection(file: Any, group: Any, view: PopulationView | ReadoutView) -> None:
    group.attrs["input"] = view.input
    if view.linear is None:
        return
    source = file[f"nodes/{view.linear.name}"]
    group.attrs["connection"] = view.linear.name
    group["kernel"] = source["kernel"]
    group["dense_bias"] = source["bias"] if "bias" in source else np.zeros(source["kernel"].shape[-1])
    for key, array in source.get("trained", {}).items():
        group[f"trained/{'dense_bias' if key == 'bias' else key}"] = array


def read(path: str | os.PathLike[str], build: Callable[..., T]) -> T:
    """Read a graph from an HDF5 file.

    Parameters
    ----------
    build : function
        Makes the graph of its fields: nodes, outputs, name, metadata and report.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another kind, or written by a later version.
    """
    with reading(path) as file:
        return build(**_fields(file))


def is_graph_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is an HDF5 file that claims to hold a spiking graph."""
    return claims(path, lambda file: read_text(file, "format") == FORMAT)


def _fields(file: Any) -> dict[str, Any]:
    if _text(file.attrs.get("format", "")) != FORMAT:
        check_not_integers(file)
        raise ModelFileError(
            "it does not hold a spiking graph; files for snnconv.load come from `snnconv export`. A Keras model is for "
            "snnconv.convert."
        )
    version = int(file.attrs["version"])
    if version > VERSION:
        raise ModelFileError(f"its layout has version {version}; this snnconv reads up to {VERSION}. Update snnconv.")
    report = read_texts(file["report"]) if "report" in file else ()
    nodes = tuple(_node(file, name, str(place)) for place, name in enumerate(map(_text, read_texts(file["order"]))))
    n_numbers = sum(array.size for node in nodes for array in node.arrays().values())
    for node in nodes:
        check_values(math.prod(node.shape), n_numbers, f"node '{node.name}', of shape {node.shape},", GRAPH_VALUES)
    return {
        "nodes": nodes,
        "outputs": {_text(label): _text(name) for label, name in read_texts(file["outputs"])},
        "name": _text(file.attrs["name"]),
        "metadata": _metadata(file),
        "report": tuple(LayerReport(*map(_text, line)) for line in report),
    }


def _metadata(file: Any) -> dict[str, str]:
    """The metadata, with the time step that the file is meant for where that is another than they or graphs have."""
    found = {k.removeprefix("metadata."): _text(v) for k, v in file.attrs.items() if k.startswith("metadata.")}
    dt = float(file.attrs.get("dt", DEFAULT_DT))
    return found if dt == float(found.get("dt", DEFAULT_DT)) else {**found, "dt": repr(dt)}


def _node(file: Any, name: str, place: str) -> Node:
    found = file.get("populations", {}).get(name)  # also there where it only holds those with a slash behind its name
    group = file["nodes"][name] if found is None or "kind" not in found.attrs else found
    settings = read_attributes(group)
    is_population = settings.get("kind") == Population.kind
    own = [key for key, each in group.items() if isinstance(each, h5py.Dataset)]
    names = ("neuron_bias", "gain") if is_population else own
    trained = {key: _fixed(array) for key, array in group.get("trained", {}).items()}
    if is_population:
        trained = {key: trained[name] for key, name in _TRAINED.items() if name in trained}
    arrays: dict[str, Any] = {key: _fixed(group[key]) for key in names}
    scales = file.get("scales", {}).get(place, {})
    product = _product(trained.get("kernel"), [read_numbers(scales[key]) for key in sorted(scales, key=int)])
    if product is not None and np.array_equal(product.array(), arrays.get("kernel", ())):
        arrays["kernel"] = product  # a third of the memory
    node = built(name, settings, arrays, trained)
    _check_arrays(node)
    return node


def _fixed(dataset: Any) -> np.ndarray:
    """The array in a dataset, read-only, so that nodes share it."""
    array = read_numbers(dataset)
    array.setflags(write=False)
    return array


def _product(weights: np.ndarray | None, scales: list[np.ndarray]) -> Product | None:
    if weights is None or not scales or not all(_broadcasts(scale.shape, weights.shape) for scale in scales):
        return None
    return Product(weights, tuple(scales))


def built(name: str, settings: dict[str, Any], arrays: dict[str, np.ndarray], trained: dict[str, np.ndarray]) -> Node:
    """The node that attributes and arrays describe."""
    kind = _known(NODES, settings.pop("kind", None), name, "node")
    fields = {field.name for field in dataclasses.fields(kind)}
    for key in fields & set(_MODELS):
        model = _known(_MODELS[key], settings.get(key), name, key)
        parameters = {field.name for field in dataclasses.fields(model)}
        settings[key] = model(**{field: settings[field] for field in parameters if field in settings})
    settings = {key: _tuples(value) for key, value in settings.items() if key in fields}
    return kind(name=name, trained=trained, **settings, **arrays)


def _known(registry: dict[str, Any], key: Any, name: str, what: str) -> Any:
    if key not in registry:
        advice = either("Import the module that defines it first", "Name the Keras file, with --custom-objects MODULE")
        raise ModelFileError(
            f"node '{name}' is of the unknown {what} kind {key!r}. Known: {sorted(registry)}."
            f"{f' {advice}.' if what in _MODELS else ''}"
        )
    return registry[key]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def _check_arrays(node: Node) -> None:
    for key, array in node.arrays().items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ModelFileError(
                f"array '{key}' of node '{node.name}' holds NaN, infinity or no floating-point numbers."
            )
    n_units = node.shape[-1:]
    if isinstance(node, Weighted) and node.kernel.shape[-1:] != n_units:
        raise ModelFileError(
            f"kernel {node.kernel.shape} of node '{node.name}' does not give the units of its shape {node.shape}."
        )
    if isinstance(node, Weighted) and node.bias is not None and node.bias.shape != n_units:
        raise ModelFileError(f"bias {node.bias.shape} of node '{node.name}' does not fit its shape {node.shape}.")
    if isinstance(node, (Affine, Population)):
        for key, array in node.arrays().items():
            if not _broadcasts(array.shape, node.shape):
                raise ModelFileError(f"{key} {array.shape} of node '{node.name}' does not fit its shape {node.shape}.")


def _broadcasts(shape: tuple[int, ...], onto: tuple[int, ...]) -> bool:
    behind = onto[len(onto) - len(shape) :]
    return len(shape) <= len(onto) and all(size in (1, full) for size, full in zip(shape, behind, strict=True))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
