"""The self-checking test bench, the golden vectors that it reads, and its simulation where iverilog is there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np

from ...quantize import IntegerGraph, SumPool
from ...quantize.reference import sum_pool
from ..integers import Golden
from ..programs import run
from ..target import Check
from .memories import mem_text
from .stages import Stage, held_clocks, sent_bits, step_clocks
from .stream import beat_bits, beats, sends_spikes

NAME = "circuit"  # of the check

BENCH = Template("""\
// Written by snnconv: sends golden inputs through the streams and compares every value of every layer, the clocks of a
// step and the outputs with the golden ones. Inputs change at the falling edge. +wave writes network.vcd.
`timescale 1ns / 1ps
module tb;
    localparam SAMPLES = $samples, STEPS = $steps, FRAMES = $frames, INPUTS = $inputs, OUTPUTS = $outputs;
    localparam CLOCKS = $clocks, HELD_CLOCKS = $held_clocks;  // with new inputs, and with those of the step before
    reg clk = 1'b0;
    always #5 clk = !clk;

    reg aresetn = 1'b0;
    reg [$beat_msb:0] s_axis_tdata = 0;
    reg s_axis_tvalid = 1'b0, s_axis_tlast = 1'b0, m_axis_tready = 1'b0;
    wire s_axis_tready, m_axis_tvalid, m_axis_tlast;
    wire [31:0] m_axis_tdata;
    snn_stream dut (
        .aclk(clk),
        .aresetn(aresetn),
        .n_steps(24'd$steps),
        .every_step(FRAMES > 1),
        .s_axis_tdata(s_axis_tdata),
        .s_axis_tvalid(s_axis_tvalid),
        .s_axis_tready(s_axis_tready),
        .s_axis_tlast(s_axis_tlast),
        .m_axis_tdata(m_axis_tdata),
        .m_axis_tvalid(m_axis_tvalid),
        .m_axis_tready(m_axis_tready),
        .m_axis_tlast(m_axis_tlast)
    );

    reg [$input_msb:0] inputs[0:SAMPLES*FRAMES*INPUTS-1];
    reg [31:0] results[0:SAMPLES*(OUTPUTS+1)-1];
$declarations
    integer errors = 0, compared = 0, spikes = 0, step = 0, clocks = 0, seed = 1;
    integer wanted, sample, frame, input_number, beat;
    initial begin
        $$readmemh("golden/inputs.mem", inputs);
        $$readmemh("golden/results.mem", results);
$reading
        if ($$test$$plusargs("wave")) begin
            $$dumpfile("network.vcd");
            $$dumpvars(0, tb);
        end
        repeat (4) @(negedge clk);
        aresetn = 1'b1;
        for (sample = 0; sample < SAMPLES; sample = sample + 1) begin
            for (frame = 0; frame < FRAMES; frame = frame + 1)
                for (input_number = 0; input_number < INPUTS; input_number = input_number + 1)
                    send(inputs[(sample*FRAMES+frame)*INPUTS+input_number], input_number == INPUTS - 1);
            for (beat = 0; beat <= OUTPUTS; beat = beat + 1) receive(results[sample*(OUTPUTS+1)+beat], beat == OUTPUTS);
        end
        if (step != SAMPLES * STEPS || compared != step * $values) begin
            $$display("%0d steps and %0d values were seen, not those of %0d steps", step, compared, SAMPLES * STEPS);
            errors = errors + 1;
        end
        if (errors == 0)
            $$display("PASS: %0d values with %0d spikes in $size, %0d clocks per step$held_said",
                compared, spikes, CLOCKS$held_shown);
        else $$display("FAIL: %0d differences", errors);
        $$finish;
    end

    // The sender and the receiver keep the network waiting now and then.
    task send(input [$input_msb:0] value, input last);
        begin
            while ($$random(seed) % 4 == 0) @(negedge clk);
            s_axis_tdata = value;
            s_axis_tlast = last;
            s_axis_tvalid = 1'b1;
            while (!s_axis_tready) @(negedge clk);
            @(negedge clk) s_axis_tvalid = 1'b0;
        end
    endtask

    task receive(input [31:0] expected, input last);
        begin
            while ($$random(seed) % 4 == 0) @(negedge clk);
            m_axis_tready = 1'b1;
            while (!m_axis_tvalid) @(negedge clk);
            if (m_axis_tdata !== expected || m_axis_tlast !== last) begin
                $$display("sample %0d, output %0d: %0d, expected %0d",
                    sample, beat, $$signed(m_axis_tdata), $$signed(expected));
                errors = errors + 1;
            end
            @(negedge clk) m_axis_tready = 1'b0;
        end
    endtask

    task compare(input integer layer, input integer index, input [63:0] value, input [63:0] expected);
        begin
            compared = compared + 1;
            if (value !== expected) begin
                errors = errors + 1;
                if (errors <= 20)
                    $$display("step %0d, layer %0d, number %0d: %0h, expected %0h",
                        step, layer, index, value, expected);
            end
        end
    endtask

    always @(negedge clk) begin
$comparisons
        if (dut.network.step) clocks = 1;
        else clocks = clocks + 1;
        if (dut.network.done) begin
            wanted = FRAMES > 1 || step % STEPS == 0 ? CLOCKS : HELD_CLOCKS;
            if (clocks != wanted + 1) begin
                $$display("step %0d took %0d clocks, expected %0d", step, clocks - 1, wanted);
                errors = errors + 1;
            end
            step = step + 1;
        end
    end

    initial begin
        repeat (SAMPLES * (STEPS * (CLOCKS + 20 * INPUTS + 40) + 20 * INPUTS + 40 * OUTPUTS) + 1000) @(negedge clk);
        $$display("FAIL: no end after so many clocks");
        $$finish;
    end
endmodule
""")


def bench_text(graph: IntegerGraph, stages: Sequence[Stage], golden: Golden) -> str:
    """The test bench as a Verilog module."""
    declarations, reading, comparisons = [], [], []
    for number, stage in enumerate(stages, 1):
        bits = int(stage.parameters["VALUE_BITS"])
        n = stage.n_neurons
        declarations.append(f"    reg [{bits - 1}:0] expected{number}[0:SAMPLES*STEPS*{n}-1];")
        reading.append(f'        $readmemh("golden/{stage.name}.mem", expected{number});')
        core = f"dut.network.layer{number}"
        comparisons += [
            f"        if ({core}_sent) begin",
            f"            compare({number}, {core}_index, {core}_value, expected{number}[step*{n}+{core}_index]);",
            *([f"            spikes = spikes + {core}_value;"] if bits == 1 else []),
            "        end",
        ]
    is_held = held_clocks(stages) < step_clocks(stages) and not golden.varies
    return BENCH.substitute(
        samples=len(golden.codes),
        steps=golden.n_steps,
        frames=golden.n_steps if golden.varies else 1,
        inputs=beats(graph),
        input_msb=_word_bits(graph) - 1,
        beat_msb=beat_bits(graph) - 1,
        outputs=stages[-1].n_neurons,
        clocks=step_clocks(stages),
        held_clocks=held_clocks(stages),
        held_said=", %0d with the same inputs again" if is_held else "",
        held_shown=", HELD_CLOCKS" if is_held else "",
        size=golden.size,
        values=sum(stage.n_neurons for stage in stages),
        declarations="\n".join(declarations),
        reading="\n".join(reading),
        comparisons="\n".join(comparisons),
    )


def golden_texts(graph: IntegerGraph, stages: Sequence[Stage], golden: Golden) -> dict[str, str]:
    """The golden vectors as .mem files by name: one number a line, samples first, then steps."""
    (readout,) = golden.readouts
    last = golden.readouts[readout][:, -1].reshape(len(golden.codes), -1)
    results = np.concatenate([last, last.argmax(1)[:, None]], 1)
    words = golden.codes
    if sends_spikes(graph):
        lead = words.ndim - len(graph.input.shape)
        words = np.packbits(words.reshape(*words.shape[:lead], -1).astype("uint8"), -1, "little")
    found = {"inputs": _text(words, _word_bits(graph)), "results": _text(results, 32)}
    codes = golden.codes if golden.varies else np.repeat(golden.codes[:, None], golden.n_steps, 1)
    sent: dict[str, np.ndarray] = {graph.input.name: codes, **golden.spikes, **golden.readouts}
    for stage in stages:
        node = stage.node
        if isinstance(node, SumPool):
            source = sent[node.inputs[0]]
            sent[node.name] = sum_pool(node, source.reshape(-1, *node.input_shape).astype("int64"))
        found[stage.name] = _text(sent[node.name], int(stage.parameters["VALUE_BITS"]))
    return {f"golden/{name}.mem": text for name, text in found.items()}


def _word_bits(graph: IntegerGraph) -> int:
    """Bits that are used of a beat of the input stream."""
    return beat_bits(graph) if sends_spikes(graph) else sent_bits(graph.input)


def _text(array: np.ndarray, bits: int) -> str:
    return mem_text(array.reshape(-1, 1).astype("int64"), bits)


def check_folder(path: Path) -> list[Check]:
    """Simulate the circuit in its test bench; what is compiled lies outside of the folder."""
    compiler, simulator = shutil.which("iverilog"), shutil.which("vvp")
    if compiler is None or simulator is None:
        return [Check(NAME, None, "there is no iverilog here")]
    with tempfile.TemporaryDirectory() as work:
        program = str(Path(work) / "sim.vvp")
        sources = ["tb.v", *sorted(file.relative_to(path).as_posix() for file in path.glob("rtl/*.v"))]
        compiled = run([compiler, "-g2005", "-s", "tb", "-o", program, *sources], path)
        if not compiled.passed:
            return [Check(NAME, compiled.passed, f"iverilog does not read it: {compiled.said}")]
        simulated = run([simulator, "-n", program], path)  # in the folder: it reads mem/ and golden/
    if simulated.passed is None:
        return [Check(NAME, None, f"{simulated.said}; 'make sim' in the folder takes its time")]
    passed = simulated.passed and simulated.said.startswith("PASS")
    return [Check(NAME, passed, f"simulated by iverilog: {simulated.said}")]
