"""The compiled heart of the Simulator: a chunk of time steps through all layers.

Inside a chunk, everything linear handles all steps at once, as (steps · samples, *shape) arrays; neurons and filters
scan over the steps, compiled by XLA. What depends on constant inputs alone is computed once per run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from . import tensorflow_ops
from .graph import Input, Linear, Population, Readout, SpikingGraph, Stateful
from .neurons.base import State
from .passes import expose_spike_height
from .runs import spike_dtype

Tensors = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Program:
    """What is compiled: sizes, and what a run has to give.

    Parameters
    ----------
    batch_size, chunk_steps : int
        Samples and steps that are handled together.
    varying : frozenset of str
        Inputs that vary in time.
    recording : mapping of kind to population names
    reduction : str or None
        None: the output at every step. "sum": its sum over a chunk's steps. "last": the chunk's last.
    """

    batch_size: int
    chunk_steps: int
    varying: frozenset[str]
    recording: tuple[tuple[str, frozenset[str]], ...]
    reduction: str | None

    def records(self, kind: str, name: str) -> bool:
        """Whether the population's values of this kind are kept."""
        return name in dict(self.recording)[kind]


class Model:
    """A graph ready for TensorFlow: spikes of height 1, arrays as tensors of one dtype."""

    def __init__(self, graph: SpikingGraph, dt: float, dtype: str):
        graph = expose_spike_height(graph, dt)
        self.dt, self.dtype = dt, tf.as_dtype(dtype)
        self.outputs = dict(graph.outputs)
        self.nodes = tuple(node.map_arrays(lambda array: tf.constant(array, self.dtype)) for node in graph.nodes)
        self.stateful = tuple(node for node in self.nodes if isinstance(node, Stateful))

    def initial_state(self, n: int, voltages: Mapping[str, Any]) -> dict[str, State]:
        """State before the first step, for `n` samples."""
        state = {}
        for node in self.stateful:
            voltage = tf.constant(voltages.get(node.name, 0.0), self.dtype)
            state[node.name] = node.initial_state(n, voltage, self.dtype, tensorflow_ops)
        return state


class Stepper:
    """The compiled functions of one `Program`.

    `before` computes, once per run, what constant inputs alone decide. `chunk` advances up to chunk_steps steps.
    Values are (n, *shape) tensors where they are the same at every step, and (steps, n, *shape) where they vary.
    """

    def __init__(self, model: Model, program: Program):
        self._model, self._program = model, program
        self._varies = self._find_varying()
        # partial: TensorFlow would count the steppers of all simulators as one function that is traced again and again
        self.before = tf.function(partial(self._before), autograph=False)
        self.chunk = tf.function(partial(self._chunk), autograph=False)
        self._scans = {node.name: self._compile_scan(node) for node in model.stateful}

    def _find_varying(self) -> frozenset[str]:
        varies = set(self._program.varying)
        for node in self._model.nodes:
            if isinstance(node, Stateful) or any(name in varies for name in node.inputs):
                varies.add(node.name)
        return frozenset(varies)

    def _before(self, inputs: Tensors) -> Tensors:
        values = dict(inputs)
        for node in self._model.nodes:
            if isinstance(node, Linear) and node.name not in self._varies:
                values[node.name] = self._apply(node, [values[name] for name in node.inputs])
        used = {name for node in self._model.nodes if node.name in self._varies for name in node.inputs}
        used |= set(self._model.outputs.values())
        return {name: value for name, value in values.items() if name in used}

    def _chunk(
        self, constant: Tensors, varying: Tensors, state: dict[str, State], n_valid: tf.Tensor
    ) -> tuple[Tensors, dict[str, Tensors], dict[str, State]]:
        """Advance `n_valid` steps.

        Parameters
        ----------
        constant : what `before` gave
        varying : inputs by name, as (chunk_steps, batch_size, *shape)
        n_valid : how many of the chunk's steps count; the others are padding

        Returns
        -------
        outputs : by label, (chunk_steps, batch_size, *shape), or reduced to (batch_size, *shape)
        records : by kind and population
        state : after the last step that counts
        """
        values = {**constant, **varying}
        records: dict[str, Tensors] = {"spikes": {}, "voltages": {}, "rates": {}}
        state = dict(state)
        for node in self._model.nodes:
            if isinstance(node, Input) or node.name not in self._varies:
                continue
            inputs = [values[name] for name in node.inputs]
            if isinstance(node, Stateful):
                value, state[node.name], voltages = self._scans[node.name](inputs[0], state[node.name], n_valid)
                values[node.name] = value
                if isinstance(node, Population):
                    self._record(node, value, voltages, records)
            else:
                values[node.name] = self._apply_over_time(node, inputs)
        outputs = {label: self._reduce(values[name], name, n_valid) for label, name in self._model.outputs.items()}
        return outputs, records, state

    def _record(
        self, node: Population, value: tf.Tensor, voltages: tf.Tensor | None, records: dict[str, Tensors]
    ) -> None:
        if self._program.records("spikes", node.name):
            records["spikes"][node.name] = tf.cast(value, spike_dtype(node))
        if voltages is not None:
            records["voltages"][node.name] = voltages
        if self._program.records("rates", node.name):
            records["rates"][node.name] = tf.reduce_sum(value, 0)

    def _reduce(self, value: tf.Tensor, name: str, n_valid: tf.Tensor) -> tf.Tensor:
        reduction, steps = self._program.reduction, self._program.chunk_steps
        if name not in self._varies:
            if reduction is None:
                return tf.broadcast_to(value[None], (steps, *value.shape))
            return value * tf.cast(n_valid, value.dtype) if reduction == "sum" else value
        if reduction is None:
            return value
        if reduction == "last":
            return value[n_valid - 1]
        counts = tf.cast(tf.range(steps) < n_valid, value.dtype)
        return tf.tensordot(counts, value, 1)

    def _apply(self, node: Linear, inputs: list[tf.Tensor]) -> tf.Tensor:
        # a readout's function belongs to whoever reads the average over time
        return inputs[0] if isinstance(node, Readout) else node.apply(*inputs, xp=tensorflow_ops)

    def _apply_over_time(self, node: Any, inputs: list[tf.Tensor]) -> tf.Tensor:
        steps, n = self._program.chunk_steps, self._program.batch_size
        flat = []
        for name, value in zip(node.inputs, inputs, strict=True):
            if name not in self._varies:
                value = tf.broadcast_to(value[None], (steps, *value.shape))
            flat.append(tf.reshape(value, (steps * n, *value.shape[2:])))
        return tf.reshape(self._apply(node, flat), (steps, n, *node.shape))

    def _compile_scan(self, node: Stateful) -> Any:
        """A function that takes a stateful node through the steps of a chunk."""
        steps, dt = self._program.chunk_steps, self._model.dt
        varies = node.inputs[0] in self._varies
        keep_voltages = isinstance(node, Population) and self._program.records("voltages", node.name)

        def scan(x: tf.Tensor, state: State, n_valid: tf.Tensor) -> tuple[tf.Tensor, State, tf.Tensor | None]:
            def body(step: Any, state: State, values: Any, voltages: Any) -> tuple[Any, ...]:
                value, state = node.step(x[step] if varies else x, state, dt, tensorflow_ops)
                values = values.write(step, value)
                if keep_voltages:
                    voltages = voltages.write(step, state["voltage"])
                return step + 1, state, values, voltages

            arrays = [tf.TensorArray(x.dtype, steps, element_shape=x.shape[-len(node.shape) - 1 :]) for _ in range(2)]
            if not keep_voltages:
                arrays[1] = tf.constant(0)
            _, state, values, voltages = tf.while_loop(lambda step, *_: step < n_valid, body, [0, state, *arrays])
            return values.stack(), state, voltages.stack() if keep_voltages else None

        return tf.function(partial(scan), jit_compile=True, autograph=False)
