"""Compiling and running what the C target wrote, where a compiler is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ExportError

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SOURCES = ("network.c", "self_test.c")
TIMEOUT = 300  # seconds


@dataclass(frozen=True)
class Built:
    """What compiling and running the self-test gave.

    Parameters
    ----------
    passed : bool
    said : str
        Its last line, or what the compiler said.
    """

    passed: bool
    said: str


@dataclass(frozen=True)
class Sizes:
    """What network.c takes.

    Parameters
    ----------
    text : int or None
        Bytes of code and weights; None where `size` is not there.
    ram : int
        Bytes of the network's struct.
    """

    text: int | None
    ram: int


def compiler() -> str | None:
    """Path of a C compiler."""
    return next(filter(None, map(shutil.which, ("gcc", "cc", "clang"))), None)


def build(folder: Path, options: Sequence[str] = ("-O2",)) -> Built:
    """Compile the program in `folder` somewhere else, and run its self-test.

    Raises
    ------
    ExportError
        If there is no compiler.
    """
    found = compiler()
    if found is None:
        raise ExportError("there is no C compiler: gcc, cc or clang.")
    with tempfile.TemporaryDirectory() as work:
        program = Path(work) / "self_test"
        sources = [str(folder / name) for name in SOURCES]
        compiled = _run([found, *options, *FLAGS, "-o", str(program), *sources])
        if not compiled.passed:
            return Built(False, f"it does not compile: {compiled.said}")
        return _run([str(program)])


def measure(files: Mapping[str, str]) -> tuple[Built, Sizes]:
    """Compile and run files by name, and find out their sizes at -Os."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
        built = build(folder)
        ram = re.search(r"(\d+) bytes of RAM", built.said)
        return built, Sizes(_text_size(folder), int(ram.group(1)) if ram else 0)


def _text_size(folder: Path) -> int | None:
    found, size = compiler(), shutil.which("size")
    if found is None or size is None:
        return None
    unit = str(folder / "network.o")
    if not _run([found, "-Os", "-std=c99", "-c", "-o", unit, str(folder / "network.c")]).passed:
        return None
    numbers = re.match(r"(\d+)\s", _run([size, unit]).said)
    return int(numbers.group(1)) if numbers else None


def _run(command: Sequence[str]) -> Built:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Built(False, str(error))
    lines = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode == 0:
        return Built(True, lines[-1].strip() if lines else "")
    errors = [line for line in lines if "error" in line or "FAILED" in line]
    return Built(False, (errors or lines or [f"exit status {done.returncode}"])[0])
