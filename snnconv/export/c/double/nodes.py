"""What each node of a float network is in C: the same operations, in the same order, as in the NumPy loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....errors import ExportError
from ....graph import Affine, AveragePool, Conv, Dense, Filter, Input, Node, Population, Readout, Reshape, SpikingGraph
from ....neurons import IF, LIF, SteppedLIF
from ....neurons.synapses import Lowpass
from ....quantize.linear import of_conv, of_dense
from ..loops import Code, Connection, loop, window_sums
from .names import Names


def code(node: Node, names: Names) -> Code:
    """Lines that compute a node's value from x, what its input gives; and the indices that they use."""
    value, n = names.state(node, "value"), math.prod(node.shape)
    if isinstance(node, Input):
        return loop("j", n, [f"{value}[j] = x[j];"]), {"j"}
    if isinstance(node, (Dense, Conv)):
        return _connection(node, names)
    if isinstance(node, AveragePool):
        shape = names.graph[node.inputs[0]].shape
        lines, indices = window_sums(shape, node.size, node.strides, "double", "0.0", value)
        return [*lines, *loop("j", n, [f"{value}[j] /= {names.macro(node, 'WINDOW')};"])], indices | {"j"}
    if isinstance(node, Affine):
        offset = "" if node.offset is None else f" + {names.number(node, 'offset')}"
        return loop("j", n, [f"{value}[j] = x[j] * {names.number(node, 'scale')}{offset};"]), {"j"}
    if isinstance(node, Filter):
        y = f"{value}[j]"
        return loop("j", n, [f"{y} = {y} + (x[j] - {y}) * {names.macro(node, 'GAIN')};"]), {"j"}
    if isinstance(node, Population):
        return loop("j", n, [f"const double J = x[j] + {names.number(node, 'neuron_bias')};", *_neuron(node, names)]), {
            "j"
        }
    raise ExportError(f"layer '{node.name}' ({node.kind}) has no form in C with doubles.")


def _connection(node: Dense | Conv, names: Names) -> Code:
    shape = names.graph[node.inputs[0]].shape
    layer = of_dense(node, shape) if isinstance(node, Dense) else of_conv(node, shape)
    kernel = tuple(layer.kernel.shape)
    walk = Connection(
        kernel,
        layer.input_shape,
        layer.strides,
        layer.padding,
        layer.dilation,
        layer.groups,
        layer.output_shape,
        weights=names.array(node, "kernel"),
        weight_type="double",
        input_type="double",
        sum_type="double",
        product="{x} * {w}",
    )
    lines, indices = walk.code()
    n = math.prod(node.shape)
    start = [f"double *total = {names.state(node, 'value')};", "", *loop("j", n, ["total[j] = 0.0;"])]
    biased = [] if node.bias is None else loop("j", n, [f"total[j] += {names.number(node, 'bias')};"])
    return [*start, *lines, *biased], indices | {"j"}


def _neuron(node: Population, names: Names) -> list[str]:
    """One neuron: v, its spikes and what else it remembers, for the current J."""
    neuron, v, value = node.neuron, f"{names.state(node, 'voltage')}[j]", f"{names.state(node, 'value')}[j]"
    floor = f"v > {names.macro(node, 'MIN_VOLTAGE')} ? v : {names.macro(node, 'MIN_VOLTAGE')}"
    lowest = floor if "MIN_VOLTAGE" in names.constants(node) else "v"

    def macro(what: str) -> str:
        return names.macro(node, what)

    refractory = f"{names.state(node, 'refractory')}[j]"
    if isinstance(neuron, LIF):
        return [
            f"const double share = {macro('FREE_STEP')} - {macro('DECAY')} * {refractory};",
            f"double v = {v}, p;",
            "",
            "v = v + (J - v) * (share > 0.0 ? share : 0.0);",
            "if (v > 1.0) {",
            f"    p = {macro('GROWN_1')} - {macro('GROWN')} * (v - 1.0) / (J - 1.0);",
            f"    {v} = 0.0;",
            f"    {value} = {macro('HEIGHT')};",
            "} else {",
            "    p = -share;",
            f"    {v} = {lowest};",
            f"    {value} = 0.0;",
            "}",
            f"{refractory} = p > 0.0 ? p : 0.0;",
        ]
    if isinstance(neuron, SteppedLIF):
        return [
            f"{value} = 0.0;",
            f"if ({refractory} > 0) {{",
            f"    {refractory}--;",
            "} else {",
            f"    const double v = {v} + {macro('LEAK')} * (J - {v});",
            "",
            "    if (v > 1.0) {",
            f"        {v} = 0.0;",
            f"        {value} = {macro('HEIGHT')};",
            f"        {refractory} = {macro('REFRACTORY_STEPS')};",
            "    } else {",
            f"        {v} = {lowest};",
            "    }",
            "}",
        ]
    if isinstance(neuron, IF):
        moved = f"J * {macro('DT')}"
        moved = f"(J > 0.0 ? {moved} : 0.0)" if neuron.min_voltage is None else moved
        most = neuron.max_spikes
        limited = [] if most is None else [f"if (n > {float(most)!r})", f"    n = {float(most)!r};"]
        return [
            f"double v = {v} + {moved}, n = 0.0;",
            "",
            "if (v >= 1.0) /* above 2^53 every double is a whole number */",
            "    n = v < 9007199254740992.0 ? (double)(int64_t)v : v;",
            *limited,
            "v = v - n;",
            f"{v} = {lowest};",
            f"{value} = n * {macro('HEIGHT')};",
        ]
    raise ExportError(f"population '{node.name}' ({neuron.kind}) has no form in C with doubles.")


def arrays(node: Node) -> Sequence[str]:
    """Fields of a node that are arrays in params.h."""
    if isinstance(node, (Dense, Conv)):
        return ["kernel", *(["bias"] if node.bias is not None else [])]
    if isinstance(node, Affine):
        return ["scale", *(["offset"] if node.offset is not None else [])]
    return ["neuron_bias"] if isinstance(node, Population) else []


def unsupported(graph: SpikingGraph) -> dict[str, tuple[str, str]]:
    """Nodes that have no form in C with doubles: what of them is not held, and what to do, by name."""
    return {node.name: found for node in graph.nodes if (found := _lack(node)) is not None}


def _lack(node: Node) -> tuple[str, str] | None:
    if isinstance(node, Population):
        if type(node.neuron) in (LIF, SteppedLIF, IF):
            return None
        advice = "Convert the model with swap_activations={…: snnconv.neurons.IF()}"
        return f"the {node.neuron.kind} neurons", advice
    if isinstance(node, Filter):
        return None if isinstance(node.synapse, Lowpass) else (f"the {node.synapse.kind} synapse", "Use a Lowpass")
    if isinstance(node, AveragePool) and any(map(any, node.padding)):
        return "the padded pooling", "Use padding='valid', or a size that divides the input's"
    if isinstance(node, (Input, Dense, Conv, AveragePool, Affine, Reshape, Readout)):
        return None
    return f"the operation {node.kind}", "Use target 'nengo' for it, or convert the model without it"
