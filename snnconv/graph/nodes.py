"""The primitives of a spiking graph: frozen data, each with what it computes.

Shapes leave out the axis of the samples. `apply` works on (n, *shape) arrays of an array namespace (`numpy_ops` or
`tensorflow_ops`), after `map_arrays` has brought the parameters into that namespace.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from ..neurons.base import Array, Neuron, State
from ..synapses import Synapse

NODES: dict[str, type[Node]] = {}
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Node(ABC):
    """One operation: its name, the names of what feeds it, and the shape of its output for one sample."""

    name: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    trained: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Arrays as they were in the Keras model, by name, before anything was folded."""

    kind: ClassVar[str]

    def __init_subclass__(cls, abstract: bool = False) -> None:
        if not abstract:
            cls.kind = cls.__name__
            NODES[cls.kind] = cls

    def __post_init__(self) -> None:
        object.__setattr__(self, "trained", MappingProxyType({k: _frozen(v) for k, v in self.trained.items()}))
        for name, value in self.arrays().items():
            object.__setattr__(self, name, _frozen(value))

    def arrays(self) -> dict[str, Any]:
        """Parameters that are arrays, by field name."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name in self.array_fields}
        return {name: value for name, value in values.items() if value is not None}

    array_fields: ClassVar[tuple[str, ...]] = ()

    def map_arrays(self, function: Callable[[Any], Any]) -> Self:
        """The node with `function` applied to each of its array parameters."""
        return dataclasses.replace(self, **{name: function(value) for name, value in self.arrays().items()})


class Linear(Node, abstract=True):
    """A node without state: its output at a step depends on its inputs at that step alone."""

    @abstractmethod
    def apply(self, *xs: Array, xp: Any) -> Array:
        """Output for inputs of shape (n, *shape of each input)."""


class Stateful(Node, abstract=True):
    """A node that remembers: a neuron population or a filter."""

    @abstractmethod
    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        """State before the first step for `n` samples, as arrays (n, *shape)."""

    @abstractmethod
    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        """Value and state after one step. The value of a population counts its spikes."""

    def output(self, value: Array, dt: float) -> Array:
        """What the next node receives where `step` gave `value`."""
        return value


@dataclass(frozen=True, eq=False, kw_only=True)
class Input(Node):
    """A place where data comes in."""

    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Linear):
    """``y = x @ kernel + bias`` over the last axis.

    Parameters
    ----------
    kernel : (n_in, n_out) array
    bias : (n_out,) array or None
    """

    kernel: np.ndarray
    bias: np.ndarray | None = None
    array_fields: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    def apply(self, *xs: Array, xp: Any) -> Array:
        return _add(xp.matmul(xs[0], self.kernel), self.bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Linear):
    """Convolution in 1, 2 or 3 dimensions, channels last, with zero padding.

    Parameters
    ----------
    kernel : (*window, channels // groups, filters) array
    bias : (filters,) array or None
    strides, dilation : one number per spatial axis
    padding : (before, after) per spatial axis
    """

    kernel: np.ndarray
    bias: np.ndarray | None = None
    strides: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    groups: int = 1
    array_fields: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    def apply(self, *xs: Array, xp: Any) -> Array:
        y = xp.conv(xs[0], self.kernel, self.strides, self.padding, self.dilation, self.groups)
        return _add(y, self.bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragePool(Linear):
    """Mean over windows; padding does not count.

    Parameters
    ----------
    size, strides : one number per spatial axis
    padding : (before, after) per spatial axis
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Pairs

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.average_pool(xs[0], self.size, self.strides, self.padding)


@dataclass(frozen=True, eq=False, kw_only=True)
class Affine(Linear):
    """``y = scale * x + offset``; what could not be folded into a kernel.

    Parameters
    ----------
    scale : array that broadcasts against the shape
    offset : array that broadcasts against the shape, or None
    """

    scale: np.ndarray
    offset: np.ndarray | None = None
    array_fields: ClassVar[tuple[str, ...]] = ("scale", "offset")

    def apply(self, *xs: Array, xp: Any) -> Array:
        return _add(xs[0] * self.scale, self.offset)


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(Linear):
    """The same numbers in another shape, in row-major order."""

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.reshape(xs[0], (-1, *self.shape))


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Linear):
    """Sum of the inputs."""

    def apply(self, *xs: Array, xp: Any) -> Array:
        total = xs[0]
        for x in xs[1:]:
            total = total + x
        return total


@dataclass(frozen=True, eq=False, kw_only=True)
class Concatenate(Linear):
    """The inputs side by side along `axis`, counted without the axis of the samples."""

    axis: int

    def apply(self, *xs: Array, xp: Any) -> Array:
        return xp.concatenate(xs, self.axis + 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Readout(Linear):
    """A function of the network's output that is not linear, such as softmax.

    It belongs to the reader, not to the spiking network: a run passes its input on as it is, and `predict` applies
    the function to the average over time.
    """

    function: str

    def apply(self, *xs: Array, xp: Any) -> Array:
        return getattr(xp, self.function)(xs[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Filter(Stateful):
    """A synapse: filters its input over time."""

    synapse: Synapse

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return self.synapse.initial_state((n, *self.shape), dtype, xp)

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        return self.synapse.step(x, state, dt, xp)


@dataclass(frozen=True, eq=False, kw_only=True)
class Population(Stateful):
    """Spiking neurons with the input current ``J = x + neuron_bias``.

    Parameters
    ----------
    neuron : Neuron
    neuron_bias : array that broadcasts against the shape
        Added to the input; the gain does not multiply it.
    gain : array that broadcasts against the shape
        For the record: it is applied upstream, in a kernel or an `Affine`, and not here.
    """

    neuron: Neuron
    neuron_bias: np.ndarray
    gain: np.ndarray
    array_fields: ClassVar[tuple[str, ...]] = ("neuron_bias", "gain")

    def initial_state(self, n: int, voltage: Array, dtype: Any, xp: Any) -> State:
        return self.neuron.initial_state((n, *self.shape), voltage, dtype, xp)

    def step(self, x: Array, state: State, dt: float, xp: Any) -> tuple[Array, State]:
        return self.neuron.step(x + self.neuron_bias, state, dt, xp)

    def output(self, value: Array, dt: float) -> Array:
        height = self.neuron.amplitude / dt
        return value if height == 1 else value * height

    def rate(self, x: Array, xp: Any) -> Array:
        """Output at a constant input: the amplitude times the firing rate."""
        return self.neuron.rate(x + self.neuron_bias, xp)


def _add(y: Array, bias: Array | None) -> Array:
    return y if bias is None else y + bias


def _frozen(array: Any) -> Any:
    if isinstance(array, np.generic) or (isinstance(array, np.ndarray) and array.flags.writeable):
        array = np.array(array)
        array.flags.writeable = False
    return array
