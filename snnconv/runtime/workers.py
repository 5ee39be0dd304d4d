"""The devices and processes that a tf.distribute strategy names, and how the processes exchange results."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
import tensorflow as tf

from ..errors import DistributionError, InputError, ParameterError, SnnconvError
from ..files.arrays import unpack_arrays

T = TypeVar("T")
MESSAGE = 1 << 24
"""Numbers that a worker sends at once, of 4 bytes each."""

FAILURES = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
STRATEGIES = (
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
    tf.distribute.OneDeviceStrategy,
)


def local_devices(strategy: tf.distribute.Strategy | None) -> tuple[str | None, ...]:
    """Names of this machine's devices in a strategy; None for the device that TensorFlow takes by itself.

    Raises
    ------
    ParameterError
        If the strategy is of a kind that the Simulator cannot follow.
    """
    if strategy is None:
        return (None,)
    if not isinstance(strategy, STRATEGIES):
        kinds = ", ".join(kind.__name__ for kind in STRATEGIES)
        raise ParameterError(f"strategy must be None or one of {kinds}. Received {type(strategy).__name__}.")
    return tuple(strategy.extended.worker_devices)


class Workers:
    """The processes of a strategy, this one among them; one alone where it is for a single machine.

    Attributes
    ----------
    n, index : int
        How many there are, and which this is.
    """

    def __init__(self, strategy: Any = None):
        self._addresses: list[str] = []
        self.n, self.index = 1, 0
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return
        resolver = strategy.cluster_resolver
        cluster = resolver.cluster_spec().as_dict()
        tasks = [(kind, number) for kind in ("chief", "worker") for number in range(len(cluster.get(kind, ())))]
        if len(tasks) < 2:
            return
        self._tasks = [f"/job:{kind}/replica:0/task:{number}" for kind, number in tasks]
        self._addresses = [cluster[kind][number] for kind, number in tasks]
        self.n, self.index = len(tasks), tasks.index((resolver.task_type, resolver.task_id))
        self._strategy = strategy
        # one function, traced once: strategy.gather by itself would trace at every call
        self._gather = tf.function(partial(lambda values: strategy.gather(values, 0)), reduce_retracing=True)

    def name(self, index: int) -> str:
        """Name of a worker in a message."""
        return f"worker {index} ({self._addresses[index]})" if self._addresses else f"worker {index}"

    def gather(self, arrays: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
        """Collect the arrays of all workers, in their order. Every worker must call it, and waits for the others.

        Raises
        ------
        DistributionError
            If another worker stopped, or cannot be reached.
        """
        if self.n == 1:
            return [dict(arrays)]
        file = io.BytesIO()
        np.savez(file, **_prefixed(arrays))
        sent = self._exchange(file.getvalue())
        return [_unpacked(data.tobytes(), self.name(index)) for index, data in enumerate(sent)]

    def agree(self, work: Callable[[], T]) -> T:
        """Do something that may fail; where it fails on one worker, it fails on all. Every worker must call it.

        Raises
        ------
        SnnconvError
            The worker's own error, or a DistributionError with that of another.
        """
        if self.n == 1:
            return work()
        result, failure = None, None
        try:
            result = work()
        except SnnconvError as error:
            failure = error
        said = np.frombuffer(b"" if failure is None else str(failure).encode(), "uint8")
        texts = [each["text"].tobytes().decode() for each in self.gather({"text": said})]
        if failure is not None:
            raise failure
        for index, text in enumerate(texts):
            if text:
                raise DistributionError(f"{self.name(index)} failed: {text}")
        return cast(T, result)

    def whole(self, arrays: Mapping[str, np.ndarray], samples: list[slice]) -> dict[str, np.ndarray]:
        """The rows of all workers, in the order of the samples.

        Parameters
        ----------
        arrays : by name, the rows of this worker's samples
        samples : which of the run's they are
        """
        if self.n == 1:
            return dict(arrays)
        places = [np.arange(part.start, part.stop) for part in samples]
        mine = {name: array for name, array in arrays.items() if len(array)}  # a worker without samples sends nothing
        gathered = self.gather({**mine, "samples": np.concatenate([*places, np.arange(0)])})
        order = np.concatenate([each.pop("samples") for each in gathered]).argsort()
        names = dict.fromkeys(name for each in gathered for name in each)
        return {name: np.concatenate([each[name] for each in gathered if name in each])[order] for name in names}

    def _exchange(self, data: bytes) -> list[np.ndarray]:
        """The bytes of every worker, for those of this one."""
        with self._failures():
            lengths = self._gathered(np.array([len(data)], "int64").view("int32")).view("int64")
            words = np.frombuffer(data + bytes(-len(data) % 4), "int32")
            found: list[list[np.ndarray]] = [[] for _ in lengths]
            for start in range(0, math.ceil(lengths.max() / 4), MESSAGE):
                sizes = [min(max(math.ceil(length / 4) - start, 0), MESSAGE) for length in lengths]
                parts = np.split(self._gathered(words[start : start + MESSAGE]), np.cumsum(sizes)[:-1])
                for each, part in zip(found, parts, strict=True):
                    each.append(part)
        joined = (np.concatenate([*each, np.zeros(0, "int32")]).view("uint8") for each in found)
        return [array[:length] for array, length in zip(joined, lengths, strict=True)]

    def _gathered(self, words: np.ndarray) -> np.ndarray:
        """The numbers of all workers, one behind the other; each sends them from the first of its devices."""
        parts = iter([words])
        values = self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(next(parts, words[:0]))
        )
        return self._gather(values).numpy()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Say which worker failed."""
        try:
            yield
        except FAILURES as error:
            named = [index for index, task in enumerate(self._tasks) if re.search(rf"{task}\b", error.message)]
            others = [index for index in named if index != self.index]
            who = self.name(others[0]) if others else f"a worker other than this, {self.name(self.index)},"
            found = re.search("aborted by: (.+)", error.message)
            reason = f" ({found[1].rstrip('.')})" if found else ""
            raise DistributionError(
                f"{who} stopped or cannot be reached{reason}. See what it says there, and start all workers again."
            ) from error


def _prefixed(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Rename arrays: `np.savez` takes "file" for itself."""
    return {f"_{name}": array for name, array in arrays.items()}


def _unpacked(data: bytes, sender: str) -> dict[str, np.ndarray]:
    try:
        return {name[1:]: array for name, array in unpack_arrays(data, f"what {sender} sent").items()}
    except InputError as error:
        raise DistributionError(f"{error} Start all workers again.") from error
