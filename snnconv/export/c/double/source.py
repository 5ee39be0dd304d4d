"""params.h, network.h and network.c: a float network in C99 with doubles, without calls of a library."""

from __future__ import annotations

import math

import numpy as np

from ...._version import __version__
from ....graph import Input, Node
from ...integers import comment
from ...params.headers import c_array
from ..loops import indented, loop
from ..source import argmax
from .names import Names, literal
from .nodes import arrays, code

WARNINGS = (
    "#include <float.h>",
    "",
    "#if defined(__FAST_MATH__)",
    '#error "compile without -ffast-math: it changes the order of sums"',
    "#endif",
    "#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1",
    '#error "doubles are computed with more than 64 bits here: compile with -msse2 -mfpmath=sse, or the like"',
    "#endif",
    "#if defined(__clang__)",
    "#pragma STDC FP_CONTRACT OFF",
    "#endif",
)


def params(names: Names) -> str:
    """params.h: every number of the network, as a macro or a constant array."""
    lines = [
        f"/* Numbers of the network {comment(names.graph.name)} for steps of {names.dt!r} s, written by snnconv",
        f"   {__version__}. Gains are in the kernels. Arrays are row-major: kernel[input][output], or",
        "   kernel[row][column][channel][filter] for convolutions, channels last. */",
        "#ifndef SNN_PARAMS_H",
        "#define SNN_PARAMS_H",
    ]
    for node in names.graph.nodes:
        own = [f"#define {names.macro(node, key)} {literal(value)}" for key, value in names.constants(node).items()]
        for field in arrays(node):
            array = np.asarray(getattr(node, field), "float64")
            if array.size > 1 or field == "kernel":
                stored = array if field == "kernel" else _stored(node, array)
                own += c_array(f"static const double {names.array(node, field)}", stored)
        if own:
            lines += ["", f"/* {_described(node)} */", *own]
    return "\n".join([*lines, "", "#endif", ""])


def header(names: Names) -> str:
    """network.h: what a program that uses the network includes."""
    graph = names.graph
    fields: list[str] = []
    for node in graph.nodes:
        own = names.fields(node)
        if own:
            fields += [f"    /* {_described(node)} */"]
            fields += [f"    {each.kind} {each.name}[{each.n}]; /* {each.what} */" for each in own]
    outputs = []
    for label in graph.outputs:
        n = math.prod(names.output(label).shape)
        outputs.append(f"   {comment(label)}: {names.total(label)}[{n}]; mean output = total / steps")
        fields.append(f"    double {names.total(label)}[{n}]; /* sum of output {comment(label)} over time */")
    return "\n".join(
        [
            f"/* The network {comment(graph.name)} in doubles, written by snnconv {__version__}.",
            "",
            "   static snn_network net;",
            "   snn_reset(&net);                             before every sample",
            "   snn_present(&net, input);                    before its first step, and when the input changes",
            "   for (...) snn_step(&net);                    once per step",
            "   class = snn_argmax(net.<output>_total, n);   the largest output",
            "",
            f"   A step is {names.dt!r} s. Inputs are row-major, channels last. Outputs:",
            *outputs,
            "*/",
            "#ifndef SNN_NETWORK_H",
            "#define SNN_NETWORK_H",
            "",
            "#include <stdint.h>",
            "",
            f"#define SNN_N_INPUT {math.prod(graph.inputs[0].shape)}",
            "",
            "typedef double snn_input;",
            "",
            "typedef struct {",
            *fields,
            "} snn_network;",
            "",
            "void snn_reset(snn_network *net);",
            "void snn_present(snn_network *net, const snn_input input[SNN_N_INPUT]);",
            "void snn_step(snn_network *net);",
            "int32_t snn_argmax(const double *values, int32_t n);",
            "",
            "#endif",
            "",
        ]
    )


def source(names: Names) -> str:
    """network.c: one function per node; what depends on a held input alone is computed when it is given."""
    functions: list[str] = []
    calls: dict[str, list[str]] = {"present": [], "step": []}
    for node in names.graph.nodes:
        if names.fields(node):
            verb = "present" if names.is_held(node) else "step"
            before = node if isinstance(node, Input) else names.source(node)
            is_fed = isinstance(before, Input) and verb == "present"
            x = "input" if is_fed else names.state(before, "value")
            lines, indices = code(node, names)
            declared = [f"const double *x = {x};", f"int32_t {', '.join(sorted(indices))};"]
            name = f"{verb}_{names.plain[node.name]}"
            given = "snn_network *net, const snn_input *input" if is_fed else "snn_network *net"
            # a declaration in the first line of the code stands with the others
            more = [lines.pop(0)] if lines[0].startswith("double *total") else [""]
            functions += ["", f"/* {_described(node)} */", f"static void {name}({given})", "{"]
            functions += [*indented([*declared, *more, *lines]), "}"]
            calls[verb].append(f"{name}(net{', input' if is_fed else ''});")
    resets = [
        line
        for node in names.graph.nodes
        for each in names.fields(node)
        if each.start is not None
        for line in loop("j", each.n, [f"net->{each.name}[j] = {each.start};"])
    ]
    sums = []
    for label in names.graph.outputs:
        node, total = names.output(label), f"net->{names.total(label)}[j]"
        resets += loop("j", math.prod(node.shape), [f"{total} = 0.0;"])
        sums += loop("j", math.prod(node.shape), [f"{total} += {names.state(node, 'value')}[j];"])
    return "\n".join(
        [
            f"/* The network {comment(names.graph.name)} in doubles, written by snnconv {__version__}.",
            "   Compile with -ffp-contract=off: then it rounds as NumPy does, where doubles are those of IEEE 754. */",
            *WARNINGS,
            "",
            '#include "network.h"',
            '#include "params.h"',
            *functions,
            "",
            "void snn_reset(snn_network *net)",
            "{",
            *indented(["int32_t j;", "", *resets]),
            "}",
            "",
            "void snn_present(snn_network *net, const snn_input input[SNN_N_INPUT])",
            "{",
            *indented(calls["present"] or ["(void)net;", "(void)input;"]),
            "}",
            "",
            "void snn_step(snn_network *net)",
            "{",
            *indented(["int32_t j;", "", *calls["step"], *sums]),
            "}",
            *argmax("double"),
        ]
    )


def _stored(node: Node, array: np.ndarray) -> np.ndarray:
    """An array that broadcasts against a node, as `Names.number` reads it: one number per channel, or all."""
    is_per_channel = array.size == node.shape[-1] and array.shape[-1:] == node.shape[-1:]
    return array.ravel() if is_per_channel else np.broadcast_to(array, node.shape)


def _described(node: Node) -> str:
    shape = " x ".join(map(str, node.shape))
    neuron = getattr(node, "neuron", None)
    kind = node.kind if neuron is None else f"{neuron.kind} neurons"
    source = f" of {', '.join(node.inputs)}" if node.inputs else ""
    return comment(f"{node.name}: {kind}, {shape}{source}")
