"""The circuit: simulated by iverilog with its own test bench, it gives every spike of the integer network."""

import json
import math
import re

import numpy as np
import pytest

from snnconv import export, quantize
from snnconv.export import verify_folder
from snnconv.export.verilog import memories
from snnconv.export.verilog.sizing.devices import Family
from snnconv.export.verilog.stages import stages
from snnconv.export.verilog.timing import longest
from snnconv.files.manifest import write_manifest
from snnconv.neurons import IF, LIF

from ..helpers.circuits import needs_simulator, simulate
from ..helpers.golden import expected, n_spikes_of
from ..helpers.integer_networks import Line, calibrated_digits, random_line, with_start

N_STEPS = 30


def passes(folder):
    """The numbers in the line with which the test bench ends: values, spikes, samples, steps and clocks.

    Clocks are measured: the bench counts those of every step of every layer, and fails where they are others.
    """
    said, succeeded = simulate(folder)
    assert succeeded, said
    line = r"PASS: (\d+) values with (\d+) spikes in (\d+) samples? of (\d+) steps?, (\d+) clocks for the first\n"
    found = re.fullmatch(line, said)
    assert found, said
    return [int(number) for number in found.groups()]


def one_by_one():
    """One input, one neuron, one output."""
    return Line((1,)).dense("d", [[2.5]], [0.1]).neurons("n", LIF(0.02, 0.002)).dense("out", [[-1.0]]).graph()


def volume():
    """A dilated convolution in three dimensions, a pool with windows that overlap, and IF neurons."""
    rng = np.random.default_rng(5)
    line = Line((3, 2, 4, 2)).conv("c", rng.normal(0, 1, (2, 2, 2, 2, 3)), padding=1, dilation=2)
    line.neurons("n", LIF(0.01, 0.001), 0.8).pool("p", size=2, strides=1).flatten()
    n = line.last.shape[0]
    return line.dense("d", rng.normal(0, 4 / np.sqrt(n), (n, 4))).neurons("m", IF(max_spikes=1), 40.0).graph()


def pools():
    """Two pools between the input and the first neurons: their sums are held as well."""
    rng = np.random.default_rng(6)
    line = Line((6, 5, 2)).pool("p1", 2).pool("p2", 2, strides=1).conv("c", rng.normal(0, 2, (2, 1, 2, 6)))
    line.neurons("n", LIF(0.01, 0.001), 0.8).flatten()
    return line.dense("out", rng.normal(size=(line.last.shape[0], 3))).graph()


NETWORKS = {
    "LIF": lambda: random_line(0),
    "LIF with a long refractory period": lambda: random_line(1, tau_ref=0.006),
    "LIF without refractory period": lambda: random_line(2, tau_ref=0.0),
    "LIF with a floor below 0": lambda: random_line(3, min_voltage=-0.7),
    "LIF without floor": lambda: random_line(4, min_voltage=-math.inf),
    "LIF with synapses": lambda: random_line(5, synapse=True),
    "IF": lambda: random_line(6, neuron="IF"),
    "IF without floor": lambda: random_line(7, neuron="IF", min_voltage=-math.inf),
    "rectified IF": lambda: random_line(8, neuron="IF", min_voltage=None),  # pyright: ignore[reportArgumentType]
    "convolutions": lambda: random_line(9, conv=True),
    "convolutions with synapses": lambda: random_line(6, conv=True, synapse=True),
    "convolutions of IF": lambda: random_line(11, conv=True, neuron="IF"),
    "one by one": one_by_one,
    "volume": volume,
    "pools of inputs": pools,
    "LIF that start anywhere": lambda: with_start(random_line(14, min_voltage=-0.5), 0.3),
    "convolutions that start anywhere": lambda: with_start(random_line(9, conv=True, synapse=True), 0.9),
}


SIDE_BY_SIDE = (
    *("LIF with synapses", "IF", "convolutions", "convolutions with synapses", "volume", "pools of inputs"),
    "convolutions that start anywhere",
)


@pytest.mark.sampled(9)
@needs_simulator
@pytest.mark.parametrize(
    ("name", "parallel"), [*((name, 1) for name in NETWORKS), *((name, 4) for name in SIDE_BY_SIDE)]
)
def test_the_circuit_gives_every_spike_of_the_integer_network(name, parallel, tmp_path):
    """Every value of every layer at every step, the sums and classes at the end, and the clocks of each step.

    The number of spikes is also counted here, so that a test bench that compares nothing is noticed.
    """
    graph, folder = NETWORKS[name](), tmp_path / "out"
    n_steps_given = 20 if len(graph.inputs[0].shape) > 1 else N_STEPS
    x = np.random.default_rng(1).random((3, *graph.inputs[0].shape))
    export.export(graph, folder, "verilog", x=x, n_steps=n_steps_given, parallel=parallel, golden=1)
    n_values, n_spikes, n_samples, n_steps, clocks = passes(folder)
    integers = quantize.load(folder / "network.int.h5")
    circuit = stages(integers, parallel)
    assert (n_samples, n_steps) == (1, n_steps_given)
    assert n_values == n_steps * sum(stage.n_neurons for stage in circuit)
    assert n_spikes == n_spikes_of(expected(integers, x, n_steps, 1)) > 0
    slowest = max(n_steps * stage.held_clocks for stage in circuit if not stage.is_queued)
    assert slowest <= clocks <= longest(circuit, n_steps)


@pytest.mark.sampled(1)
@needs_simulator
@pytest.mark.parametrize(("name", "parallel"), [("convolutions", 1), ("LIF", 1), ("volume", 4)])
def test_large_memories_have_rows_of_several_words_and_a_clock_more(name, parallel, tmp_path, monkeypatch):
    monkeypatch.setattr(memories, "MOST_ROWS", 4)
    graph, folder = NETWORKS[name](), tmp_path / "out"
    x = np.random.default_rng(1).random((3, *graph.inputs[0].shape))
    export.export(graph, folder, "verilog", x=x, n_steps=10, parallel=parallel, golden=1)
    circuit = stages(quantize.load(folder / "network.int.h5"), parallel)
    banks = [1 << int(stage.parameters["WEIGHT_BANK_BITS"]) for stage in circuit]
    assert max(banks) > 4
    for stage, n in zip(circuit, banks, strict=True):
        lines = (folder / f"mem/{stage.name}_weights.mem").read_text().split()
        assert len(lines) == -(-len(stage.memories["WEIGHTS"]) // n) <= 4
    assert passes(folder)[1] > 0


@needs_simulator
@pytest.mark.parametrize("deepest", [8, 16, 64])
def test_deep_memories_for_a_device_are_cut_into_parts_that_fit_its_blocks(deepest, tmp_path, monkeypatch):
    """With blocks of so many rows; weights of 3 lanes and 5 bits fill no whole number of parts."""
    monkeypatch.setattr(memories, "MOST_ROWS", 4)
    monkeypatch.setattr(Family, "deepest", deepest)
    graph, folder = random_line(0), tmp_path / "out"
    x = np.random.default_rng(1).random((3, 7))
    options = {"n_steps": 10, "golden": 1, "bits": 5, "device": "ecp5-25", "lanes": "3"}
    export.export(graph, folder, "verilog", x=x, **options)
    circuit = stages(quantize.load(folder / "network.int.h5"), 3, deepest)
    widths = json.loads((folder / "MANIFEST.json").read_text())["bits_and_lanes_of_mem"]
    for stage in circuit:
        banks, part = 1 << int(stage.parameters["WEIGHT_BANK_BITS"]), stage.part_bits
        n_rows = -(-len(stage.memories["WEIGHTS"]) // banks)
        assert part == (0 if n_rows <= 4 else 4 if n_rows <= 8 else 2)
        assert banks == 1 or n_rows > deepest / 2
        if part:
            files = sorted(folder.glob(f"mem/{stage.name}_weights_*.mem"))
            assert len(files) == -(-stage.lanes * stage.widths["WEIGHTS"] * banks // part)
            for file in files:
                assert len(file.read_text().split()) == n_rows
                assert widths[f"mem/{file.name}"] == [part, 1]
    assert passes(folder)[1] > 0


@needs_simulator
@pytest.mark.parametrize("n_steps", [1, 2])
@pytest.mark.parametrize("varies", [False, True])
def test_samples_of_few_steps(n_steps, varies, tmp_path):
    """As many as sums are proven for, so that their numbers have no bit to spare."""
    x = np.random.default_rng(1).random((2, n_steps, 7) if varies else (2, 7))
    export.export(random_line(1), tmp_path / "out", "verilog", x=x, n_steps=n_steps, longest=n_steps, golden=2)
    assert passes(tmp_path / "out")[2:4] == [2, n_steps]


@needs_simulator
def test_spikes_as_inputs_and_inputs_that_vary(tmp_path):
    """One bit per input, another frame at every step."""
    graph = random_line(12)
    x = np.random.default_rng(2).integers(0, 2, (2, N_STEPS, 7))
    export.export(graph, tmp_path / "out", "verilog", x=x, n_steps=N_STEPS, input_bits=1)
    network = (tmp_path / "out/rtl/snn_network.v").read_text()
    assert "[0:0] input_data" in network
    assert ".HOLDS(1)" not in network  # a spike comes anew at every step: there is nothing to hold
    assert passes(tmp_path / "out")[1] > 0


@needs_simulator
@pytest.mark.parametrize("n_inputs", [1, 8, 19])
def test_spikes_come_eight_in_a_byte(n_inputs, tmp_path):
    rng = np.random.default_rng(n_inputs)
    line = Line((n_inputs,)).dense("d", rng.normal(1, 2, (n_inputs, 5))).neurons("n", LIF(), np.full(5, 0.8))
    x = rng.integers(0, 2, (3, N_STEPS, n_inputs))
    graph = line.dense("out", rng.normal(size=(5, 2))).graph()
    export.export(graph, tmp_path / "out", "verilog", x=x, n_steps=N_STEPS, input_bits=1, golden=3)
    bytes_ = [int(word, 16) for word in (tmp_path / "out/golden/inputs.mem").read_text().split()]
    per_frame = -(-n_inputs // 8)
    assert len(bytes_) == 3 * N_STEPS * per_frame
    for number, spike in enumerate(x[1, 2]):
        assert bytes_[(N_STEPS + 2) * per_frame + number // 8] >> number % 8 & 1 == spike
    assert passes(tmp_path / "out")[1] > 0


@pytest.mark.sampled(2)
@needs_simulator
@pytest.mark.parametrize(("name", "varies"), [("LIF", True), ("convolutions", False)])
def test_rate_coded_inputs(name, varies, tmp_path):
    """The circuit encodes numbers itself; its spikes are those of the integer network with that code."""
    graph, n_steps = NETWORKS[name](), 20
    lead = (2, n_steps) if varies else (2,)
    x = np.random.default_rng(7).random((*lead, *graph.inputs[0].shape))
    export.export(graph, tmp_path / "out", "verilog", x=x, n_steps=n_steps, code="rate", golden=2, input_bits=7)
    integers = quantize.load(tmp_path / "out/network.int.h5")
    assert isinstance(integers.input.code, quantize.RateCode)
    assert integers.input.code.period == 127  # odd: the start is rounded down
    golden = expected(integers, x, n_steps, 2)
    codes, sent, n_sent = golden.codes, None, 0
    for step in range(n_steps):
        q = codes[:, step] if varies else codes
        value, sent = integers.input.code.send(q, integers.input.code.start(q) if sent is None else sent, step)
        n_sent += int(value.sum())
    assert passes(tmp_path / "out")[1] == n_sent + n_spikes_of(golden)


@needs_simulator
def test_numbers_that_vary_are_summed_up_at_every_step(tmp_path):
    x = np.random.default_rng(2).random((2, N_STEPS, 7))
    export.export(random_line(12), tmp_path / "out", "verilog", x=x, n_steps=N_STEPS)
    assert ".HOLDS(1)" in (tmp_path / "out/rtl/snn_network.v").read_text()
    _, n_spikes, n_samples, _, _ = passes(tmp_path / "out")
    assert (n_spikes > 0, n_samples) == (True, 2)


@pytest.mark.full
@needs_simulator
def test_calibrated_digits_start_at_half_their_threshold(tmp_path):
    """A start of 0 in place of it is noticed."""
    graph, x = calibrated_digits("binary")
    folder = tmp_path / "out"
    export.export(graph, folder, "verilog", x=x, n_steps=16, parallel=8, golden=2)
    integers = quantize.load(folder / "network.int.h5")
    files, circuit = verify_folder(folder)
    assert files.passed
    assert circuit.passed
    n_spikes = n_spikes_of(expected(integers, x, 16, 2))
    assert f"{16 * 2 * (24 + 16 + 10)} values with {n_spikes} spikes in 2 samples of 16 steps" in circuit.said
    for number in (1, 2):
        assert f"layer{number}_START.mem".lower() in (folder / "rtl/snn_network.v").read_text()
    memory = folder / "mem/layer1_start.mem"
    memory.write_text(re.sub(r"\w", "0", memory.read_text()))
    write_manifest(folder, target="verilog", dt=0.001)
    files, circuit = verify_folder(folder)
    assert files.passed
    assert circuit.passed is False
    assert re.fullmatch(r"simulated by iverilog: FAIL: \d+ differences", circuit.said)


@needs_simulator
def test_inputs_of_both_signs(tmp_path):
    x = np.random.default_rng(3).uniform(-2, 2, (2, 7))
    export.export(random_line(13), tmp_path / "out", "verilog", x=x, n_steps=N_STEPS, low=-2.0, high=2.0, bits=16)
    assert passes(tmp_path / "out")[1] > 0
