"""The HDF5 file of an integer graph, layout version 1.

::

    /                   attributes: format = "snnconv-integer", version, name; weight_bits, dt, fraction_bits,
                        threshold_bits, scale, n_steps
    /order              names of all nodes, in execution order; the first is the input
    /outputs            (n_outputs, 2) names: of the output, of the readout that gives it
    /approximations     sentences
    /nodes/<name>       attributes kind, inputs (what feeds it, then the branches that it adds), shape, and those of
                        ATTRIBUTES for the kind
        kernel, bias, threshold, floor, ceiling     integers
        scale, weights, biases                      what they were rounded from; a branch has a kernel and these
      attributes range.<what> = (low, high): the proven range of an integer
    /nodes/<input>      attributes code = its kind, code.<parameter>

A file is read only if the numbers of each node fit together and give the ranges that it claims.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import h5py
import numpy as np

from ..errors import ModelFileError
from ..files.hdf5 import (
    INTEGER_FORMAT,
    child,
    claims,
    new_hdf5,
    read_attributes,
    read_numbers,
    read_text,
    read_texts,
    reading,
)
from ..files.output import check_ending
from ..files.writing import replacing
from .codes import CODES
from .linear import MAX_RANK
from .neurons import INTEGER_NEURONS, IntegerNeuron, start_voltage
from .nodes import (
    INTEGER_NODES,
    EncodedInput,
    IntegerLayer,
    IntegerNode,
    MaxPool,
    SpikingLayer,
    SumPool,
    WeightedNode,
    with_ranges,
)
from .origins import FloatNeuron, FloatOrigin
from .proofs import prove
from .ranges import Range
from .scales import Settings

FORMAT, VERSION, SUFFIX = INTEGER_FORMAT, 1, ".int.h5"
ENDINGS = (SUFFIX, ".h5", ".hdf5")
MAX_VALUES = 1 << 24  # of one sample at a node

_GEOMETRY = ("input_shape", "shift", "strides", "padding", "dilation", "groups")
_SUMS = (*_GEOMETRY, "fraction_bits", "input_unit", "synapse_tau")
_LAYER = (*_SUMS, "synapse", "synapse_bits")
_NEURON = ("leak", "refractory_steps", "is_rectified")  # besides its kind and its arrays
_FLOATS = tuple(field.name for field in dataclasses.fields(FloatNeuron))
ATTRIBUTES = {  # of a node besides kind, inputs and shape, in the order of the file, all of them readable from the node
    "EncodedInput": (),
    "SumPool": ("input_shape", "size", "strides"),
    "MaxPool": ("input_shape", "size", "strides", "padding", "is_running"),
    "WeightedSums": _SUMS,
    "SpikingLayer": (*_LAYER, "neuron", *_NEURON, *_FLOATS),
    "ReadoutLayer": (*_LAYER, "activation"),
}


T = TypeVar("T")


def save(
    path: str | os.PathLike[str],
    *,
    nodes: Sequence[IntegerNode],
    outputs: Mapping[str, str],
    settings: Settings,
    approximations: Sequence[str],
    name: str,
) -> None:
    """Write the fields of an `IntegerGraph` to an HDF5 file, whole or not at all.

    Raises
    ------
    ModelFileError
        If it cannot be written, or the name ends as those of another format do.
    """
    check_ending(path, ENDINGS)
    with replacing(path) as temporary, new_hdf5(temporary) as file:
        file.attrs.update(format=FORMAT, version=VERSION, name=name, **dataclasses.asdict(settings))
        file["order"] = np.array([node.name for node in nodes], dtype=object)
        file["outputs"] = np.array(list(outputs.items()), dtype=object)
        file.create_dataset("approximations", data=list(approximations), dtype=h5py.string_dtype())
        for node in nodes:
            group = file.require_group(f"nodes/{node.name}")
            group.attrs.update(attributes(node))
            for key, array in node.arrays().items():
                group[key] = array


def attributes(node: IntegerNode) -> dict[str, Any]:
    """Everything of a node besides its name and arrays, in types that HDF5 and JSON can hold."""
    found: dict[str, Any] = {"kind": node.kind, "inputs": node.inputs, "shape": node.shape}
    for name in ATTRIBUTES[node.kind]:
        value = getattr(node, name)
        found[name] = value.kind if isinstance(value, IntegerNeuron) else value
    if isinstance(node, SpikingLayer):
        found |= node.neuron.constants()
    if isinstance(node, EncodedInput):
        given = {f"code.{key}": value for key, value in node.code.parameters().items() if value is not None}
        found |= {"code": node.code.kind, **given}
    return found | {f"range.{what}": (limits.low, limits.high) for what, limits in node.ranges.items()}


def read(path: str | os.PathLike[str], build: Callable[..., T]) -> T:
    """Read an integer graph from a file; `build` makes it of its fields.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another kind, or written by a later version.
    """
    with reading(path) as file:
        return build(**_read(file))


def is_integer_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is an HDF5 file that claims to hold an integer graph."""
    return claims(path, lambda file: read_text(file, "format") == FORMAT)


def _read(file: h5py.File) -> dict[str, Any]:
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
        sources = [nodes[each] for each in node.inputs if each in nodes]
        if len(sources) != len(node.inputs) or not _fits(node, sources):
            raise _misfit(name)
        ranges = prove(node, [source.ranges["value"] for source in sources], settings.n_steps)
        if ranges != dict(node.ranges):
            raise ModelFileError(f"the numbers of node '{name}' do not give the ranges that the file claims for them.")
        nodes[name] = with_ranges(node, ranges)
    return {
        "nodes": tuple(nodes.values()),
        "outputs": {_text(label): _text(name) for label, name in _texts(file, "outputs", 2)},
        "settings": settings,
        "approximations": tuple(map(_text, _texts(file, "approximations", 1))),
        "name": _TEXT(found.get("name")),
    }


def _node(group: Any, name: str) -> IntegerNode:
    if not isinstance(group, h5py.Group):
        raise ModelFileError(f"it is damaged: 'nodes/{name}' is no group.")
    found, what = read_attributes(group), f"node '{name}'"
    kind = INTEGER_NODES.get(found.get("kind", ""))
    if kind is None:
        raise ModelFileError(f"{what} is of the unknown kind {found.get('kind')!r}.")
    values = {"name": name, **_fields(kind, found, what)}
    if issubclass(kind, EncodedInput):
        code = CODES.get(found.get("code", ""))
        if code is None:
            raise ModelFileError(f"{what} has the unknown code {found.get('code')!r}.")
        given = {key.removeprefix("code."): value for key, value in found.items() if key.startswith("code.")}
        values["code"] = code(**_fields(code, given, f"the code of {what}"))
    if issubclass(kind, WeightedNode):
        floats: dict[str, Any] = _fields(FloatOrigin, found, what) | _arrays(group, FloatOrigin)
        values |= _arrays(group, kind) | {"origin": FloatOrigin(**floats)}
    if issubclass(kind, SpikingLayer):
        values["float_neuron"] = FloatNeuron(**_fields(FloatNeuron, found, what))
        values["neuron"] = _neuron(group, found, name, values["float_neuron"].initial_voltage)
    claims = {key.removeprefix("range."): value for key, value in found.items() if key.startswith("range.")}
    return kind(**values, ranges={each: Range(*map(_INTEGER, limits)) for each, limits in claims.items()})


def _neuron(group: h5py.Group, found: dict[str, Any], name: str, initial_voltage: float) -> IntegerNeuron:
    """The neurons of a node, if nothing in the file contradicts their kind."""
    arrays = {each: read_numbers(child(group, each)) for each in ("threshold", "floor", "ceiling")}
    kind: Any = INTEGER_NEURONS.get(found.get("neuron", ""))
    if kind is None or not 0 <= initial_voltage < 1 or not all(map(_is_int32, arrays.values())):
        raise _misfit(name)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = {each: array for each, array in arrays.items() if fields[each].init}
    start = start_voltage(initial_voltage, arrays["threshold"])
    neuron = kind(**given, start=start, **_fields(kind, found, f"node '{name}'"))
    same = all(getattr(neuron, each) == found.get(each) for each in _NEURON)
    if not same or not np.array_equal(neuron.ceiling, arrays["ceiling"]):
        raise _misfit(name)
    return neuron


def _arrays(group: h5py.Group, kind: Any) -> dict[str, np.ndarray]:
    """The arrays for the fields of a dataclass."""
    names = [field.name for field in dataclasses.fields(kind) if field.type == "np.ndarray"]
    return {name: read_numbers(child(group, name)) for name in names}


def _fields(kind: Any, found: dict[str, Any], what: str) -> dict[str, Any]:
    """Plain values for the fields of a dataclass, of the types that these have; a missing one has its default."""
    values = {}
    for field in dataclasses.fields(kind):
        convert = _CONVERSIONS.get(str(field.type))
        if convert is None or not field.init or field.name == "name":
            continue
        if field.name in found:
            values[field.name] = convert(found[field.name])
        elif field.default is dataclasses.MISSING:
            raise ModelFileError(f"it is damaged: {what} has no '{field.name}'.")
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
_CONVERSIONS: dict[str, Any] = {  # by the annotations of fields; those of other types are not plain values
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
    texts = read_texts(child(file, name))
    if np.ndim(texts) != n_axes:
        raise ModelFileError(f"it is damaged: '{name}' is no table of names.")
    return texts


def _text(value: Any) -> str:
    return _TEXT(value.decode() if isinstance(value, bytes) else value)


def _misfit(name: str) -> ModelFileError:
    return ModelFileError(f"it is damaged: the numbers and shapes of node '{name}' do not fit together.")


def _fits(node: IntegerNode, sources: Sequence[IntegerNode]) -> bool:
    """Whether a node can run on what `sources`, in the order of its inputs, send."""
    if math.prod(node.shape) > MAX_VALUES or any(size <= 0 for size in node.shape):
        return False
    if not node.takes(sources):
        return False
    if isinstance(node, EncodedInput):
        return True
    if not isinstance(node, (SumPool, MaxPool, WeightedNode)):
        return False
    if math.prod(node.input_shape) != math.prod(sources[0].shape) or any(size <= 0 for size in node.input_shape):
        return False
    if isinstance(node, (SumPool, MaxPool)):
        return _pool_fits(node)
    if not _connection_fits(node) or not _numbers_fit(node):
        return False
    return not isinstance(node, SpikingLayer) or node.neuron.fits()


def _pool_fits(node: SumPool | MaxPool) -> bool:
    *space, channels = node.input_shape
    padding = node.padding if isinstance(node, MaxPool) else ((0, 0),) * len(space)
    if not 1 <= len(space) <= MAX_RANK or not len(node.size) == len(node.strides) == len(padding) == len(space):
        return False
    if min(*node.size, *node.strides) < 1 or any(len(pair) != 2 for pair in padding):
        return False
    if any(not 0 <= side < size for pair, size in zip(padding, node.size, strict=True) for side in pair):
        return False  # a window without a place in the input has no largest value
    space = [n + sum(pair) for n, pair in zip(space, padding, strict=True)]
    if any(size > n for size, n in zip(node.size, space, strict=True)):
        return False
    places = ((n - size) // stride + 1 for n, size, stride in zip(space, node.size, node.strides, strict=True))
    return node.shape == (*places, channels)


def _connection_fits(layer: WeightedNode) -> bool:
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


def _holds_all(layer: WeightedNode) -> bool:
    return math.prod(layer.connection_shape) == math.prod(layer.shape)


def _numbers_fit(layer: WeightedNode) -> bool:
    floats, per_neuron = layer.origin.arrays(), (layer.shape, layer.shape[-1:])
    fits = (
        all(map(_is_int32, layer.integers().values()))
        and all(array.dtype.kind == "f" and array.dtype.itemsize <= 8 for array in floats.values())
        and all(bool(np.isfinite(array).all()) for array in floats.values())
        and all(
            array.shape in per_neuron for name, array in layer.arrays().items() if name not in ("kernel", "weights")
        )
        and layer.origin.weights.shape == layer.kernel.shape
        and bool((layer.origin.scale > 0).all())
        and 1 <= layer.origin.fraction_bits <= 20
        and 0 <= layer.shift <= 30
    )
    if not isinstance(layer, IntegerLayer):
        return fits
    return fits and 1 <= layer.synapse_bits <= 20 and 0 <= layer.synapse <= 1 << layer.synapse_bits


def _is_int32(array: np.ndarray) -> bool:
    return array.dtype.kind == "i" and array.dtype.itemsize <= 4
