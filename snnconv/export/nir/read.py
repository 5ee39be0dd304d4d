"""Reader of NIR graphs as spiking graphs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ModelFileError, SnnconvError, one_line
from ...graph import Add, Affine, Conv, Dense, Filter, Input, Node, Population, Readout, Reshape, SpikingGraph
from ...graph.passes import fold_affine
from ...neurons import LIF
from ...neurons.synapses import Lowpass
from ..places import Shape, standard_places
from .file import read_file
from .primitives import NirGraph, Primitive

DEFAULT_DT = 1e-4  # of most readers


def read_nir(path: str | os.PathLike[str], dt: float | None = None, importer_dt: float | None = None) -> SpikingGraph:
    """Read the network in a NIR file, as NIR's readers understand it.

    Every LIF becomes one with ``exp(-dt/tau_rc) = 1 - importer_dt/tau``, so that a step of `dt` here is an Euler step
    of a reader; it has no refractory period and no voltage floor. The synapse of a CubaLIF stands between kernel and
    neurons. Both kinds of bias are in the kernels' nodes.

    Parameters
    ----------
    dt : float or None
        Time step for which the network is meant here, in seconds. None: what snnconv noted in the file, or importer_dt.
    importer_dt : float or None
        Time step of the readers for which the file was made. None: what snnconv noted in the file, or 1e-4.

    Returns
    -------
    SpikingGraph

    Raises
    ------
    ModelFileError
        If the file is missing or damaged, or holds a primitive or a parameter that has no equal here; see
        `snnconv.export.nir.primitives` for the primitives.
    """
    graph = read_file(path)
    try:
        importer_dt = _time(graph, "importer_dt", importer_dt, DEFAULT_DT)
        return fold_affine(_Reader(graph, _time(graph, "dt", dt, importer_dt), importer_dt).graph())
    except SnnconvError as error:
        raise ModelFileError(f"cannot read '{path}': {error}") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, StopIteration) as error:
        raise ModelFileError(f"cannot read '{path}': its nodes do not fit together ({one_line(error)}).") from error


def _time(graph: NirGraph, name: str, given: float | None, default: float) -> float:
    time = graph.metadata.get(name, default) if given is None else given
    if not (isinstance(time, (int, float)) and math.isfinite(time) and time > 0):
        raise ModelFileError(f"{name} must be above 0 seconds. Received {time!r}.")
    return float(time)


@dataclass(frozen=True, eq=False)
class _Value:
    """Value of a NIR node: `height` times that of a node here, and for each flat position in NIR the one here."""

    node: Node
    order: np.ndarray
    height: float = 1.0


class _Reader:
    """Builds the nodes of a spiking graph one by one."""

    def __init__(self, graph: NirGraph, dt: float, importer_dt: float):
        self._nir, self._dt, self._importer_dt = graph, dt, importer_dt
        self._nodes: list[Node] = []
        self._values: dict[str, _Value] = {}
        self._outputs: dict[str, str] = {}

    def graph(self) -> SpikingGraph:
        """The network."""
        for primitive in self._nir.in_order():
            _READERS[primitive.type](self, primitive)
        if not self._outputs:
            raise ModelFileError("the NIR graph has no Output.")
        metadata = {f"nir.{key}": str(value) for key, value in self._nir.metadata.items()}
        return SpikingGraph(tuple(self._nodes), self._outputs, str(self._nir.metadata.get("name", "nir")), metadata)

    def _add(self, node: Node) -> Node:
        self._nodes.append(node)
        return node

    def _keep(self, primitive: Primitive, node: Node, order: np.ndarray | None = None) -> None:
        order = np.argsort(standard_places(node.shape), axis=None) if order is None else order
        self._values[primitive.name] = _Value(self._add(node), order)

    def _scaled(self, name: str, node: Node, scale: np.ndarray) -> Node:
        if (scale == 1).all():
            return node
        return self._add(Affine(name=name, inputs=(node.name,), shape=node.shape, scale=scale))

    def _input(self, primitive: Primitive) -> _Value:
        values = [self._at_height(self._values[source]) for source in self._nir.sources(primitive.name)]
        if not values:
            raise ModelFileError(f"nothing feeds node '{primitive.name}'.")
        first = values[0]
        if any(value.node.shape != first.node.shape or (value.order != first.order).any() for value in values[1:]):
            raise ModelFileError(f"the inputs of node '{primitive.name}' have different shapes.")
        if len(values) == 1:
            return first
        names = tuple(value.node.name for value in values)
        return _Value(self._add(Add(name=f"{primitive.name}.sum", inputs=names, shape=first.node.shape)), first.order)

    def _at_height(self, value: _Value) -> _Value:
        """The value with its height in a node."""
        if value.height == 1:
            return value
        name = f"{value.node.name}.height"
        found = next((node for node in self._nodes if node.name == name), None)
        return _Value(self._scaled(name, value.node, np.asarray(value.height)) if found is None else found, value.order)

    def read_input(self, primitive: Primitive) -> None:
        name = str(primitive.metadata.get("layer", primitive.name))
        self._keep(primitive, Input(name=name, shape=_channels_last(primitive["shape"])))

    def read_output(self, primitive: Primitive) -> None:
        node = self._input(primitive).node
        activation = str(primitive.metadata.get("activation", "linear"))
        if activation in ("softmax", "sigmoid", "tanh"):
            name = f"{primitive.name}.{activation}"
            node = self._add(Readout(name=name, inputs=(node.name,), shape=node.shape, function=activation))
        self._outputs[str(primitive.metadata.get("layer", primitive.name))] = node.name

    def read_affine(self, primitive: Primitive) -> None:
        value, weight = self._input(primitive), primitive["weight"].astype("float64")
        if weight.ndim != 2 or value.node.shape != weight.shape[1:]:
            raise ModelFileError(
                f"weight {weight.shape} of '{primitive.name}' does not fit its input {value.node.shape}."
            )
        kernel = np.empty(weight.shape[::-1])
        kernel[value.order] = weight.T
        bias = primitive.parameters.get("bias")
        bias = None if bias is None else bias.astype("float64")
        node = Dense(name=primitive.name, inputs=(value.node.name,), shape=weight.shape[:1], kernel=kernel, bias=bias)
        self._keep(primitive, node)

    def read_conv(self, primitive: Primitive) -> None:
        value, weight = self._input(primitive), primitive["weight"].astype("float64")
        n_axes = weight.ndim - 2
        numbers = {key: np.broadcast_to(primitive[key], n_axes).tolist() for key in ("stride", "padding", "dilation")}
        groups, space = int(primitive["groups"]), value.node.shape[:-1]
        if len(space) != n_axes or value.node.shape[-1] != weight.shape[1] * groups:
            raise ModelFileError(
                f"weight {weight.shape} of '{primitive.name}' does not fit its input {value.node.shape}."
            )
        sizes = zip(space, weight.shape[2:], *numbers.values(), strict=True)
        shape = tuple((n + 2 * pad - (window - 1) * step - 1) // stride + 1 for n, window, stride, pad, step in sizes)
        node = Conv(
            name=primitive.name,
            inputs=(value.node.name,),
            shape=(*shape, weight.shape[0]),
            kernel=np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2))),
            bias=primitive["bias"].astype("float64"),
            strides=tuple(numbers["stride"]),
            padding=tuple((pad, pad) for pad in numbers["padding"]),
            dilation=tuple(numbers["dilation"]),
            groups=groups,
        )
        self._keep(primitive, node)

    def read_flatten(self, primitive: Primitive) -> None:
        value = self._input(primitive)
        rank = len(value.node.shape)
        start, end = (int(primitive[key]) % rank for key in ("start_dim", "end_dim"))
        if (start, end) == (0, rank - 1):
            shape: Shape = (math.prod(value.node.shape),)
        elif start == 1 and end == rank - 1:
            shape = (math.prod(value.node.shape[:-1]), value.node.shape[-1])
        else:
            raise ModelFileError(
                f"Flatten '{primitive.name}' joins axes {start} to {end}, which snnconv does not read."
            )
        node = Reshape(name=primitive.name, inputs=(value.node.name,), shape=shape)
        self._keep(primitive, node, value.order)

    def read_lif(self, primitive: Primitive) -> None:
        value = self._input(primitive)
        for key in ("v_leak", "v_reset"):
            if np.any(primitive[key]):
                raise ModelFileError(f"{key} of '{primitive.name}' is not 0, which no neuron of snnconv has.")
        if not (primitive["v_threshold"] > 0).all():
            raise ModelFileError(f"v_threshold of '{primitive.name}' must be above 0.")
        name = str(primitive.metadata.get("layer", primitive.name))
        amplitude = primitive.metadata.get("neuron.amplitude", self._dt)
        source, gain, tau = value.node, primitive["r"] / primitive["v_threshold"], "tau"
        if primitive.type == "CubaLIF":
            gain, tau = gain * primitive["w_in"], "tau_mem"
            synapse = Lowpass(self._time_constant(primitive, "tau_syn"))
            source = self._add(
                Filter(name=f"{name}.synapse", inputs=(source.name,), shape=source.shape, synapse=synapse)
            )
        neuron = LIF(self._time_constant(primitive, tau), 0.0, float(amplitude), -math.inf)
        source = self._scaled(f"{name}.gain", source, self._per_neuron(gain, value))
        node = self._add(
            Population(
                name=name,
                inputs=(source.name,),
                shape=source.shape,
                neuron=neuron,
                neuron_bias=np.zeros(()),
                gain=np.ones(()),
            )
        )
        # a spike is 1 in NIR, and amplitude/dt here
        self._values[primitive.name] = _Value(node, value.order, self._dt / neuron.amplitude)

    def read_li(self, primitive: Primitive) -> None:
        sources = self._nir.sources(primitive.name)
        value = self._values[sources[0]] if len(sources) == 1 else self._input(primitive)
        if np.any(primitive["v_leak"]):
            raise ModelFileError(f"v_leak of LI '{primitive.name}' is not 0, which no synapse of snnconv has.")
        tau = self._time_constant(primitive, "tau")
        name = primitive.name
        node = self._add(Filter(name=name, inputs=(value.node.name,), shape=value.node.shape, synapse=Lowpass(tau)))
        scaled = self._scaled(f"{name}.gain", node, self._per_neuron(primitive["r"], value))
        self._values[name] = _Value(scaled, value.order, value.height)

    def _time_constant(self, primitive: Primitive, key: str) -> float:
        """The time constant with which a step of dt decays like a reader's Euler step."""
        taus = np.unique(primitive[key].astype("float64"))
        if taus.size != 1:
            raise ModelFileError(f"'{primitive.name}' has neurons of different {key}; a population here has one.")
        share = self._importer_dt / float(taus[0])
        if not 0 < share < 1:
            raise ModelFileError(f"{key} of '{primitive.name}' must be above importer_dt = {self._importer_dt:g} s.")
        return -self._dt / math.log1p(-share)

    def _per_neuron(self, array: np.ndarray, value: _Value) -> np.ndarray:
        """A parameter as an array of the node's shape, or one number where all are the same."""
        if (array == array.reshape(-1)[0]).all():
            return np.asarray(array.reshape(-1)[0], "float64")
        flat = np.empty(array.size)
        flat[value.order] = array.reshape(-1)
        return flat.reshape(value.node.shape)


_READERS: Mapping[str, Callable[[_Reader, Primitive], Any]] = {
    "Input": _Reader.read_input,
    "Output": _Reader.read_output,
    "Affine": _Reader.read_affine,
    "Linear": _Reader.read_affine,
    "Conv1d": _Reader.read_conv,
    "Conv2d": _Reader.read_conv,
    "Flatten": _Reader.read_flatten,
    "LIF": _Reader.read_lif,
    "CubaLIF": _Reader.read_lif,
    "LI": _Reader.read_li,
}


def _channels_last(shape: np.ndarray) -> Shape:
    first, *space = (int(size) for size in shape)
    return (*space, first)
