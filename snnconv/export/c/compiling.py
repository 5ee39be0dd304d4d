"""Compiling and running what the C target wrote, where a compiler is there."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ExportError
from ..programs import Ran, run

FLAGS = ("-std=c99", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-pedantic")
SOURCES = ("network.c", "self_test.c")


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


def build(folder: Path, options: Sequence[str] = ("-O2",)) -> Ran:
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
        compiled = run([found, *options, *FLAGS, "-o", str(program), *sources])
        if not compiled.passed:
            return Ran(False, f"it does not compile: {compiled.said}")
        return run([str(program)])


def measure(files: Mapping[str, str]) -> tuple[Ran, Sizes]:
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
    if not run([found, "-Os", "-std=c99", "-c", "-o", unit, str(folder / "network.c")]).passed:
        return None
    numbers = re.match(r"(\d+)\s", run([size, unit]).said)
    return int(numbers.group(1)) if numbers else None
