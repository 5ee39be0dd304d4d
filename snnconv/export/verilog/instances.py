"""Instances of layers and stores in the generated network, and the files of their memories."""

from __future__ import annotations

from string import Template

import numpy as np

from ..integers import comment
from .memories import cut
from .stages import KINDS, Stage, address_bits

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
    wire [$row_msb:0] weight_row$number;$address
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
        .sent_value(layer${number}_value),
        .added_ready($added_ready),
        .added_address(source_address${number}_added),
        .added_data($added_data)
    );""")


def layer_text(number: int, stage: Stage, free: str) -> str:
    """The instance of a layer, and the memories of its weights.

    Parameters
    ----------
    free : str
        Whether all that take its values have room, as an expression.
    """
    return LAYER.substitute(
        name=comment(stage.node.name),
        what=describe(stage),
        number=number,
        free=free,
        address=""
        if stage.added
        else f"\n    wire [{address_bits(stage.n_neurons) - 1}:0] source_address{number}_added;",
        added_ready=f"ready{number}_added" if stage.added else "1'b1",
        added_data=f"source_data{number}_added" if stage.added else "1'b0",
        parameters=_parameters(stage),
        **_weights(number, stage),
    )


def store_text(
    number: int,
    reader: Stage | None,
    sizes: tuple[int, int, int],
    banks: int,
    written: tuple[str, ...],
    read: tuple[str, str],
) -> str:
    """The store that a layer reads, or of results where `reader` is None, with names of what writes and reads it."""
    free, tags = f"    wire free{number}, ready{number};\n" if number > 1 else "", ""
    if reader is None:
        free += f"    wire release{number};\n"
    elif number > 1:
        tags = f"\n    wire [2:0] tags{number} = sent_tags{number};"
    return _store(str(number), reader is not None and reader.is_queued, sizes, banks, written, read, free, tags)


def added_text(label: str, sizes: tuple[int, int, int], written: tuple[str, ...], read: tuple[str, str]) -> str:
    """The store of the sums of a branch that a layer adds; `label` stands in its names."""
    return _store(label, False, sizes, 2, written, read, f"    wire free{label}, ready{label};\n", "")


def _store(
    label: str,
    is_queued: bool,
    sizes: tuple[int, int, int],
    banks: int,
    written: tuple[str, ...],
    read: tuple[str, str],
    free: str,
    tags: str,
) -> str:
    bits, n, address = sizes
    read_bits = address + bits - 1 if is_queued else bits
    return STORE.substitute(
        dict(zip(("write", "write_address", "write_data", "finish", "drop", "finish_tags"), written, strict=True)),
        number=label,
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
        "BRANCH": "sums of a branch",
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
