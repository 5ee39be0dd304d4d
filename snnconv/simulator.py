"""The Simulator: runs a spiking graph with TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from . import numpy_ops
from .errors import InputError, ParameterError
from .graph import Readout, SpikingGraph
from .neurons.base import State
from .runs import Result, check_dtype, check_steps, initial_voltages, recording, spike_dtype
from .runtime.batches import Batches
from .runtime.model import Model
from .runtime.samples import Samples
from .runtime.sizes import MEMORY
from .runtime.stream import Stream


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
        Time steps that go through a layer together. None: chosen from the layers' sizes and `memory`.
    memory : int or None
        Bytes that a layer's inputs and values at all steps of a chunk may take together. None: 384 MiB.
    sparse : bool
        Whether dense layers behind spikes skip zeros, where few neurons spike. In float32, on a CPU.
    progress : bool or None
        Show a progress bar on runs of more than two seconds. None: where standard error is a terminal.

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
        memory: int | None = None,
        sparse: bool = True,
        progress: bool | None = None,
    ):
        check_steps(1, dt)
        check_dtype(dtype)
        for name, value in (("batch_size", batch_size), ("chunk_steps", chunk_steps), ("memory", memory)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ParameterError(f"{name} must be None or a whole number above 0. Received {value!r}.")
        self.graph, self.dt, self.dtype = graph, dt, dtype
        voltages = initial_voltages(graph, initial_voltage, seed)
        self._model, self._voltages = Model(graph, dt, dtype, sparse), voltages
        self._stream: Stream | None = None
        self._batches = Batches(graph, self._model, voltages, batch_size, chunk_steps, memory or MEMORY, progress)

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
        samples = self._samples(x, n_steps)
        if samples.n is None:
            raise InputError("run takes arrays. Use predict or evaluate for batches, or run one batch after the other.")
        wanted = recording(self.graph, record)
        outputs = {
            label: np.empty((samples.n, n_steps, *self.graph[name].shape), self.dtype)
            for label, name in self.graph.outputs.items()
        }
        size = (samples.n, n_steps)
        kept = {kind: {name: self._space(kind, name, size) for name in names} for kind, names in wanted.items()}
        final: list[dict[str, State]] = []
        for chunk in self._batches.run(samples, n_steps, wanted, state=state, final=final):
            for label, value in chunk.outputs.items():
                outputs[label][chunk.samples, chunk.steps] = value
            for kind, arrays in kept.items():
                for name, array in arrays.items():
                    if kind == "rates":
                        array[chunk.samples] += chunk.records[kind][name]
                    else:
                        array[chunk.samples, chunk.steps] = chunk.records[kind][name]
        return Result(
            output=self.graph.as_output(outputs),
            n_steps=n_steps,
            dt=self.dt,
            spikes=kept["spikes"],
            voltages=kept["voltages"],
            rates={name: counts / (n_steps * self.dt) for name, counts in kept["rates"].items()},
            state=_join(final),
        )

    def predict(self, x: Any, n_steps: int, reduce: str | None = "mean") -> Any:
        """The network's answer: its output averaged over time, then softmax or the like where the model has it.

        Parameters
        ----------
        x : (n, *input) array, held constant, or (n, n_steps, *input) array
            Or batches of them: a tf.data.Dataset, a keras.utils.PyDataset, or a generator, with or without targets.
        n_steps : int
        reduce : str or None
            "mean" over all steps, "last" step, or None for the running mean at every step.

        Returns
        -------
        (n, *output) array, or (n, n_steps, *output) with reduce=None; a dict of them where there are several outputs.

        Raises
        ------
        InputError, ParameterError
            If the data or a parameter is out of range.
        """
        if reduce not in ("mean", "last", None):
            raise ParameterError(f"reduce must be 'mean', 'last' or None. Received {reduce!r}.")
        parts = list(self._answers(self._samples(x, n_steps), n_steps, reduce))
        outputs = {label: np.concatenate([part[label] for part in parts]) for label in self.graph.outputs}
        return self.graph.as_output(outputs)

    def _answers(self, samples: Samples, n_steps: int, reduce: str | None) -> Iterator[dict[str, np.ndarray]]:
        """The answers, batch after batch."""
        reduction = {"mean": "sum", "last": "last", None: None}[reduce]
        chunks: list[dict[str, np.ndarray]] = []
        for chunk in self._batches.run(samples, n_steps, recording(self.graph, ()), reduction):
            chunks = [*chunks, chunk.outputs] if chunk.steps.start else [chunk.outputs]
            if chunk.steps.stop < n_steps:
                continue
            answers = {}
            for label in chunk.outputs:
                values = [outputs[label] for outputs in chunks]
                if reduce == "mean":
                    answers[label] = np.sum(values, 0, "float64") / n_steps
                elif reduce == "last":
                    answers[label] = values[-1]
                else:
                    summed = np.cumsum(np.concatenate(values, 1), 1, "float64")
                    answers[label] = summed / _counts(1, n_steps, summed.ndim - 2)
            yield {label: self._read(label, value) for label, value in answers.items()}

    def evaluate(self, x: Any, y: Any, n_steps: int) -> dict[str, Any]:
        """How right the network is, at the end and on the way there.

        Parameters
        ----------
        x : (n, *input) array, held constant, or (n, n_steps, *input) array
            Or batches of them with their targets, (x, y): a tf.data.Dataset, a keras.utils.PyDataset, or a generator.
        y : (n,) class numbers, or an (n, *output) array of targets
            None where x gives the targets.
        n_steps : int

        Returns
        -------
        dict
            For classes (class numbers, or one-hot rows): `accuracy`, and `accuracy_over_time` with the accuracy of
            the running mean after each step. For other targets: `mse` and `mse_over_time`. Also `n_samples`,
            `n_steps`.

        Raises
        ------
        InputError
            If y does not fit, or the network has several outputs.
        """
        if len(self.graph.outputs) > 1:
            raise InputError("evaluate takes networks with one output. Use predict, and compare each output yourself.")
        label, readout = next(iter(self.graph.readouts.items()))
        samples = self._samples(x, n_steps, y)
        if samples.targets is None:
            raise InputError("evaluate needs targets: pass y, or let x give (x, y).")
        for_classes = _classes(samples.targets, readout.shape) is not None
        score = np.zeros(n_steps)
        total: Any = 0.0
        n = 0
        for chunk in self._batches.run(samples, n_steps, recording(self.graph, ())):
            steps, y = chunk.steps, np.asarray(chunk.y)
            summed = np.cumsum(chunk.outputs[label], 1, "float64") + (total if steps.start else 0.0)
            total = summed[:, -1:]
            if for_classes:
                classes: Any = _classes(y, readout.shape)
                score[steps] += (summed.argmax(-1) == classes[:, None]).sum(0)
            else:
                mean = summed / _counts(steps.start + 1, steps.stop, len(readout.shape))
                error = (self._read(label, mean) - y[:, None]) ** 2
                score[steps] += error.reshape(*error.shape[:2], -1).mean(-1).sum(0)
            n = chunk.samples.stop
        score /= n
        name = "accuracy" if for_classes else "mse"
        return {name: float(score[-1]), f"{name}_over_time": score, "n_samples": n, "n_steps": n_steps}

    def step(self, x: Any) -> Any:
        """Advance one step: for input that comes step by step, and answers that cannot wait.

        The state stays on the device from one call to the next. The first call, and the first after `reset`, starts
        anew; it compiles the network, so that later calls do not.

        Parameters
        ----------
        x : (n, *input) array
            Input at this step. Each sample is a stream of its own.

        Returns
        -------
        (n, *output) array
            Output at this step; a dict of them where there are several outputs.

        Raises
        ------
        InputError
            If the data do not fit, or the number of samples is not that of the step before.
        """
        xs = self.graph.check_inputs(x, self.dtype)
        n = len(next(iter(xs.values())))
        if self._stream is None or self._stream.ended:
            if self._stream is None or self._stream.n != n:
                self._stream = Stream(self._model, n)
            self._stream.start(self._model.initial_state(n, self._voltages))
        elif self._stream.n != n:
            raise InputError(f"step goes on with {self._stream.n} samples. Received {n}. Call reset() to start anew.")
        return self.graph.as_output(self._stream.advance(xs))

    def reset(self) -> None:
        """Let the next `step` start anew."""
        if self._stream is not None:
            self._stream.ended = True

    @property
    def state(self) -> dict[str, State]:
        """State after the last `step`; `run` goes on from it.

        Raises
        ------
        ParameterError
            If there was no step.
        """
        if self._stream is None or self._stream.ended:
            raise ParameterError("there is no state before the first step. Call step(x).")
        return self._stream.state

    def _samples(self, x: Any, n_steps: int, y: Any = None) -> Samples:
        return Samples(self.graph, x, check_steps(n_steps, self.dt), self.dtype, y)

    def _space(self, kind: str, name: str, size: tuple[int, int]) -> np.ndarray:
        node: Any = self.graph[name]
        if kind == "rates":
            return np.zeros((size[0], *node.shape))
        return np.empty((*size, *node.shape), spike_dtype(node) if kind == "spikes" else self.dtype)

    def _read(self, label: str, value: np.ndarray) -> np.ndarray:
        """Apply the readout's function to an average over time."""
        node = self.graph[self.graph.outputs[label]]
        value = node.apply(value, xp=numpy_ops) if isinstance(node, Readout) else value
        return value.astype(self.dtype, copy=False)


def _counts(first: int, last: int, n_axes: int) -> np.ndarray:
    """How many steps there have been after each step, to divide an array (n, n_steps, …) by."""
    return np.arange(first, last + 1).reshape(-1, *(1,) * n_axes)


def _classes(y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Class numbers, from class numbers or one-hot rows; None where `y` holds other targets of the output's shape."""
    is_vector = len(shape) == 1 and shape[0] > 1
    if is_vector and y.shape[1:] in ((), (1,)):
        y = y.reshape(-1)
        if not ((y >= 0) & (y < shape[0]) & (y == np.floor(y))).all():
            raise InputError(f"class numbers must be whole numbers from 0 to {shape[0] - 1}.")
        return y
    if y.shape[1:] != shape:
        wanted = "(n,) or " if is_vector else ""
        raise InputError(f"y must have shape {wanted}(n{''.join(f', {size}' for size in shape)}). Received {y.shape}.")
    is_one_hot = is_vector and ((y == 0) | (y == 1)).all() and (y.sum(-1) == 1).all()
    return y.argmax(-1) if is_one_hot else None


def _join(states: list[dict[str, State]]) -> dict[str, State]:
    """The state of all batches."""
    return {
        node: {key: np.concatenate([state[node][key] for state in states]) for key in each}
        for node, each in states[0].items()
    }
