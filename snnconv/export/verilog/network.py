"""The generated module that chains the layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import Template

from ...quantize import IntegerGraph
from ..integers import comment
from .stages import KINDS, Stage, address_bits, sent_bits

NETWORK = Template("""\
// Written by snnconv: the network $name, $layers.
//
// Write a frame of inputs where `input_free`, and pulse `input_finish` with its last number, or `input_drop` to forget
// it. A sample is n_steps steps with one frame, or with `every_step` with a frame each. Layers work at the same time,
// on steps that follow each other, and give out what they send as they send it. Where `result_ready`, the sums of the
// outputs can be read, one clock behind their address; `result_release` makes room for the next sample.
module snn_network (
    input wire clk,
    input wire rst,
    input wire [23:0] n_steps,
    input wire every_step,
    output wire steps_error,  // n_steps is 0, or above the $most_steps that sums over time are proven for: nothing runs
    output wire input_free,
    input wire input_write,
    input wire [$input_address_msb:0] input_address,
    input wire [$input_msb:0] input_data,
    input wire input_finish,
    input wire input_drop,
$ports
    output wire result_ready,
    input wire result_release,
    input wire [$class_msb:0] output_address,
    output wire [$output_msb:0] output_data
);
    wire frame_ready, frame_release;
    wire ready0, free0, done1, release$n_layers;
    assign input_free = free0;
    wire [2:0] tags0;
    snn_sequencer #(.HOLDS($holds), .MOST_STEPS($most_steps)) sequencer (
        clk, rst, n_steps, every_step, steps_error, frame_ready, frame_release, ready0, tags0, done1
    );
$instances
    assign result_ready = ready$n_layers && tags$n_layers[2];
    assign release$n_layers = result_release || (ready$n_layers && !tags$n_layers[2]);  // sums of steps before the last
    assign source_address$n_layers = output_address;
    assign output_data = source_data$n_layers;
    wire unused = &{1'b0, sent_tags0, tags$n_layers[1:0], count$n_layers};
endmodule
""")

STORE = Template("""
    wire [2:0] sent_tags$number;
    wire [$address_bits:0] count$number;
    wire [$address_msb:0] source_address$number;
    wire [$read_msb:0] source_data$number;
    snn_store #(
        .WIDTH($bits),
        .DEPTH($n),
        .ADDRESS_BITS($address_bits),
        .BANKS($banks),
        .QUEUE($queue),
        .READ_BITS($read_bits)
    ) store$number (
        .clk(clk),
        .rst(rst),
        .free(free$number),
        .write($write),
        .write_address($write_address),
        .write_data($write_data),
        .finish($finish),
        .drop($drop),
        .finish_tags($finish_tags),
        .ready($ready),
        .tags(sent_tags$number),
        .count(count$number),
        .release_frame($release),
        .read_address(source_address$number),
        .read_data(source_data$number)
    );""")

LAYER = Template("""
    // $name: $what
    wire free$number;
    wire [2:0] step_tags$number;
    snn_layer #(
$parameters
    ) layer$number (
        .clk(clk),
        .rst(rst),
        .source_ready(ready$before),
        .source_tags(tags$before),
        .source_count(count$before),
        .source_address(source_address$before),
        .source_data(source_data$before),
        .sink_free(free$number),
        .done(done$number),
        .tags(step_tags$number),
        .sent(layer${number}_sent),
        .sent_index(layer${number}_index),
        .sent_value(layer${number}_value)
    );
    wire ready$number;
    wire [2:0] tags$number = sent_tags$number;$next_done""")


def network_text(graph: IntegerGraph, stages: Sequence[Stage]) -> str:
    """The network as a Verilog module."""
    found = widths(graph, stages)
    first = stages[0].parameters
    ports = []
    instances = [
        _store(
            0,
            stages[0],
            (int(found["input_bits"]), int(found["n_inputs"]), int(found["input_address_bits"])),
            1 if stages[0].holds else 2,
            ("input_write", "input_address", "input_data", "input_finish", "input_drop", "3'b000"),
            ("frame_ready", "frame_release"),
        )
    ]
    for number, stage in enumerate(stages, 1):
        address, value = int(stage.parameters["ADDRESS_BITS"]), int(stage.parameters["VALUE_BITS"])
        ports += [
            f"    output wire layer{number}_sent,",
            f"    output wire [{address - 1}:0] layer{number}_index,",
            f"    output wire [{value - 1}:0] layer{number}_value,",
        ]
        is_last = number == len(stages)
        instances.append(
            LAYER.substitute(
                name=comment(stage.node.name),
                what=describe(stage),
                number=number,
                before=number - 1,
                parameters=_parameters(stage),
                next_done="" if is_last else f"\n    wire done{number + 1};",
            )
        )
        sent = [f"layer{number}_{what}" for what in ("sent", "index", "value")]
        instances.append(
            _store(
                number,
                None if is_last else stages[number],
                (value, stage.n_neurons, address),
                2,
                (*sent, f"done{number}", "1'b0", f"step_tags{number}"),
                (f"ready{number}", f"release{number}" if is_last else f"done{number + 1}"),
            )
        )
    return NETWORK.substitute(
        found,
        layers=f"{len(stages)} layers" if len(stages) > 1 else "1 layer",
        most_steps=graph.settings.n_steps,
        holds=first["HOLDS"],
        ports="\n".join(ports),
        instances="\n".join(instances),
        n_layers=len(stages),
    )


def _store(
    number: int,
    reader: Stage | None,
    sizes: tuple[int, int, int],
    banks: int,
    written: tuple[str, ...],
    read: tuple[str, str],
) -> str:
    """The store behind a layer, or of the inputs where `number` is 0, with the names of what writes and reads it."""
    bits, n, address = sizes
    is_queued = reader is not None and reader.is_queued
    read_bits = address if is_queued else bits
    return STORE.substitute(
        dict(zip(("write", "write_address", "write_data", "finish", "drop", "finish_tags"), written, strict=True)),
        number=number,
        bits=bits,
        n=n,
        address_bits=address,
        address_msb=address - 1,
        read_bits=read_bits,
        read_msb=read_bits - 1,
        banks=banks,
        queue=int(is_queued),
        ready=read[0],
        release=read[1],
    )


def describe(stage: Stage) -> str:
    """A stage in a few words."""
    kind = {"READOUT": "outputs", "SUM": "sums"}.get(
        str(stage.parameters["KIND"]), f"{stage.parameters['KIND']} neurons"
    )
    lanes = f", {stage.lanes} side by side" if stage.lanes > 1 else ""
    most = "at most " if stage.is_queued else ""
    held = f", {stage.held_clocks:,} where inputs are held" if stage.holds else ""
    return f"{stage.n_neurons} {kind} with {stage.n_inputs} inputs each{lanes}; {most}{stage.clocks:,} clocks{held}"


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
    values["KIND"] = KINDS.index(str(stage.parameters["KIND"]))
    for name in ("LEAK_PLACES", "SYNAPSE_PLACES"):
        if name in values:
            values[name] = f"128'h{values[name]:x}"
    plurals = {"WEIGHTS": "WEIGHTS", "BIAS": "BIASES"}
    for memory, words in stage.memories.items():
        values[plurals.get(memory, memory + "S")] = len(words)
        values["WEIGHT_BITS" if memory == "WEIGHTS" else f"{memory}_BITS"] = stage.widths[memory]
        values["WEIGHT_FILE" if memory == "WEIGHTS" else f"{memory}_FILE"] = f'"{memory_file(stage, memory)}"'
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
        "last_input": n_inputs - 1,
        "last_output": stages[-1].n_neurons - 1,
    }
