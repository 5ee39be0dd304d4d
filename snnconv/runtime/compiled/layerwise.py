"""A network run layer by layer: all steps of all samples go through a node before the next one is looked at.

Spikes are kept in one byte each, and only as long as a later node takes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph import Affine, Function, Input, Inputs, Linear, MaxPool, Node, Population, Readout, SpikingGraph, Stateful
from ...graph.passes import fold_affine
from ...graph.passes.recoding import Recoding
from ...neurons import Neuron
from .. import tensorflow_ops
from ..batches import sizes
from ..rates import rate_values
from .scan import compile_scan

MOST_BATCH_BYTES = 128 << 20  # of a layer's currents at all steps
BLOCK = 1 << 16  # neurons that are taken through all steps together


def _as_tensors(node: Any) -> Any:
    return node.map_arrays(lambda array: tf.constant(array, tf.float32))


def _arrays(node: Any) -> dict[str, dict[str, tf.Tensor]]:
    return {node.name: {name: tf.constant(array, tf.float32) for name, array in node.arrays().items()}}


def end_of(graph: SpikingGraph, name: str) -> str:
    """The node behind an output, without a function at the end."""
    node = graph[name]
    return node.inputs[0] if isinstance(node, Readout) else name


class LayerRun:
    """Values of the nodes that later ones take: in rates, in spikes at every step, and the means of these."""

    def __init__(self, graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float):
        self._graph, self._n, self._n_steps, self._dt = graph, xs.n, n_steps, dt
        self._xs = xs
        batch, _ = sizes(graph, xs.n, n_steps, "float32", chunk_steps=n_steps, memory=MOST_BATCH_BYTES)
        n_batches = -(-xs.n // batch)
        self._batch = -(-xs.n // n_batches)
        rows = np.arange(n_batches * self._batch) % xs.n  # the last batch is filled up: one size, one compilation
        self._rows = rows.reshape(n_batches, self._batch)
        self._held: dict[str, np.ndarray] = dict(xs)  # (n, *shape), the same at every step
        self._steps: dict[str, list[np.ndarray]] = {}  # by batch, (n_steps, batch, *shape)
        self._heights: dict[str, np.ndarray] = {}
        self._centres: dict[str, np.ndarray] = {}
        self._means: dict[str, np.ndarray] = {}
        self._scans: dict[tuple[Neuron, tuple[int, ...]], tuple[Any, Any]] = {}

    @cached_property
    def _rates(self) -> dict[str, np.ndarray]:
        graph = self._graph
        wanted = {name for node in graph.nodes if isinstance(node, Stateful) for name in (node.name, node.inputs[0])}
        ends = {end_of(graph, name) for name in graph.outputs.values()}
        return rate_values(graph, self._xs, sorted(wanted | ends))

    def rates(self, name: str) -> np.ndarray:
        """Values of a node in rates, (n, *shape)."""
        return self._rates[name]

    def received(self, name: str) -> np.ndarray | None:
        """Mean value of a node in spikes, (n, *shape); None where inputs alone decide it."""
        between, sources = self._behind(name)
        if not any(source in self._steps for source in sources) or any(
            isinstance(n, (MaxPool, Function)) for n in between
        ):
            return None
        means = {source: (self._means if source in self._means else self._held)[source] for source in sources}
        linear = [_as_tensors(node) for node in between]
        parts = [_apply(linear, name, {s: tf.constant(v[rows]) for s, v in means.items()}) for rows in self._rows]
        return np.concatenate([part.numpy() for part in parts])[: self._n]

    def between(self, name: str) -> set[str]:
        """Names of the linear nodes up to `name` behind stateful ones."""
        return {node.name for node in self._behind(name)[0]}

    def shift(self, name: str, shift: np.ndarray) -> None:
        """Add to the bias of a linear node, before what takes it is run."""
        node: Any = self._graph[name]
        bias = shift if node.bias is None else node.bias + shift
        changed = dataclasses.replace(node, bias=bias)
        self._graph = self._graph.replace(changed if each is node else each for each in self._graph.nodes)

    def heightened(self, name: str, recoding: Recoding) -> Recoding:
        """The recoding with the amplitude whose mean outputs come closest to the rates, which are now given."""
        received, wanted = self._means[name], self._rates[name]
        energy = float(np.square(received, dtype="float64").sum())
        factor = float((received * wanted).sum(dtype="float64")) / max(energy, 1e-30)
        if factor <= 0:
            return recoding
        self._means[name], self._heights[name] = received * np.float32(factor), self._heights[name] * np.float32(factor)
        neuron = recoding.neuron.with_amplitude(recoding.neuron.amplitude * factor)
        return dataclasses.replace(recoding, neuron=neuron)

    def add(self, node: Any, recoding: Recoding | None) -> None:
        """Run a node at all steps behind what is there."""
        source, height, centre = node.inputs[0], np.ones((), "float32"), np.zeros((), "float32")
        if isinstance(node, Population):
            recoding = Recoding(node.neuron) if recoding is None else recoding
            start = node.initial_voltage if recoding.start is None else recoding.start
            height = np.asarray(recoding.output * recoding.neuron.amplitude / self._dt, "float32")
            step = partial(self._spikes, recoding.neuron.of_steps(self._dt), start)
            centre = np.asarray(recoding.centre, "float32")
            drive = self._between(source, np.asarray(recoding.current), recoding.bias(node.neuron_bias))
        else:
            tensors = _as_tensors(node)
            step = partial(self._filtered, tensors, self._compiled(tensors, tf.float32))
            drive = self._between(source)
        parts, means = [], []
        for k in range(len(self._rows)):
            found = step(drive(k))
            parts.append(found.numpy())
            means.append(parts[-1].sum(0, dtype="float32") / self._n_steps)
        self._steps[node.name], self._heights[node.name], self._centres[node.name] = parts, height, centre
        self._means[node.name] = np.concatenate(means)[: self._n] * height + centre

    def _spikes(self, neuron: Neuron, start: float, drive: Any) -> Any:
        """Spikes of neurons at all steps, for (n_steps, batch, *shape) currents."""
        if any(isinstance(value, tuple) for value in neuron.parameters().values()):  # parameters per unit
            return self._scan(neuron, tuple(drive.shape[2:]))(drive, start)
        flat: Any = tf.reshape(drive, (self._n_steps, 1, -1))
        size = flat.shape[2]
        scan = self._scan(neuron, (BLOCK,))
        blocks = [flat[:, :, at : at + BLOCK] for at in range(0, size, BLOCK)]
        blocks[-1] = tf.pad(blocks[-1], ((0, 0), (0, 0), (0, -size % BLOCK)))
        found: Any = tf.concat([scan(block, start) for block in blocks], 2)
        return tf.reshape(found[:, :, :size], drive.shape)

    def _scan(self, neuron: Neuron, shape: tuple[int, ...]) -> Callable[[Any, float], Any]:
        """Neurons of this shape taken through all steps: layers whose neurons are alike share one compiled program."""
        if (neuron, shape) not in self._scans:
            bias: Any = tf.zeros(())
            node: Any = Population(
                name="neurons",
                inputs=("drive",),
                shape=shape,
                neuron=neuron,
                neuron_bias=bias,
                gain=np.ones(()),
            )
            kept = tf.int8 if neuron.max_spikes_per_step == 1 else tf.int32
            self._scans[neuron, shape] = (node, self._compiled(node, kept))
        node, scan = self._scans[neuron, shape]

        def spikes(drive: Any, start: float) -> Any:
            voltage = tf.constant(start, tf.float32)
            state = node.initial_state(drive.shape[1], voltage, tf.float32, tensorflow_ops)
            return scan(drive, {node.name: state}, _arrays(node), tf.constant(self._n_steps))[0]

        return spikes

    def _filtered(self, node: Any, scan: Any, drive: Any) -> tf.Tensor:
        state = node.initial_state(drive.shape[1], tf.constant(0.0), tf.float32, tensorflow_ops)
        return scan(drive, {node.name: state}, _arrays(node), tf.constant(self._n_steps))[0]

    def _compiled(self, node: Any, dtype: Any) -> Any:
        kept = {"keep_voltages": False, "keep_derived": False, "dtype": dtype}
        return compile_scan((node,), self._n_steps, self._dt, varies=True, **kept)

    def over_time(self, name: str) -> np.ndarray:
        """Values of a node at every step, (n, n_steps, *shape)."""
        value = self._between(name)
        parts = [value(k).numpy() for k in range(len(self._rows))]
        return np.concatenate(parts, 1)[:, : self._n].swapaxes(0, 1)

    def drop_unused(self, done: str) -> None:
        """Let go of spikes that no node after `done` takes."""
        names = [node.name for node in self._graph.nodes]
        later = set(names[names.index(done) + 1 :])
        needed: set[str] = set()
        for name in later:
            needed.update(self._graph[name].inputs)
        for node in reversed(self._graph.nodes):  # linear nodes are computed anew from what feeds them
            if node.name in needed and isinstance(node, Linear):
                needed.update(node.inputs)
        needed.update(self._graph.outputs.values())
        for name in [name for name in self._steps if name not in needed]:
            del self._steps[name], self._means[name], self._heights[name], self._centres[name]

    def _behind(self, name: str) -> tuple[list[Node], list[str]]:
        """The linear nodes up to `name`, in order, and the inputs and stateful nodes that feed them."""
        needed, sources = {name}, []
        for node in reversed(self._graph.nodes):
            if node.name not in needed:
                continue
            if isinstance(node, (Input, Stateful)):
                sources.append(node.name)
            else:
                needed.update(node.inputs)
        between = [node for node in self._graph.nodes if node.name in needed and node.name not in sources]
        return between, sources

    def _between(self, name: str, factor: Any = 1.0, offset: Any = 0.0) -> Callable[[int], tf.Tensor]:
        """Values of a node for a batch at all steps, (n_steps, batch, *shape), times a factor and with an offset.

        Heights of spikes, the factor and the offset end in the kernels, where these can hold them.
        """
        between, sources = self._behind(name)
        nodes: list[Node] = [Input(name=source, shape=self._graph[source].shape) for source in sources]
        varying = [source for source in sources if source in self._steps]
        heights = {
            source: f"{source} of height"
            for source in varying
            if np.any(self._heights[source] != 1) or np.any(self._centres[source])
        }
        for source, label in heights.items():
            height, centre = self._heights[source], self._centres[source]
            shape = self._graph[source].shape
            nodes.append(Affine(name=label, inputs=(source,), shape=shape, scale=height, offset=centre))
        for node in between:
            inputs = tuple(heights.get(each, each) for each in node.inputs)
            nodes.append(dataclasses.replace(node, inputs=inputs))
        end = Affine(
            name="drive",
            inputs=(heights.get(name, name),),
            shape=self._graph[name].shape,
            scale=np.asarray(factor),
            offset=np.asarray(offset),
        )
        folded = fold_affine(SpikingGraph((*nodes, end), {"drive": end.name}))
        last = folded.outputs["drive"]
        linear: Any = [node for node in map(_as_tensors, folded.nodes) if not isinstance(node, Input)]

        def values(k: int) -> tf.Tensor:
            found: dict[str, Any] = {}
            for source in sources:
                if source in varying:
                    value: Any = tf.cast(self._steps[source][k], tf.float32)
                else:
                    value = tf.constant(self._held[source][self._rows[k]])
                    value = tf.repeat(value[None], self._n_steps, 0) if varying else value
                found[source] = tf.reshape(value, (-1, *value.shape[2:])) if varying else value
            value = _apply(linear, last, found)
            if not varying:
                return tf.broadcast_to(value[None], (self._n_steps, *value.shape))
            return tf.reshape(value, (self._n_steps, -1, *value.shape[1:]))

        return values


def _apply(between: list[Any], name: str, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
    found = dict(values)
    for node in between:
        inputs = [found[source] for source in node.inputs]
        found[node.name] = inputs[0] if isinstance(node, Readout) else node.apply(*inputs, xp=tensorflow_ops)
    return found[name]
