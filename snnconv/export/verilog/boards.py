"""Boards: a top module, pins, how to make the bitstream, and the program that sends samples and reads classes."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from string import Template

from ...quantize import IntegerGraph
from ..golden import Golden
from .network import widths
from .stages import Stage, output_stages
from .stream import beat_bits, beats, sends_spikes

BAUD = 1_000_000  # divides the clocks of the boards


@dataclass(frozen=True)
class Board:
    """A board with an FPGA.

    Parameters
    ----------
    name : str
    devices : tuple of str
        FPGAs that it is sold with, by their names in `sizing.devices`; the usual one first.
    clock : int
        In hertz.
    link : str
        Its way to a computer: serial, or pynq for the processor beside the FPGA.
    files : tuple of str
        Files of board/ that go with it as they are, besides the modules of its link.
    led_is_low : bool
        Whether the LED of errors shines where its pin is low.
    """

    name: str
    devices: tuple[str, ...]
    clock: int
    link: str
    files: tuple[str, ...]
    led_is_low: bool = False

    def rules_for(self, device: str) -> str:
        """The bitstream's rules of the Makefile."""
        size = f"DEVICE ?= {device.rpartition('-')[2]}k\n" if len(self.devices) > 1 else ""
        return f"\n{size}{_file(f'{self.name}.mk')}"


BOARDS = {
    board.name: board
    for board in (
        Board("icebreaker", ("up5k",), 12_000_000, "serial", ("icebreaker.pcf",), led_is_low=True),
        Board("ulx3s", ("ecp5-25", "ecp5-45", "ecp5-85"), 25_000_000, "serial", ("ulx3s.lpf",)),
        Board("pynq-z2", ("xc7z020",), 100_000_000, "pynq", ("pynq-z2.xdc",)),
    )
}

LINKS = {
    "serial": ("snn_uart_", "the serial port of the board, such as /dev/ttyUSB1"),
    "pynq": ("snn_axi", "the bitstream, board/snn.bit"),
}

SERIAL = Template("""\
// Written by snnconv: the top for the board $board. Pins: a serial line of $baud bits per second, the class of the last
// sample in binary (its lowest four bits$first), and an LED for errors: a frame that was not whole, or steps out of
// range.
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
        .WORDS($words),
        .CLASS_AT($class_at),
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

AXI = Template("""\
// Written by snnconv: the top for the board $board, behind its processor: AXI4-Streams for samples and results, and
// registers on AXI4-Lite. LEDs: the class of the last sample in binary (its lowest four bits$first), and one for
// errors, a frame that was not whole, or steps out of range.
module snn_board (
    (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF s_axi:s_axis:m_axis, ASSOCIATED_RESET aresetn" *)
    input wire aclk,
    input wire aresetn,
$ports
    output wire led_error,
    output wire [3:0] led_class
);
    wire error;
    wire [$class_msb:0] label;
    snn_axi #(
        .N_STEPS(24'd$n_steps),
        .EVERY_STEP($every_step),
        .BEAT_BITS($beat_bits),
        .WORDS($words),
        .CLASS_AT($class_at),
        .CLASS_BITS($class_bits)
    ) axi (
        .aclk(aclk),
        .aresetn(aresetn),
$wires
        .error(error),
        .label(label)
    );
    assign led_error = $led_error;
    assign led_class = $led_class;
endmodule
""")


def _axi_ports(beat_bits: int) -> dict[str, str]:
    """Ports of the top behind a processor, and how they are wired through."""
    ends = {"addr": "[4:0] ", "wdata": "[31:0] ", "rdata": "[31:0] ", "strb": "[3:0] ", "resp": "[1:0] "}
    ends |= {"s_axis_tdata": f"[{beat_bits - 1}:0] ", "m_axis_tdata": "[31:0] ", "keep": "[3:0] "}
    names = {
        "input": (
            *("s_axi_awaddr", "s_axi_awvalid", "s_axi_wdata", "s_axi_wstrb", "s_axi_wvalid", "s_axi_bready"),
            *("s_axi_araddr", "s_axi_arvalid", "s_axi_rready"),
            *("s_axis_tdata", "s_axis_tvalid", "s_axis_tlast", "m_axis_tready"),
        ),
        "output": (
            *("s_axi_awready", "s_axi_wready", "s_axi_bresp", "s_axi_bvalid", "s_axi_arready"),
            *("s_axi_rdata", "s_axi_rresp", "s_axi_rvalid"),
            *("s_axis_tready", "m_axis_tdata", "m_axis_tkeep", "m_axis_tvalid", "m_axis_tlast"),
        ),
    }
    ports = [
        f"    {way} wire {next((bits for end, bits in ends.items() if name.endswith(end)), '')}{name},"
        for way, group in names.items()
        for name in group
    ]
    wires = [f"        .{name}({name})," for group in names.values() for name in group]
    return {"ports": "\n".join(ports), "wires": "\n".join(wires)}


def board_texts(
    board: Board, graph: IntegerGraph, stages: Sequence[Stage], golden: Golden, n_steps: int
) -> dict[str, str]:
    """Files of the folder board/ by name."""
    found = widths(graph, stages)
    code, classes = graph.input.code, int(found["class_bits"])
    sizes = [stages[number - 1].n_neurons for number in output_stages(graph, stages)]
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
        "beat_bits": beat_bits(graph),
        "beat_bytes": beat_bits(graph) // 8,
        "outputs": repr(dict(zip(graph.outputs, sizes, strict=True))),
        "words": sum(sizes) + len(sizes),
        "class_at": sizes[0],
        "first": "; of the first output" if len(sizes) > 1 else "",
        "led_error": "!error" if board.led_is_low else "error",
        "led_class": f"{{{4 - classes}'d0, label}}" if classes < 4 else "label" if classes == 4 else "label[3:0]",
        "factor": repr(float(code.factor)),
        "offset": repr(float(code.offset)),
        "step": repr(float(code.step)),
        "low": code.codes.low,
        "high": code.codes.high,
        "packs_spikes": sends_spikes(graph),
    }
    prefix, numbers["where"] = LINKS[board.link]
    host = {"host.py": "host.template", "link.py": f"link_{board.link}.template"}
    texts = {name: Template(_file(template)).substitute(numbers) for name, template in host.items()}
    texts |= {name: _file(name) for name in board.files}
    for file in _folder().iterdir():
        if file.name.startswith((prefix, "snn_label")) and file.name.endswith(".v"):
            texts[file.name] = file.read_text("utf-8")
    if board.link == "serial":
        texts["snn_board.v"] = SERIAL.substitute(numbers)
    else:
        texts["snn_board.v"] = AXI.substitute(numbers, **_axi_ports(beat_bits(graph)))
        settings = f"set megahertz {board.clock / 1e6:g}\nset beat_bits {beat_bits(graph)}\n"
        texts[f"{board.name}.tcl"] = settings + _file(f"{board.name}.tcl")
    return {f"board/{name}": text for name, text in texts.items()}


def _folder() -> Traversable:
    return importlib.resources.files(__name__.rpartition(".")[0]).joinpath("board")


def _file(name: str) -> str:
    return _folder().joinpath(name).read_text("utf-8")
