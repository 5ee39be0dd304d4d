"""The engine: one device with the network on it, which takes batches of samples through their chunks of time steps.

Its products on NVIDIA GPUs use TensorFloat-32 or not by TensorFlow's own switch, which is the user's again afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph import Inputs, SpikingGraph
from ...neurons.base import State
from ..samples import Targets
from ..workers import local_devices
from .model import Model, Program
from .scan import once
from .stepper import Stepper


class _Setting:
    """TensorFlow's own switch for TensorFloat-32, which holds for the whole process.

    Calls that want it alike run at the same time; others wait. The last puts the user's setting back.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_calls, self._value, self._users = 0, True, True

    @contextmanager
    def __call__(self, allowed: bool) -> Iterator[None]:
        """Allow or forbid it for the calls inside, which must not wait for other threads."""
        switch, current = (
            tf.config.experimental.enable_tensor_float_32_execution,
            tf.config.experimental.tensor_float_32_execution_enabled,
        )
        with self._changed:
            self._changed.wait_for(lambda: not self._n_calls or self._value == allowed)
            if not self._n_calls:
                self._users, self._value = current(), allowed
                switch(allowed)
            self._n_calls += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_calls -= 1
                if not self._n_calls:
                    switch(self._users)
                    self._changed.notify_all()


tensor_float_32 = _Setting()
"""Context in which products on NVIDIA GPUs may round their inputs to 10 bits of fraction, or may not."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples that run together.

    Parameters
    ----------
    samples : slice
        Which of the run's.
    xs : Inputs
    y : (n, …) targets, by label where there are several outputs, or None
    state : to start from, (n, *shape) by node and variable; None: the state before the first step
    """

    samples: slice
    xs: Inputs
    y: Targets = None
    state: Mapping[str, State] | None = None


@dataclass(frozen=True, eq=False)
class Chunk:
    """Outputs and records of some steps of a batch, as NumPy arrays without padding.

    Parameters
    ----------
    samples, steps : slice
        Which of the run's.
    outputs : by label, (n, steps, *output), or (n, *output) where they are reduced
    records : by kind and population
    y : (n, …) targets, by label where there are several outputs, or None
    state : function or None
        Gives the state after the last step, by node and variable; None before that, and where it is not kept.
    """

    samples: slice
    steps: slice
    outputs: dict[str, np.ndarray]
    records: dict[str, dict[str, np.ndarray]]
    y: Targets
    state: Callable[[], dict[str, State]] | None


class Engine:
    """A graph on one device, with what was compiled for it.

    Parameters
    ----------
    voltages : mapping of population name to float or array
        Voltages before the first step.
    precision, compile : str
        See `snnconv.Simulator`.
    device : str or None
        None: where TensorFlow puts it.
    """

    def __init__(
        self,
        graph: SpikingGraph,
        dt: float,
        dtype: str,
        voltages: Mapping[str, Any],
        *,
        sparse: bool = True,
        precision: str = "float32",
        compile: str = "auto",
        device: str | None = None,
    ):
        self._device, self._allows_tf32, self._voltages = device, precision == "tensorfloat32", voltages
        with self.active():
            platform = "gpu" if is_gpu(device) else "cpu"
            is_whole = compile == "whole" or (compile == "auto" and platform == "gpu")
            self.model = Model(graph, dt, dtype, sparse, precision, is_whole, platform)
        self._starts_at_rest = not any(np.any(voltage) for voltage in voltages.values())
        self._steppers: dict[Program, Stepper] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Context of calls to TensorFlow: on this device, with this precision."""
        with tf.device(self._device) if self._device else nullcontext(), tensor_float_32(self._allows_tf32):
            yield

    def initial_state(self, n: int) -> dict[str, State]:
        """State before the first step, for `n` samples."""
        return self.model.initial_state(n, self._voltages)

    def run(
        self,
        program: Program,
        batch: Batch,
        n_steps: int,
        weights: np.ndarray | None = None,
        keep_state: bool = False,
    ) -> Iterator[Chunk]:
        """Take a batch through `n_steps` steps; give each chunk when it is done, with outputs weighed where summed."""
        stepper, length = self._stepper(program), program.chunk_steps
        n = batch.samples.stop - batch.samples.start
        xs = {name: _pad(array, program.batch_size) for name, array in batch.xs.items()}
        with self.active():
            start = self._start(batch.state, program.batch_size)
            held = {name: tf.constant(array) for name, array in xs.items() if name not in program.varying}
            constant, trains, now = stepper.before(self.model.arrays, held, start)
        for begin in range(0, n_steps, length):
            steps = slice(begin, min(begin + length, n_steps))
            size = (n, steps.stop - begin)
            with self.active():
                varying = {
                    name: tf.constant(_pad(xs[name][:, steps].swapaxes(0, 1), length)) for name in program.varying
                }
                counted = None if weights is None else tf.constant(_pad(weights[steps], length))
                times = tf.constant(begin), tf.constant(size[1]), counted
                found, records, now = stepper.chunk(self.model.arrays, constant, trains, varying, now, *times)
                outputs = {label: _cut(value, size, bool(program.reduction)) for label, value in found.items()}
                kept = {
                    kind: {name: _cut(value, size, kind == "rates") for name, value in values.items()}
                    for kind, values in records.items()
                }
            is_last = keep_state and steps.stop == n_steps
            state = partial(self._end, n, n_steps, stepper, stepper.kept(constant, start), now) if is_last else None
            yield Chunk(batch.samples, steps, outputs, kept, batch.y, state)

    def _end(self, n: int, n_steps: int, stepper: Stepper, kept: Any, now: Any) -> dict[str, State]:
        with self.active():
            now = {**now, **stepper.after(self.model.arrays, *kept, tf.constant(n_steps))}
            names = [node.name for node in self.model.stateful]
            return {name: {key: value.numpy()[:n] for key, value in now[name].items()} for name in names}

    def _stepper(self, program: Program) -> Stepper:
        if program not in self._steppers:
            make = partial(Stepper, self.model, program)
            self._steppers[program] = once(make, self.model.settings, program, self._device)
        return self._steppers[program]

    def _start(self, state: Mapping[str, State] | None, size: int) -> Any:
        if state is None:
            return None if self._starts_at_rest else self.initial_state(size)
        return {
            name: {key: tf.constant(_pad(value, size), self.model.dtype) for key, value in state[name].items()}
            for name in (node.name for node in self.model.stateful)
        }


def engines_of(
    strategy: Any, graph: SpikingGraph, dt: float, dtype: str, voltages: Any, **options: Any
) -> list[Engine]:
    """An engine for each of a strategy's devices on this machine; for None, one where TensorFlow puts it."""
    return [Engine(graph, dt, dtype, voltages, device=device, **options) for device in local_devices(strategy)]


def is_gpu(device: str | None) -> bool:
    """Whether a device is a GPU; None: the one on which TensorFlow puts what it is not told about."""
    return bool(tf.config.list_logical_devices("GPU")) if device is None else "GPU" in device.upper()


def pools_memory() -> bool:
    """Whether TensorFlow keeps memory for the next arrays: on GPUs, and on CPUs with oneDNN."""
    if is_gpu(None):
        return True
    try:
        tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:  # TensorFlow's answer for a device that takes its memory from the C library
        return False
    return True


def _pad(array: np.ndarray, size: int) -> np.ndarray:
    """The array with zeros behind it, up to `size` along the first axis."""
    missing = size - len(array)
    return np.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1))) if missing else np.ascontiguousarray(array)


def _cut(value: tf.Tensor, size: tuple[int, int], is_reduced: bool) -> np.ndarray:
    """(samples, steps, …), or (samples, …) where it is reduced over the steps, without padding."""
    n, n_steps = size
    array: np.ndarray = value.numpy()  # pyright: ignore[reportAttributeAccessIssue]
    return array[:n] if is_reduced else array[:n_steps, :n].swapaxes(0, 1)
