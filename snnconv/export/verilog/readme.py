"""README.md and Makefile of an exported circuit."""

from __future__ import annotations

from collections.abc import Sequence

from ...quantize import IntegerGraph
from ..golden import Golden
from ..integers import comment
from .bench import golden_clocks
from .memories import MOST_ROWS
from .stages import Stage
from .timing import longest, mean_clocks

MAKEFILE = """\
# make sim    simulate and compare with the golden vectors (iverilog)
# make wave   the same, with every signal in network.vcd
# make lint   check the RTL (verilator)
# make synth  count cells (yosys); SYNTH=synth_ice40, synth_xilinx, synth_ecp5, ... for a device
RTL := $(wildcard rtl/*.v)
SYNTH ?= synth

.PHONY: sim wave lint synth clean
sim: sim.vvp
\tvvp -n $< | tee sim.log
\t@grep -q '^PASS' sim.log

wave: sim.vvp
\tvvp -n $< +wave | tee sim.log
\t@grep -q '^PASS' sim.log

sim.vvp: tb.v $(RTL)
\tiverilog -g2005 -Wall -Wno-timescale -s tb -o $@ tb.v $(RTL)

lint:
\tverilator --lint-only -Wall --top-module snn_stream $(RTL)

# -defer: modules are read with the parameters that they are used with, not with their defaults
synth:
\tyosys -q -p 'read_verilog -defer $(RTL); $(SYNTH) -top snn_stream; tee -o synth.txt stat'
\t@cat synth.txt

clean:
\trm -f sim.vvp sim.log synth.txt network.vcd
"""


def readme(graph: IntegerGraph, stages: Sequence[Stage], golden: Golden) -> str:
    """README.md: how to simulate and build the circuit, and the clocks of its layers."""
    clocks = golden_clocks(stages, golden)
    rows = [
        f"| {stage.name} | {comment(stage.node.name)} | {stage.parameters['KIND']} | {stage.n_neurons} | "
        f"{stage.n_inputs} | {stage.lanes} | {stage.widths['WEIGHTS']} | {stage.parameters['SUM_BITS']} | "
        f"{stage.parameters.get('STATE_BITS', '')} | {stage.rom_bits:,} | {stage.clocks:,} | "
        f"{stage.held_clocks if stage.holds else ''} | {mean:,.0f} |"
        for stage, mean in zip(stages, clocks.mean((1, 2)), strict=True)
    ]
    code, n_steps = graph.input.code, golden.n_steps
    measured = mean_clocks(clocks, stages)
    most = longest(stages, n_steps, golden.varies)
    number = "x" if (code.factor, code.offset) == (1, 0) else f"({code.factor:.9g} * x + {code.offset:.9g})"
    return f"""\
# The network {comment(graph.name)} as a circuit

    make sim      # iverilog: the test bench compares every spike with golden/, and ends with PASS or FAIL
    make wave     # the same, and network.vcd for a wave viewer
    make lint     # verilator
    make synth    # yosys; SYNTH=synth_ice40 and the like for a device

| layer | name | kind | neurons | inputs | lanes | weight | sum | state bits | ROM bits | most clocks | held | golden |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}

Layers work at the same time, on steps that follow each other. A sample of {n_steps} steps takes {measured:,.0f} clocks
from its last input to its class, on average over golden/, and {most:,} where every input spikes at every step. With
steps of {graph.dt * 1e3:g} ms, real time needs {most / n_steps / graph.dt / 1e6:.4g} MHz or more for any input.

Most clocks of a layer are neurons / lanes * inputs and those of its registers. Where the inputs of a dense layer are
spikes, only those that spike take a clock, but at least as many as there are lanes: "golden" is the mean over golden/.
Of a frame that is held for many steps, the sums are kept: a step after the first takes a clock per neuron ("held").

- rtl/snn_stream.v is the top: AXI4-Stream in and out, the order and the end of frames are described in its head.
  rtl/snn_network.v is the network without streams; it also gives out every spike as it is sent.
- mem/ holds weights, biases and thresholds for $readmemh, in two's complement; weights of lanes share a word, the first
  one in its lowest bits, and so do words one after the other of memories that would have more than {MOST_ROWS:,} lines.
  Where the device has deeper blocks there are more lines, in files with numbers: a few bits of each line, the lowest in
  000. Paths are relative to this folder: tools must run in it.
- golden/ holds {golden.size} from the integer network in NumPy.
- An input x is sent as round({number} / {code.step:.9g}), halves to even, from {code.codes.low} to {code.codes.high}.
- Sums over time are proven to fit for {graph.settings.n_steps} steps. No register
  saturates: each is wide enough for any input.

The sources are yours, without any condition: MIT-0, as they say in their heads.
"""
