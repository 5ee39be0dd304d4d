"""One step per call: a sample is a stream of events, and what it left behind stays on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from .. import tensorflow_ops
from ..graph import Input, Linear, Readout, Stateful
from ..neurons.base import State
from .model import Model
from .scan import compiled


class Stream:
    """The network between one call and the next.

    Parameters
    ----------
    n : int
        Samples, each a stream of its own.
    """

    def __init__(self, model: Model, n: int):
        self.n = n
        self.ended = True
        self._model = model
        self._state: dict[str, State] = {}
        self._advance = compiled(self._step)

    def start(self, state: dict[str, State]) -> None:
        """Begin with this state, of `n` samples."""
        self._state, self.ended = state, False

    def advance(self, xs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs of the next step, (n, *output), for inputs (n, *shape) at this step."""
        outputs, self._state = self._advance({name: tf.constant(x) for name, x in xs.items()}, self._state)
        return {label: value.numpy() for label, value in outputs.items()}

    @property
    def state(self) -> dict[str, State]:
        """The state after the last step, as arrays (n, *shape)."""
        return {node: {key: value.numpy() for key, value in each.items()} for node, each in self._state.items()}

    def _step(
        self, inputs: dict[str, tf.Tensor], state: dict[str, State]
    ) -> tuple[dict[str, tf.Tensor], dict[str, State]]:
        values: dict[str, Any] = dict(inputs)
        state = dict(state)
        for node in self._model.nodes:
            xs = [values[name] for name in node.inputs]
            if isinstance(node, Stateful):
                values[node.name], state[node.name] = node.step(xs[0], state[node.name], self._model.dt, tensorflow_ops)
            elif isinstance(node, Readout):
                values[node.name] = xs[0]
            elif isinstance(node, Linear) and not isinstance(node, Input):
                values[node.name] = node.apply(*xs, xp=tensorflow_ops)
        return {label: values[name] for label, name in self._model.outputs.items()}, state
