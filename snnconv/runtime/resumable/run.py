"""A run of many samples whose results go to a file: what was done when it stopped need not be done again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ...errors import DistributionError, ParameterError, SnnconvError
from ...graph import SpikingGraph
from ..arguments import Recording
from ..batches import Batches
from ..recorder import Recorder
from ..samples import Samples
from ..workers import Workers
from .account import PREFIX, Account, total
from .parts import Parts, without_overlap, write_npz

SECONDS, BYTES = 10.0, 64 << 20
"""A part is written after the batch with which it took this long to compute, or holds this much."""

FEW = 32  # samples, for the doctor


@dataclass(frozen=True, eq=False)
class Head:
    """What the first samples of a run gave.

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
    """A run by one process, or by several that each do a share of the samples.

    Parameters
    ----------
    parts : Parts or None
        Where finished parts and, in the end, the output go. None: only the account is wanted.
    about : mapping
        What identifies the run, by the option that sets it; values that JSON can hold.
    n, n_steps : int
        Samples and steps.
    sizes : (int, int)
        Samples and steps that are handled together.
    resume : bool
        Whether to go on with the parts that are there.

    Attributes
    ----------
    sizes : (int, int)
        Those that the run began with.
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

    def __init__(
        self,
        workers: Workers,
        parts: Parts | None,
        about: Mapping[str, Any],
        n: int,
        n_steps: int,
        sizes: tuple[int, int],
        resume: bool = False,
    ):
        self._workers, self._parts, self._n, self._n_steps = workers, parts, n, n_steps
        begun = workers.agree(lambda: self._begun(about, resume))
        done = [] if begun is None or parts is None else parts.done()
        everywhere = workers.gather(
            {
                "run": np.frombuffer(hashlib.sha256(json.dumps(about, sort_keys=True).encode()).digest(), "uint8"),
                "sizes": np.array(begun["sizes"] if begun else sizes),
                "done": _as_array(done),
            }
        )
        for index, each in enumerate(everywhere):
            if (each["run"] != everywhere[0]["run"]).any():
                raise DistributionError(
                    f"{workers.name(index)} runs another model, input or option than {workers.name(0)}. Start all "
                    f"workers with the same command."
                )
        leader = next((each for each in everywhere if len(each["done"])), everywhere[0])
        self.sizes = tuple(leader["sizes"].tolist())
        self._about = {"run": dict(about), "sizes": self.sizes}
        finished = without_overlap(part for each in everywhere for part in _as_slices(each["done"]))
        self.n_done = _length(finished)
        self._rows = _share(_gaps(finished, n), self.sizes[0], workers)
        self.n_own = _length(self._rows)
        self._is_begun = begun is not None
        self._kept: list[tuple[slice, dict[str, np.ndarray]]] = []
        self._account: Account | None = None
        self.head: Head | None = None
        self._written = time.monotonic()

    def run(
        self,
        graph: SpikingGraph,
        dt: float,
        batches: Batches,
        samples: Samples,
        recorded: Recording,
        read: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> Account:
        """Run what is missing, write the output on the first worker, and give each the account of all samples.

        Parameters
        ----------
        recorded : mapping of kind to population names
            What the output holds beside the network's.
        read : function or None
            How answers are read; see `Account.of`.

        Raises
        ------
        Interrupted
            On an interrupt, if there is something to go on with.
        DistributionError
            If another worker stopped.
        """
        wanted = {**recorded, "rates": tuple(graph.populations)}
        times = dt * np.arange(1, self._n_steps + 1)
        recorder: Any = None
        try:
            for chunk in batches.run(samples, self._n_steps, wanted, rows=self._rows):
                if chunk.steps.start == 0:
                    recorder = Recorder(graph, batches.dtype, chunk.samples, self._n_steps, wanted)
                recorder.add(chunk)
                if chunk.steps.stop == self._n_steps:
                    counts = {name: recorder.arrays.pop(f"rates/{name}") for name in graph.populations}
                    rates = {f"rates/{name}": counts[name] / times[-1] for name in sorted(recorded["rates"])}
                    first = next(iter(recorder.arrays.values()))
                    if chunk.samples.start == 0:
                        few = {name: count[:FEW] / times[-1] for name, count in counts.items()}
                        output = first[:FEW].mean(1, dtype="float64") if read is None else read(first[:FEW])[:, -1]
                        self.head = Head(few, output)
                    account = Account.of(counts, first, chunk.y, read)
                    if len(graph.outputs) == 1:
                        recorder.arrays["output"] = recorder.arrays.pop(f"output/{next(iter(graph.outputs))}")
                    self._keep(chunk.samples, {**recorder.arrays, **rates}, account)
            return self._add_up() if self._parts is None else self._finish(self._parts, {"times": times, "dt": dt})
        except BaseException as error:
            with suppress(SnnconvError, OSError):  # what is done is worth more than a second error, of a full disk, say
                self._write_kept()
            if self._parts is None or not self._is_begun:
                raise
            kept = f"{_length(self._parts.done()):,} of {self._n:,} samples are kept in '{self._parts.folder}'"
            advice = f"{kept}. To go on, give the same command with --resume."
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(advice) from None
            if isinstance(error, DistributionError):
                raise DistributionError(f"{error} {advice}") from error
            raise

    def _begun(self, about: Mapping[str, Any], resume: bool) -> dict[str, Any] | None:
        """What the parts that are there say of their run; None where there are none."""
        manifest = None if self._parts is None else self._parts.manifest()
        if self._parts is None or manifest is None or not self._parts.done():
            return None
        folder = self._parts.folder
        if not resume:
            raise ParameterError(
                f"'{folder}' holds {_length(self._parts.done()):,} samples of a run that was interrupted. Go on with "
                f"it with --resume, or delete the folder to start anew."
            )
        differing = [name for name in {**manifest["run"], **about} if manifest["run"].get(name) != about.get(name)]
        if differing:
            raise ParameterError(
                f"cannot go on with '{folder}': it was begun with another {' and another '.join(differing)}. Give what "
                f"it was begun with, or delete the folder to start anew."
            )
        return manifest

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
        everywhere = self._workers.gather({} if self._account is None else self._account.as_arrays())
        return total(Account.from_arrays(each) for each in everywhere if each)

    def _finish(self, parts: Parts, alone: Mapping[str, Any]) -> Account:
        """Write the output on the first worker, and delete the parts."""
        if self._is_begun or self._workers.n > 1:
            self._workers.agree(self._write_kept)
        if self._workers.n > 1:
            self._collect(parts)
        account = self._workers.agree(lambda: self._join(parts, alone) if self._workers.index == 0 else None)
        everywhere = self._workers.gather({} if account is None else account.as_arrays())
        parts.remove()
        return Account.from_arrays(everywhere[0])

    def _join(self, parts: Parts, alone: Mapping[str, Any]) -> Account:
        """Write the output, from memory or from the parts."""
        if self._is_begun:
            found: Sequence[Mapping[str, np.ndarray]] = [parts.read(part) for part in parts.done()]
            account = total(Account.from_arrays(each) for each in found)
        else:
            found, account = [each for _, each in self._kept], cast(Account, self._account)
        names = [name for name in found[0] if not name.startswith(PREFIX)]
        write_npz(parts.out, {name: np.asarray(value) for name, value in alone.items()}, found, names, self._n)
        return account

    def _collect(self, parts: Parts) -> None:
        """Send the first worker the parts that it lacks; with a folder that all workers share, it lacks none."""
        workers = self._workers
        there = [_as_slices(each["done"]) for each in workers.gather({"done": _as_array(parts.done())})]
        needed = without_overlap(part for place in there for part in place)
        missing = [part for part in needed if part not in there[0]]
        senders = [next(index for index, place in enumerate(there) if part in place) for part in missing]
        for part, sender in zip(missing, senders, strict=True):
            sent = workers.gather(dict(parts.read(part)) if workers.index == sender else {})[sender]
            if workers.index == 0:
                self._begin(parts)
                parts.write(part, sent)


def _length(parts: Iterable[slice]) -> int:
    return sum(part.stop - part.start for part in parts)


def _as_array(parts: Iterable[slice]) -> np.ndarray:
    return np.array([(part.start, part.stop) for part in parts], "int64").reshape(-1, 2)


def _as_slices(array: np.ndarray) -> list[slice]:
    return [slice(start, stop) for start, stop in array.tolist()]


def _gaps(parts: Iterable[slice], n: int) -> list[slice]:
    """What lies between the parts, and up to `n`."""
    begin, gaps = 0, []
    for part in (*parts, slice(n, n)):
        if part.start > begin:
            gaps.append(slice(begin, part.start))
        begin = part.stop
    return gaps


def _share(gaps: Iterable[slice], size: int, workers: Workers) -> list[slice]:
    """What this worker has to run of the gaps: its part of their batches, one behind the other."""
    starts = [(start, gap.stop) for gap in gaps for start in range(gap.start, gap.stop, size)]
    first, last = (len(starts) * part // workers.n for part in (workers.index, workers.index + 1))
    found: list[slice] = []
    for start, stop in starts[first:last]:
        here = slice(start, min(start + size, stop))
        if found and found[-1].stop == start:
            here = slice(found.pop().start, here.stop)
        found.append(here)
    return found
