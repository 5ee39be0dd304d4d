"""README.md of an exported circuit."""

from __future__ import annotations

from collections.abc import Sequence

from ...quantize import IntegerGraph
from ..integers import Golden, comment
from .stages import Stage, held_clocks, step_clocks

HELD = """\
The weighted sums of an input are kept ({bits:,} bits) for as long as it is not written anew: a step with the input of
the step before takes {held:,} clocks, since a layer that keeps its sums takes 4 + (neurons / side by side - 1) *
max(4, side by side) + side by side + 2. {megahertz:.4g} MHz are enough where the first step of an input may be late.
"""


def readme(graph: IntegerGraph, stages: Sequence[Stage], golden: Golden) -> str:
    """The whole text."""
    rows = [
        f"| {stage.name} | {comment(stage.node.name)} | {stage.parameters['KIND']} | {stage.n_neurons} | "
        f"{stage.n_inputs} | {stage.lanes} | {stage.widths['WEIGHTS']} | {stage.parameters['SUM_BITS']} | "
        f"{stage.parameters.get('STATE_BITS', '')} | {stage.rom_bits:,} | {stage.clocks:,} |"
        for stage in stages
    ]
    clocks, held, code = step_clocks(stages), held_clocks(stages), graph.input.code
    bits = sum(stage.held_bits for stage in stages)
    kept = "" if held == clocks else HELD.format(held=held, megahertz=held / graph.dt / 1e6, bits=bits)
    number = "x" if (code.factor, code.offset) == (1, 0) else f"({code.factor:.9g} * x + {code.offset:.9g})"
    return f"""\
# The network {comment(graph.name)} as a circuit

    make sim      # iverilog: the test bench compares every spike with golden/, and ends with PASS or FAIL
    make wave     # the same, and network.vcd for a wave viewer
    make lint     # verilator
    make synth    # yosys; SYNTH=synth_ice40 and the like for a device

| layer | name | kind | neurons | inputs | side by side | weight bits | sum bits | state bits | ROM bits | clocks |
|---|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}

A layer takes neurons / side by side * (inputs + 3) + side by side + 2 clocks, a step of the network {clocks:,}. Steps
stand for {graph.dt * 1e3:g} ms: real time needs a clock of {clocks / graph.dt / 1e6:.4g} MHz or more.
{kept}
- rtl/snn_stream.v is the top: AXI4-Stream in and out, the order and the end of frames are described in its head.
  rtl/snn_network.v is the network without streams; it also gives out every spike as it is sent.
- mem/ holds weights, biases and thresholds for $readmemh, in two's complement; neurons side by side share a word, the
  first one in its lowest bits. Paths are relative to this folder: tools must run in it.
- golden/ holds {golden.size} from the integer network in NumPy.
- An input x is sent as round({number} / {code.step:.9g}), halves to even, from {code.codes.low} to {code.codes.high}.
- Sums over time are proven to fit for {graph.settings.n_steps} steps. No register
  saturates: each is wide enough for any input.

The sources are yours, without any condition: MIT-0, as they say in their heads.
"""
