"""REPORT.md: the equations of an integer network with its numbers in them, and how wide every integer is."""

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
    RateCode,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
)
from ..integers import comment, identifiers


def report(graph: IntegerGraph) -> str:
    """The whole text."""
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
    if not isinstance(node, IntegerLayer):
        raise ExportError(f"layer '{node.name}' ({node.kind}) has no equation in the report. Export it as hdf5.")
    lines = [_connection(node), "", "```text", *_drive(node)]
    if isinstance(node, SpikingLayer):
        lines += _neuron(node)
    elif isinstance(node, ReadoutLayer):
        lines += ["Y = Y + drive", f"mean output = Y * {node.output_scale:.9g} / steps"]
    first = node.scale.flat[0] if np.ptp(node.scale) == 0 else None
    scale = (
        f"{first:.9g}" if first is not None else f"{node.scale.min():.6g} to {node.scale.max():.6g}, one per channel"
    )
    return [*lines, "```", "", f"W = round(w * S) with S = {scale}; an input of 1 stands for {node.input_unit:.9g}."]


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


def _connection(layer: IntegerLayer) -> str:
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


def _kind(layer: IntegerLayer) -> str:
    return f"{layer.neuron} neurons" if isinstance(layer, SpikingLayer) else "outputs"


def _drive(layer: IntegerLayer) -> list[str]:
    total = f"(sum of W*x) << {layer.shift}" if layer.shift else "sum of W*x"
    bias = _span(layer.bias)
    if not layer.synapse:
        return [f"drive = ({total}) + B          B: {bias}"]
    half = 1 << (layer.synapse_bits - 1)
    filtered = f"I = I - ((I*{layer.synapse} + {half}) >> {layer.synapse_bits}) + ({total})"
    return [filtered, f"drive = I + B          B: {bias}"]


def _neuron(layer: SpikingLayer) -> list[str]:
    threshold, floor = _span(layer.threshold), _span(layer.floor)
    start = f", V starts at {_span(layer.start)}" if layer.start.any() else ""
    where = f"threshold: {threshold}, floor: {floor}{start}"
    if layer.neuron == "IF":
        drive = "max(drive, 0)" if layer.is_rectified else "drive"
        return [
            f"u = V + {drive}",
            "u >= threshold:  spike, V = min(u - threshold, ceiling)",
            "otherwise:       V = max(u, floor)",
            f"{where}, ceiling: {_span(layer.ceiling)}",
        ]
    half = 1 << (layer.fraction_bits - 1)
    u = f"u = V - ((V*{layer.leak} + {half}) >> {layer.fraction_bits}) + drive"
    R = layer.refractory_steps
    rest = ["r > 0:           r = r - 1, no spike, V is held", "otherwise:"] if R else []
    return [
        *rest,
        u,
        f"u > threshold:   spike, V = 0{f', r = {R}' if R else ''}",
        "otherwise:       V = max(u, floor)",
        where,
    ]


def _span(array: np.ndarray) -> str:
    low, high = int(array.min()), int(array.max())
    return str(low) if low == high else f"{low} to {high}"


def _numbers(values: tuple[int, ...]) -> str:
    return " x ".join(map(str, values))
