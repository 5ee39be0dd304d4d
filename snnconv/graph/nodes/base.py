"""Base classes of graph nodes."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from ...neurons.base import Array, State

NODES: dict[str, type[Node]] = {}
T = TypeVar("T")
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Node(ABC):
    """One operation: its name, the names of what feeds it, and the shape of its output for one sample."""

    name: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    trained: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Arrays as they were in the Keras model, by name, before anything was folded."""
    folded: tuple[str, ...] = ()
    """Names of the nodes that were folded into this one."""

    kind: ClassVar[str]

    def __init_subclass__(cls, abstract: bool = False) -> None:
        if not abstract:
            cls.kind = cls.__name__
            NODES[cls.kind] = cls

    def __post_init__(self) -> None:
        object.__setattr__(self, "trained", MappingProxyType({k: _frozen(v) for k, v in self.trained.items()}))
        for name, value in self.arrays().items():
            object.__setattr__(self, name, _frozen(value))

    def __reduce__(self) -> Any:
        return rebuilt, (type(self), fields_of(self))

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

    @property
    def uniform(self) -> tuple[str, ...]:
        """Variables of the state that are the same for all units of a sample."""
        return ()

    @property
    def derived(self) -> tuple[str, ...]:
        """Variables of the state that no later step reads."""
        return ()

    def output(self, value: Array, dt: float) -> Array:
        """The next node's input where `step` gave `value`."""
        return value

    @abstractmethod
    def rate(self, x: Array, xp: Any) -> Array:
        """Mean of the output in the long run, for the mean input `x`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Input(Node):
    """A place where data comes in."""

    inputs: tuple[str, ...] = ()


def fields_of(frozen: Any) -> dict[str, Any]:
    """Fields of a frozen dataclass by name, with read-only mappings as dicts, which can be copied and pickled."""
    values = {field.name: getattr(frozen, field.name) for field in dataclasses.fields(frozen)}
    return {name: dict(each) if isinstance(each, MappingProxyType) else each for name, each in values.items()}


def rebuilt(kind: type[T], fields: dict[str, Any]) -> T:
    """The dataclass of these fields: the inverse of `fields_of`."""
    return kind(**fields)


def _frozen(array: Any) -> Any:
    if isinstance(array, np.generic) or (isinstance(array, np.ndarray) and array.flags.writeable):
        array = np.array(array)
        array.flags.writeable = False
    return array
