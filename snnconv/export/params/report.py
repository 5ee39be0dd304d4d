"""REPORT.md, the equations of an integer network with its numbers in them; and README.md of the folder."""

from __future__ import annotations

import numpy as np

from ..._version import __version__
from ...errors import ExportError
from ...quantize import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    MaxPool,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
    WeightedNode,
)
from ...quantize.neurons import half
from ...quantize.ranges import extent
from ..golden import Golden
from ..integers import INTEGERS, comment, identifiers
from .numbers import ORDER
from .texts import VERSION


def report(graph: IntegerGraph) -> str:
    """REPORT.md: the equations and widths of every layer, and what differs from the float network."""
    names = identifiers(node.name for node in graph.nodes)
    settings = graph.settings
    lines = [
        f"# The integer network {comment(graph.name)}",
        "",
        f"Written by snnconv {__version__}: {settings.weight_bits}-bit weights, steps of {graph.dt * 1e3:g} ms, proven "
        f"for {settings.n_steps} steps from rest. In each step the layers follow each other in this order, and a spike "
        "reaches the next layer in the same step. `>>` rounds down. r, I and Y start at 0, and V where nothing else is "
        "said.",
    ]
    for node in graph.nodes:
        lines += ["", f"## {comment(node.name)}", "", *_equations(node, graph)]
    lines += [
        "",
        "## Widths",
        "",
        "Proven for every input; nothing saturates. Bits are two's complement where `from` is negative.",
    ]
    lines += ["", "| layer | integer | from | to | bits |", "|---|---|---:|---:|---:|"]
    for node in graph.nodes:
        for what, limits in node.ranges.items():
            row = (names[node.name], what.replace("_", " "), f"{limits.low:,}", f"{limits.high:,}", limits.bits)
            lines.append(f"| {' | '.join(map(str, row))} |")
    lines += ["", "## What differs from the float network", ""]
    lines += [f"- {' '.join(line.split())}" for line in graph.approximations]
    return "\n".join([*lines, ""])


def _equations(node: IntegerNode, graph: IntegerGraph) -> list[str]:
    if isinstance(node, EncodedInput):
        return _input(node)
    if isinstance(node, SumPool):
        windows = " x ".join(map(str, node.size))
        return [f"Sums over windows of {windows} of {comment(node.inputs[0])}, strides {_numbers(node.strides)}."]
    if isinstance(node, MaxPool):
        return _largest(node)
    if not isinstance(node, WeightedNode):
        raise ExportError(f"layer '{node.name}' ({node.kind}) has no equation in the report. Export it as hdf5.")
    lines = [_connection(node), "", "```text"]
    lines += _drive(node) if isinstance(node, IntegerLayer) else [f"sent: {_sum(node)}"]
    if isinstance(node, SpikingLayer):
        lines += node.neuron.equations()
    elif isinstance(node, ReadoutLayer):
        lines += ["Y = Y + drive", f"mean output = Y * {node.output_scale:.9g} / steps"]
    scale, unit = node.origin.scale, f"{node.origin.input_unit:.9g}"
    said = f"{scale.min():.6g} to {scale.max():.6g}, one per channel" if np.ptp(scale) else f"{scale.flat[0]:.9g}"
    return [*lines, "```", "", f"W = round(w * S) with S = {said}; an input of 1 stands for {unit}."]


def _largest(node: MaxPool) -> list[str]:
    windows = " x ".join(map(str, node.size))
    where = f"windows of {windows} of {comment(node.inputs[0])}, strides {_numbers(node.strides)}"
    if any(map(any, node.padding)):
        where += f", {', '.join(f'{a} + {b}' for a, b in node.padding)} places of padding, which do not count"
    if not node.is_running:
        return [f"Largest values of {where}."]
    equations = ["S = S + x", "m = the largest S of the window", "sent: m - M", "M = m"]
    return [f"Growth of the largest running sums, S and M from 0, of {where}:", "", "```text", *equations, "```"]


def _input(node: EncodedInput) -> list[str]:
    code = node.code
    inner = "x" if code.factor == 1 and not code.offset else f"({code.factor:.9g} * x + {code.offset:.9g})"
    lines = [f"q = round({inner} / {code.step:.9g})    half to even, {code.codes.low} to {code.codes.high}"]
    if isinstance(code, RateCode):
        lines += [f"a = a + q, from {code.period >> 1}; a >= {code.period}: spike, a = a - {code.period}"]
    elif isinstance(code, LatencyCode):
        lines += [
            f"spike at the first step t of every {code.window} with q >= {code.codes.high} - "
            f"t * {code.codes.high} // {code.window}"
        ]
    else:
        lines += ["q is sent at every step"]
    return ["```text", *lines, "```"]


def _connection(layer: WeightedNode) -> str:
    kernel = " x ".join(map(str, layer.kernel.shape))
    text = f"{layer.n_neurons} {_kind(layer)}, {layer.connection}"
    if not layer.strides:
        return f"{text} of {comment(layer.inputs[0])}, W is {kernel} (inputs x outputs)."
    pads = ", ".join(f"{before}+{after}" for before, after in layer.padding)
    return (
        f"{text} of {comment(layer.inputs[0])} as {' x '.join(map(str, layer.input_shape))}, W is {kernel} (window x "
        f"channels x filters), strides {_numbers(layer.strides)}, padding {pads}, dilation {_numbers(layer.dilation)}, "
        f"groups {layer.groups}."
    )


def _kind(layer: WeightedNode) -> str:
    if isinstance(layer, SpikingLayer):
        return f"{layer.neuron.kind} neurons"
    return "outputs" if isinstance(layer, ReadoutLayer) else "sums of a branch"


def _sum(node: WeightedNode) -> str:
    return f"(sum of W*x) << {node.shift}" if node.shift else "sum of W*x"


def _drive(layer: IntegerLayer) -> list[str]:
    total = _sum(layer)
    if layer.branches:
        total = " + ".join([f"({total})", *(f"what {comment(name)} sends" for name in layer.branches)])
    bias = extent(layer.bias)
    if not layer.synapse:
        return [f"drive = ({total}) + B          B: {bias}"]
    filtered = f"I = I - ((I*{layer.synapse} + {half(layer.synapse_bits)}) >> {layer.synapse_bits}) + ({total})"
    return [filtered, f"drive = I + B          B: {bias}"]


def _numbers(values: tuple[int, ...]) -> str:
    return " x ".join(map(str, values))


def readme(graph: IntegerGraph, golden: Golden) -> str:
    """README.md: what each file holds, and in which order."""
    voltages = ", the voltages of every layer" if golden.voltages else ""
    return f"""\
# The numbers of {comment(graph.name)}

| file | holds |
|---|---|
| REPORT.md | each layer's equations with their numbers, and the width of every integer |
| float.npz, integers.npz | all arrays for NumPy: float (unrounded) and integer weights |
| params.json | the same with everything else, for any language |
| mem/, coe/ | integer arrays as hexadecimal text, LAYER_ARRAY.mem for $readmemh, .coe for Xilinx' memories |
| params.h, params.vh | the same for C99, and the single numbers for Verilog |
| golden.npz, golden/ | test vectors: {golden.size} |
| {INTEGERS} | the integers for Python: `snnconv.quantize.load` |

Arrays are in {ORDER}.
Kernels are (inputs, outputs), or (*window, channels, filters) for convolutions, channels last. Arrays per neuron
have the shape of the layer, or one number per channel, the last axis, where it is the same at every place. `start` is
the voltage before the first step of a sample.

## params.json, version {VERSION}

    format, version       "snnconv params", {VERSION}
    settings              bits, length of a step in seconds (dt), steps for which sums are proven (n_steps), ...
    outputs               readout that gives each output
    layers                in execution order; each with name, id (its name in file names and in C), kind, inputs, shape,
                          arrays (integer), float (the unrounded weights, biases and the scale S), ranges (name: [low,
                          high], proven), and the fields of its class in snnconv.quantize.nodes: shift, leak, ...
    float                 the float network as in a .snn.json: kernel, dense_bias, neuron_bias, gain, tau_rc, ...
    approximations        sentences on what differs from the float network

Infinity, which JSON does not have, is "inf" or "-inf", and not a number is "nan".

## Golden vectors

`golden.npz` has `inputs` (sample, *shape; or sample, step, *shape where they vary), rounded to integers q, and for each
layer `spikes/LAYER` (sample, step, *units){voltages} `voltages/LAYER` after each step, and `readouts/LAYER`: Y
after each step. `golden/` has the same as .mem files: one number per word, spikes one step per line, neuron 0 in the
lowest bit.
"""
