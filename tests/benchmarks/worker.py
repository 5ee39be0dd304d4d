"""One system in a process of its own, told what to do by lines of JSON: ``python -m tests.benchmarks.worker SYSTEM``.

It answers each request with a line of JSON, ``{"error": …}`` where something failed:

    {"do": "build", "work": {…}, "output": "y.npy"}     build, run once, and keep the output in the file
    {"do": "time", "repeats": 3, "patience": 10}        run until so many runs were quiet
    {"do": "stop"}

The number of threads has to stand in the environment before it starts; `processes.Worker` sees to that.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from . import systems, timing, works


class Server:
    """Builds a work for one system, and runs it."""

    def __init__(self, name: str):
        self.system = systems.SYSTEMS[name]
        self.n_threads = int(os.environ["OMP_NUM_THREADS"])
        self.run: Callable[[], Any] = lambda: None
        self.is_long = False

    def build(self, work: dict[str, Any], output: str | None = None) -> dict[str, Any]:
        given = read_work(work)
        start = time.perf_counter()
        module = importlib.import_module(f"{__package__}.systems.{self.system.module}")
        imported = time.perf_counter()
        self.run = module.build(given, **self.system.options)
        built = time.perf_counter()
        result = self.run()
        first = time.perf_counter()
        if output and result is not None:
            np.save(output, result)
        self.is_long = given.mean_only
        return {
            "import": imported - start,
            "build": built - imported,
            "first": first - built,
            "python": platform.python_version(),
            "versions": {package: importlib.metadata.version(package) for package in self.system.packages},
            "memory": timing.peak_memory(),
        }

    def time(self, repeats: int, patience: float) -> dict[str, Any]:
        if not self.is_long:
            self.run()  # the other systems have had the caches since
        others = timing.Others()
        runs = timing.timed(self.run, self.n_threads, repeats, patience)
        return {"runs": runs, "others": others.cores(), "memory": timing.peak_memory()}


def read_work(given: dict[str, Any]) -> works.Work:
    """The work that a request describes: arguments of `works.make`, with files in the place of arrays."""
    images = np.load(given["images"]) if given.get("images") else None
    work = works.make(given["name"], given.get("n_samples"), given.get("n_steps"), images)
    if given.get("model"):
        from .graphs import from_model

        work = from_model(work, given["model"])
    mean_only = given.get("mean_only", work.mean_only)
    return dataclasses.replace(work, mean_only=mean_only, densities=tuple(given.get("densities", ())))


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer
    server = Server(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        what = request.pop("do")
        if what == "stop":
            return
        try:
            answer = {"build": server.build, "time": server.time}[what](**request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
