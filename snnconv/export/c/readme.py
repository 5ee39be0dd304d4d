"""README.md of a C program."""

from __future__ import annotations

import textwrap

from ...graph import Population, SpikingGraph
from ..integers import INTEGERS
from .program import DOUBLE, Numbers

GRAPH = "network.snn.h5"  # the float network in the folder of its program


def readme(name: str, numbers: Numbers, size: str, n_steps: int, output: str, arithmetic: str = "") -> str:
    """Instructions for the program.

    Parameters
    ----------
    name : str
        Name of the network, for comments.
    size : str
        Extent of the golden vectors in words.
    output : str
        Arguments of `snn_argmax` for the first output, and a comment on it: "net.y_total, 10); /* output y */".
    arithmetic : str
        Paragraphs on the neurons' steps, for doubles.
    """
    is_double = numbers is DOUBLE
    title, tests, copying, rows, end = _double(size, arithmetic) if is_double else _integer(size)
    return f"""\
# {name} in C99{title}

{tests}

Copy network.c, network.h and params.h into a project{copying}

```c
#include "network.h"

static snn_network net;

int32_t classify(const {"double" if is_double else "snn_input"} *input)
{{
    int step;

    snn_reset(&net);
    snn_present(&net, input);
    for (step = 0; step < {n_steps}; step++)
        snn_step(&net);
    return snn_argmax({output}
}}
```

`snn_present` takes an input and computes what depends on it alone: once per sample, or before each step where inputs
change from step to step.

| file | holds |
|---|---|
{rows}

{end}
"""


def _integer(size: str) -> tuple[str, str, str, str, str]:
    tests = """\
    make test        compiles everything and compares it with the golden vectors
    make test CC=arm-none-eabi-gcc CFLAGS="-Os -mcpu=cortex-m4" LDFLAGS=--specs=rdimon.specs"""
    rows = f"""\
| network.h | the struct, the functions, and how numbers become inputs |
| network.c | the step: one function per layer |
| params.h | every number: weights, biases, thresholds, leaks, proven widths |
| golden.h, self_test.c | {size}, and the program that compares them |
| {INTEGERS} | the same integers for Python: `snnconv.quantize.load` |
| REPORT.md | the equations with their numbers, and the widths |"""
    end = "`snnconv verify` with this folder checks that no file has changed, and compiles and runs the test."
    return "", tests, "; nothing else is needed, no library and no heap.", rows, end


def _double(size: str, arithmetic: str) -> tuple[str, str, str, str, str]:
    tests = "    make test        compiles everything and compares it with the golden vectors, to the last bit"
    copying = """\
, and compile with -ffp-contract=off; nothing else is needed, no
library, not even that of mathematics, and no heap."""
    rows = f"""\
| network.h | the struct and the functions |
| network.c | the step: one function per layer |
| params.h | weights, biases, and the height of each neuron's spikes |
| golden.h, self_test.c | {size} of the NumPy loop in float64, and the program that compares them |
| {GRAPH} | the network for Python: `snnconv.load` |"""
    end = f"""\
{arithmetic}\
A spike is sent as HEIGHT = amplitude / dt. Sums go over the inputs in order, and nothing is left open that IEEE 754
does not fix, so every compiler gives the same spikes that keeps the order of the operations and rounds each of them."""
    return ", in doubles", tests, copying, rows, end


def arithmetic_of(graph: SpikingGraph) -> str:
    """Paragraphs on neurons whose step is computed in another form than its equation has."""
    neurons = {node.neuron.kind: node.neuron for node in graph.nodes if isinstance(node, Population)}
    paragraphs = []
    for kind, neuron in neurons.items():
        sentence, _, code = neuron.equations.arithmetic.partition("\n\n")
        if code:
            told = f"A {kind} neuron {sentence}, and with constants that stand in network.c as numbers"
            paragraphs.append(f"{textwrap.fill(told, 120)}\n\n{code}\n\n")
    return "".join(paragraphs)
