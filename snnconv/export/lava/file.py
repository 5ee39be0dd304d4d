"""Layers as a .net file: HDF5 in the layout of lava-dl's netx, with channels first.

::

    /layer/<i>/type             input, conv, flatten or dense; shape; weight and bias as whole numbers, and
                                stride, padding, dilation, groups of a convolution
    /layer/<i>/neuron/…         type, vThMant, vDecay, iDecay, refDelay, gradedSpike
    /snnconv                    dt, populations; graph: the network in snnconv's HDF5 layout, as bytes; its sha256

Windows stand as a convolution of PyTorch has them; netx reverses them for Lava's convolution, which is a true one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from ...errors import ModelFileError
from ...files.hdf5 import child, damaged, new_hdf5, open_hdf5, read_numbers, read_texts
from ...graph import Conv, SpikingGraph, load
from ...graph.file import write as write_graph
from ..places import channels_first
from .layers import Layer


def write_file(layers: Sequence[Layer], graph: SpikingGraph, path: Path, dt: float) -> None:
    """Write a .net file; nobody reads it before it is complete."""
    with new_hdf5(path) as file:
        number = 0
        for layer, before in zip(layers, (None, *layers), strict=False):
            if layer.conv is None and before is not None and len(before.shape) == 3:
                _group(file, number, "flatten", (int(np.prod(before.shape)),))
                number += 1
            kind = "input" if before is None else "dense" if layer.conv is None else "conv"
            group = _group(file, number, kind, channels_first(layer.shape))
            _write_weights(group, layer, before)
            _write_neuron(group.create_group("neuron"), layer)
            number += 1
        extra = file.create_group("snnconv")
        extra.attrs["dt"] = dt
        extra["populations"] = np.array([layer.name for layer in layers], dtype=object)
        image = io.BytesIO()
        with h5py.File(image, "w") as inside:
            write_graph(graph, inside, dt)
        contents = image.getvalue()
        extra["graph"] = np.frombuffer(contents, "uint8")
        extra["sha256"] = np.frombuffer(hashlib.sha256(contents).digest(), "uint8")


def _group(file: h5py.File, number: int, kind: str, shape: tuple[int, ...]) -> h5py.Group:
    group = file.create_group(f"layer/{number}")
    group.create_dataset("type", data=[kind.encode("ascii")])
    group["shape"] = np.array(shape)
    return group


def _write_weights(group: h5py.Group, layer: Layer, before: Layer | None) -> None:
    if layer.kernel is None or before is None:
        return
    if layer.conv is None:
        rows = layer.kernel.reshape(*before.shape, -1)
        rows = np.moveaxis(rows, len(before.shape) - 1, 0).reshape(layer.kernel.shape)
        group["weight"] = rows.T.astype("int32")
    else:
        weight = np.moveaxis(layer.kernel, (-1, -2), (0, 1))
        group["weight"] = weight.astype("int32")
        group["stride"] = np.array(layer.conv.strides)
        group["padding"] = np.array([before for before, _ in layer.conv.padding])
        group["dilation"] = np.array(layer.conv.dilation)
        group["groups"] = 1
    group["bias"] = layer.bias.astype("int32")


def _write_neuron(group: h5py.Group, layer: Layer) -> None:
    group.create_dataset("type", data=[b"CUBA"])
    group["vThMant"] = layer.threshold
    group["vDecay"] = layer.voltage_decay
    group["iDecay"] = layer.current_decay
    group["refDelay"] = 1
    group["gradedSpike"] = False


def read_file(path: Path) -> tuple[list[Layer], SpikingGraph, float]:
    """Layers, network and dt of a .net file that snnconv wrote.

    Raises
    ------
    ModelFileError
        If it is missing, damaged, or written by another program.
    """
    with open_hdf5(path) as file, damaged():
        extra = child(file, "snnconv")
        names = [name.decode() for name in read_texts(child(extra, "populations"))]
        dt = float(extra.attrs["dt"])  # pyright: ignore[reportArgumentType]
        contents = read_numbers(child(extra, "graph")).tobytes()
        if hashlib.sha256(contents).digest() != read_numbers(child(extra, "sha256")).tobytes():
            raise ModelFileError(f"'{path}' is damaged: the network in it has another checksum.")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "graph.h5").write_bytes(contents)
            graph = load(Path(folder) / "graph.h5")
        groups = [child(file, f"layer/{number}") for number in range(len(child(file, "layer")))]
        groups = [group for group in groups if read_texts(child(group, "type"))[0] != b"flatten"]
        layers: list[Layer] = []
        for name, group in zip(names, groups, strict=True):
            layers.append(_read_layer(name, group, layers[-1] if layers else None))
        return layers, graph, dt


def _read_layer(name: str, group: h5py.Group, before: Layer | None) -> Layer:
    first, *space = (int(size) for size in read_numbers(child(group, "shape")))
    shape = (*space, first)
    neuron = child(group, "neuron")
    threshold, voltage_decay, current_decay = (
        int(read_numbers(child(neuron, key))) for key in ("vThMant", "vDecay", "iDecay")
    )
    layer = Layer(name, shape, threshold, voltage_decay, current_decay, np.zeros(shape, "int64"))
    if before is None:
        return layer
    weight, bias = (read_numbers(child(group, key)).astype("int64") for key in ("weight", "bias"))
    if weight.ndim == 2:
        kernel = weight.T.reshape(*channels_first(before.shape), -1)
        kernel = np.moveaxis(kernel, 0, len(before.shape) - 1).reshape(weight.shape[::-1])
        return dataclasses.replace(layer, bias=bias, kernel=kernel)
    kernel = np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2)))
    conv = Conv(
        name=name,
        inputs=(before.name,),
        shape=shape,
        kernel=kernel,
        strides=_pair(group, "stride"),
        padding=tuple((pad, pad) for pad in _pair(group, "padding")),
        dilation=_pair(group, "dilation"),
    )
    return dataclasses.replace(layer, bias=bias, kernel=kernel, conv=conv)


def _pair(group: h5py.Group, key: str) -> tuple[int, ...]:
    return tuple(read_numbers(child(group, key)).tolist())
