"""The integer graph as an HDF5 file, layout version 1.

::

    /                   attributes: format = "snnconv-integer", version, name; weight_bits, dt, fraction_bits,
                        threshold_bits, scale, n_steps
    /order              names of all nodes, in execution order; the first is the input
    /outputs            (n_outputs, 2) names: of the output, of the readout that gives it
    /approximations     sentences
    /nodes/<name>       attributes kind, inputs, shape, and every field of the node's class in `snnconv.quantize.nodes`
        kernel, bias, threshold, floor, ceiling     integers
        scale, weights, biases                      what they were rounded from
      attributes range.<what> = (low, high): the proven range of an integer
    /nodes/<input>      attributes code = its kind, code.<parameter>

A file is read only if its numbers give the ranges that it claims.

Whether the fields of a node fit together: for graphs that come from files.
"""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import h5py
import numpy as np

from ..errors import ModelFileError, SnnconvError
from ..files.hdf5 import INTEGER_FORMAT, child, damaged, open_hdf5, read_attributes, read_numbers, read_text, read_texts
from ..files.writing import replacing
from .codes import CODES, Code
from .integer_graph import IntegerGraph
from .nodes import INTEGER_NODES, EncodedInput, IntegerLayer, IntegerNode, SpikingLayer, SumPool, with_ranges
from .proofs import prove
from .ranges import Range
from .scales import Settings

MAX_VALUES = 1 << 24  # of one sample at a node
MAX_RANK = 3  # spatial axes


def check_node(node: IntegerNode, source: IntegerNode | None) -> None:
    """Raise ModelFileError unless a node can run on what `source` sends."""
    fits = all(size > 0 for size in node.shape) and math.prod(node.shape) <= MAX_VALUES
    if isinstance(node, EncodedInput):
        fits &= source is None
    else:
        fits &= source is not None
    if isinstance(node, (SumPool, IntegerLayer)) and source is not None:
        fits &= math.prod(node.input_shape) == math.prod(source.shape) and all(size > 0 for size in node.input_shape)
    if fits and isinstance(node, SumPool):
        fits = _pool_fits(node)
    if fits and isinstance(node, IntegerLayer):
        fits = _connection_fits(node) and _numbers_fit(node)
    if fits and isinstance(node, SpikingLayer):
        fits = _neurons_fit(node)
    if not fits:
        raise ModelFileError(f"it is damaged: the numbers and shapes of node '{node.name}' do not fit together.")


def _pool_fits(node: SumPool) -> bool:
    *space, channels = node.input_shape
    if not 1 <= len(space) <= MAX_RANK or not len(node.size) == len(node.strides) == len(space):
        return False
    if min(*node.size, *node.strides) < 1 or any(size > n for size, n in zip(node.size, space, strict=True)):
        return False
    places = ((n - size) // stride + 1 for n, size, stride in zip(space, node.size, node.strides, strict=True))
    return node.shape == (*places, channels)


def _connection_fits(layer: IntegerLayer) -> bool:
    kernel, rank = layer.kernel.shape, len(layer.strides)
    if 0 in kernel:
        return False
    if rank == 0:
        is_plain = not layer.padding and not layer.dilation and layer.groups == 1
        return is_plain and len(kernel) == 2 and layer.input_shape == kernel[:1] and _holds_all(layer)
    if rank > MAX_RANK or not len(layer.padding) == len(layer.dilation) == rank or len(kernel) != rank + 2:
        return False
    if min(*layer.strides, *layer.dilation, layer.groups) < 1 or any(len(pair) != 2 for pair in layer.padding):
        return False
    if any(not 0 <= side <= MAX_VALUES for pair in layer.padding for side in pair):
        return False
    channels = layer.input_shape[-1] == kernel[-2] * layer.groups and kernel[-1] % layer.groups == 0
    return channels and len(layer.input_shape) == rank + 1 and min(layer.connection_shape) > 0 and _holds_all(layer)


def _holds_all(layer: IntegerLayer) -> bool:
    return math.prod(layer.connection_shape) == math.prod(layer.shape)


def _numbers_fit(layer: IntegerLayer) -> bool:
    for name, array in layer.arrays().items():
        kinds = "i" if name in layer.integer_fields else "f"
        if array.dtype.kind not in kinds or array.dtype.itemsize > 8 or not np.isfinite(array).all():
            return False
        if name not in ("kernel", "weights") and array.shape not in (layer.shape, layer.shape[-1:]):
            return False
        if name in layer.integer_fields and array.dtype.itemsize > 4:
            return False
    bits_fit = 1 <= layer.fraction_bits <= 20 and 1 <= layer.synapse_bits <= 20
    return (
        bits_fit
        and layer.weights.shape == layer.kernel.shape
        and bool((layer.scale > 0).all())
        and 0 <= layer.shift <= 30
        and 0 <= layer.synapse <= 1 << layer.synapse_bits
    )


def _neurons_fit(layer: SpikingLayer) -> bool:
    return (
        layer.neuron in ("LIF", "IF")
        and (0 < layer.leak <= 1 << layer.fraction_bits if layer.neuron == "LIF" else layer.leak == 0)
        and 0 <= layer.refractory_steps < 1 << 31
        and 0 <= layer.initial_voltage < 1
        and bool((layer.threshold > 0).all() and (layer.floor <= 0).all() and (layer.ceiling >= 0).all())
    )


FORMAT, VERSION, SUFFIX = INTEGER_FORMAT, 1, ".int.h5"


def save(graph: IntegerGraph, path: str | os.PathLike[str]) -> None:
    """Write `graph` to an HDF5 file, whole or not at all.

    Raises
    ------
    ModelFileError
        If it cannot be written.
    """
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(format=FORMAT, version=VERSION, name=graph.name, **dataclasses.asdict(graph.settings))
        file["order"] = np.array([node.name for node in graph.nodes], dtype=object)
        file["outputs"] = np.array(list(graph.outputs.items()), dtype=object)
        file.create_dataset("approximations", data=list(graph.approximations), dtype=h5py.string_dtype())
        for node in graph.nodes:
            group = file.create_group(f"nodes/{node.name}")
            group.attrs.update(attributes(node))
            for key, array in node.arrays().items():
                group[key] = array


def attributes(node: IntegerNode) -> dict[str, Any]:
    """What a node is besides its arrays, in types that HDF5 and JSON can hold."""
    found: dict[str, Any] = {"kind": node.kind}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if field.name in ("name", "ranges", *node.array_fields):
            continue
        if isinstance(value, Code):
            parameters = {f"code.{key}": item for key, item in value.parameters().items() if item is not None}
            found |= {"code": value.kind, **parameters}
        else:
            found[field.name] = value
    return found | {f"range.{what}": (limits.low, limits.high) for what, limits in node.ranges.items()}


def load(path: str | os.PathLike[str]) -> IntegerGraph:
    """Read a graph that `IntegerGraph.save` wrote.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another kind, or written by a later version.
    """
    try:
        with open_hdf5(path) as file, damaged():
            return _read(file)
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no file '{path}'.") from error
    except SnnconvError as error:
        raise ModelFileError(f"cannot read '{path}': {error}") from error


def is_integer_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is an HDF5 file that claims to hold an integer graph."""
    try:
        with open_hdf5(path) as file, damaged():
            return read_text(file, "format") == FORMAT
    except (OSError, ModelFileError):
        return False


def _read(file: h5py.File) -> IntegerGraph:
    found = read_attributes(file)
    if found.get("format") != FORMAT:
        raise ModelFileError("it does not hold an integer graph, as IntegerGraph.save and `snnconv quantize` write.")
    version = _INTEGER(found.get("version"))
    if version > VERSION:
        raise ModelFileError(f"its layout has version {version}; this snnconv reads up to {VERSION}. Update snnconv.")
    settings = Settings(**_fields(Settings, found, "the file"))
    nodes: dict[str, IntegerNode] = {}
    for name in map(_text, _texts(file, "order", 1)):
        node = _node(child(file, f"nodes/{name}"), name)
        source = nodes[node.inputs[0]] if node.inputs and node.inputs[0] in nodes else None
        check_node(node, source)
        ranges = prove(node, source.ranges["value"] if source else Range(0, 0), settings.n_steps)
        if ranges != dict(node.ranges):
            raise ModelFileError(f"the numbers of node '{name}' do not give the ranges that the file claims for them.")
        nodes[name] = with_ranges(node, ranges)
    outputs = {_text(label): _text(name) for label, name in _texts(file, "outputs", 2)}
    lines = tuple(map(_text, _texts(file, "approximations", 1)))
    return IntegerGraph(tuple(nodes.values()), outputs, settings, lines, _TEXT(found.get("name")))


def _node(group: Any, name: str) -> IntegerNode:
    if not isinstance(group, h5py.Group):
        raise ModelFileError(f"it is damaged: 'nodes/{name}' is no group.")
    found = read_attributes(group)
    kind = INTEGER_NODES.get(found.get("kind", ""))
    if kind is None:
        raise ModelFileError(f"node '{name}' is of the unknown kind {found.get('kind')!r}.")
    values = _fields(kind, found, f"node '{name}'", without=("name", "ranges", "code", *kind.array_fields))
    if kind is EncodedInput:
        code = CODES.get(found.get("code", ""))
        if code is None:
            raise ModelFileError(f"node '{name}' has the unknown code {found.get('code')!r}.")
        given = {key.removeprefix("code."): value for key, value in found.items() if key.startswith("code.")}
        values["code"] = code(**_fields(code, given, f"the code of node '{name}'"))
    values |= {key: read_numbers(child(group, key)) for key in kind.array_fields}
    claims = {key.removeprefix("range."): value for key, value in found.items() if key.startswith("range.")}
    ranges = {what: Range(*map(_INTEGER, limits)) for what, limits in claims.items()}
    return kind(name=name, ranges=ranges, **values)


def _fields(kind: Any, found: dict[str, Any], what: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Values for the fields of a dataclass, of the types that these have; where one is missing, its default counts."""
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in without or not field.init:
            continue
        if field.name not in found:
            if field.default is dataclasses.MISSING:
                raise ModelFileError(f"it is damaged: {what} has no '{field.name}'.")
            continue
        values[field.name] = _CONVERSIONS[str(field.type)](found[field.name])
    return values


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ModelFileError(f"it is damaged: expected a whole number. Received {value!r}.")
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelFileError(f"it is damaged: expected a number. Received {value!r}.")
    return float(value)


def _is(kind: type) -> Any:
    def convert(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ModelFileError(f"it is damaged: expected {kind.__name__}. Received {value!r}.")
        return value

    return convert


def _several(convert: Any) -> Any:
    return lambda values: tuple(convert(value) for value in _is(list)(values))


_INTEGER, _TEXT = _integer, _is(str)
_CONVERSIONS: dict[str, Any] = {
    "int": _INTEGER,
    "float": _float,
    "float | None": _float,
    "str": _TEXT,
    "bool": _is(bool),
    "tuple[int, ...]": _several(_INTEGER),
    "tuple[str, ...]": _several(_TEXT),
    "Pairs": _several(_several(_INTEGER)),
}


def _texts(file: h5py.File, name: str, n_axes: int) -> Any:
    dataset = child(file, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or len(dataset.shape) != n_axes:
        raise ModelFileError(f"it is damaged: '{name}' is no table of names.")
    if math.prod(dataset.shape) == 0:
        return []
    return read_texts(dataset)


def _text(value: Any) -> str:
    return _TEXT(value.decode() if isinstance(value, bytes) else value)
