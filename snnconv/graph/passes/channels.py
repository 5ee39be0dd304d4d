"""A pass that leaves channels behind places all through a network that was built with channels in front."""

from __future__ import annotations

import dataclasses

import numpy as np

from .. import Add, Affine, Concatenate, Dense, Node, Permute, Population, Reshape, SpikingGraph

MARK = ".channels_first"
"""End of the name, among those folded into a `Permute`, that says it puts channels back in front."""


def is_channels_last(node: Node) -> bool:
    """Whether a node has its channels behind places, where the Keras model has them in front."""
    return not isinstance(node, Permute) and any(name.endswith(MARK) for name in node.folded)


def channels_last(graph: SpikingGraph) -> SpikingGraph:
    """Take out the permutations between layers that have channels in front, where what is between them does not mind.

    Populations, sums and the like are then computed with channels behind places, and a dense layer behind a flattening
    has its kernel in the order of places. A permutation stays where data come in, before what does mind, and before an
    output. Graphs without marked permutations stay as they are.
    """
    if not any(_is_marked(node) for node in graph.nodes):
        return graph
    return _Rewriting(graph).graph()


def _is_marked(node: Node) -> bool:
    return isinstance(node, Permute) and any(name.endswith(MARK) for name in node.folded)


class _Rewriting:
    """New nodes for a graph, and where the values of its old ones are among them."""

    def __init__(self, graph: SpikingGraph):
        self._old = graph
        self._nodes: dict[str, Node] = {}
        self._marked: dict[str, tuple[str, Permute]] = {}  # by old name: the new node, in another order, and the order
        self._flat: dict[str, np.ndarray] = {}  # by name of a flattening: the places of the old numbers
        self._same: dict[str, str] = {}  # by old name: the new node with the same values

    def graph(self) -> SpikingGraph:
        for node in self._old.nodes:
            self._add(node)
        outputs = {label: self._plain(name) for label, name in self._old.outputs.items()}
        used = {name for node in self._nodes.values() for name in node.inputs} | set(outputs.values())
        kept = tuple(node for node in self._nodes.values() if not isinstance(node, Permute) or node.name in used)
        return dataclasses.replace(self._old, nodes=kept, outputs=outputs)

    def _add(self, node: Node) -> None:
        moved = [self._marked[name][1] for name in node.inputs if name in self._marked]
        if isinstance(node, Permute) and _is_marked(node):
            self._mark(node)
        elif isinstance(node, Permute) and moved and _undoes(node, moved[0]):
            self._same[node.name] = self._marked[node.inputs[0]][0]
        elif moved and (isinstance(node, (Add, Concatenate)) or _is_pointwise(node)) and _alike(moved):
            self._move(node, moved[0])
        elif isinstance(node, Reshape) and moved and self._feeds_dense(node):
            order = moved[0]
            places = np.arange(np.prod(order.shape)).reshape(order.shape).transpose(np.argsort(order.axes)).reshape(-1)
            self._flat[node.name] = places
            self._put(dataclasses.replace(node, inputs=(self._marked[node.inputs[0]][0],)))
        elif isinstance(node, Dense) and node.inputs[0] in self._flat:
            places = self._flat[node.inputs[0]]
            self._put(dataclasses.replace(node, kernel=node.kernel[places]))
        else:
            self._put(dataclasses.replace(node, inputs=tuple(self._plain(name) for name in node.inputs)))

    def _put(self, node: Node) -> None:
        self._nodes[node.name] = node

    def _mark(self, node: Permute) -> None:
        """Remember a permutation instead of adding it; the node before it takes the name of the layer."""
        source = self._plain(node.inputs[0])
        before = self._nodes[source]
        used = [each for each in self._old.nodes if node.inputs[0] in each.inputs]
        if source.startswith(f"{node.name}.") and len(used) == 1 and not self._old.is_output(node.inputs[0]):
            del self._nodes[source]
            folded = (*before.folded, *node.folded)
            self._put(dataclasses.replace(before, name=node.name, folded=folded))
            self._same = {old: node.name if new == source else new for old, new in self._same.items()}
            source = node.name
        self._marked[node.name] = (source, node)

    def _move(self, node: Node, order: Permute) -> None:
        """Add a node that computes in the order before the permutation."""
        inputs = tuple(
            self._marked[name][0] if name in self._marked else self._ordered(name, order) for name in node.inputs
        )
        back = tuple(int(axis) for axis in np.argsort(order.axes))
        moved = node.map_arrays(lambda array: _transposed(np.asarray(array), back))
        if isinstance(moved, Concatenate):
            moved = dataclasses.replace(moved, axis=order.axes[moved.axis])
        shape = tuple(node.shape[axis] for axis in back)
        folded = (*node.folded, f"{node.name}{MARK}")
        self._put(dataclasses.replace(moved, inputs=inputs, shape=shape, folded=folded))
        self._marked[node.name] = (node.name, dataclasses.replace(order, shape=node.shape))

    def _ordered(self, name: str, order: Permute) -> str:
        """The node of this name in the order before a permutation."""
        back = tuple(int(axis) for axis in np.argsort(order.axes))
        source = self._nodes[self._same.get(name, name)]
        new = f"{source.name}.channels_last"
        if new not in self._nodes:
            shape = tuple(source.shape[axis] for axis in back)
            self._put(Permute(name=new, inputs=(source.name,), shape=shape, axes=back))
        return new

    def _plain(self, name: str) -> str:
        """The new node with the values of an old one in their old order."""
        if name in self._marked:
            source, order = self._marked[name]
            new = f"{name}{MARK}"
            if new not in self._nodes:
                self._put(dataclasses.replace(order, name=new, inputs=(source,), folded=()))
            return new
        return self._same.get(name, name)

    def _feeds_dense(self, node: Reshape) -> bool:
        consumers = self._old.consumers(node.name)
        is_flat = len(node.shape) == 1 and all(isinstance(each, Dense) for each in consumers)
        return bool(consumers) and is_flat and not self._old.is_output(node.name)


def _undoes(node: Permute, order: Permute) -> bool:
    return tuple(np.take(order.axes, node.axes)) == tuple(range(len(node.axes)))


def _alike(orders: list[Permute]) -> bool:
    return len({order.axes for order in orders}) == 1


def _is_pointwise(node: Node) -> bool:
    """Whether a node computes each of its values from the one in the same place, with one neuron for all."""
    if isinstance(node, Population):
        return not any(np.ndim(value) for value in vars(node.neuron).values())
    return isinstance(node, Affine)


def _transposed(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """An array that broadcasts against values in the old order, for the new one."""
    if array.ndim == 0:
        return array
    full = array.reshape((1,) * (len(axes) - array.ndim) + array.shape).transpose(axes)
    while full.ndim > 1 and full.shape[0] == 1:
        full = full[0]
    return full


def in_order_of(node: Node, values: np.ndarray) -> np.ndarray:
    """Values (n, *shape) of the Keras model in the order of a node."""
    return np.moveaxis(values, 1, -1) if is_channels_last(node) else values
