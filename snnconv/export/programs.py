"""Running compilers, simulators and what they made, to test what was exported."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 300  # seconds


@dataclass(frozen=True)
class Ran:
    """What running a program gave.

    Parameters
    ----------
    passed : bool or None
        Whether it ended with status 0; None where it was stopped after `TIMEOUT`.
    said : str
        Its last line, or the first that names an error.
    """

    passed: bool | None
    said: str


def run(command: Sequence[str], folder: Path | None = None) -> Ran:
    """Run a program, in `folder` or in the current one."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired:
        return Ran(None, f"it was stopped after {TIMEOUT} s")
    except OSError as error:
        return Ran(False, str(error))
    lines = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode == 0:
        return Ran(True, lines[-1].strip() if lines else "")
    errors = [line for line in lines if "error" in line or "FAILED" in line]
    return Ran(False, (errors or lines or [f"exit status {done.returncode}"])[0])
