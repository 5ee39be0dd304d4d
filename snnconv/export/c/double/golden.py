"""Golden vectors of a float network in float64, and the program that compares its C with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...._version import __version__
from ....errors import ExportError
from ....quantize.ranges import span
from ....runtime import reference
from ....text.plain import plural
from ...integers import FEWEST_STEPS, MAX_GOLDEN, comment
from ...params.headers import c_array
from ...params.numbers import c_type
from ...target import Settings
from ..loops import indented
from .names import Names, literal
from .ordered import ORDERED


@dataclass(frozen=True, eq=False)
class Golden:
    """What the NumPy loop gives in float64, with sums in the order of the program.

    Parameters
    ----------
    inputs : (n, *input) or (n, n_steps, *input) float64 array
    spikes : mapping of population to (n, n_steps, *units) integer array
    voltages : mapping of population to (n, *units) float64 array
        After the last step.
    totals : mapping of output to (n, n_steps, *units) float64 array
        Sums over time after each step.
    n_steps : int
    varies : bool
        Whether inputs change from step to step.
    """

    inputs: np.ndarray
    spikes: Mapping[str, np.ndarray]
    voltages: Mapping[str, np.ndarray]
    totals: Mapping[str, np.ndarray]
    n_steps: int
    varies: bool

    @property
    def size(self) -> str:
        """How much it holds, as in "4 samples of 100 steps"."""
        return f"{plural(len(self.inputs), 'sample')} of {plural(self.n_steps, 'step')}"


def golden_vectors(names: Names, settings: Settings) -> Golden:
    """Vectors of the first samples; of fewer samples, and then steps, where the network is large.

    Raises
    ------
    ExportError
        If no sample is asked for.
    """
    wanted, graph = settings.options["golden"], names.graph
    if wanted < 1:
        raise ExportError(f"--golden must be a whole number above 0. Received {wanted}.")
    units = max(1, sum(math.prod(view.shape) for view in graph.populations.values()))
    n_steps = min(settings.n_steps, max(FEWEST_STEPS, MAX_GOLDEN // units))
    n = max(1, min(wanted, MAX_GOLDEN // (units * n_steps)))
    (node,) = graph.inputs
    few = settings.inputs.part(slice(n)).during(slice(n_steps))
    record = [f"{name}.spikes" for name in graph.populations]
    result = reference.run(graph, few, n_steps, names.dt, record=record, xp=ORDERED)
    voltages = {name: result.state[name]["voltage"] for name in graph.populations}
    totals = {label: array.cumsum(1) for label, array in result.outputs.items()}
    x = np.asarray(few[node.name], "float64")
    return Golden(x, result.spikes, voltages, totals, n_steps, few.varies(node.name))


def golden_header(names: Names, golden: Golden) -> str:
    """golden.h: inputs, spikes and sums over time that the network must give, and its voltages at the end."""
    lines = [
        f"/* What the network {comment(names.graph.name)} gives, for {golden.size}; written by snnconv",
        f"   {__version__}. Arrays are [sample][step][number]; voltages are those after the last step. */",
        "#ifndef SNN_GOLDEN_H",
        "#define SNN_GOLDEN_H",
        "",
        "#include <stdint.h>",
        "",
        f"#define GOLDEN_SAMPLES {len(golden.inputs)}",
        f"#define GOLDEN_STEPS {golden.n_steps}",
        "",
        *c_array("static const double golden_inputs", golden.inputs),
    ]
    for name, spikes in golden.spikes.items():
        kind = c_type(span(spikes.astype("int64")))
        lines += ["", *c_array(f"static const {kind} golden_{names.plain[name]}_spikes", spikes)]
        lines += c_array(f"static const double golden_{names.plain[name]}_voltages", golden.voltages[name])
    for label, totals in golden.totals.items():
        lines += ["", *c_array(f"static const double golden_{names.total(label)}", totals)]
    return "\n".join([*lines, "", "#endif", ""])


def self_test(names: Names, golden: Golden) -> str:
    """self_test.c: 0 if every number is the golden one, else 1 and the first that is not."""
    n_input = math.prod(names.graph.inputs[0].shape)
    body: list[str] = []
    ends: list[str] = []
    for name, spikes in golden.spikes.items():
        plain, n = names.plain[name], math.prod(spikes.shape[2:])
        height = literal(names.constants(names.graph[name])["HEIGHT"])
        expected = f"golden_{plain}_spikes[at * {n} + j] * {height}"
        body += _compared(f"net.{plain}_value[j]", expected, n, f"output of {comment(name)}")
        expected = f"golden_{plain}_voltages[sample * {n} + j]"
        ends += _compared(f"net.{plain}_voltage[j]", expected, n, f"voltage of {comment(name)}")
    for label, totals in golden.totals.items():
        n = math.prod(totals.shape[2:])
        expected = f"golden_{names.total(label)}[at * {n} + j]"
        body += _compared(f"net.{names.total(label)}[j]", expected, n, f"sum of output {comment(label)}")
    present = f"snn_present(&net, golden_inputs + {'at' if golden.varies else 'sample'} * {n_input});"
    return "\n".join(
        [
            f"/* Compares the network with golden.h, to the last bit; written by snnconv {__version__}. */",
            "#include <stdio.h>",
            "",
            '#include "golden.h"',
            '#include "network.h"',
            "",
            "static snn_network net;",
            "",
            "static int same(double found, double expected, const char *what, int32_t sample,",
            "                int32_t step, int32_t j)",
            "{",
            "    if (found == expected)",
            "        return 1;",
            '    printf("FAILED: sample %ld, step %ld: %s %ld is %.17g, expected %.17g\\n", (long)sample, (long)step,',
            "           what, (long)j, found, expected);",
            "    return 0;",
            "}",
            "",
            "int main(void)",
            "{",
            "    int32_t sample, step, j;",
            "",
            "    for (sample = 0; sample < GOLDEN_SAMPLES; sample++) {",
            "        snn_reset(&net);",
            *([] if golden.varies else indented([present], 2)),
            "        for (step = 0; step < GOLDEN_STEPS; step++) {",
            "            const int32_t at = sample * GOLDEN_STEPS + step;",
            "",
            *(indented([present], 3) if golden.varies else []),
            "            snn_step(&net);",
            *indented(body, 3),
            "        }",
            *indented(ends, 2),
            "    }",
            f'    printf("PASSED: {golden.size}; the network takes %lu bytes of RAM\\n",',
            "           (unsigned long)sizeof net);",
            "    return 0;",
            "}",
            "",
        ]
    )


def _compared(found: str, expected: str, n: int, what: str) -> list[str]:
    return [
        f"for (j = 0; j < {n}; j++) {{",
        f'    if (!same({found}, {expected}, "{what}", sample, step, j))',
        "        return 1;",
        "}",
    ]
