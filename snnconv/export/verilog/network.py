"""The generated modules: the network, which chains its layers, and its AXI4-Stream wrapper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import Template

from ...quantize import IntegerGraph
from ..integers import comment
from .stages import Stage, address_bits, sent_bits

NETWORK = Template("""\
// SPDX-License-Identifier: MIT
// Written by snnconv: the network $name, $layers.
//
// Write the inputs of a step, pulse `step`, wait for `done`: $clocks clocks. Inputs stay until they are written
// again. `clear` before a step starts a new sample. Layers give out what they send as they send it.
module snn_network (
    input wire clk,
    input wire rst,
    input wire clear,
    input wire step,
    output wire done,
    input wire input_write,
    input wire [$input_address_msb:0] input_address,
    input wire [$input_msb:0] input_data,
$ports
    input wire [$class_msb:0] output_address,
    output wire [$output_msb:0] output_data,
    output wire [$class_msb:0] largest
);
    reg first;
    always @(posedge clk)
        if (rst || clear) first <= 1'b1;
        else if (done) first <= 1'b0;

    wire [$input_address_msb:0] source_address0;
    wire [$input_msb:0] source_data0;
    snn_memory #($input_bits, $n_inputs, $input_address_bits) input_memory (
        clk, input_write, input_address, input_data, source_address0, source_data0
    );
    wire done0 = step;
$instances
    assign done = done$n_layers;
    assign source_address$n_layers = output_address;
    assign output_data = source_data$n_layers;
    snn_largest #($output_bits, $class_bits) largest_output (
        clk, layer${n_layers}_sent, layer${n_layers}_index, layer${n_layers}_value, largest
    );
endmodule
""")

LAYER = Template("""
    // $name: $what
    wire [$address_msb:0] source_address$number;
    wire [$value_msb:0] source_data$number;
    wire done$number;
    snn_layer #(
$parameters
    ) layer$number (
        .clk(clk),
        .rst(rst),
        .start(done$before),
        .first(first),
        .done(done$number),
        .source_address(source_address$before),
        .source_data(source_data$before),
        .read_address(source_address$number),
        .read_data(source_data$number),
        .sent(layer${number}_sent),
        .sent_index(layer${number}_index),
        .sent_value(layer${number}_value)
    );""")

STREAM = Template("""\
// SPDX-License-Identifier: MIT
// Written by snnconv: the network $name between two AXI4-Streams.
//
// In: the $n_inputs inputs of a sample, one a beat, in row-major order with channels last; tlast with the last one.
// With `every_step` a sample is n_steps such frames, one for each step. Out, for every sample: the $n_outputs sums over
// its steps, and the place of the largest with tlast.
module snn_stream (
    input wire aclk,
    input wire aresetn,
    input wire [23:0] n_steps,
    input wire every_step,
    input wire [$beat_msb:0] s_axis_tdata,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    input wire s_axis_tlast,
    output reg [31:0] m_axis_tdata,
    output reg m_axis_tvalid,
    input wire m_axis_tready,
    output reg m_axis_tlast
);
    localparam LOAD = 3'd0, STEP = 3'd1, WAIT = 3'd2, FETCH = 3'd3, OFFER = 3'd4, HOLD = 3'd5;
    reg [2:0] phase;
    reg [23:0] n_done;
    reg [$input_address_msb:0] input_address;
    reg [$class_msb:0] output_address;
    wire [$output_msb:0] output_data;
    wire [$class_msb:0] largest;
    wire done;
    wire taken = s_axis_tready && s_axis_tvalid;
    wire sample_ends = phase == HOLD && m_axis_tready && m_axis_tlast;
    assign s_axis_tready = phase == LOAD;
$unused
    snn_network network (
        .clk(aclk),
        .rst(!aresetn),
        .clear(sample_ends),
        .step(phase == STEP),
        .done(done),
        .input_write(taken),
        .input_address(input_address),
        .input_data(s_axis_tdata[$input_msb:0]),
        // What layers send at each step is there for those who take the network without streams.
        // verilator lint_off PINCONNECTEMPTY
$ports
        // verilator lint_on PINCONNECTEMPTY
        .output_address(output_address),
        .output_data(output_data),
        .largest(largest)
    );

    always @(posedge aclk)
        if (!aresetn) begin
            phase <= LOAD;
            n_done <= 0;
            input_address <= 0;
            output_address <= 0;
            m_axis_tdata <= 0;
            m_axis_tvalid <= 1'b0;
            m_axis_tlast <= 1'b0;
        end else
            case (phase)
                LOAD:
                if (taken) begin
                    input_address <= s_axis_tlast ? $input_address_bits'd0 : input_address + 1'b1;
                    if (s_axis_tlast) phase <= STEP;
                end
                STEP: begin
                    n_done <= n_done + 1'b1;
                    phase <= WAIT;
                end
                WAIT: if (done) phase <= n_done >= n_steps ? FETCH : every_step ? LOAD : STEP;
                FETCH: phase <= OFFER;
                OFFER: begin
                    m_axis_tdata <= $extended;
                    m_axis_tvalid <= 1'b1;
                    phase <= HOLD;
                end
                HOLD:
                if (m_axis_tready) begin
                    m_axis_tvalid <= 1'b0;
                    if (m_axis_tlast) begin
                        m_axis_tlast <= 1'b0;
                        n_done <= 0;
                        output_address <= 0;
                        phase <= LOAD;
                    end else if (output_address == $class_bits'd$last_output) begin
                        m_axis_tdata <= $largest;
                        m_axis_tvalid <= 1'b1;
                        m_axis_tlast <= 1'b1;
                    end else begin
                        output_address <= output_address + 1'b1;
                        phase <= FETCH;
                    end
                end
                default: phase <= LOAD;
            endcase
endmodule
""")


def network_text(graph: IntegerGraph, stages: Sequence[Stage]) -> str:
    """The network as a Verilog module."""
    ports, instances = [], []
    for number, stage in enumerate(stages, 1):
        address, value = stage.parameters["ADDRESS_BITS"], stage.parameters["VALUE_BITS"]
        ports += [
            f"    output wire layer{number}_sent,",
            f"    output wire [{int(address) - 1}:0] layer{number}_index,",
            f"    output wire [{int(value) - 1}:0] layer{number}_value,",
        ]
        instances.append(
            LAYER.substitute(
                name=comment(stage.node.name),
                what=describe(stage),
                number=number,
                before=number - 1,
                address_msb=int(address) - 1,
                value_msb=int(value) - 1,
                parameters=_parameters(stage),
            )
        )
    return NETWORK.substitute(
        _widths(graph, stages),
        layers=f"{len(stages)} layers" if len(stages) > 1 else "1 layer",
        clocks=sum(stage.clocks for stage in stages),
        ports="\n".join(ports),
        instances="\n".join(instances),
        n_layers=len(stages),
    )


def stream_text(graph: IntegerGraph, stages: Sequence[Stage]) -> str:
    """The AXI4-Stream wrapper as a Verilog module."""
    widths = _widths(graph, stages)
    names = ("sent", "index", "value")
    ports = [f"        .layer{number}_{name}()," for number in range(1, len(stages) + 1) for name in names]
    beat = beat_bits(graph)
    spare = beat - int(widths["input_bits"])
    unused = f"    wire unused = &{{1'b0, s_axis_tdata[{beat - 1}:{beat - spare}]}};\n" if spare else ""
    bits = int(widths["output_bits"])
    extended = "output_data" if bits == 32 else f"{{{{{32 - bits}{{output_data[{bits - 1}]}}}}, output_data}}"
    return STREAM.substitute(
        widths,
        beat_msb=beat - 1,
        unused=unused,
        extended=extended,
        largest=f"{{{32 - int(widths['class_bits'])}'d0, largest}}",
        ports="\n".join(ports),
    )


def beat_bits(graph: IntegerGraph) -> int:
    """Bits of one beat of the input stream: whole bytes."""
    return -(-sent_bits(graph.input) // 8) * 8


def describe(stage: Stage) -> str:
    """What a stage is, in a few words."""
    kind = {"READOUT": "outputs", "SUM": "sums"}.get(
        str(stage.parameters["KIND"]), f"{stage.parameters['KIND']} neurons"
    )
    lanes = f", {stage.lanes} side by side" if stage.lanes > 1 else ""
    return f"{stage.n_neurons} {kind} with {stage.n_inputs} inputs each{lanes}; {stage.clocks} clocks"


def memory_file(stage: Stage, memory: str) -> str:
    """Name of the file with what one of a stage's memories holds."""
    return f"mem/{stage.name}_{memory.lower()}.mem"


def _parameters(stage: Stage) -> str:
    defaults = {"PAD": 0, "STRIDE": 1, "DILATION": 1, "WINDOW": 1, "IN": 1, "OUT": 1}
    values = {
        name: f'"{value}"' if isinstance(value, str) else value
        for name, value in stage.parameters.items()
        if name != "FILTERS" and not (name[-2:] in ("_Z", "_Y", "_X") and defaults[name[:-2]] == value)
    }
    plurals = {"WEIGHTS": "WEIGHTS", "BIAS": "BIASES"}
    for memory, words in stage.memories.items():
        values[plurals.get(memory, memory + "S")] = len(words)
        values["WEIGHT_BITS" if memory == "WEIGHTS" else f"{memory}_BITS"] = stage.widths[memory]
        values[f"{memory}_FILE"] = f'"{memory_file(stage, memory)}"'
    return ",\n".join(f"        .{name}({value})" for name, value in values.items())


def _widths(graph: IntegerGraph, stages: Sequence[Stage]) -> dict[str, int | str]:
    last = stages[-1].parameters
    n_inputs, inputs = math.prod(graph.input.shape), sent_bits(graph.input)
    address, outputs, classes = address_bits(n_inputs), int(last["VALUE_BITS"]), int(last["ADDRESS_BITS"])
    return {
        "name": comment(graph.name),
        "n_inputs": n_inputs,
        "input_bits": inputs,
        "input_msb": inputs - 1,
        "input_address_bits": address,
        "input_address_msb": address - 1,
        "n_outputs": stages[-1].n_neurons,
        "output_bits": outputs,
        "output_msb": outputs - 1,
        "class_bits": classes,
        "class_msb": classes - 1,
        "last_output": stages[-1].n_neurons - 1,
    }
