"""Stateful nodes taken through the steps of a chunk, as one loop compiled by XLA; and how functions are compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from ...graph import Population, Stateful
from ...neurons.base import State
from .. import tensorflow_ops


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function with XLA."""
    return traced(function, jit_compile=True)


def traced(function: Callable[..., Any], **options: Any) -> Any:
    """Make a `tf.function` of a function."""
    # partial: TensorFlow would count the functions of all simulators as one that is traced again and again
    return tf.function(partial(function), autograph=False, **options)


class Settled:
    """A `tf.function` whose arguments differ in values alone, or in which of them are None.

    TensorFlow looks at all arguments of a `tf.function` in each call, which takes longer than a step of a small
    network: 160 of 340 µs. Here the trace of the first call serves all.
    """

    def __init__(self, function: Any):
        self.function = function
        self._traces: dict[tuple[bool, ...], Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        missing = tuple(argument is None for argument in arguments)
        if missing not in self._traces:
            self._traces[missing] = self.function.get_concrete_function(*arguments)
        return self._traces[missing](*arguments)


States = dict[str, State]
Scan = Callable[[tf.Tensor, States, tf.Tensor], tuple[tf.Tensor, States, tf.Tensor | None]]


def compile_scan(
    nodes: tuple[Stateful, ...], steps: int, dt: float, *, varies: bool, keep_voltages: bool, dtype: tf.DType
) -> Scan:
    """Compile a function that takes nodes, each of which feeds the next, through up to `steps` steps.

    Parameters
    ----------
    varies : bool
        Whether the input is (steps, n, *shape), or (n, *shape) for every step.
    keep_voltages : bool
        Whether the voltages of the last node are wanted.
    dtype : tf.DType
        Type of the last node's values, where bool holds them.

    Returns
    -------
    function of (x, states, n_valid)
        It gives the last node's values, (steps, n, *shape), of which those from `n_valid` on mean nothing; the states
        after step `n_valid`; and the last node's voltages or None.
    """

    def scan(x: tf.Tensor, states: States, n_valid: tf.Tensor) -> tuple[tf.Tensor, States, tf.Tensor | None]:
        def body(step: Any, carried: Any, values: Any, voltages: Any) -> tuple[Any, ...]:
            value, state, carried = x[step] if varies else x, {}, dict(carried)
            for node in nodes:
                value, state = node.step(value, _unpack(node, carried[node.name]), dt, tensorflow_ops)
                carried[node.name], value, state = _pack(node, value, state)
            if keep_voltages:
                voltages = voltages.write(step, state["voltage"])
            return step + 1, carried, values.write(step, tf.cast(value, dtype)), voltages

        shape = x.shape[int(varies) :]
        arrays: list[Any] = [tf.TensorArray(each, steps, element_shape=shape) for each in (dtype, x.dtype)]
        if not keep_voltages:
            arrays[1] = tf.constant(0)
        packed = {node.name: _pack(node, None, states[node.name])[0] for node in nodes}
        _, packed, values, voltages = tf.while_loop(lambda step, *_: step < n_valid, body, [0, packed, *arrays])
        states = {node.name: _unpack(node, packed[node.name]) for node in nodes}
        return values.stack(), states, voltages.stack() if keep_voltages else None

    return compiled(scan)


# XLA computes a step anew for each array that it leaves: spikes and state are one array where neurons can pack them.


def _pack(node: Stateful, value: Any, state: State) -> tuple[Any, Any, State]:
    """What the loop carries; and value and state, taken from it."""
    if not isinstance(node, Population) or not node.neuron.packs(state["voltage"].dtype.name):
        return state, value, state
    spikes = tf.zeros_like(state["voltage"]) if value is None else value
    packed = node.neuron.pack(spikes, state, tensorflow_ops)
    return packed, *node.neuron.unpack(packed, tensorflow_ops)


def _unpack(node: Stateful, carried: Any) -> State:
    if isinstance(carried, dict) or not isinstance(node, Population):
        return carried
    return node.neuron.unpack(carried, tensorflow_ops)[1]
