"""Timing on a machine that others use too: runs that they held up are told from quiet ones."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable
from typing import Any

HELD_UP = 0.07  # of a run's time spent waiting for a core that others had: more is not quiet
TRIES = 4  # runs for each quiet one that is wanted
PAUSE = 0.3  # seconds after a run that was held up


def timed(run: Callable[[], Any], n_threads: int, repeats: int, patience: float) -> list[dict[str, Any]]:
    """Run until `repeats` runs were quiet, or until four times as many or `patience` seconds show that none will be.

    Returns
    -------
    list of dict
        Of each run: seconds of `wall` and `cpu` time, and whether it was `quiet`.
    """
    runs: list[dict[str, Any]] = []
    deadline = time.perf_counter() + patience
    while sum(each["quiet"] for each in runs) < repeats:
        runs.append(once(run, n_threads))
        if time.perf_counter() > deadline or len(runs) == TRIES * repeats:
            break
        if not runs[-1]["quiet"]:
            time.sleep(PAUSE)
    return runs


def once(run: Callable[[], Any], n_threads: int) -> dict[str, Any]:
    """Time one run."""
    waiting, cpu, wall = _waiting(), time.process_time(), time.perf_counter()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    held_up = (_waiting() - waiting) / (wall * n_threads) if os.path.exists("/proc/self/task") else float("inf")
    if n_threads == 1:  # a thread that was on a core all the time was not held up, even if others of its pool were
        held_up = min(held_up, 1 - cpu / wall)
    return {"wall": wall, "cpu": cpu, "quiet": held_up < HELD_UP}


def seconds(run: dict[str, Any], n_threads: int) -> float:
    """What a run took; with one thread, what it took of the processor if others held it up."""
    return run["wall"] if run["quiet"] or n_threads > 1 else run["cpu"]


class Others:
    """Watches how much all other processes compute, from now on."""

    def __init__(self) -> None:
        self._start = self._now()

    def cores(self) -> float:
        """Cores that they used, on average."""
        wall, theirs = (now - then for now, then in zip(self._now(), self._start))  # noqa: B905 - Python 3.9
        return max(theirs, 0.0) / wall  # the kernel counts in hundredths of a second

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), _busy() - time.process_time()


def peak_memory() -> float:
    """Most memory that this process has held so far, libraries included, in MiB; NaN where the system does not say."""
    # not getrusage: there a process begins with its parent's peak
    lines = [line for line in _lines("/proc/self/status") if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) / 1024 if lines else float("nan")


def _waiting() -> float:
    """Seconds that this process' threads were ready to run, and had no core to run on."""
    return sum(int(line.split()[1]) for path in glob.glob("/proc/self/task/*/schedstat") for line in _lines(path)) / 1e9


def _busy() -> float:
    """Seconds of all cores together that any process has used since the start."""
    numbers = [int(number) for line in _lines("/proc/stat")[:1] for number in line.split()[1:]]
    return (sum(numbers) - numbers[3] - numbers[4]) / os.sysconf("SC_CLK_TCK") if numbers else 0.0


def _lines(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.readlines()
    except OSError:  # not Linux, or the thread has ended
        return []
