"""The graph as tensors, and the program: sizes and records of a run that functions are compiled for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import tensorflow as tf

from ...graph import (
    AveragePool,
    Conv,
    Dense,
    Difference,
    Input,
    Node,
    Population,
    Reshape,
    SpikingGraph,
    Stateful,
)
from ...graph.passes import commute_synapses, expose_spike_height, move_biases
from ...neurons.base import State
from .. import tensorflow_ops
from .halves import MOST_EXACT, in_halves
from .products import BFLOAT16, SPARSE, break_even
from .scan import settings_of

MOST_PADDING = 1 / 8
"""Share of steps that may be computed for nothing, rather than compile for another chunk length."""


@dataclass(frozen=True)
class Program:
    """Sizes of a run, and what it has to give: all that compiled functions depend on beside the graph.

    Parameters
    ----------
    batch_size, chunk_steps : int
        Samples and steps that are handled together.
    varying : frozenset of str
        Inputs that vary in time.
    recording : mapping of kind to population names
    reduction : str or None
        None: the output at every step. "sum": its weighted sum over a chunk's steps. "last": the chunk's last.
    keeps_state : bool
        Whether the state after a chunk is looked at, and not only gone on from.
    """

    batch_size: int
    chunk_steps: int
    varying: frozenset[str]
    recording: tuple[tuple[str, tuple[str, ...]], ...]
    reduction: str | None
    keeps_state: bool = True

    def records(self, kind: str, name: str) -> bool:
        """Whether the population's values of this kind are kept."""
        return name in dict(self.recording)[kind]

    def fits(self, other: Program, n_steps: int) -> bool:
        """Whether the other does the same, with little more padding and memory, and not in far more chunks."""
        padding = -n_steps % other.chunk_steps
        is_alike = replace(other, chunk_steps=self.chunk_steps) == self
        is_near = self.chunk_steps <= 2 * other.chunk_steps and other.chunk_steps <= self.chunk_steps + padding
        return is_alike and is_near and padding <= MOST_PADDING * n_steps


class Model:
    """A graph ready for TensorFlow: spikes of height 1, arrays as tensors of one dtype.

    Compiled functions get `arrays` as an argument, and hold the model `without_arrays`: models of the same `settings`
    share them.
    """

    def __init__(
        self,
        graph: SpikingGraph,
        dt: float,
        dtype: str,
        sparse: bool,
        precision: str = "float32",
        is_one_program: bool = False,
        platform: str = "cpu",
    ):
        graph = move_biases(expose_spike_height(commute_synapses(graph), dt))
        self.dt, self.dtype, self.precision = dt, tf.as_dtype(dtype), precision
        self.is_one_program, self.platform = is_one_program, platform
        # XLA alone has products of float16 that give float32
        self._halves = is_one_program and platform == "gpu" and dtype == "float32" and precision != "bfloat16"
        # sparse products were measured on CPUs only, and round nothing; XLA has none
        self._sparse = sparse and not is_one_program and precision != "bfloat16" and platform == "cpu"
        self.outputs, nodes = dict(graph.outputs), list(reversed(graph.nodes))
        del graph  # each of its products in float64 goes when its tensor is there
        tensors = []
        while nodes:
            tensors.append(_of_steps(nodes.pop(), dt).map_arrays(self._tensor))
        self.nodes = tuple(tensors)
        self.stateful = tuple(node for node in self.nodes if isinstance(node, Stateful))

    def _tensor(self, array: Any) -> tf.Tensor:
        # a constant keeps NumPy's copy beside its own as long as it lives, and the result of an operation does not
        return tf.raw_ops.DeepCopy(x=tf.constant(array, self.dtype))

    @cached_property
    def arrays(self) -> tuple[tf.Tensor, ...]:
        """Arrays of the nodes, one after the other: TensorFlow takes 0.2 ms a call longer for dicts of them."""
        return tuple(array for node in self.nodes for array in node.arrays().values())

    @cached_property
    def settings(self) -> tuple[Any, ...]:
        """All that decides what is computed beside the numbers in the arrays."""
        nodes = tuple((node.name, node.inputs, settings_of(node), tuple(node.arrays())) for node in self.nodes)
        shapes = tuple(tuple(array.shape) for array in self.arrays)  # a neuron bias is one number, or one per channel
        numbers = self.dt, self.dtype, self.precision
        ways = self._sparse, self.is_one_program, self.platform
        return nodes, shapes, tuple(self.outputs.items()), *numbers, *ways

    def by_name(self, arrays: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """`arrays` by node and name."""
        following = iter(arrays)
        return {name: {key: next(following) for key in keys} for name, _, _, keys in self.settings[0]}

    def without_arrays(self) -> Model:
        """The same without the arrays of its nodes."""
        bare = copy(self)
        bare.settings = self.settings
        for name in ("arrays", "_by_name"):
            vars(bare).pop(name, None)
        bare.nodes = tuple(node.map_arrays(lambda _: None) for node in self.nodes)
        bare.nodes = tuple(replace(node, trained={}) for node in bare.nodes)
        bare.stateful = tuple(node for node in bare.nodes if isinstance(node, Stateful))
        return bare

    def initial_state(self, n: int, voltages: Mapping[str, Any]) -> dict[str, State]:
        """State before the first step, for `n` samples."""
        state = {}
        for node in self.stateful:
            voltage = tf.constant(voltages.get(node.name, 0.0), self.dtype)
            state[node.name] = node.initial_state(n, voltage, self.dtype, tensorflow_ops)
        return state

    def skips_zeros(self, node: Node) -> bool:
        """Whether a node is a dense layer that spikes alone feed, and wide enough for sparse products to pay."""
        is_wide = self._sparse and isinstance(node, Dense) and break_even(node.shape[-1]) > 0
        return is_wide and isinstance(self._source(node), Population)

    def products(self, node: Node, varies: bool) -> Any:
        """The array namespace of a linear node, whose input is the same at all steps or `varies`."""
        if self.precision == "bfloat16":
            return BFLOAT16
        if varies and self._halves and (isinstance(node, Dense) or (isinstance(node, Conv) and node.groups == 1)):
            source = self._source(node)
            if isinstance(source, Population):
                most = source.neuron.max_spikes_per_step
                return in_halves(self.precision, most is not None and most <= MOST_EXACT)
            if isinstance(source, (Input, AveragePool, Difference)):  # spikes from elsewhere, and sums of a few
                return in_halves(self.precision, False)
        return SPARSE if self.skips_zeros(node) else tensorflow_ops

    def _source(self, node: Node) -> Node:
        """The node whose values another takes, in whatever shape."""
        source = self._by_name[node.inputs[0]]
        return self._source(source) if isinstance(source, Reshape) else source

    def fits_bool(self, node: Population) -> bool:
        """Whether a population's spikes are 0 or 1, and taken by nothing but layers that skip zeros."""
        return node.neuron.is_binary and self._all_skip_zeros(node.name)

    def _all_skip_zeros(self, name: str) -> bool:
        takers = [node for node in self.nodes if name in node.inputs]
        return name not in self.outputs.values() and all(
            self._all_skip_zeros(node.name) if isinstance(node, Reshape) else self.skips_zeros(node) for node in takers
        )

    def n_uses(self, name: str) -> int:
        """Number of nodes and outputs that take a node's values."""
        taken = [source for node in self.nodes for source in node.inputs] + list(self.outputs.values())
        return taken.count(name)

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}


def _of_steps(node: Node, dt: float) -> Node:
    """A node without what only its rates use, so that populations of other rates share their programs."""
    return replace(node, neuron=node.neuron.of_steps(dt)) if isinstance(node, Population) else node
