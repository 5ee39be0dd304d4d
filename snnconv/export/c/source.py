"""network.h and network.c: a network in C99, without calls of a library and without other memory."""

from __future__ import annotations

from ..._version import __version__
from .loops import indented, loop
from .program import Field, Function, Program


def header(program: Program) -> str:
    """network.h: the interface of the network."""
    members: list[str] = []
    for about, fields in program.fields:
        members += [f"/* {about} */"] if about else []
        members += [f"{each.kind} {_declared(each)}; /* {each.what} */" for each in fields]
    return "\n".join(
        [
            f"/* The {program.title}, written by snnconv {__version__}.",
            "",
            "   static snn_network net;",
            "   class = snn_run(&net, input, SNN_N_INPUT, n_steps);   one sample; -1 where a number is out of range",
            "",
            "   or step by step:",
            "   snn_reset(&net);                             before every sample",
            "   snn_present(&net, input);                    before its first step, and when the input changes",
            "   for (...) snn_step(&net);                    once per step; -1, and nothing done, after SNN_MAX_STEPS",
            "   class = snn_argmax(net.<output>_total, n);   the largest output; of one, whether it is above 0",
            "",
            *(f"   {line}" for line in program.usage),
            "*/",
            "#ifndef SNN_NETWORK_H",
            "#define SNN_NETWORK_H",
            "",
            "#include <stdint.h>",
            "",
            f"#define SNN_N_INPUT {program.n_input}",
            f"#define SNN_MAX_STEPS {program.max_steps} /* from one reset to the next */",
            "",
            f"typedef {program.input_kind} snn_input;",
            "",
            "typedef struct {",
            *indented([*members, "int32_t snn_steps; /* since the last reset */"]),
            "} snn_network;",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            "void snn_reset(snn_network *net);",
            "void snn_present(snn_network *net, const snn_input input[SNN_N_INPUT]);",
            "int32_t snn_step(snn_network *net);",
            f"int32_t snn_argmax(const {program.numbers.kind} *values, int32_t n);",
            "int32_t snn_run(snn_network *net, const snn_input *input, int32_t n_input, int32_t n_steps);",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            "#endif",
            "",
        ]
    )


def source(program: Program) -> str:
    """network.c: a function or two per layer; what depends on a held input alone is computed when it is given."""
    functions = [line for function in program.functions for line in ("", *_defined(function))]
    calls = {verb: [_call(each) for each in program.functions if each.verb == verb] for verb in ("present", "step")}
    resets = [line for _, fields in program.fields for each in fields for line in _reset(each)]
    closing = ["int32_t j;", ""] if program.after_step else []
    closing += ["if (net->snn_steps == SNN_MAX_STEPS)", "    return -1;", "net->snn_steps++;"]
    closing += [*calls["step"], *program.after_step, "return 0;"]
    helpers = [line for name, lines in HELPERS.items() if any(name in line for line in functions) for line in lines]
    return "\n".join(
        [
            f"/* The {program.title}, written by snnconv {__version__}.",
            f"   {program.source_note} */",
            *program.guards,
            '#include "network.h"',
            '#include "params.h"',
            *helpers,
            *functions,
            "",
            "void snn_reset(snn_network *net)",
            "{",
            *indented(["int32_t j;", "", "net->snn_steps = 0;", *resets]),
            "}",
            "",
            "void snn_present(snn_network *net, const snn_input input[SNN_N_INPUT])",
            "{",
            *indented(calls["present"] or ["(void)net;", "(void)input;"]),
            "}",
            "",
            "int32_t snn_step(snn_network *net)",
            "{",
            *indented(closing),
            "}",
            "",
            f"int32_t snn_argmax(const {program.numbers.kind} *values, int32_t n)",
            "{",
            "    int32_t j, best = n == 1 && values[0] > 0;",
            "",
            "    for (j = 1; j < n; j++) {",
            "        if (values[j] > values[best])",
            "            best = j;",
            "    }",
            "    return best;",
            "}",
            "",
            "int32_t snn_run(snn_network *net, const snn_input *input, int32_t n_input, int32_t n_steps)",
            "{",
            "    int32_t step;",
            "",
            "    if (n_input != SNN_N_INPUT || n_steps < 1 || n_steps > SNN_MAX_STEPS)",
            "        return -1;",
            "    snn_reset(net);",
            "    snn_present(net, input);",
            "    for (step = 0; step < n_steps; step++)",
            "        snn_step(net);",
            f"    return snn_argmax({program.output});",
            "}",
            "",
        ]
    )


HELPERS = {
    "shift_down": (
        "",
        "/* x >> bits, rounded down; C leaves it open for negative x. */",
        "static int32_t shift_down(int32_t x, int bits)",
        "{",
        "    return x < 0 ? ~(~x >> bits) : x >> bits;",
        "}",
    ),
    "round_down": (
        "",
        "/* The largest whole number up to x; from 2^53 on every double is one, and a zero keeps its sign. */",
        "static double round_down(double x)",
        "{",
        "    double whole;",
        "",
        "    if (!(x > -9007199254740992.0 && x < 9007199254740992.0) || x == 0.0)",
        "        return x;",
        "    whole = (double)(int64_t)x;",
        "    return whole > x ? whole - 1.0 : whole;",
        "}",
    ),
}


def _defined(function: Function) -> list[str]:
    given = "snn_network *net, const snn_input *input" if function.takes_input else "snn_network *net"
    start = f"static void {function.verb}_{function.name}({given})"
    inside = indented([*function.declared, "", *function.body])
    return [f"/* {function.about} */", start, "{", *inside, "}"]


def _call(function: Function) -> str:
    return f"{function.verb}_{function.name}(net{', input' if function.takes_input else ''});"


def _declared(member: Field) -> str:
    return member.name if member.n is None else f"{member.name}[{member.n}]"


def _reset(member: Field) -> list[str]:
    if member.start is None:
        return []
    if member.n is None:
        return [f"net->{member.name} = {member.start};"]
    return loop("j", member.n, [f"net->{member.name}[j] = {member.start};"])
