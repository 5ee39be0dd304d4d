"""The generated module that chains the layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from string import Template

import numpy as np

from ...quantize import IntegerGraph
from ..integers import comment
from .memories import cut
from .stages import KINDS, Stage, address_bits, input_bits, output_stages, readers

NETWORK = Template("""\
// Written by snnconv: the network $name, $layers.
//
// Write a frame of inputs where `input_free`, and pulse `input_finish` with its last number, or `input_drop` to forget
// it. A sample is n_steps steps with one frame, or with `every_step` with a frame each. Layers work at the same time,
// on steps that follow each other, and give out what they send as they send it. Where `result_ready`, the sums of the
// outputs can be read, one clock behind their address; `result_release` makes room for the next sample.$several
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
$output_number    input wire [$class_msb:0] output_address,
    output wire [$output_msb:0] output_data
);
    wire frame_ready, frame_release, ready1, free1;
$dones
    assign input_free = free1;
    wire [2:0] tags1;
    snn_sequencer #(.HOLDS($holds), .MOST_STEPS($most_steps)) sequencer (
        clk, rst, n_steps, every_step, steps_error, frame_ready, frame_release, ready1, tags1, done1
    );
$instances
$results
    wire unused = &{1'b0, sent_tags1, $unused};
endmodule
""")

STORE = Template("""
$free    wire [2:0] sent_tags$number;$tags
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
    wire [$row_address_msb:0] weight_row_address$number;
    wire [$row_msb:0] weight_row$number;
$memories
    snn_layer #(
$parameters
    ) layer$number (
        .clk(clk),
        .rst(rst),
        .source_ready(ready$number),
        .source_tags(tags$number),
        .source_count(count$number),
        .source_address(source_address$number),
        .source_data(source_data$number),
        .weight_row_address(weight_row_address$number),
        .weight_row(weight_row$number),
        .sink_free($free),
        .done(done$number),
        .tags(step_tags$number),
        .sent(layer${number}_sent),
        .sent_index(layer${number}_index),
        .sent_value(layer${number}_value)
    );""")


def network_text(graph: IntegerGraph, stages: Sequence[Stage]) -> str:
    """The network as a Verilog module."""
    found = widths(graph, stages)
    first, n = stages[0].parameters, len(stages)
    ports, instances = [], []
    # Stores are called like the layers that read them; behind these the results.
    given = (int(found["input_bits"]), int(found["n_inputs"]), int(found["input_address_bits"]))
    written = ("input_write", "input_address", "input_data", "input_finish", "input_drop", "3'b000")
    read = ("frame_ready", "frame_release")
    instances.append(_store(1, stages[0], given, 1 if stages[0].holds else 2, written, read))
    outputs = list(enumerate(output_stages(graph, stages), n + 1))
    for number, stage in enumerate(stages, 1):
        address, value = int(stage.parameters["ADDRESS_BITS"]), int(stage.parameters["VALUE_BITS"])
        ports += [
            f"    output wire layer{number}_sent,",
            f"    output wire [{address - 1}:0] layer{number}_index,",
            f"    output wire [{value - 1}:0] layer{number}_value,",
        ]
        sent = [f"layer{number}_{what}" for what in ("sent", "index", "value")]
        written = (*sent, f"done{number}", "1'b0", f"step_tags{number}")
        behind = [*readers(stages, number), *(result for result, source in outputs if source == number)]
        for reader in behind:
            read = (f"ready{reader}", f"release{reader}" if reader > n else f"done{reader}")
            own = None if reader > n else stages[reader - 1]
            instances.append(_store(reader, own, (value, stage.n_neurons, address), 2, written, read))
        instances.append(
            LAYER.substitute(
                name=comment(stage.node.name),
                what=describe(stage),
                number=number,
                free=" && ".join(f"free{reader}" for reader in behind) or "1'b1",
                parameters=_parameters(stage),
                **_weights(number, stage),
            )
        )
    unread = [f"sent_tags{result}[1:0], count{result}" for result, _ in outputs]
    return NETWORK.substitute(
        found,
        layers=f"{n} layers" if n > 1 else "1 layer",
        most_steps=min(graph.settings.n_steps, (1 << 24) - 1),  # n_steps has 24 bits
        holds=first["HOLDS"],
        ports="\n".join(ports),
        dones="\n".join(f"    wire done{number};\n    wire [2:0] step_tags{number};" for number in range(1, n + 1)),
        instances="\n".join(instances),
        results=_results(found, stages, outputs),
        unused=", ".join(unread),
        several="\n// The outputs have numbers: $names.".replace("$names", _named(graph)) if len(outputs) > 1 else "",
        output_number=f"    input wire [{found['number_bits']} - 1:0] output_number,\n" if len(outputs) > 1 else "",
    )


def _named(graph: IntegerGraph) -> str:
    return ", ".join(f"{number} is {comment(label)}" for number, label in enumerate(graph.outputs))


def _results(found: Mapping[str, int | str], stages: Sequence[Stage], outputs: Sequence[tuple[int, int]]) -> str:
    """Lines that give out the sums of the output that is asked for."""
    ready = " && ".join(f"ready{result} && sent_tags{result}[2]" for result, _ in outputs)
    lines, values, wide = [f"    assign result_ready = {ready};"], [], int(found["output_bits"])
    for result, source in outputs:
        # Sums of steps before the last are not kept.
        lines.append(f"    assign release{result} = result_release || (ready{result} && !sent_tags{result}[2]);")
        msb = int(stages[source - 1].parameters["ADDRESS_BITS"]) - 1
        lines.append(f"    assign source_address{result} = output_address[{msb}:0];")
        bits = int(stages[source - 1].parameters["VALUE_BITS"])
        sign = f"{{{wide - bits}{{source_data{result}[{bits - 1}]}}}}"
        values.append(f"source_data{result}" if bits == wide else f"{{{sign}, source_data{result}}}")
    chosen = values[-1]
    for number in reversed(range(len(values) - 1)):
        chosen = f"output_number == {number} ? {values[number]} : {chosen}"
    return "\n".join((*lines, f"    assign output_data = {chosen};"))


def _store(
    number: int,
    reader: Stage | None,
    sizes: tuple[int, int, int],
    banks: int,
    written: tuple[str, ...],
    read: tuple[str, str],
) -> str:
    """The store that a layer reads, or of results where `reader` is None, with names of what writes and reads it."""
    bits, n, address = sizes
    is_queued = reader is not None and reader.is_queued
    read_bits = address + bits - 1 if is_queued else bits
    tags, free = "", f"    wire free{number}, ready{number};\n" if number > 1 else ""
    if reader is None:
        free += f"    wire release{number};\n"
    elif number > 1:
        tags = f"\n    wire [2:0] tags{number} = sent_tags{number};"
    return STORE.substitute(
        dict(zip(("write", "write_address", "write_data", "finish", "drop", "finish_tags"), written, strict=True)),
        number=number,
        free=free,
        tags=tags,
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


def _weights(number: int, stage: Stage) -> dict[str, str | int]:
    """The memories that a layer's weights are in: one, or one for each part of a row, the lowest bits first.

    A part fits narrow and deep blocks; of a wide and deep memory synthesis would make wide and shallow ones, with a
    choice between them.
    """
    lines, place = [], 0
    rows = stage.rows_of("WEIGHTS")
    n_bits, address = rows.shape[1] * stage.widths["WEIGHTS"], address_bits(len(rows))
    for part, name in enumerate(_weight_files(stage)):
        width = min(n_bits - place, stage.part_bits or n_bits)
        lines.append(
            f'    snn_rom #({width}, {len(rows)}, {address}, "{name}") weights{number}_{part} (\n'
            f"        clk, weight_row_address{number}, weight_row{number}[{place + width - 1}:{place}]\n    );"
        )
        place += width
    return {"memories": "\n".join(lines), "row_msb": n_bits - 1, "row_address_msb": address - 1}


def describe(stage: Stage) -> str:
    """A stage in a few words."""
    kind = {
        "READOUT": "outputs",
        "SUM": "largest values" if stage.parameters["LARGEST"] else "sums",
        "GROWTH": "growths of largest values",
        "LATENCY": "encoders",
    }.get(str(stage.parameters["KIND"]), f"{stage.parameters['KIND']} neurons")
    lanes = f", {stage.lanes} side by side" if stage.lanes > 1 else ""
    most = "at most " if stage.is_queued else ""
    held = f", {stage.held_clocks:,} where inputs are held" if stage.holds else ""
    return f"{stage.n_neurons} {kind} with {stage.n_inputs} inputs each{lanes}; {most}{stage.clocks:,} clocks{held}"


def memory_files(stage: Stage) -> dict[str, tuple[np.ndarray, int]]:
    """Files of a stage's memories: numbers (n_rows, n), and the bits of one, by name."""
    found: dict[str, tuple[np.ndarray, int]] = {}
    for memory in stage.memories:
        if memory == "WEIGHTS":
            found |= _weight_files(stage)
        else:
            found[_memory_file(stage, memory)] = stage.rows_of(memory), stage.widths[memory]
    return found


def _weight_files(stage: Stage) -> dict[str, tuple[np.ndarray, int]]:
    rows, bits = stage.rows_of("WEIGHTS"), stage.widths["WEIGHTS"]
    if not stage.part_bits:
        return {_memory_file(stage, "WEIGHTS"): (rows, bits)}
    parts = enumerate(cut(rows, bits, stage.part_bits))
    return {_memory_file(stage, f"WEIGHTS_{number:03}"): (part, stage.part_bits) for number, part in parts}


def _memory_file(stage: Stage, memory: str) -> str:
    return f"mem/{stage.name}_{memory.lower()}.mem"


def _parameters(stage: Stage) -> str:
    defaults = {"PAD": 0, "STRIDE": 1, "DILATION": 1, "WINDOW": 1, "IN": 1, "OUT": 1}
    axes = ("_Z", "_Y", "_X")
    values = {
        name: f'"{value}"' if isinstance(value, str) else value
        for name, value in stage.parameters.items()
        if not (name[-2:] in axes and defaults[name[:-2]] == value)
        and name not in ("FILTERS", "WEIGHT_PART_BITS")
        and not (name in ("LARGEST", "WEIGHT_BANK_BITS", "REFRACTORY_BITS") and value == 0)
    }
    values["KIND"] = KINDS.index(str(stage.parameters["KIND"]))
    for name in ("LEAK_PLACES", "SYNAPSE_PLACES"):
        if name in values:
            values[name] = f"128'h{values[name]:x}"
    plurals = {"WEIGHTS": "WEIGHTS", "BIAS": "BIASES"}
    for memory, words in stage.memories.items():
        values[plurals.get(memory, memory + "S")] = len(words)
        values["WEIGHT_BITS" if memory == "WEIGHTS" else f"{memory}_BITS"] = stage.widths[memory]
        if memory != "WEIGHTS":
            values[f"{memory}_FILE"] = f'"{_memory_file(stage, memory)}"'
    return ",\n".join(f"        .{name}({value})" for name, value in values.items())


def widths(graph: IntegerGraph, stages: Sequence[Stage]) -> dict[str, int | str]:
    """Numbers that both generated modules are made with: sizes, and bits of addresses and values."""
    last = [stages[number - 1].parameters for number in output_stages(graph, stages)]
    n_inputs, inputs = math.prod(graph.input.shape), input_bits(graph)
    address = address_bits(n_inputs)
    outputs, classes = (max(int(each[name]) for each in last) for name in ("VALUE_BITS", "ADDRESS_BITS"))
    return {
        "name": comment(graph.name),
        "n_inputs": n_inputs,
        "input_bits": inputs,
        "input_msb": inputs - 1,
        "input_address_bits": address,
        "input_address_msb": address - 1,
        "n_outputs": sum(int(each["NEURONS"]) for each in last),
        "number_bits": address_bits(len(last)),
        "output_bits": outputs,
        "output_msb": outputs - 1,
        "class_bits": classes,
        "class_msb": classes - 1,
        "last_input": n_inputs - 1,
    }
