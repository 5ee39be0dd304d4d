"""Nodes of a spiking graph under construction from NIR's primitives, with the order and the height of their values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import ModelFileError
from ...graph import Add, Affine, Node
from ..places import standard_places
from .primitives import NirGraph, Primitive


@dataclass(frozen=True, eq=False)
class Read:
    """Value of a NIR node: `height` times that of a node here, and for each flat position in NIR the one here."""

    node: Node
    order: np.ndarray
    height: float = 1.0


class Reader:
    """Nodes of a spiking graph, added one by one.

    Parameters
    ----------
    nir : NirGraph
    dt, importer_dt : float
        Length of a step here, and of the Euler step of NIR's readers that it stands for, in seconds.
    subtracts : bool
        Whether IF neurons subtract their threshold in place of a reset to 0.

    Attributes
    ----------
    nodes : list of Node
    values : dict of Read
        By the name of the primitive.
    outputs : dict of str
        As in a spiking graph.
    """

    def __init__(self, nir: NirGraph, dt: float, importer_dt: float, subtracts: bool):
        self.nir, self.dt, self.importer_dt, self.subtracts = nir, dt, importer_dt, subtracts
        self.nodes: list[Node] = []
        self.values: dict[str, Read] = {}
        self.outputs: dict[str, str] = {}

    def add(self, node: Node) -> Node:
        """Add a node that stands for no primitive of its own."""
        self.nodes.append(node)
        return node

    def keep(self, primitive: Primitive, node: Node, order: np.ndarray | None = None, height: float = 1.0) -> None:
        """Add the node that stands for a primitive.

        Parameters
        ----------
        order : array or None
            As in `Read`; None: channels first there, channels last here.
        """
        order = np.argsort(standard_places(node.shape), axis=None) if order is None else order
        self.values[primitive.name] = Read(self.add(node), order, height)

    def scaled(self, name: str, node: Node, scale: np.ndarray, offset: np.ndarray | None = None) -> Node:
        """The node times `scale`, plus `offset`."""
        if (scale == 1).all() and offset is None:
            return node
        return self.add(Affine(name=name, inputs=(node.name,), shape=node.shape, scale=scale, offset=offset))

    def input(self, primitive: Primitive) -> Read:
        """The sum of what feeds a primitive.

        Raises
        ------
        ModelFileError
            If nothing does, or the shapes differ.
        """
        values = [self._at_height(self.values[source]) for source in self.nir.sources(primitive.name)]
        if not values:
            raise ModelFileError(f"nothing feeds node '{primitive.name}'.")
        first = values[0]
        if any(value.node.shape != first.node.shape or (value.order != first.order).any() for value in values[1:]):
            raise ModelFileError(f"the inputs of node '{primitive.name}' have different shapes.")
        if len(values) == 1:
            return first
        names = tuple(value.node.name for value in values)
        return Read(self.add(Add(name=f"{primitive.name}.sum", inputs=names, shape=first.node.shape)), first.order)

    def _at_height(self, value: Read) -> Read:
        """The value with its height in a node."""
        if value.height == 1:
            return value
        name = f"{value.node.name}.height"
        found = next((node for node in self.nodes if node.name == name), None)
        return Read(self.scaled(name, value.node, np.asarray(value.height)) if found is None else found, value.order)

    def per_neuron(self, array: np.ndarray, value: Read) -> np.ndarray:
        """A parameter as an array of the node's shape, or one number where all are the same."""
        array = np.asarray(array, "float64")
        if (array == array.flat[0]).all():
            return np.asarray(array.flat[0])
        flat = np.empty(array.size)
        flat[value.order] = array.reshape(-1)
        return flat.reshape(value.node.shape)
