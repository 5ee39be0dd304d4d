"""What no input can exceed: the range of every integer of a node, from its numbers alone.

For each neuron its positive and its negative weights are summed up, times the largest and the smallest value that
can come in. With ``f(V) = V - ((V·D + half) >> K)``, which never falls where V grows, a state that starts at 0 stays
in the smallest interval that ``f`` and the largest and smallest drive lead back into.
"""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np

from ..errors import ConversionError
from .nodes import EncodedInput, IntegerLayer, IntegerNode, ReadoutLayer, SpikingLayer, SumPool
from .ranges import Range, span


def half(fraction_bits: int) -> int:
    """What is added before a shift to the right, so that it rounds to the nearest."""
    return 1 << (fraction_bits - 1)


def leaked(V: np.ndarray, multiplier: int, fraction_bits: int) -> np.ndarray:
    """f(V): what a leak leaves of V, which holds int64."""
    return V - ((V * multiplier + half(fraction_bits)) >> fraction_bits)


def sums(layer: IntegerLayer, source: Range) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest shifted sum of weighted inputs in `source`, which holds 0, for each channel of the kernel."""
    positive, negative = _sums_by_sign(layer.kernel)
    low = positive * source.low + negative * source.high
    high = positive * source.high + negative * source.low
    return low << layer.shift, high << layer.shift


def largest_sum(kernel: np.ndarray, source: Range) -> int:
    """Largest sum of absolute weights times the largest absolute value: no part of a weighted sum exceeds it."""
    positive, negative = _sums_by_sign(kernel)
    return int((positive - negative).max()) * max(-source.low, source.high)


def _sums_by_sign(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes = tuple(range(kernel.ndim - 1))
    return np.maximum(kernel, 0).sum(axes, dtype="int64"), np.minimum(kernel, 0).sum(axes, dtype="int64")


def settled(low: np.ndarray, high: np.ndarray, multiplier: int, fraction_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of ``I = f(I) + x`` for x from `low` to `high`, I from 0 on.

    I stays below b where ``(b·D + half) >> K`` is at least the largest x, and above where it is at most the smallest.
    """
    one, rounding = 1 << fraction_bits, half(fraction_bits)
    above = -((rounding - np.maximum(high, 0) * one) // multiplier)
    below = -((rounding - (np.minimum(low, 0) + 1) * one) // multiplier) - 1
    return np.minimum(below, 0), np.maximum(above, 0)


@singledispatch
def prove(node: IntegerNode, source: Range, n_steps: int) -> dict[str, Range]:
    """Ranges of all integers of a node, where its input sends values in `source`, for runs up to `n_steps` steps."""
    raise ConversionError(f"node '{node.name}' ({node.kind}) has no proven widths. Use the kinds of snnconv.quantize.")


@prove.register
def _(node: EncodedInput, source: Range, n_steps: int) -> dict[str, Range]:
    return {"value": node.code.sent}


@prove.register
def _(node: SumPool, source: Range, n_steps: int) -> dict[str, Range]:
    return {"value": source.with_zero().times(math.prod(node.size))}


@prove.register
def _(node: ReadoutLayer, source: Range, n_steps: int) -> dict[str, Range]:
    ranges, low, high = _linear(node, source)
    drive = span(low, high)
    return {**ranges, "drive": drive, "value": drive, "total": drive.with_zero().times(n_steps)}


@prove.register
def _(node: SpikingLayer, source: Range, n_steps: int) -> dict[str, Range]:
    ranges, low, high = _linear(node, source)
    threshold, floor, ceiling = (
        node.per_neuron(array).astype("int64") for array in (node.threshold, node.floor, node.ceiling)
    )
    if node.is_rectified:
        low, high = np.maximum(low, 0), np.maximum(high, 0)
    K, D = node.fraction_bits, node.leak
    found = {
        **ranges,
        "drive": span(low, high),
        "threshold": span(threshold),
        "voltage": Range(int(floor.min()), int(ceiling.max())),
        "potential": span(leaked(floor, D, K) + low, leaked(ceiling, D, K) + high),
    }
    if D:
        found["leak_product"] = span(floor * D, ceiling * D + half(K))
    if node.refractory_steps:
        found["refractory"] = Range(0, node.refractory_steps)
    return {**found, "value": Range(0, 1)}


def drives(layer: IntegerLayer, source: Range) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest drive of each neuron, before it is rectified."""
    return _linear(layer, source)[1:]


def _linear(layer: IntegerLayer, source: Range) -> tuple[dict[str, Range], np.ndarray, np.ndarray]:
    """Ranges up to the drive, and least and largest drive of each neuron."""
    low, high = sums(layer, source.with_zero())
    ranges = {"weight": span(layer.kernel), "bias": span(layer.bias), "total_input": span(low, high).with_zero()}
    if layer.synapse:
        low, high = settled(low, high, layer.synapse, layer.synapse_bits)
        ranges["synapse"] = span(low, high)
        ranges["synapse_product"] = span(low * layer.synapse, high * layer.synapse + half(layer.synapse_bits))
    bias = layer.per_neuron(layer.bias).astype("int64")
    return ranges, layer.from_channels(low) + bias, layer.from_channels(high) + bias
