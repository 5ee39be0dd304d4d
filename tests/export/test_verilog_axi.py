"""The top behind a processor: registers, streams and LEDs in cocotb, and host.py with what stands for PYNQ.

cocotb lives in an environment of its own, with tests/requirements-cocotb.txt; SNNCONV_COCOTB_PYTHON names its Python.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snnconv import export, quantize

from ..helpers.integer_networks import random_line, two_outputs

PYTHON = os.environ.get("SNNCONV_COCOTB_PYTHON")
BENCH = Path(__file__).parent.parent / "helpers" / "axi_bench.py"
X = np.random.default_rng(3).random((3, 7))

needs_cocotb = pytest.mark.skipif(
    not (PYTHON and shutil.which("iverilog")),
    reason="SNNCONV_COCOTB_PYTHON must name the Python of an environment with requirements-cocotb.txt; needs iverilog",
)

# What host.py sees of PYNQ: a network in NumPy behind the buffers and channels of its DMA.
PYNQ = """
import numpy as np
from snnconv import quantize
graph = quantize.load({integers!r})
class Channel:
    def transfer(self, array):
        self.array = array
    def wait(self):
        pass
class Sending(Channel):
    def wait(self):
        codes = self.array.astype("i4").reshape(1, *graph.input.shape)
        assert codes.max() <= graph.input.code.codes.high, codes
        outputs = quantize.run(graph, codes * graph.input.code.step, {n_steps}).outputs
        sums = [array.sum(1)[0] for array in outputs.values()]
        overlay.dma.recvchannel.array[:] = [word for each in sums for word in (*each, each.argmax())]
class Overlay:
    def __init__(self, path):
        global overlay
        overlay = self.net = self.dma = self
        assert path == "snn.bit"
        self.sendchannel, self.recvchannel = Sending(), Channel()
    def read(self, address):
        assert address == 0
        return 0x534e4e31
allocate = np.zeros
"""


def made(folder, **options):
    """The folder of a network for the board."""
    export.export(random_line(0), folder, "verilog", x=X, n_steps=20, golden=3, board="pynq-z2", **options)
    return folder


def simulated(folder, words=4):
    """How many tests of the bench pass and fail; an answer has so many words, the class of 3 sums behind these."""
    command = [PYTHON, str(BENCH), str(folder), "20", "7", str(words), "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": ""})
    found = re.search(r"TESTS=2 PASS=(\d) FAIL=(\d)", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1]), int(found[2])


@pytest.mark.full
@needs_cocotb
def test_registers_streams_and_leds(tmp_path):
    """Golden samples through random waits, short frames, and steps out of range; then a wrong result is seen."""
    folder = made(tmp_path / "out", parallel=2)
    assert simulated(folder) == (2, 0)
    results = folder / "golden/results.mem"
    first, *words = results.read_text().split()
    results.write_text("\n".join([f"{int(first, 16) ^ 1:08x}", *words]) + "\n")
    assert simulated(folder) == (0, 2)


@pytest.mark.full
@needs_cocotb
def test_the_class_is_that_of_the_first_output(tmp_path):
    export.export(two_outputs(), tmp_path / "out", "verilog", x=X, n_steps=20, golden=3, board="pynq-z2")
    assert simulated(tmp_path / "out", 3 + 1 + 4 + 1) == (2, 0)


def test_host_py_sends_frames_and_reads_classes(tmp_path):
    folder = made(tmp_path / "out")
    fake = PYNQ.format(integers=str(folder / "network.int.h5"), n_steps=20)
    (tmp_path / "pynq.py").write_text(fake)
    np.save(tmp_path / "x.npy", X)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(folder / "board/host.py"), "snn.bit"]
    for arguments in ([str(tmp_path / "x.npy")], ["--golden"]):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
    assert ", 0 not as expected" in done.stdout
    sums = quantize.run(quantize.load(folder / "network.int.h5"), X, 20).outputs["y"].sum(1).astype(int)
    done = subprocess.run(
        [*command, str(tmp_path / "x.npy")], capture_output=True, text=True, check=True, env=environment
    )
    lines = [f"sample {n}: class {row.argmax()}, sums {' '.join(map(str, row))}" for n, row in enumerate(sums)]
    assert done.stdout.splitlines()[:-1] == lines


def test_host_py_reads_every_output(tmp_path):
    folder = tmp_path / "out"
    export.export(two_outputs(), folder, "verilog", x=X, n_steps=20, golden=3, board="pynq-z2")
    (tmp_path / "pynq.py").write_text(PYNQ.format(integers=str(folder / "network.int.h5"), n_steps=20))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(folder / "board/host.py"), "snn.bit", "--golden"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ", 0 not as expected" in done.stdout, done.stderr
    assert re.match(r"sample 0: y: class \d, sums( -?\d+){3}; other: class \d, sums( -?\d+){4}\n", done.stdout)


def test_vivado_is_told_the_memories_the_clock_and_the_width_of_a_beat(tmp_path):
    folder = made(tmp_path / "out", input_bits=12)
    script = (folder / "board/pynq-z2.tcl").read_text()
    assert script.startswith("set megahertz 100\nset beat_bits 16\n")
    assert "xc7z020clg400-1" in script
    assert '"mem/' in (folder / "rtl/snn_network.v").read_text()  # what the script gives whole paths
    assert script.count("{") == script.count("}")
    assert "-source board/pynq-z2.tcl" in (folder / "Makefile").read_text()
    ports = (folder / "board/pynq-z2.xdc").read_text()
    assert all(f"get_ports {{led_class[{bit}]}}" in ports for bit in range(4))


@pytest.mark.full
@pytest.mark.skipif(not shutil.which("verilator"), reason="needs verilator: apt-get install verilator")
@pytest.mark.parametrize("input_bits", [1, 8, 12, 16])
def test_the_top_is_free_of_lint(input_bits, tmp_path):
    folder = tmp_path / "out"
    x = np.random.default_rng(3).integers(0, 2, (2, 7))
    export.export(random_line(12), folder, "verilog", x=x, n_steps=5, board="pynq-z2", input_bits=input_bits)
    sources = [str(path) for place in ("rtl", "board") for path in sorted((folder / place).glob("*.v"))]
    lint = ["verilator", "--lint-only", "-Wall", "--top-module", "snn_board", *sources]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
