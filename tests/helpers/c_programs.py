"""Compiling what the C target writes and running it on any inputs, beside the golden vectors that it brings."""

import subprocess

import numpy as np
import pytest

from snnconv.export import c
from snnconv.export.c import c_files
from snnconv.export.c.compiling import FLAGS, compiler
from snnconv.export.c.program import Names
from snnconv.export.golden import golden_vectors
from snnconv.export.integers import to_integers
from snnconv.export.target import Settings
from snnconv.quantize import run

NEEDS_COMPILER = pytest.mark.skipif(compiler() is None, reason="there is no C compiler: gcc, cc or clang")
SANITIZE = ("-fsanitize=undefined", "-fno-sanitize-recover=all")


def settings_for(graph, x, n_steps=40, target=c.TARGET, **options):
    return Settings(0.001, graph.check_inputs(x, "float64", n_steps), n_steps, target.check_options(options))


def integers_and_files(graph, x, n_steps=40, **options):
    """The integer graph and the files of its program, by name."""
    settings = settings_for(graph, x, n_steps, **options)
    integers = to_integers(graph, settings)
    return integers, c_files(integers, golden_vectors(integers, settings))


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def compiled(folder, integers, n_steps, options=("-O2",), varies=False):
    """A program that reads inputs, one per sample or one per step, and writes every spike and every sum."""
    names = Names(integers)
    spikes = [f"net.{names.plain[name]}_value" for name in integers.populations]
    totals = [f"net.{names.plain[node.name]}_total" for node in integers.readouts.values()]
    writes = "\n".join(
        f"fwrite({array}, sizeof {array}[0], sizeof {array} / sizeof {array}[0], stdout);"
        for array in [*spikes, *totals]
    )
    read = (
        "if (fread(input, sizeof input[0], SNN_N_INPUT, stdin) != SNN_N_INPUT) return 0;\nsnn_present(&net, input);\n"
    )
    (folder / "run.c").write_text(
        '#include <stdio.h>\n#include "network.h"\nstatic snn_network net;\nint main(void)\n{\n'
        "static snn_input input[SNN_N_INPUT];\nint step;\n"
        f"for (;;) {{\nsnn_reset(&net);\n{'' if varies else read}for (step = 0; step < {n_steps}; step++) {{\n"
        f"{read if varies else ''}snn_step(&net);\n{writes}\n}}\n}}\nreturn 0;\n}}\n"
    )
    sources = [str(folder / "network.c"), str(folder / "run.c")]
    command = [compiler(), *options, *FLAGS, "-o", str(folder / "run"), *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def assert_equals_numpy(folder, integers, x, n_steps, options=("-O2",)):
    """Every spike and every sum of the program is that of the NumPy loop; returns the number of spikes."""
    expected = run(integers, x, n_steps, record="all.spikes")
    codes = integers.check_inputs(x, n_steps)
    varies = codes.ndim > len(integers.input.shape) + 1
    limits = integers.input.code.codes
    kind = next(
        kind
        for kind in ("uint8", "int8", "uint16", "int16")
        if np.iinfo(kind).min <= limits.low and limits.high <= np.iinfo(kind).max
    )
    program = compiled(folder, integers, n_steps, options, varies)
    done = subprocess.run([program], input=codes.astype(kind).tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    record = np.dtype(
        [(f"s{number}", layer.spike_dtype, layer.shape) for number, layer in enumerate(integers.populations.values())]
        + [(f"y{number}", "i4", node.shape) for number, node in enumerate(integers.readouts.values())]
    )
    found = np.frombuffer(done.stdout, record).reshape(len(codes), n_steps)
    for number, name in enumerate(integers.populations):
        np.testing.assert_array_equal(found[f"s{number}"], expected.spikes[name], err_msg=name)
    outputs = expected.output if isinstance(expected.output, dict) else {"": expected.output}
    for number, (label, output) in enumerate(outputs.items()):
        np.testing.assert_array_equal(found[f"y{number}"], output.cumsum(1), err_msg=label)
    return sum(int(np.abs(spikes).sum(dtype="int64")) for spikes in expected.spikes.values())
