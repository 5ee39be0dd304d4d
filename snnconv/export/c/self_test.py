"""golden.h and self_test.c: the golden vectors in C, and a program that compares the network with them."""

from __future__ import annotations

import math

import numpy as np

from ..._version import __version__
from ...quantize import IntegerGraph
from ...quantize.ranges import span
from ..integers import Golden, comment
from ..params.headers import c_array
from ..params.numbers import c_type
from .loops import indented
from .names import Names

MAKEFILE = """\
# make test   compile everything, and compare the network with the golden vectors
CC ?= cc
CFLAGS ?= -O2
CFLAGS += -std=c99 -ffp-contract=off -Wall -Wextra -Werror -pedantic

.PHONY: test clean

test: self_test
	./self_test

self_test: network.o self_test.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ network.o self_test.o

network.o: network.c network.h params.h
self_test.o: self_test.c golden.h network.h

clean:
	rm -f self_test network.o self_test.o
"""


def golden_header(graph: IntegerGraph, golden: Golden) -> str:
    """golden.h: inputs, spikes, voltages and sums over time that the network must give."""
    names = Names(graph)
    n = len(golden.codes)
    lines = [
        f"/* What the integer network {comment(graph.name)} gives, for {golden.size};",
        f"   written by snnconv {__version__}. Arrays are [sample][step][number]; spikes are 8 to a byte, highest bit",
        "   first, each step from a byte of its own. */",
        "#ifndef SNN_GOLDEN_H",
        "#define SNN_GOLDEN_H",
        "",
        "#include <stdint.h>",
        "",
        f"#define GOLDEN_SAMPLES {n}",
        f"#define GOLDEN_STEPS {golden.n_steps}",
        "",
        *c_array(f"static const {c_type(graph.input.code.codes)} golden_inputs", golden.codes),
    ]
    for name, spikes in golden.spikes.items():
        packed = np.packbits(spikes.reshape(n, golden.n_steps, -1), axis=-1)
        lines += ["", *c_array(f"static const uint8_t golden_{names.plain[name]}_spikes", packed)]
    for kind in ("voltages", "readouts"):
        for name, values in getattr(golden, kind).items():
            array = f"static const {c_type(span(values))} golden_{names.plain[name]}_{kind}"
            lines += ["", *c_array(array, values)]
    return "\n".join([*lines, "", "#endif", ""])


def self_test(graph: IntegerGraph, golden: Golden) -> str:
    """self_test.c: 0 if every number is the golden one, else 1 and the first that is not."""
    names = Names(graph)
    n_input = math.prod(graph.input.shape)
    checks = []
    for name in golden.spikes:
        layer, plain = graph[name], names.plain[name]
        n_bytes = -(-math.prod(layer.shape) // 8)
        expected = f"(golden_{plain}_spikes[at * {n_bytes} + j / 8] >> (7 - j % 8)) & 1"
        checks.append((name, "spike", math.prod(layer.shape), f"net.{plain}_value[j]", expected))
    for kind, field, what in (("voltages", "voltage", "voltage"), ("readouts", "total", "sum")):
        for name in getattr(golden, kind):
            layer, plain = graph[name], names.plain[name]
            n = math.prod(layer.shape)
            checks.append((name, what, n, f"net.{plain}_{field}[j]", f"golden_{plain}_{kind}[at * {n} + j]"))
    body = []
    for name, what, n, found, expected in checks:
        body += [
            f"for (j = 0; j < {n}; j++) {{",
            f'    if (!same({found}, {expected}, "{what} of {comment(name)}", sample, step, j))',
            "        return 1;",
            "}",
        ]
    return "\n".join(
        [
            f"/* Compares the network with golden.h; written by snnconv {__version__}. */",
            "#include <stdio.h>",
            "",
            '#include "golden.h"',
            '#include "network.h"',
            "",
            "static snn_network net;",
            "",
            "static int same(int32_t found, int32_t expected, const char *what, int32_t sample,",
            "                int32_t step, int32_t j)",
            "{",
            "    if (found == expected)",
            "        return 1;",
            '    printf("FAILED: sample %ld, step %ld: %s %ld is %ld, expected %ld\\n", (long)sample, (long)step,',
            "           what, (long)j, (long)found, (long)expected);",
            "    return 0;",
            "}",
            "",
            "int main(void)",
            "{",
            "    int32_t sample, step, j;",
            "",
            "    for (sample = 0; sample < GOLDEN_SAMPLES; sample++) {",
            "        snn_reset(&net);",
            *([] if golden.varies else indented([f"snn_present(&net, golden_inputs + sample * {n_input});"], 2)),
            "        for (step = 0; step < GOLDEN_STEPS; step++) {",
            "            const int32_t at = sample * GOLDEN_STEPS + step;",
            "",
            *(indented([f"snn_present(&net, golden_inputs + at * {n_input});"], 3) if golden.varies else []),
            "            snn_step(&net);",
            *indented(body, 3),
            "        }",
            "    }",
            f'    printf("PASSED: {golden.size}; the network takes %lu bytes of RAM\\n",',
            "           (unsigned long)sizeof net);",
            "    return 0;",
            "}",
            "",
        ]
    )
