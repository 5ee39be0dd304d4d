"""The C program: the integers of the NumPy loop, bit for bit, whatever the compiler does."""

import math
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnconv import export
from snnconv.errors import ExportError, ParameterError
from snnconv.export import verify_folder
from snnconv.export.c import compiling
from snnconv.files.manifest import changed_files, read_manifest, write_manifest
from snnconv.neurons import IF, LIF, Tanh
from snnconv.quantize import load

from ..helpers.branched_networks import SHAPES, random_network
from ..helpers.c_programs import NEEDS_COMPILER, SANITIZE, assert_equals_numpy, integers_and_files, write
from ..helpers.command import run as run_command
from ..helpers.examples import at_most
from ..helpers.golden import expected
from ..helpers.integer_networks import Line, calibrated_digits, random_line, with_start

pytestmark = NEEDS_COMPILER


def digits_like():
    """64-64-64-10, as for 8 x 8 images."""
    rng = np.random.default_rng(0)
    line = Line((64,))
    for number in (1, 2):
        line.dense(f"d{number}", rng.normal(0, 0.4, (64, 64))).neurons(f"n{number}", LIF(), rng.normal(1, 0.3, 64))
    return line.dense("out", rng.normal(size=(64, 10)), rng.normal(size=10)).graph("digits")


def test_200_samples_of_100_steps_give_every_spike_and_sum(tmp_path):
    graph, x = digits_like(), np.random.default_rng(1).random((200, 64))
    integers, files = integers_and_files(graph, x, 100, golden=1)
    write(tmp_path, files)
    assert assert_equals_numpy(tmp_path, integers, x, 100) > 100_000


@pytest.mark.full
@pytest.mark.parametrize("options", [("-O0",), ("-O3",), ("-Os", "-ffast-math"), ("-O1", *SANITIZE)], ids=" ".join)
@pytest.mark.parametrize("conv", [False, True], ids=["dense", "convolution"])
@pytest.mark.parametrize("neuron", ["LIF", "IF"])
def test_no_optimisation_changes_anything(options, conv, neuron, tmp_path):
    graph = random_line(3, conv=conv, neuron=neuron, synapse=True, min_voltage=-0.7)
    x = np.random.default_rng(1).random((4, *graph.inputs[0].shape))
    integers, files = integers_and_files(graph, x)
    write(tmp_path, files)
    assert assert_equals_numpy(tmp_path, integers, x, 40, options) > 20


@at_most(10)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from(SHAPES),
    neuron=st.sampled_from(["LIF", "LIF", "IF"]),
    synapse=st.booleans(),
    refractory=st.sampled_from([0.0, 0.001, 0.003]),
    min_voltage=st.sampled_from([0.0, -0.7, -math.inf, math.nan]),
    bits=st.integers(2, 16),
    code=st.sampled_from(["analog", "rate", "latency"]),
    start=st.sampled_from([0.0, 0.5, 0.999]),
    low=st.sampled_from([0.0, -1.0]),
    input_bits=st.sampled_from([2, 8, 12]),
    scale=st.sampled_from(["neuron", "layer", "power_of_two"]),
    varies=st.booleans(),
)
def test_the_program_gives_the_integers_of_numpy(
    tmp_path_factory,
    seed, shape, neuron, synapse, refractory, min_voltage, bits, code, start, low, input_bits, scale, varies,
):  # fmt: skip
    """With every check of undefined behaviour that the compiler has."""
    if math.isnan(min_voltage):  # IF neurons that ignore negative currents
        min_voltage = None if neuron == "IF" else 0.0
    graph = random_network(seed, shape, neuron=neuron, synapse=synapse, tau_ref=refractory, min_voltage=min_voltage)
    graph = with_start(graph, start)
    low = low if code == "analog" else 0.0
    lead = (3, 25) if varies and code != "latency" else (3,)
    x = np.random.default_rng(seed).uniform(low, 1, (*lead, *graph.inputs[0].shape))
    options = {"bits": bits, "code": code, "low": low, "input_bits": input_bits, "scale": scale}
    integers, files = integers_and_files(graph, x, 25, **options)
    folder = tmp_path_factory.mktemp("c")
    write(folder, files)
    assert_equals_numpy(folder, integers, x, 25, ("-O1", *SANITIZE))
    golden = expected(integers, x, 25, 4)
    assert compiling.build(folder, ("-O0",)).said.startswith(f"PASSED: {golden.size};")


def test_geometry_of_every_kind(tmp_path):
    """One and three dimensions, strides, dilation, groups, one-sided padding, several pools, two outputs."""
    rng = np.random.default_rng(0)
    line = Line((5, 4, 6, 2)).pad("pad", 1, 0)
    line.conv("c1", rng.normal(0, 1, (2, 3, 2, 1, 4)), groups=2, dilation=1).neurons("n1", LIF(), np.full(4, 1.0))
    line.pool("p1", 2, strides=1).pool("p2", 2)
    line.flatten().dense("d", rng.normal(0, 0.5, (line.last.shape[0], 8)))
    line.neurons("n2", LIF(), np.full(8, 1.0))
    graph = line.dense("out", rng.normal(size=(8, 3))).graph("geometry")
    x = rng.random((3, 5, 4, 6, 2))
    integers, files = integers_and_files(graph, x)
    write(tmp_path, files)
    assert assert_equals_numpy(tmp_path, integers, x, 40, ("-O1", *SANITIZE)) > 50
    line = Line((12, 3)).conv("c1", rng.normal(0, 1, (3, 3, 4)), strides=2, padding=2, dilation=2)
    graph = line.neurons("n1", IF(min_voltage=None, max_spikes=1), rng.normal(50, 50, line.last.shape))
    graph = graph.flatten().dense("out", rng.normal(size=(line.last.shape[0], 2))).graph("line")
    x = rng.random((3, 12, 3)) * 100
    integers, files = integers_and_files(graph, x, high=100.0)
    write(tmp_path, files)
    assert assert_equals_numpy(tmp_path, integers, x, 40, ("-O1", *SANITIZE)) > 50


def test_golden_vectors_are_smaller_for_large_networks(tmp_path):
    rng = np.random.default_rng(0)
    line = Line((20, 20, 1)).conv("c", rng.normal(0, 1, (3, 3, 1, 64))).neurons("n", LIF(), np.ones(64))
    graph = line.flatten().dense("out", rng.normal(size=(line.last.shape[0], 2))).graph()
    _, files = integers_and_files(graph, rng.random((8, 20, 20, 1)), 100)
    assert "#define GOLDEN_SAMPLES 1\n#define GOLDEN_STEPS 12\n" in files["golden.h"]
    write(tmp_path, files)
    assert compiling.build(tmp_path).said.startswith("PASSED: 1 sample of 12 steps")


@pytest.mark.full
def test_calibrated_digits_start_at_half_their_threshold(tmp_path):
    graph, x = calibrated_digits()
    integers, files = integers_and_files(graph, x, 16)
    assert all((layer.start > 0).all() for layer in integers.populations.values())
    write(tmp_path, files)
    assert assert_equals_numpy(tmp_path, integers, x, 16) > 30_000
    assert compiling.build(tmp_path).passed
    write(
        tmp_path, files | {"network.c": re.sub(r"(_voltage\[j\]) = [^;]*_start\[j\];", r"\1 = 0;", files["network.c"])}
    )
    assert re.match(r"FAILED: sample 0, step 0: (spike|voltage)", compiling.build(tmp_path).said)


@pytest.mark.parametrize("pooled", [False, True], ids=["layer", "pool"])
def test_a_held_input_is_summed_up_once(pooled, tmp_path):
    """The step neither takes the input nor touches the first weights; what they give is the same."""
    rng = np.random.default_rng(0)
    line = Line((4, 6, 2))
    line = line.pool("p1").pool("p2", 2, strides=1) if pooled else line
    line.conv("c", rng.normal(0, 1, (1, 2, 2, 4))).neurons("n", LIF(), np.full(4, 3.0)).flatten()
    graph = line.dense("out", rng.normal(size=(line.last.shape[0], 3))).graph()
    integers, files = integers_and_files(graph, rng.random((3, 4, 6, 2)))
    before, after = files["network.c"].split("int32_t snn_step(snn_network *net)")
    after = after.split("int32_t snn_argmax")[0]
    assert re.findall(r"(\w+)_\w+\(net", after) == ["step"] * 2
    assert len(re.findall(r"    present_\w+\(net", before)) == (3 if pooled else 1)
    assert not re.search(r"snn_n_kernel", before.split("static void step_n(")[1])
    write(tmp_path, files)
    x = rng.random((5, 4, 6, 2))
    assert assert_equals_numpy(tmp_path, integers, x, 40, ("-O1", *SANITIZE)) > 50
    varying = rng.random((2, 40, 4, 6, 2))
    assert assert_equals_numpy(tmp_path, integers, varying, 40) > 20


def test_sources_say_that_they_belong_to_their_user(tmp_path):
    _, files = integers_and_files(random_line(1), np.random.default_rng(0).random((4, 7)))
    assert all("SPDX-License-Identifier: MIT-0" in text.splitlines()[0] for text in files.values())


def one_changed(text, array):
    """A header with another number, by about half its size, at the middle of an array."""
    start = text.index("{", text.index(f"{array}[")) + 1
    end = text.index("}", start)
    numbers = text[start:end].split(",")
    middle = len(numbers) // 2
    number = int(numbers[middle])
    numbers[middle] = str(number ^ 1 << max(4, number.bit_length() - 2))
    return text[:start] + ",".join(numbers) + text[end:]


@pytest.mark.parametrize("array", ["snn_n1_kernel", "snn_n2_bias", "snn_n1_threshold", "snn_n1_start", "snn_y_kernel"])
def test_one_changed_number_fails_the_self_test(array, tmp_path):
    """The vectors see every kind of number: a change of one shows in a spike, a voltage or a sum."""
    graph = with_start(random_line(3), 0.5)
    _, files = integers_and_files(graph, np.random.default_rng(0).random((4, 7)), 100, bits=6, threshold_bits=4)
    write(tmp_path, files | {"params.h": one_changed(files["params.h"], array)})
    built = compiling.build(tmp_path)
    assert not built.passed
    assert re.match(r"FAILED: sample \d, step \d+: (spike|voltage|sum) of \w+ \d+ is -?\d+, expected -?\d+", built.said)


def test_names_cannot_leave_their_comments_nor_meet(tmp_path):
    rng = np.random.default_rng(0)
    line = Line((3,))
    names = ["a*/ int main(void){}", "A_int_main_void", 'n"; \\', "ü\n#error", "2", "for", "snn"]
    for name in names:
        line.dense(f"d{name}", rng.normal(0, 1, (line.last.shape[0], 4))).neurons(name, LIF(), np.full(4, 1.5))
    graph = line.dense("*/ out ??/n", rng.normal(size=(4, 2))).graph("net */")
    x = rng.random((2, 3))
    integers, files = integers_and_files(graph, x)
    write(tmp_path, files)
    assert compiling.build(tmp_path).passed
    assert assert_equals_numpy(tmp_path, integers, x, 40) > 20


def test_the_makefile_tests_the_program(tmp_path):
    _, files = integers_and_files(random_line(1), np.random.default_rng(0).random((4, 7)))
    write(tmp_path, files)
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    done = subprocess.run(["make", "test"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "PASSED: 4 samples of 40 steps" in done.stdout


def test_no_library_is_called_and_nothing_is_kept_outside_of_the_struct(tmp_path):
    _, files = integers_and_files(random_line(1, conv=True), np.random.default_rng(0).random((4, 5, 6, 2)))
    write(tmp_path, files)
    if shutil.which("nm") is None:
        pytest.skip("there is no nm")
    unit = tmp_path / "network.o"
    # -fno-builtin and the like keep a compiler from making calls of its own, such as memset, out of loops
    flags = ["-Os", "-std=c99", "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
    subprocess.run([compiling.compiler(), *flags, "-c", "-o", unit, tmp_path / "network.c"], check=True)
    listed = subprocess.run(["nm", unit], capture_output=True, text=True, check=True).stdout
    assert not re.findall(r" [UDdBbC] (\w+)", listed)


def test_an_export_measures_and_tests_itself(tmp_path):
    graph = random_line(2)
    x = np.random.default_rng(0).random((6, 7))
    verdict = export.export(graph, tmp_path / "net_c", "c", x=x, n_steps=50, bits=6, golden=2)
    assert not verdict.exact
    assert verdict.measured.total.n_written > 0
    assert "compiled here, its self-test passes (2 samples of 50 steps)" in verdict.notes[0]
    assert re.search(r"weights \d+ bytes, RAM \d+ bytes", verdict.notes[1])
    assert "weights rounded to 6 bits" in str(verdict)
    assert changed_files(tmp_path / "net_c") == {}
    assert load(tmp_path / "net_c" / "network.int.h5").settings.weight_bits == 6


def test_without_a_compiler_it_is_written_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    verdict = export.export(random_line(2), tmp_path / "c", "c", n_steps=20)
    assert "no C compiler is here" in verdict.notes[0]
    assert [check.passed for check in verify_folder(tmp_path / "c")] == [True, None]


@pytest.mark.parametrize(
    ("options", "x", "error", "message"),
    [
        ({}, 16.0, ExportError, r"inputs reach from 16 to 16, outside of 0…1\. Name their range: low=0 high=16"),
        ({"high": 8.0, "low": -1.0}, 16.0, ExportError, "outside of -1…8"),
        ({"code": "rate", "low": -1.0}, 0.5, ParameterError, "spikes have no sign"),
        ({"bits": 17}, 0.5, ParameterError, "^bits must be a whole number from 2 to 16"),
        ({"longest": 1 << 30}, 0.5, ParameterError, "^longest must be a whole number from 1 to 16777216"),
        ({"golden": 0}, 0.5, ExportError, "--golden must be a whole number above 0"),
        ({"code": "morse"}, 0.5, ParameterError, "--code must be one of analog, rate, latency"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(options, x, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export.export(random_line(2), tmp_path / "c", "c", x=np.full((2, 7), x), n_steps=20, **options)
    assert not list(tmp_path.iterdir())


def test_what_has_no_integer_form_is_named(tmp_path):
    rng = np.random.default_rng(0)
    graph = Line((3,)).dense("d", rng.normal(size=(3, 2))).neurons("bent", Tanh(), np.zeros(2)).graph()
    with pytest.raises(ExportError, match=r"'bent' \(Tanh\): "):
        export.export(graph, tmp_path / "c", "c", n_steps=20)


@pytest.mark.parametrize("change", ["changed", "missing", "added", "wrong vectors"])
def test_verify_names_what_is_damaged(change, tmp_path):
    folder = tmp_path / "net_c"
    export.export(random_line(2), folder, "c", n_steps=20)
    if change == "changed":
        (folder / "params.h").write_text((folder / "params.h").read_text().replace("1", "2", 1))
    elif change == "missing":
        (folder / "network.c").unlink()
    elif change == "added":
        (folder / "notes.txt").write_text("mine")
    else:  # as if snnconv had written wrong vectors: the checksums are right, the program is not
        text = (folder / "golden.h").read_text()
        (folder / "golden.h").write_text(one_changed(text, "golden_y_readouts"))
        write_manifest(folder, **{k: v for k, v in read_manifest(folder).items() if k in ("target", "dt")})
    files, *others = verify_folder(folder)
    if change in ("changed", "missing"):
        name = "params.h" if change == "changed" else "network.c"
        assert (files.passed, others) == (False, [])
        assert files.said == f"{name} is {change}"
        fails_check = run_command("verify", folder, code=1)
        assert re.search(rf"files +FAILED +{name} is {change}", fails_check)
        return
    assert files.passed
    assert ("not in the manifest: notes.txt" in files.said) == (change == "added")
    assert [check.passed for check in others] == [change == "added"]
    printed = run_command("verify", folder, code=0 if change == "added" else 1)
    assert re.search(r"program +ok +compiled" if change == "added" else r"program +FAILED .*sum of y", printed)
