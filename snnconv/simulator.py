"""The Simulator: runs a spiking graph with TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from . import numpy_ops
from .batches import Batches
from .errors import InputError, ParameterError
from .graph import Readout, SpikingGraph
from .neurons.base import State
from .runs import Result, check_dtype, check_steps, initial_voltages, recording, spike_dtype


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
        progress: bool | None = None,
    ):
        check_steps(1, dt)
        check_dtype(dtype)
        for name, value in (("batch_size", batch_size), ("chunk_steps", chunk_steps)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ParameterError(f"{name} must be None or a whole number above 0. Received {value!r}.")
        self.graph, self.dt, self.dtype = graph, dt, dtype
        voltages = initial_voltages(graph, initial_voltage, seed)
        self._batches = Batches(graph, dt, dtype, voltages, batch_size, chunk_steps, progress)

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
        xs, n, n_steps = self._check(x, n_steps)
        wanted = recording(self.graph, record)
        outputs = self._outputs((n, n_steps))
        kept = {kind: {name: self._space(kind, name, n, n_steps) for name in names} for kind, names in wanted.items()}
        final: dict[str, dict[str, list[np.ndarray]]] = {}
        for samples, steps, chunk in self._batches.run(xs, n_steps, wanted, state=state):
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

        Raises
        ------
        InputError, ParameterError
            If the data or a parameter is out of range.
        """
        if reduce not in ("mean", "last", None):
            raise ParameterError(f"reduce must be 'mean', 'last' or None. Received {reduce!r}.")
        xs, n, n_steps = self._check(x, n_steps)
        if reduce is None:
            outputs = self._outputs((n, n_steps))
            for samples, steps, chunk in self._batches.run(xs, n_steps, recording(self.graph, ())):
                for label, value in chunk.outputs.items():
                    outputs[label][samples, steps] = value
            for label, value in outputs.items():
                outputs[label] = np.cumsum(value, 1, "float64") / _counts(1, n_steps, value.ndim - 2)
        else:
            outputs = self._outputs((n,), "float64")
            reduction = "sum" if reduce == "mean" else "last"
            for samples, _, chunk in self._batches.run(xs, n_steps, recording(self.graph, ()), reduction):
                for label, value in chunk.outputs.items():
                    outputs[label][samples] = value + (outputs[label][samples] if reduce == "mean" else 0)
            if reduce == "mean":
                outputs = {label: value / n_steps for label, value in outputs.items()}
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
        xs, n, n_steps = self._check(x, n_steps)
        label, readout = next(iter(self.graph.readouts.items()))
        y = np.asarray(y)
        if len(y) != n:
            raise InputError(f"x has {n} samples, y has {len(y)}.")
        classes = _classes(y, readout.shape)
        score = np.zeros(n_steps)
        total: Any = 0.0
        for samples, steps, chunk in self._batches.run(xs, n_steps, recording(self.graph, ())):
            summed = np.cumsum(chunk.outputs[label], 1, "float64") + (total if steps.start else 0.0)
            total = summed[:, -1:]
            if classes is not None:
                score[steps] += (summed.argmax(-1) == classes[samples, None]).sum(0)
            else:
                mean = summed / _counts(steps.start + 1, steps.stop, len(readout.shape))
                error = (self._read(label, mean) - y[samples, None]) ** 2
                score[steps] += error.reshape(*error.shape[:2], -1).mean(-1).sum(0)
        score /= n
        name = "mse" if classes is None else "accuracy"
        return {name: float(score[-1]), f"{name}_over_time": score, "n_samples": n, "n_steps": n_steps}

    def _check(self, x: Any, n_steps: int) -> tuple[dict[str, np.ndarray], int, int]:
        n_steps = check_steps(n_steps, self.dt)
        xs = self.graph.check_inputs(x, self.dtype, n_steps)
        return xs, len(next(iter(xs.values()))), n_steps

    def _outputs(self, before: tuple[int, ...], dtype: str | None = None) -> dict[str, np.ndarray]:
        outputs = self.graph.outputs.items()
        return {label: np.zeros((*before, *self.graph[name].shape), dtype or self.dtype) for label, name in outputs}

    def _space(self, kind: str, name: str, n: int, n_steps: int) -> np.ndarray:
        node: Any = self.graph[name]
        if kind == "rates":
            return np.zeros((n, *node.shape))
        return np.empty((n, n_steps, *node.shape), spike_dtype(node) if kind == "spikes" else self.dtype)

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
