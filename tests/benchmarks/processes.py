"""The other end of `worker`: starts it in a system's environment and talks to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .systems import SYSTEMS

ROOT = Path(__file__).parents[2]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",  # the first result does not depend on what was compiled before
}


def thread_settings(n_threads: int) -> dict[str, str]:
    """Environment of a process whose libraries are to use so many threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(n_threads))


def limit_threads(n_threads: int) -> None:
    """Hold this very process to so many threads; TensorFlow must not have been imported yet."""
    os.environ.update(thread_settings(n_threads), TF_CPP_MIN_LOG_LEVEL="3")


class WorkerError(Exception):
    """A system could not do what it was asked to."""


class Worker:
    """A system's process; use it as a context manager.

    Parameters
    ----------
    system : str
        Key of `SYSTEMS`.
    python : str
        The interpreter that has the system installed.
    """

    def __init__(self, system: str, n_threads: int = 1, python: str = sys.executable):
        self.title = SYSTEMS[system].title
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [python, "-m", "tests.benchmarks.worker", system],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=ROOT,
            env={**os.environ, **SETTINGS, **thread_settings(n_threads)},
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises
        ------
        WorkerError
            If the system failed, or its process ended.
        """
        process: Any = self._process
        try:
            process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            process.wait()
            raise WorkerError(f"{self.title}: its process ended with {process.returncode}: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.title}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        process: Any = self._process
        if process.poll() is None:
            process.kill()
        process.communicate()
        self._log.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        return lines[-1] if lines else "it said nothing"
