"""The IntegerSimulator: an integer graph in TensorFlow, with the integers of `snnconv.quantize.run`.

It runs on the CPU: GPUs may round products to 10 bits (TF32), and compute convolutions by methods that are not exact
(Winograd).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import ParameterError
from ..graph.inputs import has_steps
from ..neurons.base import State, is_whole
from ..runtime.arguments import recording
from ..runtime.result import Result
from . import IntegerGraph
from .reference import STATEFUL, check_integers, check_run, initial_state
from .stepper import IntegerStepper, Wanted

DEVICE = "CPU:0"
BATCH_SIZE = 256
CHUNK_BYTES = 32 << 20  # of the widest node's values in one chunk, counted in float64
MOST_CHUNK_STEPS = 50


class IntegerSimulator:
    """A compiled integer graph, which runs a chunk of time steps at a time through all layers.

    Parameters
    ----------
    graph : IntegerGraph
    batch_size : int
        Samples that run together, at most.
    chunk_steps : int or None
        Time steps that go through a layer together. None: chosen from the layers' sizes.
    jit : bool
        Compile the neurons with XLA, which pays for all but short runs.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    def __init__(
        self, graph: IntegerGraph, *, batch_size: int = BATCH_SIZE, chunk_steps: int | None = None, jit: bool = True
    ):
        check_integers(graph, "IntegerSimulator")
        for name, value in (("batch_size", batch_size), ("chunk_steps", chunk_steps or 1)):
            if not is_whole(value):
                raise ParameterError(f"{name} must be a whole number above 0. Received {value!r}.")
        self.graph = graph
        self._batch_size, self._chunk_steps, self._jit = int(batch_size), int(chunk_steps or 0) or None, jit
        self._layers = [node for node in graph.nodes if isinstance(node, STATEFUL)]
        self._steppers: dict[tuple[int, Wanted], IntegerStepper] = {}

    def __reduce__(self) -> Any:
        options = {"batch_size": self._batch_size, "chunk_steps": self._chunk_steps, "jit": self._jit}
        return partial(IntegerSimulator, self.graph, **options), ()

    def run(self, x: Any, n_steps: int, record: str | Iterable[str] = ()) -> Result:
        """Run `n_steps` steps from rest and keep the drive of the readouts at every step.

        Parameters, result and errors are those of `snnconv.quantize.run`.
        """
        graph = self.graph
        n_steps = check_run(graph, n_steps)
        codes = graph.check_inputs(x, n_steps)
        n = len(codes)
        wanted = recording(graph, record)  # pyright: ignore[reportArgumentType]

        def space(name: str, dtype: str) -> np.ndarray:
            return np.empty((n, n_steps, *graph[name].shape), dtype)

        kept = {
            "value": {name: space(name, "int64") for name in graph.outputs.values()},
            "spikes": {name: space(name, graph.populations[name].spike_dtype) for name in wanted["spikes"]},
            "voltages": {name: space(name, "int32") for name in wanted["voltages"]},
        }
        rates = {name: np.zeros((n, *graph[name].shape)) for name in wanted["rates"]}
        final = {node.name: initial_state(node, n) for node in self._layers}
        names = frozenset((kind, name) for kind, of_kind in wanted.items() for name in of_kind)
        for samples, steps, found, state in self._batches(codes, n_steps, names):
            size, length = samples.stop - samples.start, steps.stop - steps.start
            for kind, arrays in kept.items():
                for name, array in arrays.items():
                    array[samples, steps] = found[kind][name].numpy()[:length, :size].swapaxes(0, 1)
            for name, counts in rates.items():
                counts[samples] += found["rates"][name].numpy()[:size]
            for name, variables in state.items():
                for variable, value in variables.items():
                    final[name][variable][samples] = value.numpy()[:size]
        return Result(
            outputs={label: kept["value"][name] for label, name in graph.outputs.items()},
            n_steps=n_steps,
            dt=graph.dt,
            spikes=kept["spikes"],
            voltages=kept["voltages"],
            rates={name: counts / (n_steps * graph.dt) for name, counts in rates.items()},
            state=final,
        )

    def predict(self, x: Any, n_steps: int) -> Any:
        """Y after `n_steps` steps: the sum of the readout's drive, whose largest is the class.

        Returns
        -------
        (n, *output) array of int64, or a dict of them where there are several outputs
        """
        n_steps = check_run(self.graph, n_steps)
        codes = self.graph.check_inputs(x, n_steps)
        totals = {
            name: np.zeros((len(codes), *self.graph[name].shape), "int64") for name in self.graph.outputs.values()
        }
        for samples, steps, found, _ in self._batches(codes, n_steps, frozenset()):
            size, length = samples.stop - samples.start, steps.stop - steps.start
            for name, total in totals.items():
                total[samples] += found["value"][name].numpy()[:length, :size].sum(0, dtype="int64")
        return self.graph.as_output({label: totals[name] for label, name in self.graph.outputs.items()})

    def _batches(
        self, codes: np.ndarray, n_steps: int, wanted: Wanted
    ) -> Iterator[tuple[slice, slice, dict[str, Any], dict[str, Any]]]:
        """Chunks of a run: their samples, steps, results by kind and name, and the state after them."""
        node, n = self.graph.input, len(codes)
        varies = has_steps(codes, node.shape)
        is_constant = node.code.is_constant and not varies
        batch = min(self._batch_size, 1 << (n - 1).bit_length())  # few sizes, so few compilations
        chunk = self._chunk_steps or self._fitting(n_steps, batch)
        stepper = self._stepper(chunk, wanted)
        for start in range(0, n, batch):
            samples = slice(start, min(start + batch, n))
            missing = batch - (samples.stop - start)
            part = np.pad(codes[samples], ((0, missing), *((0, 0),) * (codes.ndim - 1)))
            sent = node.code.start(part[:, 0] if varies else part)
            with tf.device(DEVICE):
                state: Any = {layer.name: _as_int32(initial_state(layer, batch)) for layer in self._layers}
                constant = stepper.before(tf.constant(part, tf.int32)) if is_constant else {}
            for begin in range(0, n_steps, chunk):
                steps = slice(begin, min(begin + chunk, n_steps))
                values = np.zeros((0 if is_constant else chunk, batch, *node.shape), "int32")
                for step in () if is_constant else range(steps.start, steps.stop):
                    values[step - begin], sent = node.code.send(part[:, step] if varies else part, sent, step)
                with tf.device(DEVICE):
                    found, state = stepper.chunk(constant, tf.constant(values), state, tf.constant(steps.stop - begin))
                yield samples, steps, found, state

    def _stepper(self, chunk: int, wanted: Wanted) -> IntegerStepper:
        if (chunk, wanted) not in self._steppers:
            with tf.device(DEVICE):
                self._steppers[chunk, wanted] = IntegerStepper(self.graph, chunk, wanted, self._jit)
        return self._steppers[chunk, wanted]

    def _fitting(self, n_steps: int, batch: int) -> int:
        """Length of chunks whose values take about CHUNK_BYTES in the widest node, all nearly equal."""
        widest = max(int(np.prod(node.shape)) for node in self.graph.nodes)
        most = max(1, min(MOST_CHUNK_STEPS, CHUNK_BYTES // (8 * batch * widest)))
        return -(-n_steps // -(-n_steps // most))


def _as_int32(state: State) -> State:
    return {name: tf.constant(value, tf.int32) for name, value in state.items()}
