"""Running a float network's C on samples, as a user's program would."""

from __future__ import annotations

import math
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from ....errors import ExportError
from ....runtime.result import Result
from ...programs import run as run_program
from ...target import Inputs
from ..compiling import FLAGS, compiler
from ..loops import indented, loop
from .names import Names, literal


def run(names: Names, folder: Path, inputs: Inputs, n_steps: int) -> Result:
    """Compile the network in `folder`, somewhere else, and run it: its spikes, and its outputs at each step.

    Raises
    ------
    ExportError
        If it does not compile or run.
    """
    (node,) = names.graph.inputs
    x = np.asarray(inputs[node.name], "float64")
    with tempfile.TemporaryDirectory() as work:
        main, program = Path(work) / "run.c", Path(work) / "run"
        main.write_text(_main(names, n_steps, inputs.varies(node.name)), "utf-8")
        command = [str(compiler()), "-O2", *FLAGS, "-I", str(folder), "-o", str(program)]
        compiled = run_program([*command, str(folder / "network.c"), str(main)])
        if not compiled.passed:
            raise ExportError(f"the program for '{names.graph.name}' does not compile: {compiled.said}.")
        done = subprocess.run([str(program)], input=x.tobytes(), capture_output=True, check=False)
    record = np.dtype(
        [(f"s{name}", "i4", names.graph[name].shape) for name in names.graph.populations]
        + [(f"y{label}", "f8", names.output(label).shape) for label in names.graph.outputs]
    )
    if done.returncode or len(done.stdout) != len(x) * n_steps * record.itemsize:
        raise ExportError(f"the program for '{names.graph.name}' does not run to its end: {done.stderr.decode()!r}.")
    found = np.frombuffer(done.stdout, record).reshape(len(x), n_steps)
    outputs = {
        label: found[f"y{label}"].reshape(len(x), n_steps, *names.graph[name].shape)
        for label, name in names.graph.outputs.items()
    }
    spikes = {name: found[f"s{name}"] for name in names.graph.populations}
    return Result(outputs, n_steps, names.dt, spikes)


def _main(names: Names, n_steps: int, varies: bool) -> str:
    """A program that reads inputs, one per sample or one per step, and writes spikes and outputs of each step."""
    writes = []
    for name in names.graph.populations:
        node = names.graph[name]
        value, height = f"net.{names.plain[name]}_value", literal(names.constants(node)["HEIGHT"])
        count = f"const int32_t count = (int32_t)({value}[j] / {height} + 0.5);"
        write = loop("j", math.prod(node.shape), [count, "fwrite(&count, sizeof count, 1, stdout);"])
        writes += ["{", *indented(["int32_t j;", *write]), "}"]
    for label in names.graph.outputs:
        value = f"net.{names.plain[names.output(label).name]}_value"
        writes.append(f"fwrite({value}, sizeof {value}[0], sizeof {value} / sizeof {value}[0], stdout);")
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
        "    int32_t step;",
        "    for (;;) {",
        *indented(["snn_reset(&net);", *([] if varies else read), *steps], 2),
        "    }",
        "}",
    ]
    return "\n".join([*lines, ""])
