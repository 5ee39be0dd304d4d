"""network.h and network.c: the integer network in C99, without calls of a library and without other memory."""

from __future__ import annotations

from dataclasses import dataclass

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
    SumPool,
)
from ..integers import comment
from ..params.numbers import c_type, describe
from .connection import connection, connection_size, pool
from .loops import indented, loop
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
            fields += [f"    {each.kind} {each.name}[{each.n}]; /* {each.what} */" for each in own]
    sums = [
        connection_size(node)
        for node in graph.nodes
        if isinstance(node, IntegerLayer) and not names.is_fed_by_held(node)
    ]
    if sums:
        fields.append(f"    int32_t total[{max(sums)}]; /* sums of weighted inputs, of one layer at a time */")
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
            "   snn_present(&net, input);                    before its first step, and when the input changes",
            "   for (...) snn_step(&net);                    once per step",
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
            "} snn_network;",
            "",
            "void snn_reset(snn_network *net);",
            "void snn_present(snn_network *net, const snn_input input[SNN_N_INPUT]);",
            "void snn_step(snn_network *net);",
            "int32_t snn_argmax(const int32_t *values, int32_t n);",
            "",
            "#endif",
            "",
        ]
    )


def source(graph: IntegerGraph) -> str:
    """network.c: a function or two per layer; what depends on a held input alone is computed when it is given."""
    names = Names(graph)
    functions: list[str] = []
    calls: dict[str, list[str]] = {"present": [], "step": []}
    for node in graph.nodes:
        for part in _parts(node, names):
            functions += ["", f"/* {comment(describe(node))} */", *part.lines]
            calls[part.verb].append(part.call)
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
            "void snn_present(snn_network *net, const snn_input input[SNN_N_INPUT])",
            "{",
            *indented(calls["present"]),
            "}",
            "",
            "void snn_step(snn_network *net)",
            "{",
            *indented(calls["step"]),
            "}",
            *argmax("int32_t"),
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


def argmax(kind: str) -> list[str]:
    """The function that finds the largest of some numbers of a type."""
    return [
        "",
        f"int32_t snn_argmax(const {kind} *values, int32_t n)",
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
    ]


@dataclass(frozen=True)
class _Part:
    """A function: when it is called ("present" or "step"), how, and its lines."""

    verb: str
    call: str
    lines: list[str]


def _parts(node: IntegerNode, names: Names) -> list[_Part]:
    """What the program does of a node when an input is given, and at each step."""
    if names.is_given(node):
        return []
    if isinstance(node, EncodedInput):
        code = names.state(node, "code")
        keep = _part("present", node, names, loop("i", _size(node), [f"{code}[i] = input[i];"]), {"i"}, [], True)
        encode = _part("step", node, names, _encode(node, names), {"i"}, [f"const snn_input *x = {code};"])
        return [keep, encode]
    before = names.source(node)
    is_fed, verb = names.is_given(before), "present" if names.is_held(before) else "step"
    source = [f"const {names.value_type(before)} *x = {names.value(before)};"]
    if isinstance(node, SumPool):
        return [_part(verb, node, names, *pool(node, names), source, is_fed)]
    if not isinstance(node, IntegerLayer):
        raise ExportError(f"layer '{node.name}' ({node.kind}) has no form in C. Export it with --target params.")
    added, indices = connection(node, names)
    sums = [*loop("j", connection_size(node), ["total[j] = 0;"]), *added]
    if verb == "step":
        body = [*sums, *neurons(node, names)]
        return [_part(verb, node, names, body, indices | {"j"}, [*source, "int32_t *total = net->total;"])]
    total = f"int32_t *total = {names.state(node, 'input')};"
    return [
        _part("present", node, names, sums, indices | {"j"}, [*source, total], is_fed),
        _part("step", node, names, neurons(node, names), {"j"}, [f"const {total}"]),
    ]


def _part(
    verb: str,
    node: IntegerNode,
    names: Names,
    body: list[str],
    indices: set[str],
    source: list[str],
    is_fed: bool = False,
) -> _Part:
    if any("[c]" in line for line in body):
        indices = indices | {"c"}
    declared = [*source, f"int32_t {', '.join(sorted(indices))};", ""]
    parameters = "snn_network *net, const snn_input *input" if is_fed else "snn_network *net"
    name = f"{verb}_{names.plain[node.name]}"
    lines = [f"static void {name}({parameters})", "{", *indented([*declared, *body]), "}"]
    return _Part(verb, f"{name}(net{', input' if is_fed else ''});", lines)


def _encode(node: EncodedInput, names: Names) -> list[str]:
    """What the input sends at a step."""
    value = names.state(node, "value")
    if isinstance(node.code, RateCode):
        total, kind = names.state(node, "sum"), names.kind(node, "sum")
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
    fields = [each for each in names.fields(node) if each.start is not None]
    return [line for each in fields for line in loop("j", each.n, [f"net->{each.name}[j] = {each.start};"])]


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
