"""The params folder: every form of the numbers is the same numbers, and says what they mean."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from snnconv import export
from snnconv.errors import SnnconvError
from snnconv.export import verify_folder
from snnconv.export.params.check import check_folder
from snnconv.export.params.numbers import coe, mem, read_coe, read_mem
from snnconv.files.manifest import changed_files, read_manifest, write_manifest
from snnconv.quantize import SpikingLayer, WeightedNode, load, run

from ..helpers.branched_networks import random_network
from ..helpers.damaged_copies import blank_out, cut_short, flip_bytes, insert_bytes
from ..helpers.damaged_texts import damage_json, damage_npz
from ..helpers.integer_networks import Line, calibrated_digits, random_line

N_STEPS = 50


@pytest.fixture(scope="module", params=["dense line", "convolution line", "strided"])
def folder(request, tmp_path_factory):
    """A folder, and what it was written from."""
    graph = random_network(4, request.param, synapse=request.param == "convolution line")
    x = np.random.default_rng(0).random((3, *graph.inputs[0].shape))
    path = tmp_path_factory.mktemp("params") / "net"
    export.export(graph, path, "params", x=x, n_steps=N_STEPS, bits=6)
    return path, graph, x


def test_npz_json_mem_and_coe_hold_the_same_integers(folder):
    path, _, _ = folder
    integers = load(path / "network.int.h5")
    stored, found = np.load(path / "integers.npz"), json.loads((path / "params.json").read_text("utf-8"))
    assert (found["format"], found["version"], found["settings"]["weight_bits"]) == ("snnconv params", 2, 6)
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert list(layers) == [node.name for node in integers.nodes]
    for layer in (node for node in integers.nodes if isinstance(node, WeightedNode)):
        entry, fields = layers[layer.name], ["kernel"]
        assert (entry["inputs"], entry["shift"]) == (list(layer.inputs), layer.shift)
        np.testing.assert_array_equal(entry["float"]["weights"], layer.weights)
        if isinstance(layer, SpikingLayer):
            assert entry["leak"] == layer.leak
            assert entry["ranges"]["voltage"] == [layer.ranges["voltage"].low, layer.ranges["voltage"].high]
            fields += ["bias", "threshold", "floor", "start"]
        for field in fields:
            array = getattr(layer, field)
            name = f"{entry['id']}_{field}"
            np.testing.assert_array_equal(stored[f"{entry['id']}/{field}"], array)
            np.testing.assert_array_equal(entry["arrays"][field], array)
            text = (path / f"mem/{name}.mem").read_text()
            (bits,) = map(int, re.findall(r"words of (\d+) bits, row-major", text))
            np.testing.assert_array_equal(read_mem(text, bits), array.ravel())
            np.testing.assert_array_equal(read_coe((path / f"coe/{name}.coe").read_text(), bits), array.ravel())
            assert field != "kernel" or bits == 6


def test_the_float_numbers_are_those_of_the_graph(folder):
    path, graph, _ = folder
    stored, found = np.load(path / "float.npz"), json.loads((path / "params.json").read_text("utf-8"))
    for name, view in graph.populations.items():
        if view.linear is not None:  # else it is fed by an addition, and its kernels are those of nodes
            np.testing.assert_array_equal(stored[f"populations/{name}/kernel"], view.kernel)
        np.testing.assert_array_equal(found["float"][f"populations/{name}/neuron_bias"], view.neuron_bias)


def test_golden_vectors_are_those_of_the_integer_runtime(folder):
    path, _, x = folder
    integers = load(path / "network.int.h5")
    stored = np.load(path / "golden.npz")
    given, n = integers.check_inputs(x), len(stored["inputs"])
    same = [any(np.array_equal(each, one) for one in given) for each in stored["inputs"]]
    assert sum(same) >= 2  # the others are made up: neurons of these networks are silent at what is given
    expected = run(integers, stored["inputs"] * integers.input.code.step, N_STEPS, record="all")
    for name, spikes in expected.spikes.items():
        assert spikes.any()
        np.testing.assert_array_equal(stored[f"spikes/{name}"], spikes)
        words = [line for line in (path / f"golden/{name}_spikes.mem").read_text().splitlines() if line[:2] != "//"]
        flat = spikes.reshape(n * N_STEPS, -1)
        assert len(words) == len(flat)
        found = [[int(word, 16) >> bit & 1 for bit in range(flat.shape[1])] for word in words]
        np.testing.assert_array_equal(found, flat)
        np.testing.assert_array_equal(stored[f"voltages/{name}"], expected.voltages[name])
    np.testing.assert_array_equal(stored["readouts/y"], expected.output.cumsum(1))


def test_the_report_has_the_equations_with_their_numbers(folder):
    path, _, _ = folder
    report, integers = (path / "REPORT.md").read_text("utf-8"), load(path / "network.int.h5")
    for layer in integers.populations.values():
        assert all(f" + what {name} sends" in report and f"## {name}" in report for name in layer.branches)
        half = 1 << (layer.fraction_bits - 1)
        assert f"u = V - ((V*{layer.leak} + {half}) >> {layer.fraction_bits}) + drive" in report
        limits = layer.ranges["voltage"]
        assert f"| {layer.name} | voltage | {limits.low:,} | {limits.high:,} | {limits.bits} |" in report
    assert all(line in report for line in integers.approximations)
    readme = (path / "README.md").read_text("utf-8")
    assert all(f"{name}" in readme for name in ("params.json", "mem/", "coe/", "golden.npz", "two's complement"))


@pytest.mark.parametrize("bits", [2, 4, 7, 8, 17, 32])
def test_hexadecimal_text_reads_back(bits):
    ends = [-(1 << (bits - 1)), -1, 0, (1 << (bits - 1)) - 1]
    numbers = np.array([[*ends], ends[::-1]], "int64")
    np.testing.assert_array_equal(read_mem(mem(numbers, bits, "x"), bits), numbers.ravel())
    np.testing.assert_array_equal(read_coe(coe(numbers, bits, "x"), bits), numbers.ravel())
    assert mem(np.array([-1]), 8, "x").splitlines()[1] == "ff"
    assert coe(np.array([-2, 1]), 8, "x").splitlines()[1:] == [
        "memory_initialization_radix=16;",
        "memory_initialization_vector=",
        "fe,",
        "01;",
    ]


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="there is no iverilog")
def test_verilog_reads_the_header_and_the_memories(folder, tmp_path):
    path, _, _ = folder
    kernel = load(path / "network.int.h5").populations["n2"].kernel.ravel()
    (tmp_path / "test.v").write_text(
        "module test;\n"
        f'`include "{path}/params.vh"\n'
        f"reg signed [N2_WEIGHT_WIDTH-1:0] kernel [0:{len(kernel) - 1}];\ninteger i;\n"
        f'initial begin $readmemh("{path}/mem/n2_kernel.mem", kernel);\n'
        f'for (i = 0; i < {len(kernel)}; i = i + 1) $display("%0d", kernel[i]);\n'
        '$display("%0d %0d", N2_LEAK, N2_N); end\nendmodule\n'
    )
    subprocess.run(["iverilog", "-o", tmp_path / "test", tmp_path / "test.v"], check=True)
    printed = subprocess.run([tmp_path / "test"], capture_output=True, text=True, check=True).stdout.split()
    layer = load(path / "network.int.h5").populations["n2"]
    assert [int(number) for number in printed] == [*kernel.tolist(), layer.leak, layer.n_neurons]


@pytest.mark.parametrize("damage", [None, "mem/n1_kernel.mem", "golden.npz"])
def test_verify_compares_every_form(damage, tmp_path):
    folder = tmp_path / "net"
    export.export(random_line(4), folder, "params", n_steps=N_STEPS)
    assert changed_files(folder) == {}
    if damage == "golden.npz":
        stored = dict(np.load(folder / damage))
        stored["spikes/n2"] ^= 1
        np.savez(folder / damage, **stored)
    elif damage:
        head, first, *rest = (folder / damage).read_text().split("\n")
        (folder / damage).write_text("\n".join([head, f"{int(first, 16) ^ 1:02x}", *rest]))
    if damage:  # as if snnconv had written it so: the checksums are right
        write_manifest(folder, target="params", dt=read_manifest(folder)["dt"])
    files, numbers, golden = verify_folder(folder)
    assert files.passed
    assert numbers.passed == (damage != "mem/n1_kernel.mem")
    assert golden.passed == (damage != "golden.npz")
    if damage:
        assert (damage if numbers.passed is False else "spikes/n2") in numbers.said + golden.said


def test_a_readout_alone_has_numbers_too(tmp_path):
    graph = Line((3,)).dense("out", np.eye(3)).graph()
    export.export(graph, tmp_path / "net", "params", n_steps=5)
    assert all(check.passed for check in verify_folder(tmp_path / "net"))


def test_calibrated_neurons_start_at_half_their_threshold(tmp_path):
    """Every form has the voltages before the first step; golden vectors and the report take them into account."""
    graph, x = calibrated_digits()
    path = tmp_path / "net"
    export.export(graph, path, "params", x=x[:5], n_steps=16)
    integers = load(path / "network.int.h5")
    stored, golden = np.load(path / "integers.npz"), np.load(path / "golden.npz")
    entries = {layer["id"]: layer for layer in json.loads((path / "params.json").read_text("utf-8"))["layers"]}
    header, report = (path / "params.h").read_text(), (path / "REPORT.md").read_text("utf-8")
    for name, layer in integers.populations.items():
        expected = np.rint(layer.threshold / 2)
        np.testing.assert_array_equal(stored[f"{name}/start"], expected)
        np.testing.assert_array_equal(entries[name]["arrays"]["start"], expected)
        assert entries[name]["initial_voltage"] == 0.5
        assert f" snn_{name}_start[{layer.n_neurons}] = {{\n    {int(expected[0])}, " in header
        assert f", V starts at {int(expected.min())} to {int(expected.max())}, ceiling" in report
    # the voltage after the first step is the one at the start, the drive of the first input and the reset
    layer = integers.populations["n1"]
    u = layer.start + ((golden["inputs"] @ layer.kernel.astype("int64")) << layer.shift) + layer.bias
    after = np.where(u >= layer.threshold, np.minimum(u - layer.threshold, layer.ceiling), np.maximum(u, layer.floor))
    np.testing.assert_array_equal(golden["voltages/n1"][:, 0], after)
    assert all(check.passed for check in verify_folder(path))
    # a start that is changed in one of the forms is found
    head, first, *rest = (path / "mem/n1_start.mem").read_text().split("\n")
    (path / "mem/n1_start.mem").write_text("\n".join([head, f"{int(first, 16) ^ 1:0{len(first)}x}", *rest]))
    write_manifest(path, target="params", dt=0.001)
    assert verify_folder(path)[1].said == "mem/n1_start.mem differ from network.int.h5"


def test_sources_say_that_they_belong_to_their_user(folder):
    path, _, _ = folder
    for name in ("params.h", "params.vh"):
        assert "SPDX-License-Identifier: MIT-0" in (path / name).read_text().splitlines()[0]


@pytest.mark.parametrize(
    "copies", [range(25), pytest.param(range(25, 150), marks=pytest.mark.full)], ids=["few", "many"]
)
def test_damaged_numbers_are_told_in_one_line(folder, tmp_path, copies):
    """Of a folder whose checksums were written anew behind the damage."""
    path = shutil.copytree(folder[0], tmp_path / "net")
    files = [path / name for name in ("integers.npz", "golden.npz", "params.json", *_texts(path))]
    messages, n_wrong = [], 0
    for n in copies:
        rng = np.random.default_rng([11, n])
        file = files[rng.integers(len(files))]
        whole = file.read_bytes()
        ways = [flip_bytes, cut_short, blank_out, insert_bytes, *([damage_npz] * 4 if file.suffix == ".npz" else [])]
        if file.suffix == ".json":
            ways = [lambda file, rng: file.write_text(damage_json(file.read_text("utf-8"), rng), "utf-8")]
        ways[rng.integers(len(ways))](file, rng)
        try:
            with np.errstate(all="ignore"):
                checks = check_folder(path)
            n_wrong += not all(check.passed for check in checks)
        except SnnconvError as error:
            messages.append(str(error))
        file.write_bytes(whole)
    assert n_wrong + len(messages) > len(copies) / 2
    assert not [text for text in messages if "\n" in text]


def _texts(path):
    return sorted(str(file.relative_to(path)) for kind in ("mem", "coe") for file in (path / kind).iterdir())[::4]
