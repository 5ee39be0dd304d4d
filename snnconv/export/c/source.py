"""network.h and network.c: the integer network in C99, without calls of a library and without other memory."""

from __future__ import annotations

from ... import __version__
from ...errors import ExportError
from ...quantize import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    RateCode,
    ReadoutLayer,
    SumPool,
)
from ..integers import comment
from ..params.numbers import c_type, describe
from .connection import connection, connection_size, indented, loop, pool
from .names import Names
from .neurons import neurons


def header(graph: IntegerGraph) -> str:
    """network.h: what a program that uses the network includes."""
    names, code = Names(graph), graph.input.code
    fields: list[str] = []
    for node in graph.nodes:
        own = names.fields(node)
        if own:
            fields += [f"    /* {comment(describe(node))} */"]
            fields += [f"    {kind} {name}[{n}]; /* {what} */" for kind, name, n, what in own]
    total = max(connection_size(node) for node in graph.nodes if isinstance(node, IntegerLayer))
    if isinstance(code, LatencyCode):
        fields.append("    int32_t step; /* of the window */")
    outputs = [
        f"   {comment(label)}: {names.plain[node.name]}_total[{node.n_neurons}]; mean output = total * "
        f"{node.output_scale!r} / steps{_activation(node)}"
        for label, node in graph.readouts.items()
    ]
    return "\n".join(
        [
            f"/* The integer network {comment(graph.name)}, written by snnconv {__version__}.",
            "",
            "   static snn_network net;",
            "   snn_reset(&net);                             before every sample",
            "   for (...) snn_step(&net, input);             once per step",
            "   class = snn_argmax(net.<output>_total, n);   the largest output",
            "",
            f"   A step is {graph.dt!r} s; sums over time are proven to fit for {graph.settings.n_steps} steps.",
            f"   Inputs, row-major, channels last: {_rounding(code)},",
            f"   half to even, for x in {code.low!r} to {code.high!r}.",
            "   Outputs:",
            *outputs,
            "*/",
            "#ifndef SNN_NETWORK_H",
            "#define SNN_NETWORK_H",
            "",
            "#include <stdint.h>",
            "",
            f"#define SNN_N_INPUT {_size(graph.input)}",
            "",
            f"typedef {c_type(code.codes)} snn_input;",
            "",
            "typedef struct {",
            *fields,
            f"    int32_t total[{total}]; /* sums of weighted inputs, of one layer at a time */",
            "} snn_network;",
            "",
            "void snn_reset(snn_network *net);",
            "void snn_step(snn_network *net, const snn_input input[SNN_N_INPUT]);",
            "int32_t snn_argmax(const int32_t *values, int32_t n);",
            "",
            "#endif",
            "",
        ]
    )


def source(graph: IntegerGraph) -> str:
    """network.c: one function per layer, and the step that calls them in order."""
    names = Names(graph)
    functions, calls = [], []
    for node in graph.nodes:
        if names.is_given(node):
            continue
        functions += ["", f"/* {comment(describe(node))} */", *_function(node, names)]
        is_fed = isinstance(node, EncodedInput) or names.is_given(names.source(node))
        calls.append(f"step_{names.plain[node.name]}(net{', input' if is_fed else ''});")
    resets = [line for node in graph.nodes for line in _reset(node, names)]
    if isinstance(graph.input.code, LatencyCode):
        resets.append("net->step = 0;")
    needs_shift = any("shift_down" in line for line in functions)
    return "\n".join(
        [
            f"/* The integer network {comment(graph.name)}, written by snnconv {__version__}.",
            "   No sum here overflows, whatever the inputs: the widths are proven. */",
            '#include "network.h"',
            '#include "params.h"',
            *(_SHIFT_DOWN if needs_shift else ()),
            *functions,
            "",
            "void snn_reset(snn_network *net)",
            "{",
            *indented(["int32_t j;", "", *resets]),
            "}",
            "",
            "void snn_step(snn_network *net, const snn_input input[SNN_N_INPUT])",
            "{",
            *indented(calls),
            "}",
            *_ARGMAX,
        ]
    )


_SHIFT_DOWN = (
    "",
    "/* x >> bits, rounded down; C leaves it open for negative x. */",
    "static int32_t shift_down(int32_t x, int bits)",
    "{",
    "    return x < 0 ? ~(~x >> bits) : x >> bits;",
    "}",
)
_ARGMAX = (
    "",
    "int32_t snn_argmax(const int32_t *values, int32_t n)",
    "{",
    "    int32_t j, best = 0;",
    "",
    "    for (j = 1; j < n; j++) {",
    "        if (values[j] > values[best])",
    "            best = j;",
    "    }",
    "    return best;",
    "}",
    "",
)


def _function(node: IntegerNode, names: Names) -> list[str]:
    if isinstance(node, EncodedInput):
        body, indices = _encode(node, names), {"i"}
        source = ["const snn_input *x = input;"]
        return _wrapped(node, names, body, indices, source, is_fed=True)
    before = names.source(node)
    is_fed = names.is_given(before)
    kind = "snn_input" if is_fed else names.fields(before)[-1][0]
    source = [f"const {kind} *x = {names.value(before)};"]
    if isinstance(node, SumPool):
        return _wrapped(node, names, *pool(node, names), source, is_fed)
    if not isinstance(node, IntegerLayer):
        raise ExportError(f"layer '{node.name}' ({node.kind}) has no form in C. Export it with --target params.")
    body, indices = connection(node, names)
    body = [*loop("j", connection_size(node), ["total[j] = 0;"]), *body, *neurons(node, names)]
    return _wrapped(node, names, body, indices | {"j"}, [*source, "int32_t *total = net->total;"], is_fed)


def _wrapped(
    node: IntegerNode, names: Names, body: list[str], indices: set[str], source: list[str], is_fed: bool
) -> list[str]:
    if any("[c]" in line for line in body):
        indices = indices | {"c"}
    declared = [*source, f"int32_t {', '.join(sorted(indices))};", ""]
    parameters = "snn_network *net, const snn_input *input" if is_fed else "snn_network *net"
    return [f"static void step_{names.plain[node.name]}({parameters})", "{", *indented([*declared, *body]), "}"]


def _encode(node: EncodedInput, names: Names) -> list[str]:
    """What the input sends at a step."""
    value = names.state(node, "value")
    if isinstance(node.code, RateCode):
        total, kind = names.state(node, "sum"), names.fields(node)[0][0]
        period = names.macro(node, "PERIOD")
        added = [
            f"const int32_t sum = (int32_t){total}[i] + x[i];",
            "",
            f"{value}[i] = sum >= {period};",
            f"{total}[i] = ({kind})(sum >= {period} ? sum - {period} : sum);",
        ]
        return loop("i", _size(node), added)
    if isinstance(node.code, LatencyCode):
        most, window = node.code.codes.high, names.macro(node, "WINDOW")
        level = f"{most} - net->step * {most} / {window}"
        above = f"net->step == 0 ? {most + 1} : {most} - (net->step - 1) * {most} / {window}"
        lines = [f"const int32_t low = {level}, high = {above};", ""]
        sent = loop("i", _size(node), [f"{value}[i] = x[i] >= low && x[i] < high;"])
        moved = f"net->step = net->step + 1 == {window} ? 0 : net->step + 1;"
        return ["{", *indented([*lines, *sent]), "}", moved]
    raise ExportError(f"input '{node.name}': the code '{node.code.kind}' has no form in C. Choose another --code.")


def _reset(node: IntegerNode, names: Names) -> list[str]:
    lines = []
    for _, name, n, _ in names.fields(node):
        start = names.macro(node, "PERIOD") + " / 2" if name.endswith("_sum") else "0"
        lines += loop("j", n, [f"net->{name}[j] = {start};"])
    return lines


def _size(node: IntegerNode) -> int:
    size = 1
    for axis in node.shape:
        size *= axis
    return size


def _rounding(code) -> str:
    inner = "x" if code.factor == 1 else f"{code.factor!r} * x"
    inner = f"({inner} + {code.offset!r})" if code.offset else inner
    return f"input = round({inner} / {code.step!r})"


def _activation(node: ReadoutLayer) -> str:
    return "" if node.activation == "linear" else f", before {comment(node.activation)}"
