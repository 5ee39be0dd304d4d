"""The generated module that chains the layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from string import Template

from ...quantize import IntegerGraph
from ..integers import comment
from .instances import added_text, layer_text, store_text
from .stages import Stage, adders, address_bits, input_bits, output_stages, readers

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


def network_text(graph: IntegerGraph, stages: Sequence[Stage]) -> str:
    """The network as a Verilog module."""
    found = widths(graph, stages)
    first, n = stages[0].parameters, len(stages)
    ports, instances = [], []
    # Stores are called like the layers that read them; behind these the results.
    given = (int(found["input_bits"]), int(found["n_inputs"]), int(found["input_address_bits"]))
    written = ("input_write", "input_address", "input_data", "input_finish", "input_drop", "3'b000")
    read = ("frame_ready", "frame_release")
    instances.append(store_text(1, stages[0], given, 1 if stages[0].holds else 2, written, read))
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
            instances.append(store_text(reader, own, (value, stage.n_neurons, address), 2, written, read))
        adding = adders(stages, number)
        for reader in adding:
            read = (f"ready{reader}_added", f"done{reader}")
            instances.append(added_text(f"{reader}_added", (value, stage.n_neurons, address), written, read))
        room = [f"free{reader}" for reader in behind] + [f"free{reader}_added" for reader in adding]
        free = " && ".join(room) or "1'b1"
        instances.append(layer_text(number, stage, free))
    unread = [f"sent_tags{result}[1:0], count{result}" for result, _ in outputs]
    for number, stage in enumerate(stages, 1):
        names = ("sent_tags", "count") if stage.added else ("source_address",)
        unread += [f"{name}{number}_added" for name in names]
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
