"""Stateful nodes taken through the steps of a chunk, as one loop compiled by XLA; and how functions are compiled.

XLA computes a step anew for each array that the loop leaves: with spikes and state in one array, or in some that are
made of each other (`packing`), it computes it once. Neurons that have no packing run all the same, more slowly: the
loop carries as little of their state as it can, one count for all neurons of a sample, and nothing that no later step
reads.

Functions of means between a running mean and its neurons take their places in the loop. What is between two of its
arrays then stays in the processor's cache, and sums are added up in the order of the NumPy loop.

TensorFlow keeps every program of XLA until the process ends. Simulators therefore share them: a program depends on the
kind of its nodes and on sizes, and gets the arrays of the nodes as arguments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import tensorflow as tf

from ...graph import Function, Linear, Node, Population, Stateful
from ...neurons.base import State
from .. import tensorflow_ops
from .packing import CarriedSpikes, Packing, packing_of

_MOST_TOGETHER = 25


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
    """A function of nested tensors, traced once for all calls whose arguments differ in values alone.

    TensorFlow binds and casts each argument of a `tf.function` in Python, which takes longer than a step of a small
    network, or of a chunk. Here the trace of the first call is run as one operation, on a flat list of tensors.
    Arguments may be None: each set of those that are has a trace of its own.
    """

    def __init__(self, function: Any):
        self.function = function
        self._traces: dict[tuple[bool, ...], Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        leaves = tf.nest.flatten(arguments)
        missing = tuple(leaf is None for leaf in leaves)
        given = [leaf for leaf in leaves if leaf is not None]
        if missing not in self._traces:
            self._traces[missing] = self._trace(arguments, missing, given)
        trace = self._traces[missing]
        dtypes = [output.dtype for output in trace.outputs]
        found = tf.raw_ops.StatefulPartitionedCall(args=[*given, *trace.captured_inputs], Tout=dtypes, f=trace)
        return tf.nest.pack_sequence_as(trace.structured_outputs, found)

    def _trace(self, arguments: Any, missing: tuple[bool, ...], given: list[tf.Tensor]) -> Any:
        def flat(*given: tf.Tensor) -> Any:
            rest = iter(given)
            leaves = [None if is_missing else next(rest) for is_missing in missing]
            return self.function(*tf.nest.pack_sequence_as(arguments, leaves))

        return traced(flat).get_concrete_function(*given)


States = dict[str, State]
Arrays = dict[str, dict[str, tf.Tensor]]
Settings = tuple[type[Node], tuple[tuple[str, Any], ...], Hashable]
Scan = Callable[[tf.Tensor, States, Arrays, tf.Tensor], tuple[tf.Tensor, States, tf.Tensor | None]]


def compile_scan(
    nodes: tuple[Linear | Stateful, ...],
    steps: int,
    dt: float,
    *,
    varies: bool,
    keep_voltages: bool,
    keep_derived: bool,
    dtype: tf.DType,
    together: int = 1,
) -> Scan:
    """Compile a function that takes nodes, each of which feeds the next, through up to `steps` steps.

    Parameters
    ----------
    varies : bool
        Whether the input is (steps, n, *shape), or (n, *shape) for every step.
    keep_voltages : bool
        Whether the voltages of the last node are wanted.
    keep_derived : bool
        Whether variables of the state that no later step reads are wanted after the last one.
    dtype : tf.DType
        Type of the last node's values, where bool holds them.
    together : int
        Steps of one round of the loop, a divisor of `steps`. On GPUs a round is one kernel, which takes longer to start
        than to step neurons once; on CPUs, XLA computes a step anew for each that follows in the round.

    Returns
    -------
    function of (x, states, arrays, n_valid)
        `states` and `arrays` are those of the nodes by name. It gives the last node's values, (steps, n, *shape), of
        which those from `n_valid` on mean nothing; the states after step `n_valid`; and the last node's voltages or
        None.
    """
    settings = (tuple(map(settings_of, nodes)), steps, dt, varies, keep_voltages, dtype)
    in_rounds = partial(shared, _scan_in_rounds, together)
    program = shared(_scan, keep_derived, *settings) if together == 1 else in_rounds(*settings)
    names = [node.name for node in nodes]

    def scan(
        x: tf.Tensor, states: States, arrays: Arrays, n_valid: tf.Tensor
    ) -> tuple[tf.Tensor, States, tf.Tensor | None]:
        of_nodes = [states.get(name, {}) for name in names], [arrays[name] for name in names]
        values, after, voltages, *_ = program(x, *of_nodes, n_valid)
        return values, {name: state for name, state in zip(names, after, strict=True) if name in states}, voltages

    return scan


def together(steps: int) -> int:
    """Steps of a round of the loop on a GPU: the largest divisor that one kernel has room for."""
    return max(number for number in range(1, _MOST_TOGETHER + 1) if steps % number == 0)


def settings_of(node: Node) -> Settings:
    """Class and fields of a node, without its arrays and its place in a graph; hashable but for odd neurons."""
    left_out = {"name", "inputs", "trained", "folded", *node.array_fields}
    names = (field.name for field in dataclasses.fields(node) if field.name not in left_out)
    meant = node.definition if isinstance(node, Function) else None  # a name may be given to another function later
    return type(node), tuple((name, getattr(node, name)) for name in names), meant


def _scan(
    keep_derived: bool,
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
) -> tuple[tf.Tensor, list[State], tf.Tensor | None, list[Any]]:
    """The scan of `compile_scan`, with the nodes as `settings` and arrays; and spikes that no one reads.

    XLA carries only what leaves the function: spikes of which the state is made are among its results for that alone.
    """
    nodes = _nodes(settings, arrays)
    packings = [_packing(node, state) for node, state in zip(nodes, states, strict=True)]
    carried = partial(_carried, keep_derived=keep_derived)

    def body(step: Any, before: Any, values: Any, voltages: Any) -> tuple[Any, ...]:
        value, state, after = x[step] if varies else x, {}, []
        for node, packing, each in zip(nodes, packings, before, strict=True):
            value, state = _step(node, value, _unpack(packing, each), dt)
            packed, value, state = _pack(packing, value, state)
            after.append(carried(node, packed))
        if keep_voltages:
            voltages = voltages.write(step, state["voltage"])
        return step + 1, after, values.write(step, tf.cast(value, dtype)), voltages

    shape = (x.shape[int(varies)], *nodes[-1].shape)
    written: list[Any] = [tf.TensorArray(each, steps, element_shape=shape) for each in (dtype, x.dtype)]
    if not keep_voltages:
        written[1] = tf.constant(0)
    packed = [_pack(packing, None, state)[0] for packing, state in zip(packings, states, strict=True)]
    packed = list(map(carried, nodes, packed))
    _, packed, values, voltages = tf.while_loop(lambda step, *_: step < n_valid, body, [0, packed, *written])
    after = list(map(_whole, map(_unpack, packings, packed), states))
    carried_spikes = [
        each["spikes"] for packing, each in zip(packings, packed, strict=True) if isinstance(packing, CarriedSpikes)
    ]
    return values.stack(), after, voltages.stack() if keep_voltages else None, carried_spikes


def _nodes(settings: tuple[Settings, ...], arrays: list[dict[str, tf.Tensor]]) -> list[Any]:
    return [
        kind(name="", inputs=(), **{**dict.fromkeys(kind.array_fields), **given, **dict(fields)})
        for (kind, fields, _), given in zip(settings, arrays, strict=True)
    ]


def _step(node: Any, value: tf.Tensor, state: State, dt: float) -> tuple[tf.Tensor, State]:
    if isinstance(node, Stateful):
        return node.step(value, state, dt, tensorflow_ops)
    return node.apply(value, xp=tensorflow_ops), {}


def _carried(node: Any, state: Any, keep_derived: bool) -> Any:
    """The part of a state that a loop carries, with one count for all units of a sample."""
    if not (isinstance(node, Stateful) and isinstance(state, dict)):
        return state
    first = (slice(None), *[slice(0, 1)] * len(node.shape))
    return {
        name: value[first] if name in node.uniform else value
        for name, value in state.items()
        if keep_derived or name not in node.derived
    }


def _whole(after: State, before: State) -> State:
    """A state after a loop in the shapes that it had before; what the loop did not carry is as it was."""
    return before | {name: tf.broadcast_to(value, tf.shape(before[name])) for name, value in after.items()}


def _scan_in_rounds(
    together: int,
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
    """The same with several steps in each round of the loop; spikes that are 0 or 1 are kept in a bit each."""
    nodes = _nodes(settings, arrays)
    n_rounds, shape = steps // together, (x.shape[int(varies)], *nodes[-1].shape)
    rounds = tf.reshape(x, (n_rounds, together, *x.shape[1:])) if varies else x
    as_bits = isinstance(nodes[-1], Population) and nodes[-1].neuron.is_binary
    kept = tf.int32 if as_bits else dtype

    def body(number: Any, before: Any, values: Any, voltages: Any) -> tuple[Any, ...]:
        given, found, reached = rounds[number] if varies else x, [], []
        for place in range(together):
            value, after = given[place] if varies else given, []
            is_valid = number * together + place < n_valid
            for node, state in zip(nodes, before, strict=True):
                value, new = _step(node, value, state, dt)
                after.append({name: tf.where(is_valid, new[name], old) for name, old in state.items()})
            before = after
            found.append(value)
            reached.append(after[-1]["voltage"] if keep_voltages else None)
        if keep_voltages:
            voltages = voltages.write(number, tf.stack(reached))
        kept_here = _bits(found) if as_bits else tf.stack([tf.cast(value, dtype) for value in found])
        return number + 1, before, values.write(number, kept_here), voltages

    size = shape if as_bits else (together, *shape)
    values: Any = tf.TensorArray(kept, n_rounds, element_shape=size)
    voltages: Any = tf.constant(0)
    if keep_voltages:
        voltages = tf.TensorArray(x.dtype, n_rounds, element_shape=(together, *shape))
    last = (n_valid + together - 1) // together
    _, after, values, voltages = tf.while_loop(lambda number, *_: number < last, body, [0, states, values, voltages])
    found = values.stack()
    if as_bits:
        places = tf.reshape(tf.range(together), (1, together, *[1] * len(shape)))
        found = tf.cast(tf.bitwise.right_shift(found[:, None], places) & 1, dtype)
    by_step = (steps, *shape)
    return tf.reshape(found, by_step), after, tf.reshape(voltages.stack(), by_step) if keep_voltages else None


def _bits(spikes: list[tf.Tensor]) -> tf.Tensor:
    """Spikes of several steps, each 0 or 1, in the bits of one whole number."""
    bits = tf.zeros_like(spikes[0], tf.int32)
    for place, spiked in enumerate(spikes):
        bits |= tf.where(spiked > 0, 1 << place, 0)
    return bits


def _packing(node: Stateful, state: State) -> Packing | None:
    return packing_of(node.neuron, state["voltage"].dtype.name) if isinstance(node, Population) else None


def _pack(packing: Packing | None, value: Any, state: State) -> tuple[Any, Any, State]:
    """The arrays that the loop carries; and value and state, taken from them."""
    if packing is None:
        return state, value, state
    spikes = tf.zeros_like(state["voltage"]) if value is None else value
    packed = packing.pack(spikes, state, tensorflow_ops)
    return packed, *packing.unpack(packed, tensorflow_ops)


def _unpack(packing: Packing | None, carried: Any) -> State:
    return carried if packing is None else packing.unpack(carried, tensorflow_ops)[1]
