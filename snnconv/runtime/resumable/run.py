"""A run of many samples whose results go to a file: what was done when it stopped need not be done again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ...errors import DistributionError, ModelFileError, ParameterError, SnnconvError, one_line
from ...files.archives import write_npz
from ...files.writing import replacing
from ..arguments import initial_voltages
from ..batches import Batches
from ..classes import class_scores
from ..compiled.engine import Chunk, engines_of
from ..recorder import Recorder
from ..workers import Workers
from .account import PREFIX, Account, total
from .parts import Parts
from .simulation import Simulation
from .stretches import as_array, as_slices, gaps, length, share, without_overlap

SECONDS, BYTES = 10.0, 64 << 20
"""A part is written after the batch with which it took this long to compute, or holds this much."""

FEW = 32  # samples, for the doctor


@dataclass(frozen=True, eq=False)
class Head:
    """Rates and output of the first samples of a run.

    Parameters
    ----------
    rates : mapping of population name to (n, *units) array
        In Hz.
    output : (n, *output) array
        Of the first output, its mean over time, or what is read in another way.
    """

    rates: Mapping[str, np.ndarray]
    output: np.ndarray


class Interrupted(KeyboardInterrupt):
    """The user stopped a run; the message says how to go on with it."""


class LongRun:
    """A run of a simulation by one process, or by several that each do a share of the samples.

    Parameters
    ----------
    strategy : tf.distribute.Strategy or None
        See `snnconv.Simulator`.
    resume : bool
        Whether to go on with the parts that are there.

    Attributes
    ----------
    workers : Workers
        The processes that take part.
    n_devices : int
        Of all workers.
    sizes : (int, int)
        Samples and steps that are handled together, as in the beginning of a run that goes on.
    n_done : int
        Samples that were there already, at any worker.
    n_own : int
        Samples that this worker has to run.
    head : Head or None
        Of the first samples, once this process has run them.

    Raises
    ------
    ParameterError
        If there are parts and `resume` is not set, or they are of another run.
    DistributionError
        If the workers do not run the same.
    """

    def __init__(self, simulation: Simulation, strategy: Any = None, resume: bool = False):
        self._simulation, self.workers = simulation, Workers(strategy)
        self._parts = None if simulation.out is None else Parts(simulation.out)
        graph, dt, dtype, workers = simulation.graph, simulation.dt, simulation.dtype, self.workers
        voltages = initial_voltages(graph, simulation.initial_voltage, simulation.seed)
        engines = engines_of(strategy, graph, dt, dtype, voltages, precision=simulation.precision)
        self.n_devices = len(engines) * workers.n
        chosen = Batches(graph, dtype, engines, share=(workers.index, workers.n))
        self.sizes, self._about, done = self._agreed(chosen.sizes(simulation.n, simulation.n_steps), resume)
        self._batches = Batches(graph, dtype, engines, batch_size=self.sizes[0], chunk_steps=self.sizes[1])
        self.n_done = length(done)
        self._rows = share(gaps(done, simulation.n), self.sizes[0], workers)
        self.n_own = length(self._rows)
        self._kept: list[tuple[slice, dict[str, np.ndarray]]] = []
        self._account: Account | None = None
        self.head: Head | None = None
        self._written = time.monotonic()

    def run(self, read: Callable[[np.ndarray], np.ndarray] | None = None) -> Account:
        """Run what is missing, write the output on the first worker, and give each the account of all samples.

        Parameters
        ----------
        read : function or None
            How answers are read; see `Account.of`.

        Raises
        ------
        Interrupted
            On an interrupt, if there is something to go on with.
        DistributionError
            If another worker stopped.
        """
        simulation, parts = self._simulation, self._parts
        graph, n_steps = simulation.graph, simulation.n_steps
        wanted = {**simulation.recorded, "rates": tuple(graph.populations)}
        recorder: Any = None
        try:
            for chunk in self._batches.run(simulation.samples, n_steps, wanted, rows=self._rows):
                if chunk.steps.start == 0:
                    recorder = Recorder(graph, simulation.dtype, chunk.samples, n_steps, wanted)
                recorder.add(chunk)
                if chunk.steps.stop == n_steps:
                    self._take_in(chunk, recorder.arrays, read)
            return self._add_up() if parts is None else self._finish(parts)
        except BaseException as error:
            with suppress(SnnconvError, OSError):  # what is done is worth more than a second error, of a full disk, say
                self._write_kept()
            if parts is None or not self._is_begun:
                raise
            kept = f"{length(parts.done()):,} of {simulation.n:,} samples are kept in '{parts.folder}'"
            advice = f"{kept}. To go on, give the same command with --resume."
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(advice) from None
            if isinstance(error, DistributionError):
                raise DistributionError(f"{error} {advice}") from error
            raise

    def _agreed(self, sizes: tuple[int, int], resume: bool) -> tuple[tuple[int, int], dict[str, Any], list[slice]]:
        """Sizes, manifest and finished stretches, the same for all workers; `sizes` are those of a new run."""
        workers, about = self.workers, self._simulation.identity()
        begun = workers.agree(lambda: self._begun(about, resume))
        done = [] if begun is None or self._parts is None else self._parts.done()
        everywhere = workers.gather(
            {
                "run": np.frombuffer(hashlib.sha256(json.dumps(about, sort_keys=True).encode()).digest(), "uint8"),
                "sizes": np.array(begun["sizes"] if begun else sizes),
                "done": as_array(done),
            }
        )
        for index, each in enumerate(everywhere):
            if (each["run"] != everywhere[0]["run"]).any():
                raise DistributionError(
                    f"{workers.name(index)} runs another model, input or option than {workers.name(0)}. Start all "
                    f"workers with the same command."
                )
        leader = next((each for each in everywhere if len(each["done"])), everywhere[0])
        batch_size, chunk_steps = leader["sizes"].tolist()
        self._is_begun = begun is not None
        finished = without_overlap(part for each in everywhere for part in as_slices(each["done"]))
        return (batch_size, chunk_steps), {"run": about, "sizes": (batch_size, chunk_steps)}, finished

    def _begun(self, about: Mapping[str, Any], resume: bool) -> dict[str, Any] | None:
        """The manifest of the parts that are there, after checking that they are of this run; None: there are none."""
        manifest = None if self._parts is None else self._parts.manifest()
        if self._parts is None or manifest is None or not self._parts.done():
            return None
        folder = self._parts.folder
        self._parts.read_all(self._simulation.n)
        if not resume:
            raise ParameterError(
                f"'{folder}' holds {length(self._parts.done()):,} samples of a run that was interrupted. Go on with "
                f"it with --resume, or delete the folder to start anew."
            )
        differing = [name for name in {**manifest["run"], **about} if manifest["run"].get(name) != about.get(name)]
        if differing:
            raise ParameterError(
                f"cannot go on with '{folder}': it was begun with another {' and another '.join(differing)}. Give what "
                f"it was begun with, or delete the folder to start anew."
            )
        return manifest

    def _take_in(
        self, chunk: Chunk, arrays: dict[str, np.ndarray], read: Callable[[np.ndarray], np.ndarray] | None
    ) -> None:
        """Take in a batch with its last chunk: what is written of it, its account, and the head."""
        simulation, outputs = self._simulation, self._simulation.graph.outputs
        duration = simulation.dt * simulation.n_steps
        counts = {name: arrays.pop(f"rates/{name}") for name in simulation.graph.populations}
        rates = {f"rates/{name}": counts[name] / duration for name in sorted(simulation.recorded["rates"])}
        first = arrays[f"output/{next(iter(outputs))}"]
        if chunk.samples.start == 0:
            few = {name: count[:FEW] / duration for name, count in counts.items()}
            output = first[:FEW].mean(1, dtype="float64") if read is None else read(first[:FEW])[:, -1]
            self.head = Head(few, output)
        classes = None if chunk.y is None else np.asarray(chunk.y)
        scores = class_scores(simulation.graph, next(iter(outputs)), first)
        if len(outputs) == 1:
            arrays["output"] = arrays.pop(f"output/{next(iter(outputs))}")
        self._keep(chunk.samples, {**arrays, **rates}, Account.of(counts, scores, classes, read))

    def _keep(self, samples: slice, arrays: dict[str, np.ndarray], account: Account) -> None:
        """Take in a batch, and write a part where it is time to."""
        if self._kept and self._kept[-1][0].stop != samples.start:
            self._write_kept()
        self._account = account if self._account is None else self._account + account
        if self._parts is None:
            return
        self._kept.append((samples, arrays))
        n_bytes = sum(array.nbytes for _, each in self._kept for array in each.values())
        if time.monotonic() - self._written > SECONDS or n_bytes > BYTES:
            self._write_kept()

    def _write_kept(self) -> None:
        """Write what was taken in as a part."""
        if self._parts is None or self._account is None:
            return
        self._begin(self._parts)
        arrays = {name: np.concatenate([each[name] for _, each in self._kept]) for name in self._kept[0][1]}
        samples = slice(self._kept[0][0].start, self._kept[-1][0].stop)
        self._parts.write(samples, {**arrays, **self._account.as_arrays()})
        self._kept, self._account, self._written = [], None, time.monotonic()

    def _begin(self, parts: Parts) -> None:
        if not self._is_begun:
            parts.begin(self._about)
            self._is_begun = True

    def _add_up(self) -> Account:
        """The account of all workers."""
        everywhere = self.workers.gather({} if self._account is None else self._account.as_arrays())
        return total(Account.from_arrays(each) for each in everywhere if each)

    def _finish(self, parts: Parts) -> Account:
        """Write the output on the first worker, and delete the parts."""
        if self._is_begun or self.workers.n > 1:
            self.workers.agree(self._write_kept)
        if self.workers.n > 1:
            self._collect(parts)
        account = self.workers.agree(lambda: self._join(parts) if self.workers.index == 0 else None)
        everywhere = self.workers.gather({} if account is None else account.as_arrays())
        parts.remove()
        return Account.from_arrays(everywhere[0])

    def _join(self, parts: Parts) -> Account:
        """Write the output, from memory or from the parts."""
        if self._is_begun:
            found = parts.read_all(self._simulation.n)
            account = _added_up(found, parts)
        else:
            found, account = [each for _, each in self._kept], cast(Account, self._account)
        names = [name for name in found[0] if not name.startswith(PREFIX)]
        simulation = self._simulation
        times = simulation.dt * np.arange(1, simulation.n_steps + 1)
        with replacing(parts.out) as temporary:
            write_npz(temporary, {"times": times, "dt": np.asarray(simulation.dt)}, found, names, simulation.n)
        return account

    def _collect(self, parts: Parts) -> None:
        """Send the first worker the parts that it lacks; with a folder that all workers share, it lacks none."""
        workers = self.workers
        there = [as_slices(each["done"]) for each in workers.gather({"done": as_array(parts.done())})]
        needed = without_overlap(part for place in there for part in place)
        missing = [part for part in needed if part not in there[0]]
        senders = [next(index for index, place in enumerate(there) if part in place) for part in missing]
        for part, sender in zip(missing, senders, strict=True):
            sent = workers.gather(dict(parts.read(part)) if workers.index == sender else {})[sender]
            if workers.index == 0:
                self._begin(parts)
                parts.write(part, sent)


def _added_up(found: Sequence[Mapping[str, np.ndarray]], parts: Parts) -> Account:
    """The account of the samples of all parts."""
    try:
        return total(Account.from_arrays(each) for each in found)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise ModelFileError(
            f"the parts in '{parts.folder}' are damaged ({one_line(error)}). Delete the folder to start anew."
        ) from error
