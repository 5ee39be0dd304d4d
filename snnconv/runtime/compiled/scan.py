"""Stateful nodes taken through the steps of a chunk, as one loop compiled by XLA; and how functions are compiled.

XLA computes a step anew for each array that the loop leaves: with spikes and state in one array it computes it once.
Neurons that have no packing here run all the same, more slowly.

TensorFlow keeps every program of XLA until the process ends. Simulators therefore share them: a program depends on the
kind of its nodes and on sizes, and gets the arrays of the nodes as arguments.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from ...graph import Node, Population, Stateful
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
    voltages and the lifted states, and several spikes in a step no room for their number: they have none.
    """
    if type(neuron) is not LIF or neuron.max_spikes > 1 or math.expm1(neuron.tau_ref / neuron.tau_rc) >= _LARGEST_P:
        return None
    return _LIF_PACKINGS.get(dtype)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function with XLA."""
    return traced(function, jit_compile=True)


def traced(function: Callable[..., Any], **options: Any) -> Any:
    """Make a `tf.function` of a function."""
    # partial: TensorFlow would count the functions of all simulators as one that is traced again and again
    return tf.function(partial(function), autograph=False, **options)


_SHARED: dict[Hashable, Any] = {}


def shared(function: Callable[..., Any], *settings: Any) -> Any:
    """Compile ``function(*settings, …)`` with XLA, once in the process for equal settings."""
    return once(lambda: compiled(partial(function, *settings)), function, settings)


def once(make: Callable[[], Any], *key: Any) -> Any:
    """The value of `make`, called once in the process for equal keys. It must not hold arrays of a graph."""
    key = (traced, *key)
    try:
        hash(key)
    except TypeError:  # a neuron with an array among its parameters
        return make()
    return _SHARED.get(key) or _SHARED.setdefault(key, make())


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
Arrays = dict[str, dict[str, tf.Tensor]]
Settings = tuple[type[Node], tuple[tuple[str, Any], ...]]
Scan = Callable[[tf.Tensor, States, Arrays, tf.Tensor], tuple[tf.Tensor, States, tf.Tensor | None]]


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
    function of (x, states, arrays, n_valid)
        `states` and `arrays` are those of the nodes by name. It gives the last node's values, (steps, n, *shape), of
        which those from `n_valid` on mean nothing; the states after step `n_valid`; and the last node's voltages or
        None.
    """
    program = shared(_scan, tuple(map(settings_of, nodes)), steps, dt, varies, keep_voltages, dtype)
    names = [node.name for node in nodes]

    def scan(
        x: tf.Tensor, states: States, arrays: Arrays, n_valid: tf.Tensor
    ) -> tuple[tf.Tensor, States, tf.Tensor | None]:
        of_nodes = [states[name] for name in names], [arrays[name] for name in names]
        values, after, voltages = program(x, *of_nodes, n_valid)
        return values, dict(zip(names, after, strict=True)), voltages

    return scan


def settings_of(node: Node) -> Settings:
    """Class and fields of a node, without its arrays and its place in a graph; hashable but for odd neurons."""
    left_out = {"name", "inputs", "trained", "folded", *node.array_fields}
    names = (field.name for field in dataclasses.fields(node) if field.name not in left_out)
    return type(node), tuple((name, getattr(node, name)) for name in names)


def _scan(
    settings: tuple[Settings, ...],
    steps: int,
    dt: float,
    varies: bool,
    keep_voltages: bool,
    dtype: tf.DType,
    x: tf.Tensor,
    states: list[State],
    arrays: list[dict[str, tf.Tensor]],
    n_valid: tf.Tensor,
) -> tuple[tf.Tensor, list[State], tf.Tensor | None]:
    """The scan of `compile_scan`, with the nodes as `_settings` and arrays."""
    nodes: list[Any] = [
        kind(name="", inputs=(), **{**dict.fromkeys(kind.array_fields), **given, **dict(fields)})
        for (kind, fields), given in zip(settings, arrays, strict=True)
    ]
    packings = [_packing(node, state) for node, state in zip(nodes, states, strict=True)]

    def body(step: Any, carried: Any, values: Any, voltages: Any) -> tuple[Any, ...]:
        value, state, after = x[step] if varies else x, {}, []
        for node, packing, before in zip(nodes, packings, carried, strict=True):
            value, state = node.step(value, _unpack(packing, before), dt, tensorflow_ops)
            packed, value, state = _pack(packing, value, state)
            after.append(packed)
        if keep_voltages:
            voltages = voltages.write(step, state["voltage"])
        return step + 1, after, values.write(step, tf.cast(value, dtype)), voltages

    shape = x.shape[int(varies) :]
    written: list[Any] = [tf.TensorArray(each, steps, element_shape=shape) for each in (dtype, x.dtype)]
    if not keep_voltages:
        written[1] = tf.constant(0)
    packed = [_pack(packing, None, state)[0] for packing, state in zip(packings, states, strict=True)]
    _, packed, values, voltages = tf.while_loop(lambda step, *_: step < n_valid, body, [0, packed, *written])
    after = [_unpack(packing, each) for packing, each in zip(packings, packed, strict=True)]
    return values.stack(), after, voltages.stack() if keep_voltages else None


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
