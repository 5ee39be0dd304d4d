"""The generated module that chains the layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import Template

from ...quantize import IntegerGraph
from ..integers import comment
from .stages import Stage, address_bits, held_clocks, sent_bits, step_clocks

NETWORK = Template("""\
// Written by snnconv: the network $name, $layers.
//
// Write the inputs of a step, pulse `step`, wait for `done`: $clocks clocks. Inputs stay until they are written
// again$held.
// `clear` before a step starts a new sample. Layers give out what they send as they send it.
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
    reg first;  // step of a sample
    reg fresh;  // inputs
    always @(posedge clk) begin
        if (rst || clear) first <= 1'b1;
        else if (done) first <= 1'b0;
        if (rst || input_write) fresh <= 1'b1;
        else if (done) fresh <= 1'b0;
    end

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
        .fresh(fresh),
        .done(done$number),
        .source_address(source_address$before),
        .source_data(source_data$before),
        .read_address(source_address$number),
        .read_data(source_data$number),
        .sent(layer${number}_sent),
        .sent_index(layer${number}_index),
        .sent_value(layer${number}_value)
    );""")


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
        widths(graph, stages),
        layers=f"{len(stages)} layers" if len(stages) > 1 else "1 layer",
        clocks=f"{step_clocks(stages):,}",
        held=f"; steps with the same ones again take {held_clocks(stages):,} clocks"
        if held_clocks(stages) < step_clocks(stages)
        else "",
        ports="\n".join(ports),
        instances="\n".join(instances),
        n_layers=len(stages),
    )


def describe(stage: Stage) -> str:
    """A stage in a few words."""
    kind = {"READOUT": "outputs", "SUM": "sums"}.get(
        str(stage.parameters["KIND"]), f"{stage.parameters['KIND']} neurons"
    )
    lanes = f", {stage.lanes} side by side" if stage.lanes > 1 else ""
    held = f", {stage.held_clocks:,} where inputs are held" if stage.holds else ""
    return f"{stage.n_neurons} {kind} with {stage.n_inputs} inputs each{lanes}; {stage.clocks:,} clocks{held}"


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


def widths(graph: IntegerGraph, stages: Sequence[Stage]) -> dict[str, int | str]:
    """Numbers that both generated modules are made with: sizes, and bits of addresses and values."""
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
