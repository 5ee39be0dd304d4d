"""README.md of a C program."""

from __future__ import annotations

import textwrap

from ...graph import Population, SpikingGraph
from ..integers import INTEGERS
from .program import DOUBLE, Program

NUMBERS = """\
| N, N_IN | neurons or outputs, and inputs |
| kernel | W, weights: [input][neuron], or [row][column][channel][filter] |
| bias | B, added to the drive of a neuron at every step |
| SHIFT | bits that sums of weights are shifted to the left, before the bias is added |
| SYNAPSE, SYNAPSE_BITS | D and K of a lowpass on the way: I = I - ((I*D + half) >> K) + sum, half = 1 << (K - 1) |
| threshold | a neuron spikes above it (LIF), or where it reaches it (IF) |
| floor, ceiling | smallest and largest voltage after a step |
| start | voltage before the first step |
| LEAK, FRACTION_BITS | D and K of a LIF: V = V - ((V*D + half) >> K) + drive; or without LEAK, as a comment says |
| REFRACTORY_STEPS | steps after a spike in which V is held |
| NEGATIVE_THRESHOLD | 256ths of the threshold below 0 where a spike is taken back |
| CODE_BITS | bits of an input |
| PERIOD | the sum that a spike of the rate code takes |
| WINDOW | steps of a window of the latency code |
| ..._WIDTH | bits of a signed register for it, proven for all inputs |"""
GRAPH = "network.snn.h5"  # the float network in the folder of its program


def readme(name: str, program: Program, size: str, n_steps: int, arithmetic: str = "") -> str:
    """Instructions for a program.

    Parameters
    ----------
    name : str
        Name of the network, for comments.
    size : str
        Extent of the golden vectors in words.
    arithmetic : str
        Paragraphs on the neurons' steps, for doubles.
    """
    is_double = program.numbers is DOUBLE
    title, tests, copying, rows, end = _double(size, arithmetic) if is_double else _integer(size)
    usage = "\n".join(program.usage)
    return f"""\
# {name} in C99{title}

{tests}

Copy network.c, network.h and params.h into a project{copying}

```c
#include "network.h"

static snn_network net;

int32_t classify(const snn_input *input)
{{
    return snn_run(&net, input, SNN_N_INPUT, {n_steps}); /* steps */
}}
```

`snn_run` gives the class, the place of the largest sum of the first output; where that has one sum, 1 if it is above 0
and 0 if not. It refuses a sample that has not SNN_N_INPUT numbers, and less than 1 or more than SNN_MAX_STEPS steps,
with -1. Step by step it is

```c
snn_reset(&net);
snn_present(&net, input);
while (snn_step(&net) == 0) {{
    /* one step is done; net has all that it gave */
}}
```

`snn_present` takes an input and computes what depends on it alone: once per sample, or before each step where inputs
change from step to step. `snn_step` does nothing and returns -1 after SNN_MAX_STEPS steps. From C++ the same functions
are there under the same names.

```text
{usage}
```

| file | holds |
|---|---|
{rows}

## The struct snn_network

| member | type | holds |
|---|---|---|
{_members(program)}

{end}
"""


def _members(program: Program) -> str:
    """Rows on the members of the struct."""
    rows = []
    for about, fields in program.fields:
        for each in fields:
            kind = each.kind if each.n is None else f"{each.kind}[{each.n}]"
            rows.append(f"| {each.name} | {kind} | {each.what}{f'; {about}' if about else ''} |")
    return "\n".join([*rows, "| snn_steps | int32_t | steps since the last reset |"])


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
| REPORT.md | the equations with their numbers, and the widths |
| CMakeLists.txt | the library `snn` and its test, or a library of Zephyr |
| arduino/ | a library folder for the Arduino IDE, with an example: copy the folder in it to libraries/ |"""
    end = f"""\
## The numbers in params.h

Names begin with SNN_ and the layer, arrays with snn_ and the layer. Arrays are row-major, channels last; those per
neuron have one number per neuron, or one per channel where it is the same at every place.

| name | holds |
|---|---|
{NUMBERS}

`snnconv verify` with this folder checks that no file has changed, and compiles and runs the test."""
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
