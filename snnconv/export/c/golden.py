"""Golden vectors of a float network: the NumPy loop in float64, with sums in the order of the C program.

A product of matrices in NumPy sums up in blocks, in an order of the processor's own, so its last bits are its own too.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from ..._version import __version__
from ...errors import ExportError
from ...neurons import numpy_ops
from ...neurons.numpy_ops import Pairs
from ...quantize.ranges import span
from ...runtime import reference
from ...text.plain import plural
from ..golden import FEWEST_STEPS, MAX_GOLDEN
from ..integers import comment
from ..params.numbers import c_type
from ..target import Settings
from .doubles import DoubleWriter
from .program import DOUBLE, Check, Vectors


def matmul(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """``x @ kernel``, one input after the other."""
    total = np.zeros((*x.shape[:-1], kernel.shape[-1]), x.dtype)
    for number, weights in enumerate(kernel):
        total += x[..., number, None] * weights
    return total


def conv(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
    groups: int,
) -> np.ndarray:
    """As `numpy_ops.conv`, one place of the window after the other, and there one channel after the other."""
    *window, n_in, filters = kernel.shape
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    axes = zip(x.shape[1:-1], window, strides, dilation, strict=True)
    size = [(n - (w - 1) * rate - 1) // stride + 1 for n, w, stride, rate in axes]
    total = np.zeros((len(x), *size, filters), x.dtype)
    for offset in np.ndindex(*window):
        steps = zip(offset, size, strides, dilation, strict=True)
        seen = x[(slice(None), *(slice(o * rate, o * rate + (n - 1) * s + 1, s) for o, n, s, rate in steps))]
        for channel in range(n_in):
            # the same channel of each group, for all filters of its group
            total += np.repeat(seen[..., channel::n_in], filters // groups, -1) * kernel[offset][channel]
    return total


ORDERED = SimpleNamespace(
    **({name: getattr(numpy_ops, name) for name in numpy_ops.__all__} | {"matmul": matmul, "conv": conv})
)


def golden_vectors(writer: DoubleWriter, settings: Settings) -> Vectors:
    """Vectors of the first samples; of fewer samples, and then steps, where the network is large.

    Raises
    ------
    ExportError
        If no sample is asked for.
    """
    wanted, graph, names = settings.options["golden"], writer.graph, writer.names
    if wanted < 1:
        raise ExportError(f"--golden must be a whole number above 0. Received {wanted}.")
    units = max(1, sum(math.prod(view.shape) for view in graph.populations.values()))
    n_steps = min(settings.n_steps, max(FEWEST_STEPS, MAX_GOLDEN // units))
    n = max(1, min(wanted, MAX_GOLDEN // (units * n_steps)))
    (node,) = graph.inputs
    few = settings.inputs.part(slice(n)).during(slice(n_steps))
    x, varies = few[node.name], few.varies(node.name)
    record = [f"{name}.spikes" for name in graph.populations]
    result = reference.run(graph, few, n_steps, writer.dt, record=record, xp=ORDERED)
    arrays, checks, last_checks = [[("double golden_inputs", np.asarray(x, "float64"))]], [], []
    for name, spikes in result.spikes.items():
        golden, n_units = f"golden_{names.plain[name]}", math.prod(spikes.shape[2:])
        kind = c_type(span(spikes.astype("int64")))
        voltages = result.state[name]["voltage"]
        arrays.append([(f"{kind} {golden}_spikes", spikes), (f"double {golden}_voltages", voltages)])
        found, height = f"net.{names.plain[name]}", DOUBLE.literal(writer.constants(graph[name])["HEIGHT"])
        expected = f"{golden}_spikes[at * {n_units} + j] * {height}"
        checks.append(Check(f"output of {comment(name)}", n_units, f"{found}_value[j]", expected))
        expected = f"{golden}_voltages[sample * {n_units} + j]"
        last_checks.append(Check(f"voltage of {comment(name)}", n_units, f"{found}_voltage[j]", expected))
    for label, output in result.outputs.items():
        golden, n_units = f"golden_{names.total(label)}", math.prod(output.shape[2:])
        arrays.append([(f"double {golden}", output.cumsum(1))])
        found, expected = f"net.{names.total(label)}[j]", f"{golden}[at * {n_units} + j]"
        checks.append(Check(f"sum of output {comment(label)}", n_units, found, expected))
    size = f"{plural(len(x), 'sample')} of {plural(n_steps, 'step')}"
    about = [
        f"/* What the network {comment(graph.name)} gives, for {size}; written by snnconv",
        f"   {__version__}. Arrays are [sample][step][number]; voltages are those after the last step. */",
    ]
    return Vectors(size, len(x), n_steps, varies, about, ", to the last bit", arrays, checks, last_checks)
