"""The primitives of an integer graph: frozen data, each with its integers and what it does with them.

Every node sends integers of one sample in row-major order, channels last, at every step; a node with an `input_shape`
reads the integers of its one input in that shape, so that there are no nodes that only reshape. Shifts to the right
are arithmetic: they round down. ``half`` stands for half of what is shifted away: ``1 << (bits - 1)``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..graph.nodes import Pairs
from ..graph.nodes.base import fields_of, rebuilt
from .codes import Code
from .linear import from_channels, output_shape
from .neurons import Array, IntegerNeuron, State, freeze, leaked
from .origins import FloatNeuron, FloatOrigin, effective_tau
from .ranges import Range

Node = TypeVar("Node", bound="IntegerNode")
INTEGER_NODES: dict[str, type[IntegerNode]] = {}


def _read(path: str) -> Any:
    """A property that reads ``node.path``: a layer's threshold is that of its neurons."""
    return property(attrgetter(path))


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerNode:
    """One operation of an integer graph.

    Parameters
    ----------
    name : str
    inputs : tuple of str
        Names of the nodes that feed it; empty for the input.
    shape : tuple of int
        Of the integers that it sends for one sample.
    ranges : mapping of str to Range
        Proven ranges of its integers, whatever the inputs; "value" is that of what it sends.
    """

    name: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    ranges: Mapping[str, Range] = field(default_factory=dict)

    kind: ClassVar[str]

    def __reduce__(self) -> Any:
        return rebuilt, (type(self), fields_of(self))

    def __init_subclass__(cls, abstract: bool = False) -> None:
        cls.kind = cls.__name__
        if not abstract:
            INTEGER_NODES[cls.kind] = cls

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranges", MappingProxyType(dict(self.ranges)))

    def integers(self) -> dict[str, np.ndarray]:
        """Its arrays of integers by name."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """All its arrays by name: the integers, and the floats that they were rounded from."""
        return self.integers()

    def takes(self, sources: Sequence[IntegerNode]) -> bool:
        """Whether its inputs can be these nodes, in their order."""
        return len(sources) == 1 and not isinstance(sources[0], WeightedSums)


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedInput(IntegerNode):
    """The input of the network: `code` says how numbers become integers or spikes."""

    code: Code
    inputs: tuple[str, ...] = ()

    def takes(self, sources: Sequence[IntegerNode]) -> bool:
        return not sources


@dataclass(frozen=True, eq=False, kw_only=True)
class SumPool(IntegerNode):
    """Sums over windows; the divisor of an average pool is in the scale of the layers behind it.

    Parameters
    ----------
    input_shape : (*space, channels)
    size, strides : one number per spatial axis
    """

    input_shape: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool(IntegerNode):
    """Largest values of windows; of spikes, the growth of the largest running sums.

    At each step, for the integers x that its input sends, and places of the window that lie in the input::

        is_running:  S = S + x;  M' = the largest S of the window;  sends M' - M;  M = M'
        otherwise:   sends the largest x of the window

    S and M start at 0. For spikes of 0 and 1 it sends such spikes again.

    Parameters
    ----------
    input_shape : (*space, channels)
    size, strides : one number per spatial axis
    padding : (before, after) per spatial axis
    is_running : bool
    """

    input_shape: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Pairs
    is_running: bool

    def initial_state(self, n: int) -> State:
        """State before the first step, for `n` samples."""
        if not self.is_running:
            return {}
        return {"total": np.zeros((n, *self.input_shape), "int64"), "most": np.zeros((n, *self.shape), "int64")}

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Its output for integers (n, …), and the state after the step."""
        if not self.is_running:
            return self.largest(x), state
        total = state["total"] + x.reshape(-1, *self.input_shape)
        most = self.largest(total)
        return most - state["most"], {"total": total, "most": most}

    def largest(self, x: Array, xp: Any = np) -> Array:
        """The largest number of each window, (n, *shape), of integers (n, …) in the proven range."""
        x = xp.reshape(x, (-1, *self.input_shape))
        if any(map(any, self.padding)):  # with the smallest number that there can be
            low = self.ranges["total" if self.is_running else "value"].low
            x = xp.pad(x - low, ((0, 0), *self.padding, (0, 0))) + low
        most = None
        for offset in np.ndindex(*self.size):
            places = zip(offset, self.strides, self.shape[:-1], strict=True)
            window = (slice(start, start + (n - 1) * stride + 1, stride) for start, stride, n in places)
            part = x[(slice(None), *window)]
            most = part if most is None else xp.maximum(most, part)
        return most


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedNode(IntegerNode, abstract=True):
    """A dense layer or a convolution in integers, with the floats that it was rounded from.

    A convolution pads with zeros. Arrays called per neuron have the node's shape, or one number per channel,
    (shape[-1],), where it is the same at every place.

    Parameters
    ----------
    input_shape : tuple of int
        (n_in,) for dense layers, (*space, channels) for convolutions.
    kernel : integer array
        W: (n_in, n_out), or (*window, channels // groups, filters).
    shift : int
    strides, dilation : tuple of int
        One number per spatial axis of a convolution; empty for dense layers.
    padding : tuple of (before, after)
        Likewise.
    groups : int
        Groups of channels of a convolution, channels for a depthwise one.
    origin : FloatOrigin
        The floats that the integers were rounded from; its fields are readable here too.
    """

    input_shape: tuple[int, ...]
    kernel: np.ndarray
    shift: int
    strides: tuple[int, ...] = ()
    padding: Pairs = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    origin: FloatOrigin

    scale, weights, biases = _read("origin.scale"), _read("origin.weights"), _read("origin.biases")
    input_unit, synapse_tau = _read("origin.input_unit"), _read("origin.synapse_tau")
    fraction_bits = _read("origin.fraction_bits")

    def __post_init__(self) -> None:
        super().__post_init__()
        freeze(self, "kernel")

    def integers(self) -> dict[str, np.ndarray]:
        return {"kernel": self.kernel}

    def arrays(self) -> dict[str, np.ndarray]:
        return {**self.integers(), **self.origin.arrays()}

    @property
    def connection(self) -> str:
        """ "dense" or "convolution"."""
        return "convolution" if self.strides else "dense"

    @property
    def connection_shape(self) -> tuple[int, ...]:
        """Shape of what the kernel gives; `shape` holds the same numbers in row-major order."""
        return output_shape(self.kernel.shape, self.input_shape, self.strides, self.padding, self.dilation)

    @property
    def n_neurons(self) -> int:
        """Number of neurons, or of outputs."""
        return math.prod(self.shape)

    @property
    def weight_error(self) -> float:
        """Root mean square of the rounding errors of the weights, relative to that of the weights."""
        weights = self.origin.weights
        error = self.kernel / self.of_channels(self.origin.scale) - weights
        size = np.sqrt(np.mean(weights**2))
        return float(np.sqrt(np.mean(error**2)) / size) if size else 0.0

    def of_channels(self, array: np.ndarray) -> np.ndarray:
        """One number per channel of the kernel, of an array per neuron that is the same at every place."""
        return self.per_neuron(array).reshape(-1, self.kernel.shape[-1])[0]

    def per_neuron(self, array: np.ndarray) -> np.ndarray:
        """An array per neuron in the full shape of the node."""
        return np.broadcast_to(array, self.shape)

    def from_channels(self, array: np.ndarray) -> np.ndarray:
        """One number per channel of the kernel as an array per neuron."""
        return from_channels(array, self.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedSums(WeightedNode):
    """A branch of an addition before neurons or an output: sends ``(sum of W * x over the inputs) << shift``.

    ``S * 2^shift`` is that of the layer which adds the sums to its own. All biases are that layer's; those of the
    origin are 0.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerLayer(WeightedNode, abstract=True):
    """A linear layer in integers, with neurons or an output behind it.

    At each step, for the integers x that its first input sends, and the sums of the branches that are its others::

        total = ((sum of W * x over the inputs) << shift) + the sums of each branch
        without synapse:  current = total
        with synapse:     I = I - ((I * synapse + half) >> synapse_bits) + total;  current = I
        drive = current + B

    `I` starts at 0.

    Parameters
    ----------
    inputs : tuple of str
        Name of the node that feeds it, then those of the `WeightedSums` that it adds.
    bias : int32 array, per neuron
        B.
    synapse, synapse_bits : int
        D_s of a lowpass, 0 where there is none, and its fractional bits K_s.
    """

    bias: np.ndarray
    synapse: int = 0
    synapse_bits: int

    def __post_init__(self) -> None:
        super().__post_init__()
        freeze(self, "bias")

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the `WeightedSums` that it adds to its own sums."""
        return self.inputs[1:]

    def takes(self, sources: Sequence[IntegerNode]) -> bool:
        branches = sources[1:]
        are_sums = all(isinstance(each, WeightedSums) and each.n_neurons == self.n_neurons for each in branches)
        return super().takes(sources[:1]) and are_sums

    def integers(self) -> dict[str, np.ndarray]:
        return {**super().integers(), "bias": self.bias}

    def drive(self, total: Array, state: State, xp: Any = np) -> tuple[Array, State]:
        """Drive (n, *shape) for totals (n, *connection_shape), and the state after the synapse's step."""
        if self.synapse:
            total = leaked(state["current"], self.synapse, self.synapse_bits, xp) + total
            state = {**state, "current": total}
        return xp.reshape(total, (-1, *self.shape)) + self.bias, state


@dataclass(frozen=True, eq=False, kw_only=True)
class SpikingLayer(IntegerLayer):
    """Neurons and the linear layer that feeds them.

    Parameters
    ----------
    neuron : IntegerNeuron
        The neurons: how they answer to the `drive` of `IntegerLayer`. Their numbers are readable here too.
    float_neuron : FloatNeuron
        The floats that the neurons were made of; its fields are readable here too.
    """

    neuron: IntegerNeuron
    float_neuron: FloatNeuron

    @property
    def spike_dtype(self) -> str:
        """Type that holds the spikes of a step."""
        return "int8" if self.neuron.spikes.low < 0 else "uint8"

    threshold, floor, ceiling = _read("neuron.threshold"), _read("neuron.floor"), _read("neuron.ceiling")
    start, leak, refractory_steps = _read("neuron.start"), _read("neuron.leak"), _read("neuron.refractory_steps")
    is_rectified = _read("neuron.is_rectified")
    threshold_bits, amplitude = _read("float_neuron.threshold_bits"), _read("float_neuron.amplitude")
    tau_rc, tau_ref = _read("float_neuron.tau_rc"), _read("float_neuron.tau_ref")
    min_voltage, initial_voltage = _read("float_neuron.min_voltage"), _read("float_neuron.initial_voltage")

    def integers(self) -> dict[str, np.ndarray]:
        bounds = {name: getattr(self.neuron, name) for name in ("threshold", "floor", "ceiling")}
        return {**super().integers(), **bounds}

    def effective_tau_rc(self, dt: float) -> float:
        """Time constant that the rounded leak gives, in seconds; infinite without leak."""
        return effective_tau(self.leak, self.fraction_bits, dt)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadoutLayer(IntegerLayer):
    """A last linear layer: ``Y += drive`` at every step, from 0; the class is the place of the largest Y.

    There is one scale for all outputs. After n steps the mean output of the float network is about
    ``Y * output_scale / n``.

    Parameters
    ----------
    activation : str
        What the reader applies to the mean output: "linear", "softmax", …
    """

    activation: str = "linear"

    @property
    def output_scale(self) -> float:
        """The output of the float network that a drive of 1 stands for."""
        return 1 / (float(self.origin.scale.flat[0]) * 2**self.shift)


def with_ranges(node: Node, ranges: Mapping[str, Range]) -> Node:
    """The node with its proven ranges."""
    return dataclasses.replace(node, ranges=dict(ranges))
