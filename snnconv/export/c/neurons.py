"""What every neuron or output of a layer does with its sum of weighted inputs, in C."""

from __future__ import annotations

from ...errors import ExportError
from ...quantize import IntegerLayer, ReadoutLayer, SpikingLayer
from .loops import indented, loop
from .names import Names

_CONST = "<int32> "  # stands for a type until it is known whether the variable changes


def neurons(layer: IntegerLayer, names: Names) -> list[str]:
    """What every neuron of a layer does with its sum of weighted inputs."""
    n, channels = layer.n_neurons, layer.shape[-1]
    drive = f"total[j] * {1 << layer.shift}" if layer.shift else "total[j]"
    body = []
    if layer.synapse:
        current, kind = names.state(layer, "current"), names.kind(layer, "current")
        leak = _leak("I", names.macro(layer, "SYNAPSE"), layer.synapse_bits, layer.ranges["synapse"].low < 0)
        body += [f"const int32_t I = {current}[j];", f"const int32_t filtered = I - {leak} + {drive};"]
        store, drive = [f"{current}[j] = ({kind})filtered;"], "filtered"
    else:
        store = []
    body.append(f"{_CONST}drive = {drive} + {names.number(layer, 'bias')};")
    if isinstance(layer, SpikingLayer):
        body += _neuron(layer, names)
    elif isinstance(layer, ReadoutLayer):
        body += ["", f"{names.state(layer, 'total')}[j] += drive;"]
    else:
        raise ExportError(f"layer '{layer.name}' ({layer.kind}) has no form in C. Export it with --target params.")
    if not isinstance(layer, SpikingLayer) or not layer.is_rectified:
        body = [line.replace(_CONST, "const int32_t ") for line in body]
    body = [line.replace(_CONST, "int32_t ") for line in [*body, *store]]
    if not any("[c]" in line for line in body):
        return loop("j", n, body)
    return [
        "for (j = 0, c = 0; j < " + f"{n}; j++) {{",
        *indented([*body, f"c = c + 1 == {channels} ? 0 : c + 1;"]),
        "}",
    ]


def _neuron(layer: SpikingLayer, names: Names) -> list[str]:
    V, spike = f"{names.state(layer, 'voltage')}[j]", f"{names.value(layer)}[j]"
    kind = names.kind(layer, "voltage")
    threshold, floor = names.number(layer, "threshold"), names.number(layer, "floor")
    lowest = f"u < {floor} ? {floor} : u"
    if layer.neuron.kind == "IF":
        rest, ceiling = f"u - {threshold}", names.number(layer, "ceiling")
        lines = ["if (drive < 0)", "    drive = 0;"] if layer.is_rectified else []
        return [
            "int32_t u;",
            "",
            *lines,
            f"u = {V} + drive;",
            f"{spike} = u >= {threshold};",
            f"if (u >= {threshold})",
            f"    {V} = ({kind})({rest} > {ceiling} ? {ceiling} : {rest});",
            "else",
            f"    {V} = ({kind})({lowest});",
        ]
    leak = _leak("V", names.macro(layer, "LEAK"), layer.fraction_bits, layer.ranges["voltage"].low < 0)
    step = [
        f"const int32_t V = {V};",
        f"const int32_t u = V - {leak} + drive;",
        "",
        f"{spike} = u > {threshold};",
        f"{V} = ({kind})(u > {threshold} ? 0 : {lowest});",
    ]
    if not layer.refractory_steps:
        return step
    r = f"{names.state(layer, 'refractory')}[j]"
    rest = names.macro(layer, "REFRACTORY_STEPS")
    set_r = [f"if (u > {threshold})", f"    {r} = {rest};"]
    return ["", f"if ({r} > 0) {{", f"    {r}--;", f"    {spike} = 0;", "} else {", *indented([*step, *set_r]), "}"]


def _leak(value: str, multiplier: str, bits: int, is_signed: bool) -> str:
    product = f"{value} * {multiplier} + {1 << (bits - 1)}"
    return f"shift_down({product}, {bits})" if is_signed else f"(({product}) >> {bits})"
