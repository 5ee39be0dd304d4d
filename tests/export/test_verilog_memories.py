"""Read-only memories: their rows and parts, and bounds of voltages that no run comes to."""

import dataclasses
import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from snnconv import export, quantize
from snnconv.export import verilog
from snnconv.export.verilog.instances import memory_files
from snnconv.export.verilog.memories import cut, layout, mem_text, neuron_arrays
from snnconv.export.verilog.sizing.cells import Memory
from snnconv.export.verilog.sizing.devices import ECP5
from snnconv.export.verilog.stages import sent_range, stages

from ..helpers.circuits import needs_simulator, simulate
from ..helpers.integer_networks import random_line

N_STEPS = 40


@pytest.mark.parametrize(
    ("n_words", "deepest", "bank_bits", "part_bits"),
    [
        (2_048, 0, 0, 0),
        (2_049, 0, 1, 0),
        (25_088, 2_048, 4, 0),  # iCE40 has no deeper blocks
        (2_048, 16_384, 0, 0),
        (4_096, 16_384, 0, 4),
        (4_097, 16_384, 0, 2),
        (25_088, 16_384, 1, 2),
    ],
)
def test_rows_and_parts(n_words, deepest, bank_bits, part_bits):
    assert layout(n_words, deepest) == (bank_bits, part_bits)


def test_parts_are_the_digits_of_rows():
    rows = np.array([[-1, 5, 3], [0, -8, 7]])  # of 5 bits: 00011 00101 11111, 00111 11000 00000
    assert [part.ravel().tolist() for part in cut(rows, 5, 4)] == [[15, 0], [11, 0], [12, 15], [0, 1]]
    digits = [line[::-1] for line in mem_text(rows, 5).split()]
    assert ["".join(f"{digit:x}" for digit in row) for row in cut(rows, 5, 4)[..., 0].T.tolist()] == digits
    assert [part.ravel().tolist() for part in cut(rows[:, :1], 5, 2)] == [[3, 0], [3, 0], [1, 0]]


@pytest.mark.full
@pytest.mark.skipif(shutil.which("yosys") is None, reason="needs yosys: apt-get install yosys")
def test_parts_take_the_blocks_that_are_estimated_and_hardly_any_logic(tmp_path):
    """25,088 words of 16 bits on ECP5: in one piece they would be in shallow blocks, and logic to choose between 13."""
    n_words, width = 25_088, 16
    bank_bits, part_bits = layout(n_words, ECP5.deepest)
    rows = np.random.default_rng(0).integers(0, 1 << width, (n_words >> bank_bits, 1 << bank_bits))
    roms = []
    for number, part in enumerate(cut(rows, width, part_bits)):
        (tmp_path / f"w{number:03}.mem").write_text(mem_text(part, part_bits))
        bits = f"row[{(number + 1) * part_bits - 1}:{number * part_bits}]"
        roms.append(f'snn_rom #({part_bits}, {len(rows)}, 14, "w{number:03}.mem") rom{number} (clk, a[14:1], {bits});')
    rtl = Path(verilog.__file__).parent / "rtl/snn_rom.v"
    (tmp_path / "top.v").write_text(
        f"module top(input clk, input [14:0] a, output reg [{width - 1}:0] d); wire [{2 * width - 1}:0] row; "
        f"reg bank, old_bank; always @(posedge clk) begin bank <= a[0]; old_bank <= bank; "
        f"d <= row[old_bank*{width}+:{width}]; end\n{chr(10).join(roms)}\nendmodule\n"
    )
    script = f"read_verilog -defer {rtl} top.v; synth_ecp5 -top top; tee -o stat stat"
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True, capture_output=True)
    said = (tmp_path / "stat").read_text()
    found = {name: int(n) for name, n in re.findall(r"^ +(DP16KD|LUT4) +(\d+)$", said, re.MULTILINE)}
    n_parts = -(-(width << bank_bits) // part_bits)
    assert found == {"DP16KD": n_parts * Memory(part_bits, len(rows), is_rom=True).blocks(ECP5), "LUT4": width}


def kept(graph, number=1):
    """Names of the bounds that a layer of a circuit has a memory for."""
    return {"FLOOR", "CEILING"} & set(stages(graph, 1)[number - 1].memories)


def with_neurons(layer, **arrays):
    """The layer with other numbers of its neurons."""
    return dataclasses.replace(layer, neuron=dataclasses.replace(layer.neuron, **arrays))


@pytest.mark.parametrize("min_voltage", [-math.inf, None])
def test_bounds_that_no_run_comes_to_have_no_memory(min_voltage):
    """Without them the integers are the same, also where all inputs are the largest or the smallest at every step."""
    graph = quantize.quantize(random_line(3, neuron="IF", min_voltage=min_voltage), n_steps=N_STEPS)
    assert [kept(graph, number) for number in (1, 2)] == [set(), set()]
    far = np.int32(1 << 30)

    def without_bounds(node):
        if "floor" not in vars(getattr(node, "neuron", None) or object):
            return node
        like = np.full_like(node.neuron.floor, far)
        return with_neurons(node, floor=-like, ceiling=like)

    other = dataclasses.replace(graph, nodes=tuple(map(without_bounds, graph.nodes)))
    rng = np.random.default_rng(0)
    x = np.concatenate([np.zeros((1, 7)), np.ones((1, 7)), rng.integers(0, 2, (60, 7))])
    found, same = (quantize.run(each, x, N_STEPS, record=("all.spikes", "all.voltages")) for each in (graph, other))
    for name in graph.populations:
        assert np.array_equal(found.spikes[name], same.spikes[name])
        assert np.array_equal(found.voltages[name], same.voltages[name])
        assert found.spikes[name].any()


def test_bounds_that_a_run_comes_to_stay():
    graph = quantize.quantize(random_line(3, neuron="IF", min_voltage=0.0), n_steps=N_STEPS)
    assert kept(graph) == {"FLOOR"}
    layer, given = graph.populations["n1"], sent_range(graph.input)
    lower = with_neurons(layer, ceiling=layer.neuron.threshold // 2)
    assert {"FLOOR", "CEILING"} < set(neuron_arrays(lower, [given], N_STEPS))
    longer = quantize.quantize(random_line(3, neuron="IF", min_voltage=-math.inf), n_steps=N_STEPS)
    assert "FLOOR" in neuron_arrays(longer.populations["n1"], [given], N_STEPS + 1)


@needs_simulator
def test_a_circuit_without_bounds_at_the_extremes(tmp_path):
    """Inputs that bring each layer's voltages as far as they go."""
    graph = random_line(3, neuron="IF", min_voltage=-math.inf)
    x = np.array([np.zeros(7), np.ones(7), np.arange(7) % 2])
    export.export(graph, tmp_path / "out", "verilog", x=x, n_steps=N_STEPS, longest=N_STEPS, golden=3)
    integers = quantize.load(tmp_path / "out/network.int.h5")
    assert not any("floor" in file for stage in stages(integers, 1) for file in memory_files(stage))
    said, passes = simulate(tmp_path / "out")
    assert passes, said
