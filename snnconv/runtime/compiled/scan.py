"""Stateful nodes taken through the steps of a chunk, as one loop compiled by XLA; and how functions are compiled.

XLA computes a step anew for each array that the loop leaves: with spikes and state in one array it computes it once.
Neurons that have no packing here run all the same, more slowly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from ...graph import Population, Stateful
from ...neurons import LIF, Neuron
from ...neurons.base import Array, State
from .. import tensorflow_ops

_LARGEST_P = 4.0


@dataclass(frozen=True)
class LIFPacking:
    """The voltage and the refractory state p of a LIF, and its spikes, in one array without loss.

    The array holds the voltage, which is at most 1 outside the refractory period and 0 in it; or else p, lifted by a
    power of two, which is exact, above every voltage; by a higher one where the neuron has just spiked.

    Parameters
    ----------
    smallest : float
        p below which it is lost in the share of a step.
    lift, lift_spiked : float
        Powers of two: the first lifts `smallest` to 4, the second lifts it above all that the first lifts.
    """

    smallest: float
    lift: float
    lift_spiked: float

    def pack(self, spikes: Array, state: State, xp: Any) -> Array:
        """One array that holds the state after a step, exactly, and the step's spikes."""
        v, p = state["voltage"], state["refractory"]
        resting = xp.where(p >= self.smallest, p * self.lift, v)
        return xp.where(spikes > 0, xp.maximum(p, xp.zeros_like(p) + self.smallest) * self.lift_spiked, resting)

    def unpack(self, packed: Array, xp: Any) -> tuple[Array, State]:
        """Inverse of `pack`: spikes and state."""
        zero = xp.zeros_like(packed)
        spiked, refractory = packed >= self.smallest * self.lift_spiked, packed >= self.smallest * self.lift
        p = xp.where(refractory, packed * xp.where(spiked, zero + 1 / self.lift_spiked, zero + 1 / self.lift), zero)
        v = xp.where(refractory, zero, packed)
        return xp.where(spiked, zero + 1, zero), {"voltage": v, "refractory": p}


_LIF_PACKINGS = {
    "float32": LIFPacking(2.0**-60, 2.0**62, 2.0**124),
    "float64": LIFPacking(2.0**-400, 2.0**402, 2.0**804),
}


def packing_of(neuron: Neuron, dtype: str) -> LIFPacking | None:
    """The packing of a neuron's state in a dtype, or None where there is none.

    A class that inherits from LIF may have another step, and a long refractory period leaves no room between the
    voltages and the lifted states: both have none.
    """
    if type(neuron) is not LIF or math.expm1(neuron.tau_ref / neuron.tau_rc) >= _LARGEST_P:
        return None
    return _LIF_PACKINGS.get(dtype)


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
                value, state = node.step(value, _unpack(packings[node.name], carried[node.name]), dt, tensorflow_ops)
                carried[node.name], value, state = _pack(packings[node.name], value, state)
            if keep_voltages:
                voltages = voltages.write(step, state["voltage"])
            return step + 1, carried, values.write(step, tf.cast(value, dtype)), voltages

        shape = x.shape[int(varies) :]
        arrays: list[Any] = [tf.TensorArray(each, steps, element_shape=shape) for each in (dtype, x.dtype)]
        if not keep_voltages:
            arrays[1] = tf.constant(0)
        packings = {node.name: _packing(node, states[node.name]) for node in nodes}
        packed = {name: _pack(packing, None, states[name])[0] for name, packing in packings.items()}
        _, packed, values, voltages = tf.while_loop(lambda step, *_: step < n_valid, body, [0, packed, *arrays])
        states = {name: _unpack(packing, packed[name]) for name, packing in packings.items()}
        return values.stack(), states, voltages.stack() if keep_voltages else None

    return compiled(scan)


def _packing(node: Stateful, state: State) -> LIFPacking | None:
    return packing_of(node.neuron, state["voltage"].dtype.name) if isinstance(node, Population) else None


def _pack(packing: LIFPacking | None, value: Any, state: State) -> tuple[Any, Any, State]:
    """The arrays that the loop carries; and value and state, taken from them."""
    if packing is None:
        return state, value, state
    spikes = tf.zeros_like(state["voltage"]) if value is None else value
    packed = packing.pack(spikes, state, tensorflow_ops)
    return packed, *packing.unpack(packed, tensorflow_ops)


def _unpack(packing: LIFPacking | None, carried: Any) -> State:
    return carried if packing is None else packing.unpack(carried, tensorflow_ops)[1]
