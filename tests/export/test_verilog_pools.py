"""The circuit of max pools, branches, signed spikes, several outputs and codes: it equals the integer network."""

import dataclasses
import shutil
import subprocess

import numpy as np
import pytest

from snnconv import export, quantize
from snnconv.errors import ExportError
from snnconv.export.verilog.encoder import parts, with_encoder
from snnconv.export.verilog.stages import readers, stages
from snnconv.export.verilog.timing import sample_clocks
from snnconv.neurons import IF

from ..helpers.branched_networks import random_branches
from ..helpers.circuits import needs_simulator, simulate
from ..helpers.golden import expected, n_spikes_of
from ..helpers.integer_networks import Line, calibrated_digits
from ..quantize.test_nodes_max_pool import pooled, x


def passing(folder):
    said, succeeded = simulate(folder)
    assert succeeded, said
    return said


@pytest.mark.sampled(1)
@needs_simulator
@pytest.mark.parametrize("code", ["analog", "rate", "latency"])
@pytest.mark.parametrize("spikes", ["signed", "binary"])
def test_max_pools_signed_spikes_and_two_outputs(spikes, code, tmp_path):
    """Pools of data, of padded windows that overlap, and plain ones; every value and voltage, and both outputs."""
    n_steps = 4
    export.export(pooled(spikes), tmp_path / "out", "verilog", x=x, n_steps=n_steps, code=code, golden=1)
    integers = quantize.load(tmp_path / "out/network.int.h5")
    circuit = stages(with_encoder(integers), 1)
    outputs = [stage for number, stage in enumerate(circuit, 1) if not readers(circuit, number)]
    assert [stage.n_neurons for stage in outputs] == [5, 2]
    results = (tmp_path / "out/golden/results.mem").read_text().split()
    assert len(results) == 5 + 1 + 2 + 1  # of each output its sums and its class
    n_values = n_steps * sum(stage.n_neurons for stage in circuit)
    assert f"PASS: {n_values} values with " in passing(tmp_path / "out")


@needs_simulator
@pytest.mark.parametrize("bias", [-2.0, 2.0])
def test_the_class_of_one_output_is_whether_it_is_above_0(bias, tmp_path):
    line = Line((3,)).dense("d", np.eye(3)).neurons("n", IF(), np.zeros(3)).dense("out", np.zeros((3, 1)), [bias])
    export.export(line.graph(), tmp_path / "out", "verilog", n_steps=4, golden=1)
    total, place = (int(word, 16) for word in (tmp_path / "out/golden/results.mem").read_text().split())
    assert (total >> 31, place) == ((0, 1) if bias > 0 else (1, 0))
    passing(tmp_path / "out")


@needs_simulator
def test_the_spikes_of_dense_layers_have_signs(tmp_path):
    """Spikes that are taken back are queued with their sign; a sign that is lost is noticed."""
    graph, given = calibrated_digits("signed")
    folder = tmp_path / "out"
    export.export(graph, folder, "verilog", x=given, n_steps=16, golden=1)
    integers = quantize.load(folder / "network.int.h5")
    golden = expected(integers, given, 16, 1)
    assert min(int(spikes.min()) for spikes in golden.spikes.values()) == -1
    assert all(stage.is_queued for stage in stages(integers, 1)[1:])
    n_spikes = sum(int(np.abs(spikes).sum()) for spikes in golden.spikes.values())
    assert n_spikes > n_spikes_of(golden)
    assert f" with {n_spikes} spikes in " in passing(folder)
    store = folder / "rtl/snn_store.v"
    text = store.read_text()
    assert text.count("{write_data[1], write_address}") == 1
    store.write_text(text.replace("{write_data[1], write_address}", "{1'b0, write_address}"))
    assert not simulate(folder)[1]


@needs_simulator
@pytest.mark.skipif(shutil.which("verilator") is None, reason="needs verilator: apt-get install verilator")
@pytest.mark.parametrize("branches", [False, True])
def test_the_sources_have_no_lint(branches, tmp_path):
    graph, given = (random_branches(0, "dense"), None) if branches else (pooled("signed"), x)
    export.export(graph, tmp_path / "out", "verilog", x=given, n_steps=2, code="latency", golden=1)
    done = subprocess.run(["make", "-s", "lint"], cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_layer_waits_for_all_that_read_it():
    """The first layer feeds two; it is two frames ahead of the slower one at most."""
    clocks = np.array([[1, 1, 1, 1], [10, 10, 10, 10], [2, 2, 2, 2]])
    assert sample_clocks(clocks, [(0,), (1,), (1,)]) == 41
    assert sample_clocks(clocks[::2], [(0,), (1,)]) == 9


@needs_simulator
@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ("dense", {"code": "rate"}),
        ("inverted", {}),  # of several branches each adds the one before
        ("strided", {"parallel": 4}),
        ("input", {"code": "rate"}),
        ("pooled", {}),
        ("joined", {"parallel": 4}),
        ("flat", {"parallel": 2}),
    ],
)
def test_branches_are_added(shape, options, tmp_path):
    """Every value of every branch and layer, and the clocks of each step."""
    graph = random_branches(3, shape, synapse=shape == "strided")
    x = np.random.default_rng(0).random((1, *graph.inputs[0].shape))
    export.export(graph, tmp_path / "out", "verilog", x=x, n_steps=4, golden=1, **options)
    passing(tmp_path / "out")


def test_of_several_branches_each_adds_the_one_before():
    integers = quantize.quantize(random_branches(3, "inverted"))
    first, second, last = (part for part in parts(integers) if part.node.name.startswith("n4"))
    assert (first.added, second.added.name, last.added.name) == (None, first.node.name, second.node.name)
    assert last.added.ranges == second.node.ranges
    ranges = [integers[name].ranges["value"] for name in ("n4.branch1", "n4.branch2")]
    assert second.node.ranges["value"].high == sum(each.high for each in ranges)


def test_branches_are_added_in_the_order_in_which_they_come():
    integers = quantize.quantize(random_branches(3, "inverted"))
    first, *branches = integers["n4"].inputs
    turned = dataclasses.replace(integers["n4"], inputs=(first, *reversed(branches)))
    nodes = tuple(turned if node.name == "n4" else node for node in integers.nodes)
    circuit = stages(dataclasses.replace(integers, nodes=nodes), 1)
    assert [stage.added for stage in circuit] == [stage.added for stage in stages(integers, 1)]


def test_a_branch_that_reads_the_inputs_is_refused_with_a_way_out():
    with pytest.raises(ExportError, match=r"no place for 'n4\.branch1' \(WeightedSums\)\. .* choose --code rate"):
        stages(quantize.quantize(random_branches(0, "input")), 1)
