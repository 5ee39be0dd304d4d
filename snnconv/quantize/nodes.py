"""The primitives of an integer graph: frozen data, each with the integers it needs and what it does with them.

Every node sends integers of one sample in row-major order, channels last, at every step; a node with an `input_shape`
reads the integers of its one input in that shape, so that there are no nodes that only reshape. Shifts to the right
are arithmetic: they round down. ``half`` stands for half of what is shifted away: ``1 << (bits - 1)``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, TypeVar

import numpy as np

from ..graph.nodes import Pairs
from .codes import Code
from .linear import output_shape
from .ranges import Range

Node = TypeVar("Node", bound="IntegerNode")
INTEGER_NODES: dict[str, type[IntegerNode]] = {}


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerNode:
    """One operation: its name, the name of what feeds it, and the shape of what it sends for one sample.

    Parameters
    ----------
    ranges : mapping of str to Range
        Proven ranges of its integers, whatever the inputs; "value" is that of what it sends.
    """

    name: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    ranges: Mapping[str, Range] = field(default_factory=dict)

    kind: ClassVar[str]
    array_fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, abstract: bool = False) -> None:
        cls.kind = cls.__name__
        if not abstract:
            INTEGER_NODES[cls.kind] = cls

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranges", MappingProxyType(dict(self.ranges)))
        for name, array in self.arrays().items():
            array = np.array(array)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def arrays(self) -> dict[str, np.ndarray]:
        """Its arrays by field name."""
        return {name: getattr(self, name) for name in self.array_fields}


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedInput(IntegerNode):
    """Where data comes in: `code` says how numbers become integers or spikes."""

    code: Code
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class SumPool(IntegerNode):
    """Sum over windows; the divisor of an average pool is in the scale of the layers behind it.

    Parameters
    ----------
    input_shape : (*space, channels)
    size, strides : one number per spatial axis
    """

    input_shape: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerLayer(IntegerNode, abstract=True):
    """A linear layer in integers and what it came from.

    At each step, for the integers x that its input sends::

        total = sum of W * x over the inputs, << shift
        without synapse:  current = total
        with synapse:     I = I - ((I * synapse + half) >> synapse_bits) + total;  current = I
        drive = current + B

    `I` starts at 0. A convolution pads with zeros. Arrays called per neuron have the layer's shape, or one number per
    channel, (shape[-1],), where it is the same at every place.

    Parameters
    ----------
    input_shape : tuple of int
        (n_in,) for dense layers, (*space, channels) for convolutions.
    kernel : integer array
        W: (n_in, n_out), or (*window, channels // groups, filters).
    bias : int32 array, per neuron
        B.
    shift : int
    synapse, synapse_bits : int
        D_s of a lowpass, 0 where there is none, and its fractional bits K_s.
    fraction_bits : int
        K: fractional bits of the leak.
    strides, dilation : tuple of int
        One number per spatial axis of a convolution; empty for dense layers.
    padding : tuple of (before, after)
        Likewise.
    groups : int
        Groups of channels of a convolution, channels for a depthwise one.
    scale : float64 array, per neuron
        S: ``kernel ≈ weights * S`` and ``bias ≈ biases * S * 2^shift``, each rounded to whole numbers, half to even;
        weights of few bits are cut off at the ends of these.
    weights, biases : float64 arrays
        What W and B were rounded from: effective weights and biases, with gain, spike height and the neuron's and the
        synapse's multipliers in them.
    input_unit : float
        What an integer 1 of the input stands for in the float network (a spike: amplitude/dt).
    synapse_tau : float
        Time constant of the float network's lowpass, in seconds; 0 where there is none.
    """

    input_shape: tuple[int, ...]
    kernel: np.ndarray
    bias: np.ndarray
    shift: int
    synapse: int = 0
    synapse_bits: int
    fraction_bits: int
    strides: tuple[int, ...] = ()
    padding: Pairs = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    scale: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    input_unit: float
    synapse_tau: float = 0.0
    integer_fields: ClassVar[tuple[str, ...]] = ("kernel", "bias")
    float_fields: ClassVar[tuple[str, ...]] = ("scale", "weights", "biases")
    array_fields: ClassVar[tuple[str, ...]] = (*integer_fields, *float_fields)

    @property
    def connection(self) -> str:
        """ "dense" or "convolution"."""
        return "convolution" if self.strides else "dense"

    @property
    def connection_shape(self) -> tuple[int, ...]:
        """Shape that the kernel gives; `shape` holds the same numbers in row-major order."""
        return output_shape(self.kernel.shape, self.input_shape, self.strides, self.padding, self.dilation)

    @property
    def n_neurons(self) -> int:
        """Number of neurons, or of outputs."""
        return math.prod(self.shape)

    @property
    def weight_error(self) -> float:
        """Root mean square of what rounding changed in the weights, relative to theirs."""
        error = self.kernel / self.of_channels(self.scale) - self.weights
        size = np.sqrt(np.mean(self.weights**2))
        return float(np.sqrt(np.mean(error**2)) / size) if size else 0.0

    def of_channels(self, array: np.ndarray) -> np.ndarray:
        """One number per channel of the kernel, of an array per neuron that is the same at every place."""
        return self.per_neuron(array).reshape(-1, self.kernel.shape[-1])[0]

    def per_neuron(self, array: np.ndarray) -> np.ndarray:
        """An array per neuron in the full shape of the layer."""
        return np.broadcast_to(array, self.shape)

    def from_channels(self, array: np.ndarray) -> np.ndarray:
        """One number per channel of the kernel as an array per neuron."""
        if self.shape == self.connection_shape:
            return array
        return np.broadcast_to(array, self.connection_shape).reshape(self.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class SpikingLayer(IntegerLayer):
    """Neurons and the linear layer that feeds them. V starts at `start`, r at 0.

    LIF, at each step, for the `drive` of `IntegerLayer`::

        r > 0:      r -= 1; no spike; V is held
        otherwise:  u = V - ((V * leak + half) >> fraction_bits) + drive
                    u > threshold:  spike, V = 0, r = refractory_steps
                    otherwise:      V = max(u, floor)

    IF::

        u = V + drive                   u = V + max(drive, 0) if is_rectified
        u >= threshold:  spike, V = min(u - threshold, ceiling)
        otherwise:       V = max(u, floor)

    Parameters
    ----------
    neuron : str
        "LIF" or "IF".
    threshold, floor, ceiling : int32 arrays, per neuron
        θ; the lowest voltage, 0 or below; the highest, θ itself for LIF.
    leak : int
        D; 0 for IF.
    refractory_steps : int
        R.
    is_rectified : bool
        Whether negative drive is ignored.
    threshold_bits : int
        F: every threshold is at least about 2^F.
    tau_rc, tau_ref : float
        Of the float network, in seconds; 0 for IF.
    min_voltage : float
        Of the float network, where the threshold is 1; nan for IF neurons that ignore negative current.
    amplitude : float
        Of the float network: the output per Hz. It is in the weights of the layers behind.
    initial_voltage : float
        Of the float network, where the threshold is 1; 0 or more, and below 1.
    """

    neuron: str
    threshold: np.ndarray
    floor: np.ndarray
    ceiling: np.ndarray
    leak: int
    refractory_steps: int
    is_rectified: bool
    threshold_bits: int
    tau_rc: float
    tau_ref: float
    min_voltage: float
    amplitude: float
    initial_voltage: float = 0.0
    integer_fields: ClassVar[tuple[str, ...]] = (*IntegerLayer.integer_fields, "threshold", "floor", "ceiling")
    array_fields: ClassVar[tuple[str, ...]] = (*integer_fields, *IntegerLayer.float_fields)

    @property
    def start(self) -> np.ndarray:
        """Voltage before the first step, per neuron as `threshold` is: an integer below it."""
        start = np.rint(self.initial_voltage * self.threshold).astype(self.threshold.dtype)
        return np.minimum(start, self.threshold - 1)

    def effective_tau_rc(self, dt: float) -> float:
        """Time constant that the rounded leak gives, in seconds; infinite without leak."""
        return effective_tau(self.leak, self.fraction_bits, dt)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadoutLayer(IntegerLayer):
    """The last linear layer: ``Y += drive`` at every step, from 0; the class is the place of the largest Y.

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
        """What a drive of 1 stands for in the float network."""
        return 1 / (float(self.scale.flat[0]) * 2**self.shift)


def effective_tau(multiplier: int, fraction_bits: int, dt: float) -> float:
    """Time constant of ``x -= (x * multiplier) >> fraction_bits`` once every `dt`, in seconds."""
    share = multiplier / (1 << fraction_bits)
    if share == 0:
        return math.inf
    return 0.0 if share == 1 else -dt / math.log1p(-share)


def with_ranges(node: Node, ranges: Mapping[str, Range]) -> Node:
    """The node with its proven ranges."""
    return dataclasses.replace(node, ranges=dict(ranges))
