"""The TensorFlow functions of a SavedModel: all steps of a network, in one loop of plain operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph import Input, Node, Population, Readout, SpikingGraph, Stateful
from ...runtime import tensorflow_ops
from ...runtime.arguments import check_read_from
from ...runtime.compiled.model import Model
from ...runtime.compiled.stream import one_step

Values = dict[str, Any]
SPIKES = ".spikes"  # behind a population's name, in the signature that gives every step


class Run:
    """All steps of a network, for any number of samples.

    Parameters
    ----------
    n_steps, dt, dtype
        As in `export_saved_model`.
    varying : frozenset of str
        Inputs that vary in time.
    voltages : mapping of name to array
        Before the first step, by population.
    """

    def __init__(
        self,
        graph: SpikingGraph,
        n_steps: int,
        dt: float,
        dtype: str,
        varying: frozenset[str],
        voltages: Mapping[str, Any],
    ):
        self._model = Model(graph, dt, dtype, sparse=False)
        self._n_steps, self._varying, self._voltages = n_steps, varying, voltages
        self._weights = check_read_from(graph, None, n_steps).weights(n_steps)
        # variables: constants would lie in the graph's own file, which may not be larger than 2 GB
        self.arrays: list[tf.Variable] = []
        self._nodes = {node.name: node.map_arrays(self._kept) for node in self._model.nodes}
        shapes = {node.name: (n_steps, *node.shape) if node.name in varying else node.shape for node in graph.inputs}
        self._inputs, names = tuple(shapes), argument_names(shapes)
        self.signature = [tf.TensorSpec((None, *shape), dtype, names[name]) for name, shape in shapes.items()]

    def answers(self, *inputs: tf.Tensor, is_mean: bool, has_rates: bool) -> Values:
        """Answers by label, and the rates of populations if they are wanted."""
        outputs = self._model.outputs
        shares = tf.constant(self._weights / self._weights.sum(), self._model.dtype)

        def add(step: Any, folded: tuple[Values, Values], values: Values) -> tuple[Values, Values]:
            totals, counts = folded
            now = {label: values[name] for label, name in outputs.items()}
            if is_mean:
                now = {label: totals[label] + shares[step] * value for label, value in now.items()}
            return now, {name: count + values[name] for name, count in counts.items()}

        def zeros(name: str) -> Any:
            return tf.zeros((tf.shape(inputs[0])[0], *self._nodes[name].shape), self._model.dtype)

        counted = self._populations if has_rates else ()
        start = ({label: zeros(name) for label, name in outputs.items()}, {name: zeros(name) for name in counted})
        totals, counts = self._fold(inputs, start, add)
        rates = {f"{name}.rates": count / (self._n_steps * self._model.dt) for name, count in counts.items()}
        return {**{label: _read_out(self._nodes[outputs[label]], value) for label, value in totals.items()}, **rates}

    def every_step(self, *inputs: tf.Tensor) -> Values:
        """Outputs by label and spikes by population, (n, n_steps, *shape)."""
        named = {**self._model.outputs, **{name + SPIKES: name for name in self._populations}}

        def write(step: Any, arrays: Values, values: Values) -> Values:
            return {key: array.write(step, values[named[key]]) for key, array in arrays.items()}

        start = {
            key: tf.TensorArray(self._model.dtype, self._n_steps, element_shape=(None, *self._nodes[name].shape))
            for key, name in named.items()
        }
        written = self._fold(inputs, start, write)
        return {key: tf.experimental.numpy.moveaxis(array.stack(), 0, 1) for key, array in written.items()}

    def _fold(self, inputs: Iterable[tf.Tensor], start: Any, update: Callable[[Any, Any, Values], Any]) -> Any:
        """Step through time; `start` becomes `update(step, start, values of the nodes)` at each step."""
        given, dt = dict(zip(self._inputs, inputs, strict=True)), self._model.dt
        nodes = [node.map_arrays(tf.convert_to_tensor) for node in self._nodes.values()]
        over_time = {name: tf.experimental.numpy.moveaxis(given[name], 1, 0) for name in self._varying}
        known = {name: x for name, x in given.items() if name not in self._varying}
        changing = set(self._varying)
        for node in nodes:
            if isinstance(node, Stateful) or any(name in changing for name in node.inputs):
                changing.add(node.name)
        known, _ = one_step([node for node in nodes if node.name not in changing], known, {}, dt)
        moving = [node for node in nodes if node.name in changing and not isinstance(node, Input)]

        def body(step: Any, state: Any, folded: Any) -> Any:
            values, state = one_step(moving, {**known, **{name: x[step] for name, x in over_time.items()}}, state, dt)
            return step + 1, state, update(step, folded, values)

        n = tf.shape(given[self._inputs[0]])[0]
        state = self._model.initial_state(n, self._voltages)  # pyright: ignore[reportArgumentType]
        return tf.while_loop(lambda step, *_: step < self._n_steps, body, (0, state, start))[2]

    @property
    def _populations(self) -> tuple[str, ...]:
        return tuple(name for name, node in self._nodes.items() if isinstance(node, Population))

    def _kept(self, array: tf.Tensor) -> tf.Variable:
        self.arrays.append(tf.Variable(array, trainable=False))
        return self.arrays[-1]


class _Servable(tf.Module):
    """The saved function and the variables that it reads."""

    def __init__(self, serve: Any, arrays: list[tf.Variable]):
        super().__init__()
        self.serve, self.arrays = serve, arrays


def save(run: Run, folder: Path, *, reduce: str, rates: bool, every_step: bool = False) -> None:
    """Write the SavedModel of a run.

    Parameters
    ----------
    reduce, rates
        As in `export_saved_model`.
    every_step : bool
        Whether it has a second signature, ``steps``, with outputs and spikes at every step, (n, n_steps, *shape).
    """

    def serve(*inputs: tf.Tensor) -> Values:
        return run.answers(*inputs, is_mean=reduce == "mean", has_rates=rates)

    module = _Servable(tf.function(serve, run.signature, autograph=False), run.arrays)
    signatures = {"serving_default": module.serve}
    if every_step:
        signatures["steps"] = tf.function(run.every_step, run.signature, autograph=False)
    try:
        tf.saved_model.save(module, str(folder), signatures=signatures)
    except tf.errors.OpError as error:  # TensorFlow writes the files itself; of a message the path comes first
        raise OSError(error.message.rpartition("; ")[2].partition(" [Op:")[0]) from error


def run_saved(folder: Path, xs: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs and spikes at every step of a SavedModel that was written with them."""
    loaded = tf.saved_model.load(str(folder))
    steps, names = loaded.signatures["steps"], argument_names(xs)
    dtypes = {name: spec.dtype for name, spec in steps.structured_input_signature[1].items()}
    found = steps(**{names[name]: tf.constant(x, dtypes[names[name]]) for name, x in xs.items()})
    arrays = {key: value.numpy() for key, value in found.items()}
    spikes = {key.removesuffix(SPIKES): array for key, array in arrays.items() if key.endswith(SPIKES)}
    return {key: array for key, array in arrays.items() if not key.endswith(SPIKES)}, spikes


def _read_out(node: Node, value: tf.Tensor) -> Any:
    return node.apply(value, xp=tensorflow_ops) if isinstance(node, Readout) else value


def argument_names(names: Iterable[str]) -> dict[str, str]:
    """Names that TensorFlow takes for arguments: letters, digits and _, and no digit first."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub("^(?![A-Za-z])", "x", re.sub("[^A-Za-z0-9_]", "_", name))
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found
