"""Integer steps in C, written from `IntegerNeuron.step`: the integers of NumPy, and nothing that C leaves open."""

import dataclasses
import subprocess

import numpy as np
import pytest

from snnconv.export.c.compiling import FLAGS, compiler
from snnconv.export.c.loops import indented, loop
from snnconv.export.c.program import INT32
from snnconv.export.c.source import HELPERS
from snnconv.export.c.tracer import Trace
from snnconv.quantize.neurons import IntegerIF, IntegerLIF

from ..helpers.c_programs import NEEDS_COMPILER, SANITIZE

N_NEURONS, N_STEPS = 200, 2000


def numbers(low, high, seed=0):
    return np.random.default_rng(seed).integers(low, high, N_NEURONS, dtype="int32")


def lif(refractory_steps=0, floor=0):
    limits = {"threshold": numbers(1000, 9000), "floor": np.full(N_NEURONS, floor, "int32"), "start": numbers(0, 1000)}
    return IntegerLIF(**limits, leak=201, fraction_bits=12, refractory_steps=refractory_steps)


def integrate(is_rectified=False, floor=0):
    limits = {"floor": np.full(N_NEURONS, floor, "int32"), "ceiling": numbers(9000, 20000), "start": numbers(0, 1000)}
    return IntegerIF(threshold=numbers(1000, 9000), **limits, is_rectified=is_rectified)


# the neuron, and the mean and the spread of its drive
CASES = {
    "LIF": (lif(), 300, 400),
    "LIF that rests": (lif(3), 300, 400),
    "LIF with a short leak": (lif(3).shortened(), 300, 400),
    "LIF with a floor below 0": (lif(2, -3000), 200, 900),
    "IF": (integrate(), 300, 900),
    "IF that ignores negative drive": (integrate(is_rectified=True), 300, 900),
    # with a threshold less, the lowest potential would be below -2^31
    "IF whose potential falls to the end of int32": (integrate(floor=-(1 << 30)), -(1 << 22), 1 << 28),
}


def drives(case):
    _, mean, spread = CASES[case]
    limit = 1 << 30
    return np.random.default_rng(1).normal(mean, spread, (N_STEPS, N_NEURONS)).clip(-limit, limit).astype("int32")


def code(number, neuron):
    """Constants, state and a step of one neuron, which writes its spikes and its state."""
    trace = Trace(f"{neuron.kind} neurons", INT32, lambda array: "")
    fields = [field for field in neuron.array_fields if field != "start"]
    symbols = {field: trace.given(f"{field}_{number}[j]") for field in fields}
    state = {
        name: trace.given(f"{name}_{number}[j]", f"old_{name}", (neuron.floor >= 0).all()) for name in neuron.state
    }
    spikes, after = dataclasses.replace(neuron, **symbols).step(trace.given("drive[j]"), state)
    lines, found = trace.code({"spikes": spikes} | {f"new_{name}": value for name, value in after.items()})
    arrays = {field: getattr(neuron, field) for field in fields}
    starts = neuron.initial_state((N_NEURONS,))
    declared = [
        f"static {kind}int32_t {name}_{number}[] = {{{', '.join(map(str, array.tolist()))}}};"
        for kind, group in (("const ", arrays), ("", starts))
        for name, array in group.items()
    ]
    stores = [f"{name}_{number}[j] = {found[f'new_{name}']};" for name in neuron.state]
    wrote = [f"fwrite(&{name}, 4, 1, stdout);" for name in ("sent", *(f"{name}_{number}[j]" for name in neuron.state))]
    body = loop("j", N_NEURONS, [*lines, *stores, f"const int32_t sent = {found['spikes']};", *wrote])
    read = [f"if (fread(drive, 4, {N_NEURONS}, stdin) != {N_NEURONS})", "    return 1;"]
    return declared, loop("step", N_STEPS, [*read, *body])


@pytest.fixture(scope="module", params=["-O2", "-O3", "sanitized"])
def computed(request, tmp_path_factory):
    """Spikes and state of every neuron at each step, by the name of its case: one program for all."""
    folder = tmp_path_factory.mktemp("c")
    parts = [code(number, neuron) for number, (neuron, _, _) in enumerate(CASES.values())]
    lines = ["#include <stdint.h>", "#include <stdio.h>", *HELPERS["shift_down"], f"static int32_t drive[{N_NEURONS}];"]
    lines += [line for declared, _ in parts for line in declared]
    steps = [line for _, body in parts for line in body]
    lines += ["int main(void)", "{", *indented(["int32_t step, j;", *steps, "return 0;"]), "}", ""]
    (folder / "run.c").write_text("\n".join(lines))
    options = ["-O1", *SANITIZE] if request.param == "sanitized" else [request.param]
    command = [compiler(), *options, *FLAGS, "-Wconversion", "-o", folder / "run", folder / "run.c"]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    given = b"".join(drives(case).tobytes() for case in CASES)
    done = subprocess.run([folder / "run"], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found, start = {}, 0
    numbers = np.frombuffer(done.stdout, "int32")
    for case, (neuron, _, _) in CASES.items():
        n = 1 + len(neuron.state)
        end = start + N_STEPS * N_NEURONS * n
        found[case] = numbers[start:end].reshape(N_STEPS, N_NEURONS, n)
        start = end
    assert start == len(numbers)
    return found


@NEEDS_COMPILER
@pytest.mark.parametrize("case", CASES)
def test_every_integer_of_the_step_in_c_is_that_of_numpy(case, computed):
    neuron, found, n_spikes = CASES[case][0], computed[case], 0
    state = neuron.initial_state((N_NEURONS,))
    for step, drive in enumerate(drives(case)):
        spikes, state = neuron.step(drive.astype("int64"), state)
        np.testing.assert_array_equal(found[step], np.stack([spikes, *(state[name] for name in neuron.state)], -1))
        n_spikes += spikes.sum()
    assert n_spikes > 1000


def test_a_shift_of_what_is_never_negative_is_plain():
    trace = Trace("LIF neurons", INT32, lambda array: "")
    signed, natural = trace.given("V[j]"), trace.given("r[j]", is_natural=True)
    results = {"a": np.right_shift(natural * 3 + 2048, 12), "b": np.right_shift(signed * 3 + 2048, 12)}
    lines, _ = trace.code(results | {"c": np.right_shift(natural - 1, 2)})
    assert [line.split(" = ")[1] for line in lines if "shift" in line or ">>" in line] == [
        "t2 >> 12;",
        "shift_down(t4, 12);",
        "shift_down(t5, 2);",
    ]
