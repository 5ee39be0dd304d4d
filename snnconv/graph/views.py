"""Populations and readouts as a reader wants them: with the linear layer that feeds them.

A mapping of names that says which there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._late import late
from .nodes import Node, Population, Readout, Weighted

if TYPE_CHECKING:
    from ..neurons import Neuron
    from .spiking_graph import SpikingGraph


@dataclass(frozen=True)
class Trained:
    """A layer's arrays as Keras trained them, before folding; None where there is none."""

    kernel: np.ndarray | None
    dense_bias: np.ndarray | None
    neuron_bias: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class _LayerView(ABC):
    """The kernel and the bias of the linear layer right before a node."""

    graph: SpikingGraph

    @property
    def linear(self) -> Weighted | None:
        """The Dense or convolution node that gives this layer's input, or None where something else does."""
        node = self._end
        if not isinstance(node, Weighted) and node.inputs:
            node = self.graph[node.inputs[0]]
        return node if isinstance(node, Weighted) else None

    @property
    @abstractmethod
    def _end(self) -> Node:
        """The node at the end of the layer."""

    @property
    def kernel(self) -> np.ndarray | None:
        """Folded kernel, gain included: (n_in, n_out) or (*window, channels, filters)."""
        return None if self.linear is None else self.linear.kernel

    @property
    def dense_bias(self) -> np.ndarray | None:
        """Folded bias of the linear layer, gain included."""
        return None if self.linear is None else self.linear.bias

    @property
    def input(self) -> str:
        """Name of the node that feeds the linear layer, or the population itself where it has none."""
        end = self.linear or self._end
        return end.inputs[0] if end.inputs else end.name

    @property
    def trained(self) -> Trained:
        """The arrays before folding."""
        arrays = {} if self.linear is None else self.linear.trained
        return Trained(arrays.get("kernel"), arrays.get("bias"), self._end.trained.get("bias"))


@dataclass(frozen=True, eq=False)
class PopulationView(_LayerView):
    """One population with every number that decides its spikes.

    ``J = input @ kernel + dense_bias + neuron_bias``, with the gain inside kernel and dense_bias.
    The neuron's own parameters (tau_rc, tau_ref, amplitude, min_voltage, …) are attributes too.
    """

    node: Population

    @property
    def _end(self) -> Node:
        return self.node

    @property
    def name(self) -> str:
        """Name of the population."""
        return self.node.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the units."""
        return self.node.shape

    @property
    def neuron(self) -> Neuron:
        """The neuron model with its parameters."""
        return self.node.neuron

    @property
    def neuron_bias(self) -> np.ndarray:
        """Bias β of the neurons; the gain does not multiply it."""
        return self.node.neuron_bias

    @property
    def gain(self) -> np.ndarray:
        """Gain g of the neurons, already multiplied into kernel and dense_bias."""
        return self.node.gain

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.node.neuron.parameters():
            return getattr(self.node.neuron, name)
        raise AttributeError(f"population '{self.node.name}' ({self.node.neuron.kind}) has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<population '{self.name}': {self.neuron}, shape {self.shape}>"

    def _repr_html_(self) -> str:
        return late("population_html")(self)


@dataclass(frozen=True, eq=False)
class ReadoutView(_LayerView):
    """One output of the network with the linear layer that gives it: ``y = input @ kernel + dense_bias``."""

    name: str

    @property
    def _end(self) -> Node:
        return self.graph[self.graph.outputs[self.name]]

    @property
    def activation(self) -> str:
        """Function that `predict` applies to the average over time: 'linear', 'softmax', …"""
        return self._end.function if isinstance(self._end, Readout) else "linear"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self._end.shape

    def __repr__(self) -> str:
        return f"<readout '{self.name}': {self.activation}, shape {self.shape}>"

    def _repr_html_(self) -> str:
        return late("readout_html")(self)


class Named(Mapping[str, Any]):
    """A read-only mapping whose KeyError says which names there are."""

    def __init__(self, what: str, items: Mapping[str, Any]):
        self._what, self._items = what, items

    def __getitem__(self, name: str) -> Any:
        try:
            return self._items[name]
        except KeyError:
            raise KeyError(f"no {self._what} is named {name!r}. There are: {list(self._items)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: {view!r}' for name, view in self._items.items())}}}"
