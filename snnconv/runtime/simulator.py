"""The Simulator: runs a spiking graph with TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import tensorflow as tf

from .._late import late
from ..errors import InputError, ParameterError
from ..graph import SpikingGraph
from ..neurons.base import State, is_whole
from ..text.table import Table
from .answers import REDUCTIONS, Score, answers, metrics_of
from .arguments import (
    DtypeLike,
    check_compile,
    check_dt,
    check_dtype,
    check_flags,
    check_graph,
    check_precision,
    check_read_from,
    check_steps,
    initial_voltages,
    recording,
)
from .batches import Batches
from .compiled.engine import engines_of
from .compiled.stream import Stream
from .recorder import LateState, Recorder, as_result, state_arrays
from .result import Result
from .samples import Samples
from .workers import Workers

if TYPE_CHECKING:
    from typing import Self

    import keras
    from typing_extensions import deprecated

    class NotConverted:
        """Type checkers take ``Simulator(model)`` for this, which can do nothing."""


class Simulator:
    """Runs a graph in spikes: compiled once, a chunk of time steps at a time through all layers.

    Parameters
    ----------
    graph : SpikingGraph
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    dtype : str or type
        "float32" or "float64", or as NumPy or TensorFlow name it.
    initial_voltage : float or "uniform"
        Voltage before the first step of populations that have none of their own, as calibrated ones do; "uniform" draws
        one per neuron from 0…1, with `seed`.
    seed : int or None
        Seed of the initial voltages.
    batch_size : int or None
        Samples that run together. None: chosen from the layers' sizes.
    chunk_steps : int or None
        Time steps that a layer computes together. None: chosen from the layers' sizes and `memory`.
    memory : int or None
        Largest size of a layer's inputs and values at all steps of a chunk, in bytes. None: 384 MiB, and 31 MiB for the
        values alone where TensorFlow keeps no memory for the next chunk: on CPUs without oneDNN.
    sparse : bool
        Whether dense layers skip the zeros between spikes, where few neurons spike; on a CPU alone, and not in
        bfloat16.
    precision : str
        Rounding in products and convolutions in float32: "float32"; "tensorfloat32", where NVIDIA GPUs may round
        factors to 10 bits of fraction; or "bfloat16", where kernels, values and sums are rounded to 7 bits of fraction.
        Spikes are 0 or 1, which all of them hold exactly.
    compile : str
        "parts": XLA compiles neurons and filters, TensorFlow runs what is linear, which is faster on CPUs. "whole": XLA
        compiles all layers of a chunk as one program, without `sparse`. "auto": whole on GPUs, else parts.
    strategy : tf.distribute.Strategy or None
        Distribute batches over the devices of a MirroredStrategy, or over the workers of a MultiWorkerMirroredStrategy
        and their devices. Each worker calls the same methods with the same samples, and gets the whole result.
    progress : bool or None
        Show a progress bar on runs of more than two seconds. None: where standard error is a terminal.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    DistributionError
        In a run: if another worker stopped.

    Notes
    -----
    It can be copied and pickled, for joblib or multiprocessing, unless it has a strategy. A copy has the same settings
    and initial voltages; it compiles anew in another process, and its `step` starts at the beginning.
    """

    if TYPE_CHECKING:  # bases of Keras' classes are unknown to type checkers, and would pass for those of a graph

        @overload
        @deprecated("Simulator takes a graph. Convert the Keras model first: Simulator(snnconv.convert(model)).")
        def __new__(cls, graph: keras.Model, *args: Any, **options: Any) -> NotConverted: ...
        @overload
        def __new__(  # pyright: ignore[reportOverlappingOverload]
            cls, graph: SpikingGraph, *args: Any, **options: Any
        ) -> Self: ...
        def __new__(cls, graph: Any, *args: Any, **options: Any) -> Any: ...

    def __init__(
        self,
        graph: SpikingGraph,
        dt: float | None = None,
        dtype: DtypeLike = "float32",
        initial_voltage: float | str = 0.0,
        seed: int | None = None,
        *,
        batch_size: int | None = None,
        chunk_steps: int | None = None,
        memory: int | None = None,
        sparse: bool = True,
        precision: str = "float32",
        compile: str = "auto",
        strategy: tf.distribute.Strategy | None = None,
        progress: bool | None = None,
    ):
        check_graph(graph, "Simulator")
        dt = graph.dt if dt is None else dt
        check_steps(1, dt)
        dtype = check_dtype(dtype)
        check_dt(graph, dt)
        for name, value in (("batch_size", batch_size), ("chunk_steps", chunk_steps), ("memory", memory)):
            if value is not None and not is_whole(value):
                raise ParameterError(f"{name} must be None or a whole number above 0. Received {value!r}.")
        given = (batch_size, chunk_steps, memory)
        batch_size, chunk_steps, memory = (None if value is None else int(value) for value in given)
        check_precision(precision, dtype)
        check_compile(compile)
        check_flags(sparse=sparse, **({} if progress is None else {"progress": progress}))
        if seed is None:  # a copy starts from the same voltages
            seed = np.random.SeedSequence().entropy  # pyright: ignore[reportAssignmentType]
        self._options = {
            "initial_voltage": initial_voltage,
            "seed": seed,
            "batch_size": batch_size,
            "chunk_steps": chunk_steps,
            "memory": memory,
            "sparse": sparse,
            "precision": precision,
            "compile": compile,
            "progress": progress,
        }
        self._strategy = strategy
        self.graph, self.dt, self.dtype, self.precision = graph, dt, dtype, precision
        voltages = self.initial_voltages = initial_voltages(graph, initial_voltage, seed)
        self._stream: Stream | None = None
        self._workers = Workers(strategy)
        options: dict[str, Any] = {"sparse": sparse, "precision": precision, "compile": compile}
        self._engines = engines_of(strategy, graph, dt, dtype, voltages, **options)
        self._batches = Batches(
            graph,
            dtype,
            self._engines,
            batch_size=batch_size,
            chunk_steps=chunk_steps,
            memory=memory,
            progress=progress,
            share=(self._workers.index, self._workers.n),
        )

    def __reduce__(self) -> Any:
        if self._strategy is not None:
            raise ParameterError(
                "a Simulator with a strategy belongs to its process and cannot be copied. Make one of the graph there."
            )
        return partial(Simulator, self.graph, self.dt, self.dtype, **self._options), ()

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
        n_steps = check_steps(n_steps, self.dt, self.dtype)
        samples = self._samples(x, n_steps)
        if samples.n is None:
            raise InputError("run takes arrays. Use predict or evaluate for batches, or run one batch after the other.")
        wanted = recording(self.graph, record)
        rows = self._batches.own(samples.n, n_steps)
        recorder = Recorder(self.graph, self.dtype, rows, n_steps, wanted)
        for chunk in self._batches.run(samples, n_steps, wanted, rows=[rows], state=state, keep_state=True):
            recorder.add(chunk)
        if self._workers.n == 1:
            state = LateState([node.name for node in self._engines[0].model.stateful], recorder.state)
            return as_result(self.graph, recorder.arrays, n_steps, self.dt, state)
        arrays = {**recorder.arrays, **state_arrays(recorder.state())}
        return as_result(self.graph, self._workers.whole(arrays, [rows]), n_steps, self.dt)

    def predict(
        self,
        x: Any,
        n_steps: int,
        reduce: str | None = "mean",
        *,
        read_from: int | None = None,
        batch_size: int | None = None,
        verbose: bool | int | str | None = None,
    ) -> np.ndarray:
        """Average the output over time, and apply the model's last activation, such as softmax, where it has one.

        Parameters
        ----------
        x : (n, *input) array, held constant, or (n, n_steps, *input) array
            Or batches of them: a tf.data.Dataset, a keras.utils.PyDataset, or a generator, with or without targets.
        n_steps : int
        reduce : str or None
            "mean" over the steps, "last" step, or None for the running mean at every step.
        read_from : int or None
            First step of the plain mean, counted from 1. None: the graph's `reading`, which calibration chose, as far
            as the run is long enough for it.
        batch_size : int or None
            Samples that run together in this call. None: as in the simulator.
        verbose : bool, int, "auto" or None
            Whether to show a progress bar on long runs in this call, as Keras' `predict` takes it. None: as in the
            simulator.

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
        n_steps = check_steps(n_steps, self.dt, self.dtype)
        samples, batches = self._samples(x, n_steps), self._batches.changed(batch_size, verbose)
        reading = check_read_from(self.graph, read_from, n_steps)
        weights = reading.weights(n_steps) if reduce == "mean" else None
        chunks = batches.run(samples, n_steps, recording(self.graph, ()), REDUCTIONS[reduce], weights=weights)
        parts = list(answers(self.graph, self.dtype, chunks, n_steps, reduce, reading))
        found = {label: np.concatenate([part[label] for _, part in parts]) for label in self.graph.outputs if parts}
        found = self._workers.whole(found, [rows for rows, _ in parts])
        if reduce == "mean" and samples.n is not None and len(found) == 1:
            self._watch(x, next(iter(found.values())), n_steps)
        return self.graph.as_output(found)

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        n_steps: int | None = None,
        *,
        metrics: Sequence[Any] | Mapping[str, Sequence[Any]] = (),
        read_from: int | None = None,
        batch_size: int | None = None,
        verbose: bool | int | str | None = None,
    ) -> dict[str, Any]:
        """Measure the accuracy of the network, at the end and after each step on the way there.

        Parameters
        ----------
        x : (n, *input) array, held constant, or (n, n_steps, *input) array
            Or batches of them with their targets, (x, y): a tf.data.Dataset, a keras.utils.PyDataset, or a generator.
        y : (n,) or (n, 1) class numbers, one-hot rows, or an (n, *output) array of targets
            Class numbers of one sigmoid are 0 and 1. Of a network with several outputs: a mapping of output to targets;
            outputs that are not in it are left out. None where x gives the targets.
        n_steps : int
        metrics : sequence of str or keras.Metric, or a mapping of output to such
            Metrics of Keras besides, of the answers after the last step.
        read_from : int or None
            As in `predict`.
        batch_size, verbose
            As in `predict`.

        Returns
        -------
        dict
            For classes (class numbers, or one-hot rows): `accuracy`, and `accuracy_over_time` with the accuracy of
            the running mean after each step. For other targets: `mse` and `mse_over_time`. The metrics by their names.
            Of a network with several outputs, a dict of these for each output. Also `n_samples`, `n_steps`, and
            `read_from` and `read_fall`, the reading.

        Raises
        ------
        InputError, ParameterError
            If y does not fit, or a metric is not known.
        """
        if n_steps is None:
            raise ParameterError("evaluate needs n_steps, the number of steps to run: evaluate(x, y, n_steps=100).")
        n_steps = check_steps(n_steps, self.dt, self.dtype)
        samples = self._samples(x, n_steps, y)
        if samples.targets is None:
            raise InputError("evaluate needs targets: pass y, or let x give (x, y).")
        label = next(iter(self.graph.outputs))
        targets = samples.targets if isinstance(samples.targets, dict) else {label: samples.targets}
        reading = check_read_from(self.graph, read_from, n_steps)
        wanted = dict(metrics) if isinstance(metrics, Mapping) else dict.fromkeys(targets, metrics)
        if any(wanted.values()) and self._workers.n > 1:
            raise ParameterError("metrics are for one worker; each of several sees only its share of the samples.")
        scores = {
            name: Score(self.graph, self.dtype, n_steps, name, each, reading, metrics_of(wanted.get(name, ())))
            for name, each in targets.items()
        }
        for chunk in self._batches.changed(batch_size, verbose).run(samples, n_steps, recording(self.graph, ())):
            y = chunk.y if isinstance(chunk.y, dict) else {label: chunk.y}
            for name, score in scores.items():
                score.add(chunk, np.asarray(y[name]))
        only = next(iter(scores.values()))
        if samples.n is not None and len(scores) == 1 and only.answers:
            self._watch(x, np.concatenate(only.answers), n_steps)
        of_all = self._workers.gather(
            {name: array for score in scores.values() for name, array in score.arrays.items()}
        )
        n = sum(int(each[f"{next(iter(scores))}.n"]) for each in of_all)
        found = {name: score.result(of_all) for name, score in scores.items()}
        shown = next(iter(found.values())) if len(self.graph.outputs) == 1 else found
        return {**shown, "n_samples": n, "n_steps": n_steps, **reading.fields}

    def certify(self, x: Any, n_steps: int) -> Any:
        """Prove for each sample that no later step changes its class, and bound every value's distance from the rates.

        Parameters
        ----------
        x : (n, *input) array, or a list or a dict of them where there are several inputs
            Held constant.
        n_steps : int

        Returns
        -------
        snnconv.certificates.Certificate
            `classes`, `proven`, `agrees`, `values`, `rates`, `bounds` and `errors`, sample by sample.

        Raises
        ------
        ConversionError
            If the network has a layer that cannot be certified; the message names it.
        InputError, ParameterError
            If the data or a parameter is out of range, or the network has several outputs.
        """
        return late("certify")(self, x, n_steps)

    def step(self, x: Any) -> np.ndarray:
        """Advance one step: for input that comes step by step, and answers that cannot wait.

        The state stays on the device (the first one of a strategy) from one call to the next. The first call, and the
        first after `reset`, starts from the beginning. The very first one compiles the network.

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
        if self._stream is None or self._stream.ended:
            if self._stream is None or self._stream.n != xs.n:
                self._stream = Stream(self._engines[0], xs.n)
            self._stream.start()
        elif self._stream.n != xs.n:
            raise InputError(
                f"step goes on with {self._stream.n} samples. Received {xs.n}. Call reset() to start anew."
            )
        return self.graph.as_output(self._stream.advance(xs))

    def __repr__(self) -> str:
        return f"<Simulator of '{self.graph.name}': steps of {self.dt * 1e3:g} ms, {self.dtype}>"

    def _repr_html_(self) -> str:
        table = Table(("setting", "value"), [("dt", f"{self.dt * 1e3:g} ms"), ("dtype", self.dtype)], title="Simulator")
        return table.html() + late("graph_html")(self.graph)

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

    def _watch(self, x: Any, answers: np.ndarray, n_steps: int) -> None:
        """Warn of one answer for all samples where rates say several."""
        if self.graph.report:  # a part of a network has none, and its values are no answers
            late("warn_of_one_answer")(self.graph, x, answers, n_steps, self.dt, stacklevel=3)

    def _samples(self, x: Any, n_steps: int, y: Any = None) -> Samples:
        return Samples(self.graph, x, n_steps, self.dtype, y)
