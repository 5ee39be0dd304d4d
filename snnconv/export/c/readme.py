"""README.md of a C program."""

from __future__ import annotations

from ...quantize import IntegerGraph
from ..integers import INTEGERS, Golden, comment
from .names import Names


def readme(graph: IntegerGraph, golden: Golden) -> str:
    """How to use the program."""
    names = Names(graph)
    label, node = next(iter(graph.readouts.items()))
    return f"""\
# {comment(graph.name)} in C99

    make test        compiles everything and compares it with the golden vectors
    make test CC=arm-none-eabi-gcc CFLAGS="-Os -mcpu=cortex-m4" LDFLAGS=--specs=rdimon.specs

Copy network.c, network.h and params.h into a project; nothing else is needed, no library and no heap.

```c
#include "network.h"

static snn_network net;

int32_t classify(const snn_input *input)
{{
    int step;

    snn_reset(&net);
    snn_present(&net, input);
    for (step = 0; step < {golden.n_steps}; step++)
        snn_step(&net);
    return snn_argmax(net.{names.plain[node.name]}_total, {node.n_neurons}); /* output {comment(label)} */
}}
```

`snn_present` takes an input and computes what depends on it alone: once per sample, or before each step where inputs
change from step to step.

| file | holds |
|---|---|
| network.h | the struct, the functions, and how numbers become inputs |
| network.c | the step: one function per layer |
| params.h | every number: weights, biases, thresholds, leaks, proven widths |
| golden.h, self_test.c | {golden.size}, and the program that compares them |
| {INTEGERS} | the same integers for Python: `snnconv.quantize.load` |
| REPORT.md | the equations with their numbers, and the widths |

`snnconv verify` with this folder checks that no file has changed, and compiles and runs the test.
"""
