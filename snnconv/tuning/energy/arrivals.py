"""Values that arrive at kernels at every step of a run, found again from its recorded spikes.

Between the neurons and the next kernel stand only nodes that are quick to compute again: pooling, shapes, sums. Spikes
are taken with the height 1, and heights with the kernels behind, as every export does; a synapse is taken to filter the
currents behind the kernel, where PyTorch's neurons have theirs, which gives the same currents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...graph import (
    Affine,
    Filter,
    Function,
    Input,
    Inputs,
    Linear,
    Lookup,
    Population,
    Readout,
    SpikingGraph,
    Stateful,
    Weighted,
)
from ...graph.passes import expose_spike_height
from ...neurons import numpy_ops
from .operations import fan_out

_CHANGED_BY_HEIGHT = (Weighted, Affine, Function, Lookup)  # h times their inputs do not give h times their output


@dataclass(frozen=True, eq=False)
class Signal:
    """Values of a node at every step.

    Parameters
    ----------
    values : (n, n_steps, *shape) array
        In units of `height`; one step alone where they are held constant.
    height : float
    is_input : bool
        Whether no spike is among what they are made of.
    """

    values: np.ndarray
    height: float = 1.0
    is_input: bool = False

    @property
    def real(self) -> np.ndarray:
        """The values themselves."""
        return self.values if self.height == 1 else self.values * np.float32(self.height)

    @cached_property
    def n_active(self) -> np.ndarray:
        """(steps, *shape) samples whose value there is not 0."""
        return np.count_nonzero(self.values, 0)

    @cached_property
    def is_binary(self) -> np.ndarray:
        """(steps,) whether all values of the step are 0, 1 or -1."""
        others = (self.values != 0) & (np.abs(self.values) != 1)
        return ~others.any(axis=(0, *range(2, others.ndim)))


class Connections:
    """The kernels of a graph, and what arrives at them.

    Parameters
    ----------
    graph : SpikingGraph
    dt : float
        Length of a step, in seconds.
    """

    def __init__(self, graph: SpikingGraph, dt: float):
        exposed = expose_spike_height(graph, dt)
        self.graph = exposed.replace(node.map_arrays(lambda array: array.astype("float32")) for node in exposed.nodes)
        self._dt = dt
        self.layers = tuple(node for node in self.graph.nodes if isinstance(node, Weighted))
        self.fan_out = {node.name: fan_out(node, self.graph[node.inputs[0]].shape) for node in self.layers}
        wanted = {node.inputs[0] for node in self.layers}
        for node in reversed(self.graph.nodes):
            if node.name in wanted and not isinstance(node, (Population, Input)):
                wanted.update(node.inputs)
        self._wanted = frozenset(wanted)

    @cached_property
    def largest(self) -> int:
        """Values of the largest node that is computed, for one sample and step."""
        return max((int(np.prod(self.graph[name].shape)) for name in self._wanted), default=1)

    def arrivals(self, xs: Inputs, spikes: Mapping[str, np.ndarray], n_steps: int) -> Iterator[tuple[Weighted, Signal]]:
        """Each layer with a kernel, in order, and its input at every step.

        Parameters
        ----------
        spikes : mapping of population name to (n, n_steps, *units) array
        """
        signals: dict[str, Signal] = {}
        for node in self.graph.nodes:
            if isinstance(node, Weighted):
                yield node, signals[node.inputs[0]]
            if node.name in self._wanted:
                if isinstance(node, Input):
                    values = xs[node.name] if xs.varies(node.name) else xs[node.name][:, None]
                    signals[node.name] = Signal(values, is_input=True)
                elif isinstance(node, Population):
                    signals[node.name] = Signal(spikes[node.name])
                elif isinstance(node, (Linear, Stateful)):
                    signals[node.name] = self._computed(node, [signals[name] for name in node.inputs], n_steps)
            for name in set(node.inputs) & signals.keys():
                if self.graph.consumers(name)[-1] is node:
                    del signals[name]

    def events(self, layer: Weighted, signal: Signal) -> np.ndarray:
        """(steps,) operations at a layer, of all samples: values that are not 0 times the weights that they meet."""
        n_active = signal.n_active
        return n_active.reshape(len(n_active), -1) @ self.fan_out[layer.name].reshape(-1)

    def _computed(self, node: Linear | Stateful, sources: list[Signal], n_steps: int) -> Signal:
        first, is_input = sources[0], all(source.is_input for source in sources)
        if isinstance(node, (Filter, Readout)):
            return first
        if isinstance(node, Affine) and node.offset is None and (node.scale > 0).all() and np.ptp(node.scale) == 0:
            return Signal(first.values, first.height * float(node.scale.flat[0]), is_input)
        keeps = len({source.height for source in sources}) == 1 and not isinstance(node, _CHANGED_BY_HEIGHT)
        values = [source.values if keeps else source.real for source in sources]
        values = [each if each.dtype.kind == "f" else each.astype("float32") for each in values]
        if isinstance(node, Linear):
            steps = max(each.shape[1] for each in values)
            values = [np.broadcast_to(each, (len(each), steps, *each.shape[2:])) for each in values]
            y = node.apply(*(each.reshape(-1, *each.shape[2:]) for each in values), xp=numpy_ops)
            y = y.reshape(len(values[0]), steps, *node.shape)
        else:
            y = self._stepped(node, np.broadcast_to(values[0], (len(values[0]), n_steps, *values[0].shape[2:])))
        return Signal(y, first.height if keeps else 1.0, is_input)

    def _stepped(self, node: Stateful, x: np.ndarray) -> np.ndarray:
        state = node.initial_state(len(x), 0.0, "float32", numpy_ops)
        y = np.empty((*x.shape[:2], *node.shape), "float32")
        for step in range(x.shape[1]):
            y[:, step], state = node.step(x[:, step], state, self._dt, numpy_ops)
        return y
