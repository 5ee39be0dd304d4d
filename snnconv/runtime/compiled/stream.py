"""Streams: one step per call, with the state on the device from one call to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph import Inputs, Linear, Node, Readout, Stateful
from ...neurons.base import State
from .. import tensorflow_ops
from .engine import Engine
from .products import BFLOAT16
from .scan import Settled, compiled


class Stream:
    """The network with the state of its streams, from one call to the next.

    Parameters
    ----------
    n : int
        Samples, each a stream of its own.
    """

    def __init__(self, engine: Engine, n: int):
        self.n = n
        self.ended = True
        self._engine = engine
        self._state: dict[str, State] = {}
        self._advance = Settled(compiled(self._step))

    def start(self) -> None:
        """Begin anew."""
        with self._engine.active():
            self._state, self.ended = self._engine.initial_state(self.n), False

    def advance(self, xs: Inputs) -> dict[str, np.ndarray]:
        """Outputs of the next step, (n, *output), for inputs (n, *shape) at this step."""
        with self._engine.active():
            outputs, self._state = self._advance({name: tf.constant(x) for name, x in xs.items()}, self._state)
            return {label: value.numpy() for label, value in outputs.items()}

    @property
    def state(self) -> dict[str, State]:
        """The state after the last step, as arrays (n, *shape)."""
        return {node: {key: value.numpy() for key, value in each.items()} for node, each in self._state.items()}

    def _step(
        self, inputs: dict[str, tf.Tensor], state: dict[str, State]
    ) -> tuple[dict[str, tf.Tensor], dict[str, State]]:
        model = self._engine.model
        xp = BFLOAT16 if model.precision == "bfloat16" else tensorflow_ops
        values, state = one_step(model.nodes, inputs, state, model.dt, xp)
        return {label: values[name] for label, name in model.outputs.items()}, state


def one_step(
    nodes: Iterable[Node], values: Mapping[str, Any], state: Mapping[str, State], dt: float, xp: Any = tensorflow_ops
) -> tuple[dict[str, Any], dict[str, State]]:
    """Advance all nodes by one step.

    Parameters
    ----------
    values : mapping of node name to (n, *shape) tensor
        Inputs at this step, and whatever else is known; nodes in it are left alone.
    state : mapping of node name to state
    xp : namespace of the linear nodes

    Returns
    -------
    values : of all nodes
    state : after the step
    """
    values, state = dict(values), dict(state)
    for node in nodes:
        if node.name in values:
            continue
        xs = [values[name] for name in node.inputs]
        if isinstance(node, Stateful):
            values[node.name], state[node.name] = node.step(xs[0], state[node.name], dt, tensorflow_ops)
        elif isinstance(node, Readout):  # its function belongs to whoever reads the average over time
            values[node.name] = xs[0]
        elif isinstance(node, Linear):
            values[node.name] = node.apply(*xs, xp=xp)
    return values, state
