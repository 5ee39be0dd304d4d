"""A node of a graph as a Keras layer: its arrays as weights, its description as text, and the settings of a model.

A signal is a list of tensors. The first is the series, (n, n_steps, *shape), or (n, 1, *shape) where it is the same at
every step. Where gradients are those of rates, no gradient goes through the series, and a second tensor stands beside
it: the mean, (n, *shape), through which they go.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops as tensor_ops

from ...graph import Node, Stateful
from ...graph.file import attributes, built
from .surrogates import RATE

Signal = Sequence[Any]
ops: Any = tensor_ops  # whose annotations make None of every tensor

# Names of what trains, and the arrays of nodes that they stand for
ARRAYS: Mapping[str, tuple[str, ...]] = {
    "kernels": ("kernel", "scale", "table"),
    "dense_biases": ("bias", "offset"),
    "neuron_biases": ("neuron_bias",),
}
SCALARS = ("heights", "time_constants", "initial_voltages")
OWNERS = ("neuron", "synapse")  # fields of nodes that have time constants


@dataclass(frozen=True)
class Unrolling:
    """Settings that all layers of a model share.

    Parameters
    ----------
    n_steps : int
    dt : float
        Seconds.
    surrogate : str
    trainable : tuple of str
        Names of what trains.
    spike_penalty : float
        Loss for every spike of a neuron per step.
    """

    n_steps: int
    dt: float
    surrogate: str
    trainable: tuple[str, ...]
    spike_penalty: float = 0.0

    @property
    def by_rates(self) -> bool:
        """Whether gradients are those of rates, and go around the steps."""
        return self.surrogate == RATE


class NodeLayer(keras.layers.Layer):
    """A node of a graph as a layer; its arrays are the weights, under their names. Abstract.

    Parameters
    ----------
    node : Node, or str
        The node, or what `described` made of it.
    unrolling : Unrolling, or dict of its fields
    units : dict of array name to float, or None
        Powers of two, in units of which a weight holds its array: 1 where nothing is said.

    Attributes
    ----------
    variables_of : dict of array name to keras.Variable
    """

    def __init__(
        self,
        node: Node | str,
        unrolling: Unrolling | Mapping[str, Any],
        units: Mapping[str, float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = dict(units or {})
        self.node = rebuilt(node) if isinstance(node, str) else node
        if not isinstance(unrolling, Unrolling):
            unrolling = Unrolling(**{**unrolling, "trainable": tuple(unrolling["trainable"])})
        self.unrolling = unrolling
        trained = {array for name in unrolling.trainable for array in ARRAYS.get(name, ())}
        self.variables_of: dict[str, Any] = {}
        for name, array in self.node.arrays().items():
            start = constant(array / self._unit(name))
            self.variables_of[name] = self.weight(name, start, np.shape(array), name in trained)

    def get_config(self) -> dict[str, Any]:
        unrolling = {**dataclasses.asdict(self.unrolling), "trainable": list(self.unrolling.trainable)}
        return {**super().get_config(), "node": described(self.node), "unrolling": unrolling, "units": self.units}

    def build(self, input_shape: Any) -> None:
        self.built = True

    def weight(self, name: str, initializer: Any, shape: tuple[int, ...] = (), trainable: bool = True) -> Any:
        """A weight, which a policy of half precision rounds where the node has no state."""
        options: dict[str, Any] = {"trainable": trainable, "autocast": not isinstance(self.node, Stateful)}
        return self.add_weight(shape=shape, initializer=initializer, name=name, **options)

    def tensors(self) -> Any:
        """The node with its weights, as tensors, in the place of its arrays."""
        arrays = {name: ops.convert_to_tensor(w) * self._unit(name) for name, w in self.variables_of.items()}
        return dataclasses.replace(self.node, **arrays)

    def trained_node(self, like: Node | None = None) -> Node:
        """The node with the values that the weights have now.

        Parameters
        ----------
        like : Node or None
            The same node of the graph that the model was made of: numbers that training left alone are its own, to
            the last digit.
        """
        found = {}
        for name, weight in self.variables_of.items():
            value: Any = ops.convert_to_numpy(weight)
            found[name] = value.astype("float64") * self._unit(name)
            if like is not None:
                own = np.asarray(getattr(like, name))
                found[name] = np.where((own / self._unit(name)).astype(value.dtype) == value, own, found[name])
        return dataclasses.replace(self.node if like is None else like, **found)

    def _unit(self, array: str) -> float:
        return self.units.get(array, 1.0)

    def gradient_free(self, node: Any) -> Any:
        """The node without gradients of its arrays."""
        return node.map_arrays(ops.stop_gradient)


def described(node: Node) -> str:
    """A node without the values of its arrays, as text."""
    shapes = {name: list(np.shape(array)) for name, array in node.arrays().items()}
    return json.dumps({"name": node.name, "arrays": shapes, **attributes(node)}, default=_plain)


def time_constants(node: Node, by_rates: bool) -> dict[str, float]:
    """The time constants of a node that have a gradient, by the field and the name; one of 0 stays 0."""
    owners = {field: getattr(node, field) for field in OWNERS if hasattr(node, field)}
    if by_rates:
        owners.pop("synapse", None)  # a mean does not depend on it
    named = {f"{field}.{name}": getattr(each, name) for field, each in owners.items() for name in each.time_constants}
    return {name: value for name, value in named.items() if value > 0}


def rebuilt(text: str) -> Node:
    """The node of a text from `described`, with zeros in its arrays."""
    settings = json.loads(text)
    name, shapes = settings.pop("name"), settings.pop("arrays")
    return built(name, settings, {key: np.zeros(shape) for key, shape in shapes.items()}, {})


def valued(gradients: Any, value: Any) -> Any:
    """A tensor of this value, and of those gradients."""
    return ops.stop_gradient(value) + (gradients - ops.stop_gradient(gradients))


def number(value: Any) -> float:
    """The one number in a tensor or a variable."""
    return float(ops.convert_to_numpy(value))


def constant(value: Any) -> Any:
    """An initializer that gives this value."""
    return lambda shape, dtype=None: ops.convert_to_tensor(np.broadcast_to(value, shape), dtype)


def _plain(value: Any) -> Any:
    return value.tolist()
