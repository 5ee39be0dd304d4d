"""README.md of a float network's C program."""

from __future__ import annotations

import math
import textwrap

from ....graph import Population
from ...integers import comment
from .golden import Golden
from .names import Names

GRAPH = "network.snn.h5"  # the float network in every such folder


def readme(names: Names, golden: Golden) -> str:
    """How to use the program."""
    label = next(iter(names.graph.outputs))
    return f"""\
# {comment(names.graph.name)} in C99, in doubles

    make test        compiles everything and compares it with the golden vectors, to the last bit

Copy network.c, network.h and params.h into a project, and compile with -ffp-contract=off; nothing else is needed, no
library, not even that of mathematics, and no heap.

```c
#include "network.h"

static snn_network net;

int32_t classify(const double *input)
{{
    int step;

    snn_reset(&net);
    snn_present(&net, input);
    for (step = 0; step < {golden.n_steps}; step++)
        snn_step(&net);
    return snn_argmax(net.{names.total(label)}, {math.prod(names.output(label).shape)}); /* output {comment(label)} */
}}
```

`snn_present` takes an input and computes what depends on it alone: once per sample, or before each step where inputs
change from step to step.

| file | holds |
|---|---|
| network.h | the struct and the functions |
| network.c | the step: one function per layer |
| params.h | every number: weights, biases, and what the neurons' equations need |
| golden.h, self_test.c | {golden.size} of the NumPy loop in float64, and the program that compares them |
| {GRAPH} | the network for Python: `snnconv.load` |

{_arithmetic(names)}\
A spike is sent as HEIGHT = amplitude / dt. Sums go over the inputs in order, and nothing is left open that IEEE 754
does not fix, so every compiler gives the same spikes that keeps the order of the operations and rounds each of them.
"""


def _arithmetic(names: Names) -> str:
    """A paragraph for each kind of neuron whose step is computed in another form than its equation has."""
    found = {node.neuron.kind: node.neuron for node in names.graph.nodes if isinstance(node, Population)}
    paragraphs = []
    for kind, neuron in found.items():
        sentence, _, code = neuron.equations.arithmetic.partition("\n\n")
        if code:
            sentence = textwrap.fill(f"A {kind} neuron {sentence}, and with the constants of params.h", 120)
            paragraphs.append(f"{sentence}\n\n{code}\n\n")
    return "".join(paragraphs)
