"""Compiling programs in C and running them, where a compiler is there."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ExportError
from ...files.writing import scratch
from ..programs import Ran, run
from .loops import indented, loop

FLAGS = ("-std=c99", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-pedantic")
SOURCES = ("network.c", "self_test.c")


@dataclass(frozen=True)
class Sizes:
    """Memory that network.c takes.

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
    with scratch() as work:
        program = work / "self_test"
        sources = [str(folder / name) for name in SOURCES]
        compiled = run([found, *options, *FLAGS, "-o", str(program), *sources])
        if not compiled.passed:
            return Ran(False, f"it does not compile: {compiled.said}")
        return run([str(program)])


def measure(files: Mapping[str, str]) -> tuple[Ran, Sizes]:
    """Compile and run files by name, and find out their sizes at -Os."""
    with scratch() as work:
        folder = work
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


@dataclass(frozen=True)
class Recorded:
    """Numbers to record at each step of a network `net`.

    Parameters
    ----------
    kind, dtype : str
        Their type in C, and in NumPy.
    shape : tuple of int
    number : str
        Expression of one, at the index j.
    """

    kind: str
    dtype: str
    shape: tuple[int, ...]
    number: str


def run_samples(
    folder: Path, name: str, x: np.ndarray, n_steps: int, varies: bool, recorded: Sequence[Recorded]
) -> list[np.ndarray]:
    """Compile the network in `folder` somewhere else, and run it as a user's program would.

    Parameters
    ----------
    name : str
        Name of the network, for messages.
    x : (n, *input) or (n, n_steps, *input) array
        Inputs, of the type that the network reads.
    varies : bool
        Whether inputs change from step to step.

    Returns
    -------
    list of (n, n_steps, *shape) arrays
        As `recorded`.

    Raises
    ------
    ExportError
        If it does not compile or run.
    """
    with scratch() as work:
        main, program = work / "run.c", work / "run"
        main.write_text(_main(recorded, n_steps, varies), "utf-8")
        command = [str(compiler()), "-O2", *FLAGS, "-I", str(folder), "-o", str(program)]
        compiled = run([*command, str(folder / "network.c"), str(main)])
        if not compiled.passed:
            raise ExportError(f"the program for '{name}' does not compile: {compiled.said}.")
        done = subprocess.run([str(program)], input=x.tobytes(), capture_output=True, check=False)
    record = np.dtype([(str(number), each.dtype, each.shape) for number, each in enumerate(recorded)])
    if done.returncode or len(done.stdout) != len(x) * n_steps * record.itemsize:
        raise ExportError(f"the program for '{name}' does not run to its end: {done.stderr.decode()!r}.")
    found = np.frombuffer(done.stdout, record).reshape(len(x), n_steps)
    return [found[str(number)] for number in range(len(recorded))]


def _main(recorded: Sequence[Recorded], n_steps: int, varies: bool) -> str:
    """A program that reads inputs, one per sample or one per step, and writes what is recorded at each step."""
    writes: list[str] = []
    for each in recorded:
        number = f"const {each.kind} number = {each.number};"
        writes += loop("j", math.prod(each.shape), [number, "fwrite(&number, sizeof number, 1, stdout);"])
    read = [
        "if (fread(input, sizeof input[0], SNN_N_INPUT, stdin) != SNN_N_INPUT)",
        "    return 0;",
        "snn_present(&net, input);",
    ]
    steps = loop("step", n_steps, [*(read if varies else []), "snn_step(&net);", *writes])
    lines = [
        "#include <stdio.h>",
        '#include "network.h"',
        "static snn_network net;",
        "static snn_input input[SNN_N_INPUT];",
        "int main(void)",
        "{",
        "    int32_t step, j;",
        "    for (;;) {",
        *indented(["snn_reset(&net);", *([] if varies else read), *steps], 2),
        "    }",
        "}",
    ]
    return "\n".join([*lines, ""])
