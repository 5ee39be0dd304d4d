"""The Simulator: runs a spiking graph with TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from . import numpy_ops
from .errors import InputError, ParameterError
from .graph import Readout, SpikingGraph
from .neurons.base import State
from .progress import track
from .runs import Recording, Result, check_state, check_steps, initial_voltages, recording, spike_dtype
from .stepper import Model, Program, Stepper

# Bytes of the widest layer's values in one chunk. Measured on two cores: smaller chunks pay for calls, larger ones
# leave the caches.
CHUNK_BYTES = 8 << 20
BATCH_BYTES = 4 << 20


class Simulator:
    """Runs a graph in spikes: compiled once, a chunk of time steps at a time through all layers.

    Parameters
    ----------
    graph : SpikingGraph
    dt : float
        Length of a step, in seconds.
    dtype : str
        "float32" or "float64".
    initial_voltage : float or "uniform"
        Voltage before the first step; "uniform" draws one per neuron from 0…1, with `seed`.
    seed : int or None
        Seed of the initial voltages.
    batch_size : int or None
        Samples that run together. None: chosen from the layers' sizes.
    chunk_steps : int or None
        Time steps that go through a layer together. None: chosen from the layers' sizes.
    progress : bool or None
        Show a progress bar. None: on runs of more than two seconds, where standard error is a terminal.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    def __init__(
        self,
        graph: SpikingGraph,
        dt: float = 0.001,
        dtype: str = "float32",
        initial_voltage: float | str = 0.0,
        seed: int | None = None,
        *,
        batch_size: int | None = None,
        chunk_steps: int | None = None,
        progress: bool | None = None,
    ):
        check_steps(1, dt)
        if dtype not in ("float32", "float64"):
            raise ParameterError(f"dtype must be 'float32' or 'float64'. Received {dtype!r}.")
        for name, value in (("batch_size", batch_size), ("chunk_steps", chunk_steps)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ParameterError(f"{name} must be None or a whole number above 0. Received {value!r}.")
        self.graph, self.dt, self.dtype, self.progress = graph, dt, dtype, progress
        self._batch_size, self._chunk_steps = batch_size, chunk_steps
        self._voltages = initial_voltages(graph, initial_voltage, seed)
        self._model = Model(graph, dt, dtype)
        self._steppers: dict[Program, Stepper] = {}

    def run(
        self,
        x: Any,
        n_steps: int,
        record: str | Iterable[str] = (),
        *,
        state: Mapping[str, State] | None = None,
    ) -> Result:
        """Run `n_steps` steps and keep the output at every step.

        Parameters
        ----------
        x : (n, *input) array, held constant, or (n, n_steps, *input) array
            A list or a dict of them where there are several inputs.
        n_steps : int
        record : str or iterable of str
            Populations to record: a name for its spikes, voltages and rates, or "name.spikes", "name.voltages",
            "name.rates" for one of them; "all" stands for every population.
        state : mapping or None
            `Result.state` of an earlier run, to go on from. None: start anew.

        Returns
        -------
        Result

        Raises
        ------
        InputError, ParameterError
            If the data or a parameter is out of range.
        """
        n_steps = check_steps(n_steps, self.dt)
        wanted = recording(self.graph, record)
        run = _Run(self, x, n_steps, wanted, None, state)
        n = run.n
        outputs = {
            label: np.empty((n, n_steps, *self.graph[name].shape), self.dtype)
            for label, name in self.graph.outputs.items()
        }
        kept = {kind: {name: self._space(kind, name, n, n_steps) for name in names} for kind, names in wanted.items()}
        final: dict[str, dict[str, list[np.ndarray]]] = {}
        for samples, steps, chunk in run:
            for label, value in chunk.outputs.items():
                outputs[label][samples, steps] = value
            for kind, arrays in kept.items():
                for name, array in arrays.items():
                    if kind == "rates":
                        array[samples] += chunk.records[kind][name]
                    else:
                        array[samples, steps] = chunk.records[kind][name]
            if steps.stop == n_steps:
                for node, variables in chunk.state().items():
                    for variable, value in variables.items():
                        final.setdefault(node, {}).setdefault(variable, []).append(value)
        return Result(
            output=self.graph.as_output(outputs),
            n_steps=n_steps,
            dt=self.dt,
            spikes=kept["spikes"],
            voltages=kept["voltages"],
            rates={name: counts / (n_steps * self.dt) for name, counts in kept["rates"].items()},
            state={node: {key: np.concatenate(parts) for key, parts in each.items()} for node, each in final.items()},
        )

    def predict(self, x: Any, n_steps: int, reduce: str | None = "mean") -> Any:
        """The network's answer: its output averaged over time, then softmax or the like where the model has it.

        Parameters
        ----------
        x : (n, *input) array, held constant, or (n, n_steps, *input) array
        n_steps : int
        reduce : str or None
            "mean" over all steps, "last" step, or None for the running mean at every step.

        Returns
        -------
        (n, *output) array, or (n, n_steps, *output) with reduce=None; a dict of them where there are several outputs.
        """
        n_steps = check_steps(n_steps, self.dt)
        if reduce not in ("mean", "last", None):
            raise ParameterError(f"reduce must be 'mean', 'last' or None. Received {reduce!r}.")
        if reduce is None:
            result = self.run(x, n_steps).output
            outputs = dict(result) if isinstance(result, dict) else {next(iter(self.graph.outputs)): result}
            for label, value in outputs.items():
                count = np.arange(1, n_steps + 1).reshape(-1, *(1,) * (value.ndim - 2))
                outputs[label] = (np.cumsum(value, 1, "float64") / count).astype(self.dtype)
        else:
            run = _Run(self, x, n_steps, recording(self.graph, ()), "sum" if reduce == "mean" else "last", None)
            outputs = {label: np.zeros((run.n, *self.graph[name].shape)) for label, name in self.graph.outputs.items()}
            for samples, _, chunk in run:
                for label, value in chunk.outputs.items():
                    outputs[label][samples] = value + (outputs[label][samples] if reduce == "mean" else 0)
            scale = n_steps if reduce == "mean" else 1
            outputs = {label: (value / scale).astype(self.dtype) for label, value in outputs.items()}
        return self.graph.as_output({label: self._read(label, value) for label, value in outputs.items()})

    def evaluate(self, x: Any, y: Any, n_steps: int) -> dict[str, Any]:
        """How right the network is, at the end and on the way there.

        Parameters
        ----------
        x : (n, *input) array, held constant, or (n, n_steps, *input) array
        y : (n,) class numbers, or an (n, *output) array of targets
        n_steps : int

        Returns
        -------
        dict
            For classes (class numbers, or one-hot rows): `accuracy` and `accuracy_over_time`, (n_steps,), of the
            running mean after each step. For other targets: `mse` and `mse_over_time`.

        Raises
        ------
        InputError
            If y does not fit, or the network has several outputs.
        """
        if len(self.graph.outputs) > 1:
            raise InputError("evaluate takes networks with one output. Use predict, and compare each output yourself.")
        n_steps = check_steps(n_steps, self.dt)
        shape = next(iter(self.graph.readouts.values())).shape
        y = np.asarray(y)
        is_class = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1 and shape != (1,))
        is_class = is_class and len(shape) == 1 and shape[0] > 1
        if not is_class and y.shape[1:] != shape:
            raise InputError(
                f"y must be class numbers of shape (n,), or targets of shape (n, *{shape}). Received {y.shape}."
            )
        one_hot = not is_class and len(shape) == 1 and shape[0] > 1 and ((y == 0) | (y == 1)).all()
        one_hot = one_hot and (y.sum(-1) == 1).all()
        classes = y.reshape(-1) if is_class else y.argmax(-1) if one_hot else None
        if classes is not None and not ((classes >= 0) & (classes < shape[0]) & (classes == np.floor(classes))).all():
            raise InputError(f"class numbers must be whole numbers from 0 to {shape[0] - 1}.")

        run = _Run(self, x, n_steps, recording(self.graph, ()), None, None)
        if len(y) != run.n:
            raise InputError(f"x has {run.n} samples, y has {len(y)}.")
        label = next(iter(self.graph.outputs))
        score = np.zeros(n_steps)
        total: np.ndarray | float = 0.0
        for samples, steps, chunk in run:
            summed = np.cumsum(chunk.outputs[label], 1, "float64") + (total if steps.start else 0.0)
            total = summed[:, -1:]
            if classes is not None:
                score[steps] += (summed.argmax(-1) == classes[samples, None]).sum(0)
            else:
                count = np.arange(steps.start + 1, steps.stop + 1).reshape(-1, *(1,) * len(shape))
                error = (self._read(label, summed / count) - y[samples, None]) ** 2
                score[steps] += error.reshape(*error.shape[:2], -1).mean(-1).sum(0)
        score /= run.n
        name = "mse" if classes is None else "accuracy"
        return {name: float(score[-1]), f"{name}_over_time": score, "n_samples": run.n, "n_steps": n_steps}

    def _space(self, kind: str, name: str, n: int, n_steps: int) -> np.ndarray:
        node: Any = self.graph[name]
        if kind == "rates":
            return np.zeros((n, *node.shape))
        return np.empty((n, n_steps, *node.shape), spike_dtype(node) if kind == "spikes" else self.dtype)

    def _read(self, label: str, value: np.ndarray) -> np.ndarray:
        node = self.graph[self.graph.outputs[label]]
        return node.apply(value, xp=numpy_ops) if isinstance(node, Readout) else value

    def _stepper(self, program: Program) -> Stepper:
        if program not in self._steppers:
            self._steppers[program] = Stepper(self._model, program)
        return self._steppers[program]

    def _sizes(self, n: int, n_steps: int) -> tuple[int, int]:
        """Batch size and chunk length for `n` samples and `n_steps` steps."""
        widest = max(math.prod(node.shape) for node in self.graph.nodes) * np.dtype(self.dtype).itemsize
        batch = self._batch_size or max(1, min(256, _power_of_two(BATCH_BYTES // widest)))
        if n < batch:
            batch = _power_of_two(2 * n - 1)  # few sizes, so few compilations
        if self._chunk_steps:
            return batch, min(self._chunk_steps, n_steps)
        most = max(4, CHUNK_BYTES // (widest * batch))
        n_chunks = math.ceil(n_steps / most)
        for parts in range(n_chunks, 2 * n_chunks):
            if n_steps % parts == 0:
                return batch, n_steps // parts
        return batch, math.ceil(n_steps / n_chunks)


class _Chunk:
    """What one call of the stepper gave, without its padding."""

    def __init__(self, n: int, n_valid: int, outputs: Any, records: Any, state: Any, reduced: bool):
        def over_time(value: Any) -> np.ndarray:
            return value.numpy()[:n_valid, :n].swapaxes(0, 1)

        self.outputs = {key: value.numpy()[:n] if reduced else over_time(value) for key, value in outputs.items()}
        self.records = {
            kind: {name: value.numpy()[:n] if kind == "rates" else over_time(value) for name, value in values.items()}
            for kind, values in records.items()
        }
        self._n, self._state = n, state

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        """State after the chunk."""
        return {
            node: {variable: value.numpy()[: self._n] for variable, value in variables.items()}
            for node, variables in self._state.items()
        }


class _Run:
    """Iterates over batches of samples and chunks of steps; gives (samples, steps, chunk) with both as slices."""

    def __init__(
        self,
        simulator: Simulator,
        x: Any,
        n_steps: int,
        wanted: Recording,
        reduction: str | None,
        state: Mapping[str, State] | None,
    ):
        self._sim, self._state = simulator, state
        self._xs = simulator.graph.check_inputs(x, simulator.dtype, n_steps)
        self.n, self._n_steps = len(next(iter(self._xs.values()))), n_steps
        if state is not None:
            check_state(simulator._model.stateful, state, self.n)
        varying = frozenset(
            node.name for node in simulator.graph.inputs if self._xs[node.name].ndim > len(node.shape) + 1
        )
        batch, chunk = simulator._sizes(self.n, n_steps)
        self._program = Program(batch, chunk, varying, tuple(wanted.items()), reduction)

    def __iter__(self) -> Iterator[tuple[slice, slice, _Chunk]]:
        program, sim = self._program, self._sim
        n_chunks = math.ceil(self.n / program.batch_size) * math.ceil(self._n_steps / program.chunk_steps)
        advance: Callable[[], None]
        with track(n_chunks, sim.progress) as advance:
            for start in range(0, self.n, program.batch_size):
                samples = slice(start, min(start + program.batch_size, self.n))
                for steps, chunk in self._batch(samples):
                    advance()
                    yield samples, steps, chunk

    def _batch(self, samples: slice) -> Iterator[tuple[slice, _Chunk]]:
        import tensorflow as tf

        program, sim = self._program, self._sim
        stepper = sim._stepper(program)
        n = samples.stop - samples.start
        xs = {name: _pad(array[samples], program.batch_size) for name, array in self._xs.items()}
        constant = stepper.before({name: tf.constant(xs[name]) for name in xs if name not in program.varying})
        if self._state is None:
            state: Any = sim._model.initial_state(program.batch_size, sim._voltages)
        else:
            state = {
                node.name: {
                    variable: tf.constant(_pad(value[samples], program.batch_size), sim.dtype)
                    for variable, value in self._state[node.name].items()
                }
                for node in sim._model.stateful
            }
        for begin in range(0, self._n_steps, program.chunk_steps):
            steps = slice(begin, min(begin + program.chunk_steps, self._n_steps))
            varying = {
                name: tf.constant(_pad(xs[name][:, steps].swapaxes(0, 1), program.chunk_steps))
                for name in program.varying
            }
            n_valid = steps.stop - steps.start
            outputs, records, state = stepper.chunk(constant, varying, state, tf.constant(n_valid))
            yield steps, _Chunk(n, n_valid, outputs, records, state, program.reduction is not None)


def _pad(array: np.ndarray, size: int) -> np.ndarray:
    """The array with zeros behind it, up to `size` along the first axis."""
    missing = size - len(array)
    return np.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1))) if missing else np.ascontiguousarray(array)


def _power_of_two(number: int) -> int:
    """Largest power of two that is not above `number`."""
    return 1 << max(number.bit_length() - 1, 0)
