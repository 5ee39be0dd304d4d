"""All steps of a network as one function that XLA compiles: its arguments, its results, and its program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.compiler.xla.service import hlo_pb2

from ...errors import ExportError
from ...graph import Readout, SpikingGraph
from ...neurons.base import State
from ...runtime import tensorflow_ops
from ...runtime.arguments import check_read_from
from ...runtime.batches import sizes
from ...runtime.compiled.engine import tensor_float_32
from ...runtime.compiled.model import Model, Program
from ...runtime.compiled.scan import traced
from ...runtime.compiled.stepper import Stepper
from ...runtime.recorder import KINDS
from ...runtime.result import spike_dtype
from .calls import Calls

STABLEHLO_SINCE = (2, 19)
"""The first TensorFlow that gives programs as StableHLO."""

Key = tuple[str, str]
"""Kind and name of an argument or result."""

_REDUCTIONS = {"mean": "sum", "last": "last", "none": None}  # what a chunk of steps gives; see `Program`
_MODULE = re.compile(r"module @\S+ ")  # named after a count of all functions in the process
_LOCATION = re.compile(r' loc\((?:[^()"]|"(?:[^"\\]|\\.)*"|\((?:[^()"]|"(?:[^"\\]|\\.)*")*\))*\)')


@dataclass(frozen=True)
class Array:
    """One argument or result of a program.

    Parameters
    ----------
    kind : str
        "input" or "state" of arguments; "output", "rates", "spikes" or "state" of results.
    name : str
        Of the input, output or population; "node/variable" of a state.
    shape : tuple of int
    dtype : str
        By NumPy's name.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: str

    def as_dict(self) -> dict[str, Any]:
        """Fields as JSON holds them."""
        return {**asdict(self), "shape": list(self.shape)}


class Whole:
    """All steps of a network for a fixed number of samples, as one function of inputs and state.

    It is the Simulator's own stepper without products that skip zeros, in a loop over chunks of steps. A call gives the
    state after its last step, from which the next call goes on.

    Parameters
    ----------
    batch_size : int
        Samples of every call.

    Attributes
    ----------
    arguments, results : tuple of Array
        In the program's order; weights follow behind the arguments.
    weights : tuple of array

    Raises
    ------
    ExportError
        If this TensorFlow is too old.
    """

    def __init__(self, graph: SpikingGraph, calls: Calls, batch_size: int):
        if tuple(map(int, tf.__version__.split(".")[:2])) < STABLEHLO_SINCE:
            raise ExportError(
                f"TensorFlow {tf.__version__} cannot write a program as StableHLO, which the target xla holds. Install "
                f"TensorFlow {'.'.join(map(str, STABLEHLO_SINCE))} or later."
            )
        self._calls, self._batch_size = calls, batch_size
        _, self._chunk_steps = sizes(graph, batch_size, calls.n_steps, calls.dtype, batch_size)
        self._n_chunks = -(-calls.n_steps // self._chunk_steps)
        self._sources: dict[Key, str] = {("output", label): name for label, name in graph.outputs.items()}
        if calls.record != "nothing":
            self._sources |= {(calls.record, name): name for name in graph.populations}
        wanted = {kind: tuple(graph.populations) if kind == calls.record else () for kind in KINDS}
        reduction = _REDUCTIONS[calls.reduce]
        weights = check_read_from(graph, None, calls.n_steps).weights(calls.n_steps)
        padding = self._n_chunks * self._chunk_steps - calls.n_steps
        self._weights = np.pad(weights / weights.sum(), (0, padding)).reshape(self._n_chunks, -1)
        recording = tuple(sorted(wanted.items()))
        program = Program(batch_size, self._chunk_steps, calls.varying, recording, reduction)
        self._model = Model(graph, calls.dt, calls.dtype, False, calls.precision, True, calls.platform)
        self._stepper = Stepper(self._model, program)

        given = [
            Array("input", node.name, (calls.n_steps,) * (node.name in calls.varying) + node.shape, calls.dtype)
            for node in graph.inputs
        ]
        for name, value in _flat(self._model.initial_state(1, {})).items():
            given.append(Array("state", name, tuple(value.shape[1:]), value.dtype.name))
        self.arguments = tuple(replace(each, shape=(batch_size, *each.shape)) for each in given)
        self._function = traced(self._call, jit_compile=True)
        with self._precision():
            trace = self._function.get_concrete_function(*self._specs())
        self.weights: tuple[np.ndarray, ...] = tuple(tensor.numpy() for tensor in trace.captured_inputs)
        found = zip(self._keys, trace.outputs, strict=True)
        self.results = tuple(Array(kind, name, tuple(each.shape), each.dtype.name) for (kind, name), each in found)

    def start(self, voltages: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """State of one sample before the first step, (1, *shape) by "node/variable"."""
        return {name: value.numpy() for name, value in _flat(self._model.initial_state(1, voltages)).items()}

    def hlo(self) -> bytes:
        """The program as XLA's own serialized module, without the places in source files that it comes from."""
        messages: Any = hlo_pb2
        module = messages.HloModuleProto.FromString(self._form("hlo_serialized"))
        module.ClearField("stack_frame_index")
        for computation in module.computations:
            for instruction in computation.instructions:
                instruction.ClearField("metadata")
        return module.SerializeToString(deterministic=True)

    def stablehlo(self) -> str:
        """The program as StableHLO in text, without the places in source files that it comes from."""
        lines = self._form("stablehlo").splitlines()
        text = "".join(_LOCATION.sub("", line) + "\n" for line in lines if not line.startswith("#loc"))
        return _MODULE.sub("module @network ", text, count=1)

    def _form(self, stage: str) -> Any:
        with self._precision():
            return self._function.experimental_get_compiler_ir(*self._specs())(stage=stage)

    def _precision(self) -> Any:
        return tensor_float_32(self._calls.precision == "tensorfloat32")

    def batches(self, xs: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray]) -> dict[Key, np.ndarray]:
        """Results for any number of samples, computed by TensorFlow, without the state behind them.

        Parameters
        ----------
        xs : mapping of input name to (n, …) array
        state : mapping of "node/variable" to (1, …) array
        """
        n, size = len(next(iter(xs.values()))), self._batch_size
        parts: dict[Key, list[np.ndarray]] = {key: [] for key in self._keys if key[0] != "state"}
        for begin in range(0, n, size):
            rows = np.minimum(np.arange(begin, begin + size), n - 1)  # the last sample again, where some are missing
            found = self({name: x[rows] for name, x in xs.items()}, state)
            for key, values in parts.items():
                values.append(found[key][: n - begin])
        return {key: np.concatenate(values) for key, values in parts.items()}

    def __call__(self, xs: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray]) -> dict[Key, np.ndarray]:
        """Results of one call by kind and name, computed by TensorFlow."""
        values = {"input": xs, "state": state}
        given = [
            tf.broadcast_to(tf.constant(values[each.kind][each.name], each.dtype), each.shape)
            for each in self.arguments
        ]
        with self._precision():
            return {key: value.numpy() for key, value in zip(self._keys, self._function(*given), strict=True)}

    def _specs(self) -> list[tf.TensorSpec]:
        return [tf.TensorSpec(each.shape, each.dtype) for each in self.arguments]

    def _call(self, *arguments: tf.Tensor) -> tuple[tf.Tensor, ...]:
        by_kind: dict[str, dict[str, tf.Tensor]] = {"input": {}, "state": {}}
        for each, value in zip(self.arguments, arguments, strict=True):
            by_kind[each.kind][each.name] = value
        start = _nested(by_kind["state"])
        moving = {name: self._in_chunks(x) for name, x in by_kind["input"].items() if name in self._calls.varying}
        held = {name: x for name, x in by_kind["input"].items() if name not in moving}
        arrays = self._model.arrays
        constant, trains, now = self._stepper.before(arrays, held, start)

        def chunk(number: Any, now: Any, kept: dict[Key, Any]) -> tuple[Any, Any, dict[Key, Any]]:
            begin = number * self._chunk_steps
            varying = {name: x[number] for name, x in moving.items()}
            n_valid = tf.constant(self._chunk_steps)
            if self._calls.n_steps % self._chunk_steps:
                n_valid = tf.minimum(n_valid, self._calls.n_steps - begin)
            counted = tf.constant(self._weights)[number] if self._calls.reduce == "mean" else None
            found = self._stepper.chunk(arrays, constant, trains, varying, now, begin, n_valid, counted)
            outputs, records, now = found
            found = {("output", label): value for label, value in outputs.items()}
            found |= {(self._calls.record, name): value for name, value in records.get(self._calls.record, {}).items()}
            return number + 1, now, {key: self._add(key, kept[key], value, number) for key, value in found.items()}

        loop = (tf.constant(0), now, self._nothing())
        _, now, kept = tf.while_loop(lambda number, *_: number < self._n_chunks, chunk, loop)
        ended = self._stepper.kept(constant, start)
        now = {**now, **self._stepper.after(arrays, *ended, tf.constant(self._calls.n_steps))}
        results = {key: self._finish(key, value) for key, value in kept.items()}
        results |= {("state", each.name): _flat(now)[each.name] for each in self.arguments if each.kind == "state"}
        self._keys = tuple(results)
        return tuple(results.values())

    def _nothing(self) -> dict[Key, Any]:
        """Values of the results before the first chunk."""
        nodes: dict[str, Any] = {node.name: node for node in self._model.nodes}
        found: dict[Key, Any] = {}
        for key, name in self._sources.items():
            node = nodes[name]
            dtype = self._dtype(key, node)
            shape = (self._batch_size, *node.shape)
            if self._is_stacked(key):
                found[key] = tf.TensorArray(dtype, self._n_chunks, element_shape=(self._chunk_steps, *shape))
            else:
                found[key] = tf.zeros(shape, dtype)
        return found

    def _dtype(self, key: Key, node: Any) -> Any:
        """Type of what a chunk gives: sums of outputs are in float64, and rates are counts of spikes."""
        if key[0] == "output":
            return tf.float64 if self._calls.reduce == "mean" else self._model.dtype
        return spike_dtype(node) if key[0] == "spikes" else tf.int32

    def _is_stacked(self, key: Key) -> bool:
        return key[0] == "spikes" or (key[0] == "output" and self._calls.reduce == "none")

    def _add(self, key: Key, old: Any, new: Any, number: Any) -> Any:
        if self._is_stacked(key):
            return old.write(number, new)
        return new if key[0] == "output" and self._calls.reduce == "last" else old + new

    def _finish(self, key: Key, value: Any) -> Any:
        if self._is_stacked(key):
            steps = tf.reshape(value.stack(), (self._n_chunks * self._chunk_steps, *value.element_shape[1:]))
            return tf.experimental.numpy.moveaxis(steps[: self._calls.n_steps], 0, 1)
        if key[0] == "rates":
            return tf.cast(value, self._model.dtype) / (self._calls.n_steps * self._model.dt)
        node = next(node for node in self._model.nodes if node.name == self._sources[key])
        if self._calls.reduce == "mean":
            value = tf.cast(value, self._model.dtype)
        return node.apply(value, xp=tensorflow_ops) if isinstance(node, Readout) else value

    def _in_chunks(self, x: tf.Tensor) -> tf.Tensor:
        """Inputs (n, n_steps, *shape) as (n_chunks, chunk_steps, n, *shape), with zeros behind the last step."""
        steps = tf.experimental.numpy.moveaxis(x, 1, 0)
        missing = self._n_chunks * self._chunk_steps - self._calls.n_steps
        steps = tf.pad(steps, [(0, missing), *[(0, 0)] * (len(x.shape) - 1)])
        return tf.reshape(steps, (self._n_chunks, self._chunk_steps, *steps.shape[1:]))


def _flat(state: Mapping[str, State]) -> dict[str, Any]:
    return {f"{node}/{name}": value for node, each in state.items() for name, value in each.items()}


def _nested(state: Mapping[str, Any]) -> dict[str, State]:
    found: dict[str, State] = {}
    for key, value in state.items():
        node, _, name = key.rpartition("/")
        found.setdefault(node, {})[name] = value
    return found
