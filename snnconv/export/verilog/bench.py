"""The self-checking test bench, the golden vectors that it reads, and its simulation where iverilog is there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np

from ...errors import ExportError
from ...files.writing import scratch
from ...quantize import EncodedInput, IntegerGraph, MaxPool, ReadoutLayer, SumPool, WeightedSums
from ...quantize.reference import sum_pool, weighted_sum
from ..golden import Golden
from ..programs import run
from ..target import Check
from .memories import mem_text
from .stages import Stage, input_bits, output_stages
from .stream import beat_bits, beats, sends_spikes
from .timing import layer_clocks, longest, sample_clocks, sources

NAME = "circuit"  # of the check
SPIKING = ("LIF", "IF", "SignedIF", "LATENCY")  # kinds whose values are counted as spikes

BENCH = Template("""\
// Written by snnconv: sends golden inputs through the streams and compares every value and voltage of every layer, the
// clocks of each step of each layer and the outputs with the golden ones. Inputs change at the falling edge.
// +wave writes network.vcd.
`timescale 1ns / 1ps
module tb;
    localparam SAMPLES = $samples, STEPS = $steps, FRAMES = $frames, INPUTS = $inputs, OUTPUTS = $outputs;
    localparam CLOCKS = $sample_clocks;  // from the inputs of the first sample to its outputs, if it has one frame
    reg clk = 1'b0;
    always #5 clk = !clk;

    reg aresetn = 1'b0;
    reg [$beat_msb:0] s_axis_tdata = 0;
    reg s_axis_tvalid = 1'b0, s_axis_tlast = 1'b0, m_axis_tready = 1'b0;
    wire s_axis_tready, m_axis_tvalid, m_axis_tlast, steps_error, frame_error;
    wire [31:0] m_axis_tdata;
    reg [23:0] n_steps = 0;
    snn_stream dut (
        .aclk(clk),
        .aresetn(aresetn),
        .n_steps(n_steps),
        .every_step(FRAMES > 1),
        .steps_error(steps_error),
        .frame_error(frame_error),
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
    reg [31:0] results[0:SAMPLES*OUTPUTS-1];  // of each output its sums, and the place of the largest
$declarations
    integer errors = 0, compared = 0, spikes = 0, clocks = 0, seed = 1, more = 2;
    integer sample, frame, input_number, taken, beat;
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
        // Neither 0 steps nor more than are proven to fit may run, nor a frame that is too short or too long.
        expect_error(0);
        expect_error($too_many);
        n_steps = STEPS;
        for (input_number = 0; input_number < INPUTS - 1; input_number = input_number + 1)
            send(inputs[input_number], input_number == INPUTS - 2);
        for (input_number = 0; input_number <= INPUTS; input_number = input_number + 1)
            send(inputs[input_number % INPUTS], input_number == INPUTS);
        repeat (10) @(negedge clk);
        if (steps_error !== 1'b0 || frame_error !== 1'b1) report(0, 0, steps_error, frame_error);
        fork
            for (sample = 0; sample < SAMPLES; sample = sample + 1)
                for (frame = 0; frame < FRAMES; frame = frame + 1)
                    for (input_number = 0; input_number < INPUTS; input_number = input_number + 1)
                        send(inputs[(sample*FRAMES+frame)*INPUTS+input_number], input_number == INPUTS - 1);
            for (taken = 0; taken < SAMPLES; taken = taken + 1)
                for (beat = 0; beat < OUTPUTS; beat = beat + 1)
                    receive(results[taken*OUTPUTS+beat], beat == OUTPUTS - 1);
        join
        if ($all_steps || compared != SAMPLES * STEPS * $values) begin
            $$display("%0d values were seen, not those of %0d steps", compared, SAMPLES * STEPS);
            errors = errors + 1;
        end
        if (FRAMES == 1 && clocks != CLOCKS) begin
            $$display("the first sample took %0d clocks, expected %0d", clocks, CLOCKS);
            errors = errors + 1;
        end
        if (errors == 0)
            $$display("PASS: %0d values with %0d spikes in $size, %0d clocks for the first", compared, spikes, clocks);
        else $$display("FAIL: %0d differences", errors);
        $$finish;
    end

    task expect_error(input [23:0] wrong);
        begin
            n_steps = wrong;
            repeat (4) @(negedge clk);
            if (steps_error !== 1'b1) begin
                $$display("%0d steps are not refused", wrong);
                errors = errors + 1;
            end
        end
    endtask

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
            while ($$random(more) % 4 == 0) @(negedge clk);
            m_axis_tready = 1'b1;
            while (!m_axis_tvalid) @(negedge clk);
            if (m_axis_tdata !== expected || m_axis_tlast !== last) begin
                $$display("sample %0d, output %0d: %0d, expected %0d",
                    taken, beat, $$signed(m_axis_tdata), $$signed(expected));
                errors = errors + 1;
            end
            @(negedge clk) m_axis_tready = 1'b0;
        end
    endtask

    task report(input integer layer, input integer step, input [63:0] found, input [63:0] expected);
        begin
            errors = errors + 1;
            if (errors <= 20) begin
                if (layer == 0) $$display("frames of the wrong length: %0h %0h", found, expected);
                else $$write("step %0d, layer %0d", step, layer);
            end
        end
    endtask

    task compare(
        input integer step, input integer layer, input integer index, input [63:0] value, input [63:0] expected);
        begin
            compared = compared + 1;
            if (value !== expected) begin
                report(layer, step, value, expected);
                if (errors <= 20) $$display(", number %0d: %0h, expected %0h", index, value, expected);
            end
        end
    endtask

    task count(input integer step, input integer layer, input integer found, input integer expected);
        if (found !== expected) begin
            report(layer, step, found, expected);
            if (errors <= 20) $$display(" took %0d clocks, expected %0d", found, expected);
        end
    endtask

    reg running = 1'b0;
    always @(negedge clk) begin
$comparisons
        if (dut.network.result_ready) running = 1'b0;
        if (running) clocks = clocks + 1;
        if (dut.network.layer1.begins && step1 == 0) begin
            running = 1'b1;
            clocks = 1;
        end
    end

    initial begin
        repeat ($most_clocks) @(negedge clk);
        $$display("FAIL: no end after so many clocks");
        $$finish;
    end
endmodule
""")

LAYER = Template("""\
        // layer $number
        layer${number}_clocks = layer${number}_clocks + 1;
        if ($core.begins) layer${number}_clocks = 1;
        if (${core}_sent) begin
            compare(step$number, $number, ${core}_index, ${core}_value, expected$number[step$number*$n+${core}_index]);
$more
        end
        if ($core.done) begin
            count(step$number, $number, layer${number}_clocks, clocks$number[step$number]);
            step$number = step$number + 1;
        end""")


def bench_text(graph: IntegerGraph, stages: Sequence[Stage], golden: Golden) -> str:
    """The test bench as a Verilog module."""
    declarations, reading, comparisons = [], [], []
    for number, stage in enumerate(stages, 1):
        n, core = stage.n_neurons, f"dut.network.layer{number}"
        memories = [(f"expected{number}", stage.name, int(stage.parameters["VALUE_BITS"]), n)]
        memories.append((f"clocks{number}", f"{stage.name}_clocks", 32, 1))
        more = []
        if stage.parameters["KIND"] in SPIKING:
            more.append(f"            spikes = spikes + {core}_value[0];")
        if stage.node.name in golden.voltages:
            memories.append((f"voltages{number}", f"{stage.name}_voltages", int(stage.parameters["STATE_BITS"]), n))
            voltage, wanted = f"{core}.neuron.gen_state.gen_neuron.voltage", f"voltages{number}"
            more += [
                f"            if ({voltage} !== {wanted}[step{number}*{n}+{core}_index]) begin",
                f"                report({number}, step{number}, 0, 0);",
                '                if (errors <= 20) $display(", voltage %0d: %0h, expected %0h",',
                f"                    {core}_index, {voltage}, {wanted}[step{number}*{n}+{core}_index]);",
                "            end",
            ]
        for name, file, bits, per_step in memories:
            declarations.append(f"    reg [{bits - 1}:0] {name}[0:SAMPLES*STEPS*{per_step}-1];")
            reading.append(f'        $readmemh("golden/{file}.mem", {name});')
        declarations.append(f"    integer step{number} = 0, layer{number}_clocks = 0;")
        comparisons.append(LAYER.substitute(number=number, core=core, n=n, more="\n".join(more)))
    n_beats, n_steps = beats(graph), golden.n_steps
    n_frames = n_steps if golden.varies else 1
    n_outputs = sum(stages[number - 1].n_neurons + 1 for number in output_stages(graph, stages))
    per_sample = longest(stages, n_steps, golden.varies) + n_frames * 20 * (n_beats + 8) + 40 * n_outputs
    return BENCH.substitute(
        samples=len(golden.codes),
        steps=n_steps,
        frames=n_frames,
        inputs=n_beats,
        input_msb=_word_bits(graph) - 1,
        beat_msb=beat_bits(graph) - 1,
        outputs=n_outputs,
        sample_clocks=sample_clocks(golden_clocks(stages, golden)[:, 0], sources(stages)),
        too_many=graph.settings.n_steps + 1,
        all_steps=" || ".join(f"step{number} != SAMPLES * STEPS" for number in range(1, len(stages) + 1)),
        n_layers=len(stages),
        most_clocks=(len(golden.codes) + 3) * per_sample + 1000,
        size=golden.size,
        values=sum(stage.n_neurons for stage in stages),
        declarations="\n".join(declarations),
        reading="\n".join(reading),
        comparisons="\n".join(comparisons),
    )


def golden_clocks(stages: Sequence[Stage], golden: Golden) -> np.ndarray:
    """Clocks (n_layers, n, n_steps) of each step of the golden samples."""
    return layer_clocks(stages, _sent(stages, golden), golden.varies)


def golden_texts(graph: IntegerGraph, stages: Sequence[Stage], golden: Golden) -> dict[str, str]:
    """The golden vectors as .mem files by name: one number a line, samples first, then steps."""
    results = []
    for name in graph.outputs.values():
        last = golden.readouts[name][:, -1].reshape(len(golden.codes), -1)
        results += [last, (last.argmax(1) if last.shape[1] > 1 else last[:, 0] > 0)[:, None]]
    words = golden.codes
    if sends_spikes(graph):
        lead = words.ndim - len(graph.input.shape)
        words = np.packbits(words.reshape(*words.shape[:lead], -1).astype("uint8"), -1, "little")
    found = {"inputs": _text(words, _word_bits(graph)), "results": _text(np.concatenate(results, 1), 32)}
    sent = _sent(stages, golden)
    for stage, values, clocks in zip(stages, sent[1:], layer_clocks(stages, sent, golden.varies), strict=True):
        found[stage.name] = _text(values, int(stage.parameters["VALUE_BITS"]))
        found[f"{stage.name}_clocks"] = _text(clocks, 32)
        if stage.node.name in golden.voltages:
            voltages = golden.voltages[stage.node.name]
            found[f"{stage.name}_voltages"] = _text(voltages, int(stage.parameters["STATE_BITS"]))
    return {f"golden/{name}.mem": text for name, text in found.items()}


def _sent(stages: Sequence[Stage], golden: Golden) -> list[np.ndarray]:
    """Values (n, n_steps, ...) of the input, and of what each stage sends."""
    codes = golden.codes if golden.varies else np.repeat(golden.codes[:, None], golden.n_steps, 1)
    found: list[np.ndarray] = [codes.astype("int64")]
    known = {**golden.spikes, **golden.readouts}
    for stage in stages:
        node, source = stage.node, found[stage.source]
        lead = source.shape[:2]
        if node.name in known:
            values = known[node.name]
        elif isinstance(node, EncodedInput):
            steps = [node.code.send(source[:, step], source[:, step], step)[0] for step in range(golden.n_steps)]
            values = np.stack(steps, 1)
        elif isinstance(node, WeightedSums):
            values = weighted_sum(node, source.reshape(-1, *node.input_shape).astype("int64"))
            values = values.reshape(*lead, *node.shape)
            values = values + found[stage.added].reshape(values.shape) if stage.added else values
        elif isinstance(node, ReadoutLayer):  # running sums
            values = source.cumsum(1, dtype="int64")
        elif isinstance(node, SumPool):
            sums = sum_pool(node, source.reshape(-1, *node.input_shape).astype("int64"))
            values = sums.reshape(*lead, *node.shape)
        elif isinstance(node, MaxPool):
            values = node.largest(source.reshape(-1, *node.input_shape)).reshape(*lead, *node.shape)
            values = np.diff(values, axis=1, prepend=0) if node.is_running else values
        else:
            raise ExportError(f"layer '{node.name}' ({node.kind}) has no golden vectors.")
        found.append(values)
    return found


def _word_bits(graph: IntegerGraph) -> int:
    """Bits that are used of a beat of the input stream."""
    return beat_bits(graph) if sends_spikes(graph) else input_bits(graph)


def _text(array: np.ndarray, bits: int) -> str:
    return mem_text(array.reshape(-1, 1).astype("int64"), bits)


def check_folder(path: Path) -> list[Check]:
    """Simulate the circuit in its test bench; what is compiled lies outside of the folder."""
    compiler, simulator = shutil.which("iverilog"), shutil.which("vvp")
    if compiler is None or simulator is None:
        return [Check(NAME, None, "there is no iverilog here")]
    with scratch() as work:
        program = str(work / "sim.vvp")
        sources = ["tb.v", *sorted(file.relative_to(path).as_posix() for file in path.glob("rtl/*.v"))]
        compiled = run([compiler, "-g2005", "-s", "tb", "-o", program, *sources], path)
        if not compiled.passed:
            return [Check(NAME, compiled.passed, f"iverilog does not read it: {compiled.said}")]
        simulated = run([simulator, "-n", program], path)  # in the folder: it reads mem/ and golden/
    if simulated.passed is None:
        return [Check(NAME, None, f"{simulated.said}; 'make sim' in the folder takes its time")]
    passed = simulated.passed and simulated.said.startswith("PASS")
    return [Check(NAME, passed, f"simulated by iverilog: {simulated.said}")]
