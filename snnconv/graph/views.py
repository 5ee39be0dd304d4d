"""Populations and readouts with the linear layers that feed them, and mappings of them by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from .._late import late
from ..neurons.base import Neuron
from .nodes import Node, Population, Readout, Weighted

T = TypeVar("T")


@dataclass(frozen=True)
class Trained:
    """A layer's arrays as Keras trained them, before folding; None where there is none."""

    kernel: np.ndarray | None
    dense_bias: np.ndarray | None
    neuron_bias: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class _LayerView:
    """A node with the kernel and the bias of the linear layer right before it.

    Parameters
    ----------
    nodes : mapping of str to Node
        All nodes of the graph, by name.
    node : Node
        The one at the end of the layer.
    """

    nodes: Mapping[str, Node]
    node: Node

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the units, or of the output."""
        return self.node.shape

    @property
    def linear(self) -> Weighted | None:
        """The Dense or convolution node that gives this layer's input, or None where something else does."""
        node = self.node
        if not isinstance(node, Weighted) and node.inputs:
            node = self.nodes[node.inputs[0]]
        return node if isinstance(node, Weighted) else None

    @property
    def kernel(self) -> np.ndarray:
        """Folded kernel, gain included: (n_in, n_out) or (*window, channels, filters). None where `linear` is."""
        return None if self.linear is None else self.linear.kernel  # pyright: ignore[reportReturnType]

    @property
    def dense_bias(self) -> np.ndarray | None:
        """Folded bias of the linear layer, gain included."""
        return None if self.linear is None else self.linear.bias

    @property
    def input(self) -> str:
        """Name of the node that feeds the linear layer, or the population itself where it has none."""
        end = self.linear or self.node
        return end.inputs[0] if end.inputs else end.name

    @property
    def trained(self) -> Trained:
        """The arrays before folding."""
        arrays = {} if self.linear is None else self.linear.trained
        return Trained(arrays.get("kernel"), arrays.get("bias"), self.node.trained.get("bias"))


@dataclass(frozen=True, eq=False)
class PopulationView(_LayerView):
    """One population with every number that decides its spikes.

    ``J = input @ kernel + dense_bias + neuron_bias``, with the gain inside kernel and dense_bias.
    The neuron's own parameters (tau_rc, tau_ref, amplitude, min_voltage, …) are attributes too.
    """

    node: Population

    @property
    def name(self) -> str:
        """Name of the population."""
        return self.node.name

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
        if not name.startswith("_") and "node" in vars(self) and name in self.node.neuron.parameters():
            return getattr(self.node.neuron, name)
        if "node" not in vars(self):  # while it is copied or unpickled
            raise AttributeError(name)
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
    def activation(self) -> str:
        """Function that `predict` applies to the average over time: 'linear', 'softmax', …"""
        return self.node.function if isinstance(self.node, Readout) else "linear"

    def __repr__(self) -> str:
        return f"<readout '{self.name}': {self.activation}, shape {self.shape}>"

    def _repr_html_(self) -> str:
        return late("readout_html")(self)


def population_views(nodes: Mapping[str, Node]) -> Named[PopulationView]:
    """The populations among the nodes of a graph, by name."""
    populations = [node for node in nodes.values() if isinstance(node, Population)]
    return Named("population", {node.name: PopulationView(nodes, node) for node in populations})


def readout_views(nodes: Mapping[str, Node], outputs: Mapping[str, str]) -> Named[ReadoutView]:
    """The outputs of a graph by name; `outputs` maps them to the nodes that give them."""
    return Named("readout", {label: ReadoutView(nodes, nodes[name], label) for label, name in outputs.items()})


class Named(Mapping[str, T]):
    """A read-only mapping whose KeyError says which names there are."""

    def __init__(self, what: str, items: Mapping[str, T]):
        self._what, self._items = what, items

    def __getitem__(self, name: str) -> T:
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
