"""Compiled functions of the IntegerSimulator, which take all layers through a chunk of time steps.

Weighted sums are products of float matrices, for all steps of the chunk at once. They are exact as long as no sum of
absolute weights times the largest value reaches 2^24 in float32 or 2^53 in float64; the ranges that were proven say
which of the two is needed. Everything else is int32, a scan over the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from ..runtime import tensorflow_ops
from . import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    MaxPool,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
    WeightedNode,
    WeightedSums,
)
from .proofs import largest_sum

Tensors = dict[str, tf.Tensor]
Wanted = frozenset[tuple[str, str]]
EXACT_IN_FLOAT32 = 1 << 24


class IntegerStepper:
    """The compiled functions of an integer graph, for chunks of `chunk_steps` steps.

    `before` computes what constant codes alone decide. `chunk` advances up to chunk_steps steps.
    """

    def __init__(self, graph: IntegerGraph, chunk_steps: int, wanted: Wanted, jit: bool):
        self._graph, self._chunk_steps, self._wanted = graph, chunk_steps, wanted
        sums = [node for node in graph.nodes if isinstance(node, (WeightedNode, SumPool))]
        self._linear = {node.name: _linear(node, graph) for node in sums}
        layers = [node for node in graph.nodes if isinstance(node, IntegerLayer)]
        self._scans = {node.name: _scan(node, chunk_steps, jit) for node in layers}
        # partial: TensorFlow would count the steppers of all simulators as one function that is traced again and again
        self.before = tf.function(partial(self._before), autograph=False)
        self.chunk = tf.function(partial(self._chunk), autograph=False)

    def _before(self, codes: tf.Tensor) -> Tensors:
        """Own sums (batch, *shape) of the layers and pools that codes (batch, *input) reach without neurons."""
        sent, found = {self._graph.input.name: codes}, {}
        for node in self._graph.nodes:
            if node.inputs and node.inputs[0] in sent:
                if isinstance(node, MaxPool):
                    found[node.name] = node.largest(sent[node.inputs[0]], tensorflow_ops)
                else:
                    found[node.name] = self._linear[node.name](sent[node.inputs[0]])
                if isinstance(node, SumPool | MaxPool):
                    sent[node.name] = found[node.name]
        return found

    def _chunk(
        self, constant: Tensors, values: tf.Tensor, state: Mapping[str, Tensors], n_valid: tf.Tensor
    ) -> tuple[dict[str, Tensors], dict[str, Tensors]]:
        """Advance `n_valid` steps.

        Parameters
        ----------
        constant : what `before` gave; nothing where the input varies
        values : (chunk_steps, batch, *input) integers that the input sends
        n_valid : how many of the chunk's steps count; the others are padding

        Returns
        -------
        found : by kind ("value" of readouts, "spikes", "voltages", "rates") and node; (chunk_steps, batch, *shape),
            counts of spikes for "rates"
        state : after the last step that counts
        """
        sent: Tensors = {self._graph.input.name: values}
        found: dict[str, Tensors] = {"value": {}, "spikes": {}, "voltages": {}, "rates": {}}
        state = dict(state)
        for node in self._graph.nodes:
            if isinstance(node, EncodedInput):
                continue
            if isinstance(node, MaxPool) and node.name not in constant:
                sent[node.name], state[node.name] = self._largest(node, sent[node.inputs[0]], state[node.name], n_valid)
                continue
            total = constant[node.name] if node.name in constant else self._over_time(node, sent[node.inputs[0]])
            if not isinstance(node, IntegerLayer):
                sent[node.name] = total
                continue
            for branch in (sent[name] for name in node.branches):  # at each step of the chunk, or one for all
                total = total + tf.reshape(branch, (*branch.shape[:-1], *node.connection_shape))
            value, voltages, state[node.name] = self._scans[node.name](total, state[node.name], n_valid)
            sent[node.name] = value
            if isinstance(node, ReadoutLayer):
                found["value"][node.name] = value
            if ("spikes", node.name) in self._wanted:
                found["spikes"][node.name] = value
            if ("voltages", node.name) in self._wanted:
                found["voltages"][node.name] = voltages
            if ("rates", node.name) in self._wanted:
                found["rates"][node.name] = tf.reduce_sum(tf.cast(value, tf.int32), 0)
        return found, state

    def _largest(
        self, node: MaxPool, source: tf.Tensor, state: Tensors, n_valid: tf.Tensor
    ) -> tuple[tf.Tensor, Tensors]:
        """Output of a max pool at all steps of the chunk, and its state after the last that counts."""
        values = tf.reshape(tf.cast(source, tf.int32), (self._chunk_steps, -1, *node.input_shape))
        totals = tf.cumsum(values) + state["total"] if node.is_running else values
        flat = node.largest(tf.reshape(totals, (-1, *node.input_shape)), tensorflow_ops)
        most = tf.reshape(flat, (self._chunk_steps, -1, *node.shape))
        if not node.is_running:
            return most, state
        before = tf.concat([state["most"][None], most[:-1]], 0)
        return most - before, {"total": totals[n_valid - 1], "most": most[n_valid - 1]}

    def _over_time(self, node: IntegerNode, source: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(source, (-1, *source.shape[2:]))
        total = self._linear[node.name](flat)
        return tf.reshape(total, (self._chunk_steps, -1, *total.shape[1:]))


def _linear(node: WeightedNode | SumPool, graph: IntegerGraph) -> Any:
    """A function from integers (n, …) to their shifted weighted sums, int32; flat ones of a branch that is added."""
    source = graph[node.inputs[0]].ranges["value"]
    rank = len(node.input_shape) - 1
    if isinstance(node, SumPool):
        channels = node.input_shape[-1]
        kernel, strides, shift, shape = np.ones((*node.size, 1, channels), "int8"), node.strides, 0, node.shape
        padding, dilation, groups = ((0, 0),) * rank, (1,) * rank, channels
    else:
        kernel, strides, shift = node.kernel, node.strides, node.shift
        # the current of a synapse is kept in the shape of the kernel, as in the NumPy loop
        shape = (node.n_neurons,) if isinstance(node, WeightedSums) else node.connection_shape
        padding, dilation, groups = node.padding, node.dilation, node.groups
    dtype = tf.float32 if largest_sum(kernel, source) < EXACT_IN_FLOAT32 else tf.float64
    weights = tf.constant(kernel, dtype)

    def apply(x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(tf.reshape(x, (-1, *node.input_shape)), dtype)
        if strides:
            total = tensorflow_ops.conv(x, weights, strides, padding, dilation, groups)
        else:
            total = tf.matmul(x, weights)
        return tf.reshape(tf.cast(total, tf.int32) * (1 << shift), (-1, *shape))

    return apply


def _scan(layer: IntegerLayer, chunk_steps: int, jit: bool) -> Any:
    """A function that takes a layer through the steps of a chunk: values, voltages and the state behind it.

    It takes sums (chunk_steps, batch, *shape), or (batch, *shape) where they are the same at every step.
    """
    shape = layer.shape
    is_spiking = isinstance(layer, SpikingLayer)

    def scan(total: tf.Tensor, state: Tensors, n_valid: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        varies = total.shape.rank > len(layer.connection_shape) + 1

        def body(step: Any, state: Tensors, values: Any, voltages: Any) -> tuple[Any, ...]:
            value, state = layer.drive(total[step] if varies else total, state, tensorflow_ops)
            if isinstance(layer, SpikingLayer):
                spikes, after = layer.neuron.step(value, state, tensorflow_ops)
                value, state = tf.cast(spikes, layer.spike_dtype), {**state, **after}
            voltages = voltages.write(step, state["voltage"]) if is_spiking else voltages
            return step + 1, state, values.write(step, value), voltages

        element = (total.shape[1] if varies else total.shape[0], *shape)
        values = tf.TensorArray(
            layer.spike_dtype if isinstance(layer, SpikingLayer) else tf.int32, chunk_steps, element_shape=element
        )
        voltages = tf.TensorArray(tf.int32, chunk_steps, element_shape=element) if is_spiking else tf.constant(0)
        _, state, values, voltages = tf.while_loop(
            lambda step, *_: step < n_valid, body, [tf.constant(0), state, values, voltages]
        )
        return values.stack(), voltages.stack() if is_spiking else voltages, state

    return tf.function(partial(scan), jit_compile=jit, autograph=False)
