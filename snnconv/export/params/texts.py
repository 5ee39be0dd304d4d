"""The numbers of a network as texts: params.json with all of them, params.h for C99, params.vh for Verilog."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import numpy as np

from ..._version import __version__
from ...graph import SpikingGraph
from ...quantize import IntegerGraph, WeightedNode
from ...quantize.file import attributes
from ...quantize.ranges import Range, span
from ...text.values import json_ready
from ..integers import comment, identifiers
from ..numbers import flatten
from .numbers import arrays, c_type, constants, describe, layer_arrays

FORMAT, VERSION = "snnconv params", 2
PREFIX = "snn"
WIDTH = 110


def contents(graph: SpikingGraph, integers: IntegerGraph) -> dict[str, Any]:
    """Contents of the file in types of JSON; README.md says what each part is."""
    names = identifiers(node.name for node in integers.nodes)
    layers = []
    for node in integers.nodes:
        fields = {key: value for key, value in attributes(node).items() if not key.startswith("range.")}
        arrays, floats = (layer_arrays(node), node.origin.arrays()) if isinstance(node, WeightedNode) else ({}, {})
        layers.append(
            {
                "name": node.name,
                "id": names[node.name],
                **fields,
                "ranges": {what: [limits.low, limits.high] for what, limits in node.ranges.items()},
                "arrays": arrays,
                "float": floats,
            }
        )
    found = {
        "format": FORMAT,
        "version": VERSION,
        "name": integers.name,
        "settings": vars(integers.settings),
        "outputs": dict(integers.outputs),
        "approximations": list(integers.approximations),
        "layers": layers,
        "float": flatten(graph, integers.dt),
    }
    return json_ready(found)


def as_text(found: dict[str, Any]) -> str:
    """JSON with one line for each part of a layer."""
    parts = []
    for key, value in found.items():
        if key == "layers":
            text = "[\n" + ",\n".join("{\n" + ",\n".join(_entries(layer)) + "\n}" for layer in value) + "\n]"
        elif key == "float":
            text = "{\n" + ",\n".join(_entries(value)) + "\n}"
        else:
            text = json.dumps(value, ensure_ascii=False)
        parts.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entries(fields: dict[str, Any]) -> list[str]:
    return [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in fields.items()
    ]


def c_header(graph: IntegerGraph) -> str:
    """Every number as a macro or a constant array; arrays in row-major order, channels last."""
    names, numbers = identifiers(node.name for node in graph.nodes), constants(graph)
    fields = arrays(graph)
    lines = [
        f"/* Numbers of the integer network {comment(graph.name)}, written by snnconv {__version__}.",
        "   Arrays are row-major: kernel[input][output], or kernel[row][column][channel][filter] for convolutions.",
        "   Arrays per neuron hold one number per neuron, or one per channel (the last axis). */",
        "#ifndef SNN_PARAMS_H",
        "#define SNN_PARAMS_H",
        "",
        "#include <stdint.h>",
    ]
    for node in graph.nodes:
        name = names[node.name]
        lines += ["", f"/* {comment(describe(node))} */"]
        lines += [f"#define {PREFIX.upper()}_{name.upper()}_{key} {value}" for key, value in numbers[name].items()]
        if isinstance(node, WeightedNode):
            for field, array in fields[name].items():
                kind = c_type(span(array)) if field != "kernel" else _kernel_type(array)
                lines += c_array(f"static const {kind} {PREFIX}_{name}_{field}", array)
    return "\n".join([*lines, "", "#endif", ""])


def c_array(declaration: str, array: np.ndarray) -> list[str]:
    """An array in C, flat; floating-point numbers in the decimals that read back as the same double."""
    numbers = ", ".join(map(repr if array.dtype.kind == "f" else _literal, array.ravel().tolist()))
    body = textwrap.wrap(numbers, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return [f"{declaration}[{array.size}] = {{", *body, "};"]


def verilog_header(graph: IntegerGraph) -> str:
    """The single numbers as localparams, to be included inside a module; arrays are in the .mem files."""
    lines = [
        f"// Numbers of the integer network {comment(graph.name)}, written by snnconv {__version__}.",
        "// Include it inside a module. A WIDTH is that of a signed register. Arrays are in mem/, for $readmemh.",
    ]
    names, numbers = identifiers(node.name for node in graph.nodes), constants(graph)
    for node in graph.nodes:
        name = names[node.name]
        lines += ["", f"// {comment(describe(node))}"]
        lines += [f"localparam {name.upper()}_{key} = {value};" for key, value in numbers[name].items()]
    return "\n".join([*lines, ""])


def _kernel_type(kernel: np.ndarray) -> str:
    return c_type(Range(-1, 1)) if np.abs(kernel.astype("int32")).max(initial=0) < 1 << 7 else "int16_t"


def _literal(number: int) -> str:
    # the most negative int32 has no literal of its own
    return str(number) if number > -(1 << 31) else f"({number + 1} - 1)"
