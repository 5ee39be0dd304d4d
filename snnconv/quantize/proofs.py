"""Proofs: the range of every integer of a node, whatever the inputs, from its numbers alone.

For each neuron its positive and its negative weights are summed up, times the largest and the smallest value that
can come in. With ``f(V) = V - ((V·D + half) >> K)``, which never falls where V grows, a state that starts at 0 stays
in the smallest interval that ``f`` and the largest and smallest drive lead back into.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import singledispatch

import numpy as np

from ..errors import ConversionError
from .neurons import half
from .nodes import (
    EncodedInput,
    IntegerLayer,
    IntegerNode,
    MaxPool,
    Node,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
    WeightedNode,
    WeightedSums,
    with_ranges,
)
from .ranges import Range, span


def sums(node: WeightedNode, source: Range) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest shifted sum of weighted inputs in `source`, which holds 0, for each channel of the kernel."""
    positive, negative = _sums_by_sign(node.kernel)
    low = positive * source.low + negative * source.high
    high = positive * source.high + negative * source.low
    return low << node.shift, high << node.shift


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
def prove(node: IntegerNode, sources: Sequence[Range], n_steps: int) -> dict[str, Range]:
    """Ranges of all integers of a node, where its inputs send values in `sources`, for runs up to `n_steps` steps."""
    raise ConversionError(f"node '{node.name}' ({node.kind}) has no proven widths. Use the kinds of snnconv.quantize.")


@prove.register
def _(node: EncodedInput, sources: Sequence[Range], n_steps: int) -> dict[str, Range]:
    return {"value": node.code.sent}


@prove.register
def _(node: SumPool, sources: Sequence[Range], n_steps: int) -> dict[str, Range]:
    return {"value": sources[0].with_zero().times(math.prod(node.size))}


@prove.register
def _(node: MaxPool, sources: Sequence[Range], n_steps: int) -> dict[str, Range]:
    value = sources[0].with_zero()
    if not node.is_running:
        return {"value": value}
    # the largest of some sums grows by no more and no less than one of them does
    return {"value": value, "total": value.times(n_steps)}


@prove.register
def _(node: WeightedSums, sources: Sequence[Range], n_steps: int) -> dict[str, Range]:
    return {"weight": span(node.kernel), "value": span(*sums(node, sources[0].with_zero())).with_zero()}


@prove.register
def _(node: ReadoutLayer, sources: Sequence[Range], n_steps: int) -> dict[str, Range]:
    ranges, low, high = _linear(node, sources)
    drive = span(low, high)
    return {**ranges, "drive": drive, "value": drive, "total": drive.with_zero().times(n_steps)}


@prove.register
def _(node: SpikingLayer, sources: Sequence[Range], n_steps: int) -> dict[str, Range]:
    ranges, low, high = _linear(node, sources)
    return {**ranges, **node.neuron.ranges(low, high), "value": node.neuron.spikes}


def drives(layer: IntegerLayer, sources: Sequence[Range]) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest drive of each neuron, before it is rectified."""
    return _linear(layer, sources)[1:]


def _linear(layer: IntegerLayer, sources: Sequence[Range]) -> tuple[dict[str, Range], np.ndarray, np.ndarray]:
    """Ranges up to the drive, and least and largest drive of each neuron."""
    source, *branches = (found.with_zero() for found in sources)
    low, high = sums(layer, source)
    low, high = low + sum(found.low for found in branches), high + sum(found.high for found in branches)
    ranges = {"weight": span(layer.kernel), "bias": span(layer.bias), "total_input": span(low, high).with_zero()}
    if layer.synapse:
        low, high = settled(low, high, layer.synapse, layer.synapse_bits)
        ranges["synapse"] = span(low, high)
        ranges["synapse_product"] = span(low * layer.synapse, high * layer.synapse + half(layer.synapse_bits))
    bias = layer.per_neuron(layer.bias).astype("int64")
    return ranges, layer.from_channels(low) + bias, layer.from_channels(high) + bias


def proven(node: Node, sources: Sequence[Range], n_steps: int) -> Node:
    """The node with the ranges of its integers.

    Raises
    ------
    ConversionError
        If an int32 does not hold one.
    """
    ranges = prove(node, sources, n_steps)
    wide = too_wide(ranges)
    if wide:
        raise too_wide_error(node.name, wide)
    return with_ranges(node, ranges)


def too_wide(ranges: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges that an int32 does not hold."""
    return {what: found for what, found in ranges.items() if not found.is_int32}


def too_wide_error(name: str, wide: Mapping[str, Range]) -> ConversionError:
    """The error that names the first of some ranges of a layer that an int32 does not hold."""
    (what, found), *_ = wide.items()
    return ConversionError(
        f"layer '{name}': its {what.replace('_', ' ')} reaches {found} and needs {found.signed_bits} "
        f"bits with its sign; int32 has 32. {_ADVICE.get(what, 'Lower threshold_bits or weight_bits')}."
    )


_ADVICE = {
    "floor": "Give the neurons a min_voltage nearer to 0, or lower threshold_bits",
    "total": "Lower n_steps or weight_bits",
    "leak_product": "Lower fraction_bits or threshold_bits, or the bits of the input, or give the neurons a "
    "min_voltage nearer to 0",
    "synapse_product": "Lower fraction_bits or threshold_bits",
}
