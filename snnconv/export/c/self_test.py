"""golden.h and self_test.c: the golden vectors in C, and a program that compares the network with them."""

from __future__ import annotations

from ..._version import __version__
from ..params.texts import c_array
from .loops import indented, loop
from .program import Check, Program, Vectors

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


def golden_header(vectors: Vectors) -> str:
    """golden.h: inputs, and the numbers that the network must give for them."""
    arrays = [
        ["", *(line for declaration, array in group for line in c_array(f"static const {declaration}", array))]
        for group in vectors.arrays
    ]
    return "\n".join(
        [
            *vectors.about,
            "#ifndef SNN_GOLDEN_H",
            "#define SNN_GOLDEN_H",
            "",
            "#include <stdint.h>",
            "",
            f"#define GOLDEN_SAMPLES {vectors.n_samples}",
            f"#define GOLDEN_STEPS {vectors.n_steps}",
            *(line for lines in arrays for line in lines),
            "",
            "#endif",
            "",
        ]
    )


def self_test(program: Program, vectors: Vectors) -> str:
    """self_test.c: 0 if every number is the golden one, else 1 and the first that is not."""
    numbers = program.numbers
    position = "at" if vectors.varies else "sample"
    present = f"snn_present(&net, golden_inputs + {position} * {program.n_input});"
    return "\n".join(
        [
            f"/* Compares the network with golden.h{vectors.precision}; written by snnconv {__version__}. */",
            "#include <stdio.h>",
            "",
            '#include "golden.h"',
            '#include "network.h"',
            "",
            "static snn_network net;",
            "",
            f"static int same({numbers.kind} found, {numbers.kind} expected, const char *what, int32_t sample,",
            "                int32_t step, int32_t j)",
            "{",
            "    if (found == expected)",
            "        return 1;",
            f'    printf("FAILED: sample %ld, step %ld: %s %ld is {numbers.printed}, expected {numbers.printed}\\n", '
            "(long)sample, (long)step,",
            f"           what, (long)j, {numbers.cast}found, {numbers.cast}expected);",
            "    return 0;",
            "}",
            "",
            "int main(void)",
            "{",
            "    int32_t sample, step, j;",
            "",
            "    if (snn_run(&net, golden_inputs, SNN_N_INPUT + 1, 1) != -1 ||",
            "        snn_run(&net, golden_inputs, SNN_N_INPUT, 0) != -1 ||",
            "        snn_run(&net, golden_inputs, SNN_N_INPUT, SNN_MAX_STEPS + 1) != -1) {",
            '        printf("FAILED: a sample of another length, or too many steps, are not refused\\n");',
            "        return 1;",
            "    }",
            "    for (sample = 0; sample < GOLDEN_SAMPLES; sample++) {",
            "        snn_reset(&net);",
            *([] if vectors.varies else indented([present], 2)),
            "        for (step = 0; step < GOLDEN_STEPS; step++) {",
            "            const int32_t at = sample * GOLDEN_STEPS + step;",
            "",
            *(indented([present], 3) if vectors.varies else []),
            "            snn_step(&net);",
            *(line for check in vectors.checks for line in indented(_compared(check), 3)),
            "        }",
            *(line for check in vectors.last_checks for line in indented(_compared(check), 2)),
            "    }",
            f'    printf("PASSED: {vectors.size}; the network takes %lu bytes of RAM\\n",',
            "           (unsigned long)sizeof net);",
            "    return 0;",
            "}",
            "",
        ]
    )


def _compared(check: Check) -> list[str]:
    same = f'if (!same({check.found}, {check.expected}, "{check.what}", sample, step, j))'
    return loop("j", check.n, [same, "    return 1;"])
