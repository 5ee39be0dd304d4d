"""The top of a board behind AXI, in cocotb and iverilog:  python axi_bench.py FOLDER

It runs in an environment of its own, with tests/requirements-cocotb.txt and without snnconv.
"""

import os
import random
import sys
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cocotb_tools.runner import get_runner

MARK, STEPS, STATUS, CLASS, SAMPLES = 0x00, 0x04, 0x08, 0x0C, 0x10
PATIENCE = 200_000  # clocks


def words(name):
    """Words of one of the golden files."""
    return [int(word, 16) for word in (Path(os.environ["FOLDER"]) / "golden" / f"{name}.mem").read_text().split()]


async def clocks_until(dut, condition):
    """Wait for a clock at whose end the condition holds; signals are as they were before it."""
    for _ in range(PATIENCE):
        await ReadOnly()
        found = condition()
        await RisingEdge(dut.aclk)
        if found:
            return
    raise AssertionError("nothing happened")


async def write(dut, address, value, strobe=0xF):
    """Write a register."""
    dut.s_axi_awaddr.value, dut.s_axi_wdata.value, dut.s_axi_wstrb.value = address, value, strobe
    dut.s_axi_awvalid.value = 1
    for _ in range(3):  # data come later than their address
        await RisingEdge(dut.aclk)
    dut.s_axi_wvalid.value = 1
    await clocks_until(dut, lambda: dut.s_axi_awready.value == 1 and dut.s_axi_wready.value == 1)
    dut.s_axi_awvalid.value = dut.s_axi_wvalid.value = 0
    dut.s_axi_bready.value = 1
    await clocks_until(dut, lambda: dut.s_axi_bvalid.value == 1 and dut.s_axi_bresp.value == 0)
    dut.s_axi_bready.value = 0


async def read(dut, address):
    """Read a register."""
    dut.s_axi_araddr.value = address
    dut.s_axi_arvalid.value = 1
    await clocks_until(dut, lambda: dut.s_axi_arready.value == 1)
    dut.s_axi_arvalid.value = 0
    dut.s_axi_rready.value = 1
    found = []
    await clocks_until(dut, lambda: dut.s_axi_rvalid.value == 1 and not found.append(int(dut.s_axi_rdata.value)))
    dut.s_axi_rready.value = 0
    return found[-1]


async def send(dut, beats):
    """Send a frame, with gaps."""
    for number, beat in enumerate(beats):
        while random.random() < 0.2:
            await RisingEdge(dut.aclk)
        dut.s_axis_tdata.value = beat
        dut.s_axis_tlast.value = number == len(beats) - 1
        dut.s_axis_tvalid.value = 1
        await clocks_until(dut, lambda: dut.s_axis_tready.value == 1)
        dut.s_axis_tvalid.value = 0


async def receive(dut, n):
    """Results of a sample, from a reader that is not always ready; tlast must come with the last of n."""
    found = []
    while len(found) < n:
        dut.m_axis_tready.value = is_ready = random.random() < 0.5
        await ReadOnly()
        if is_ready and dut.m_axis_tvalid.value == 1:
            found.append(int(dut.m_axis_tdata.value))
            assert dut.m_axis_tkeep.value == 0xF
            assert (dut.m_axis_tlast.value == 1) == (len(found) == n), "tlast is at a wrong place"
        await RisingEdge(dut.aclk)
    dut.m_axis_tready.value = 0
    return found


async def started(dut):
    """The top behind its reset."""
    for name in ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arvalid", "rready"):
        getattr(dut, f"s_axi_{name}").value = 0
    for name in ("s_axis_tdata", "s_axis_tlast", "s_axis_tvalid", "m_axis_tready", "aresetn"):
        getattr(dut, name).value = 0
    Clock(dut.aclk, 10, "ns").start()
    for _ in range(5):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1


@cocotb.test()
async def golden_samples_give_the_golden_results_registers_and_leds(dut):
    await started(dut)
    n_steps, beats, n, class_at = (int(os.environ[name]) for name in ("N_STEPS", "BEATS", "WORDS", "CLASS_AT"))
    inputs, results = words("inputs"), words("results")
    assert await read(dut, MARK) == 0x534E4E31
    assert await read(dut, STEPS) == n_steps
    for sample in range(len(results) // n):
        sending = cocotb.start_soon(send(dut, inputs[sample * beats : (sample + 1) * beats]))
        expected = results[sample * n : (sample + 1) * n]
        assert await receive(dut, n) == expected
        await sending
        assert await read(dut, CLASS) == expected[class_at]
        assert await read(dut, SAMPLES) == sample + 1
        assert dut.led_class.value == expected[class_at] & 15
        assert dut.led_error.value == 0
        assert await read(dut, STATUS) == 0


@cocotb.test()
async def short_frames_and_steps_out_of_range_are_said_and_not_computed(dut):
    await started(dut)
    n_steps, beats, n = (int(os.environ[name]) for name in ("N_STEPS", "BEATS", "WORDS"))
    frame, expected = words("inputs")[:beats], words("results")[:n]
    await send(dut, frame[:-1])
    assert await read(dut, STATUS) == 2
    assert dut.led_error.value == 1
    await write(dut, STEPS, 0)
    assert await read(dut, STEPS) == 0
    assert await read(dut, STATUS) == 3
    await write(dut, STEPS, 0xFFFFFFFF, strobe=0b0100)  # one byte of it: more steps than are proven
    assert await read(dut, STEPS) == 0xFF0000
    await write(dut, STEPS, n_steps)
    assert await read(dut, STATUS) == 2
    await send(dut, frame)
    assert await receive(dut, n) == expected
    assert await read(dut, STATUS) == 0
    assert await read(dut, SAMPLES) == 1
    assert dut.led_error.value == 0


def main(folder, n_steps, beats, words, class_at):
    """Build the folder's top, and run the tests above."""
    folder = Path(folder).resolve()
    runner = get_runner("icarus")
    sources = sorted([*folder.glob("rtl/*.v"), *folder.glob("board/*.v")])
    build = {"hdl_toplevel": "snn_board", "build_dir": folder / "build"}
    runner.build(sources=sources, always=True, timescale=("1ns", "1ps"), **build)
    given = {"FOLDER": str(folder), "N_STEPS": n_steps, "BEATS": beats, "WORDS": words, "CLASS_AT": class_at}
    given["COCOTB_RANDOM_SEED"] = "1"
    sys.path.insert(0, str(Path(__file__).parent))
    runner.test(test_module="axi_bench", test_dir=folder, extra_env=given, **build)  # exits with 1 where one fails


if __name__ == "__main__":
    main(*sys.argv[1:])
