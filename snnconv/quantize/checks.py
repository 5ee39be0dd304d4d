"""Whether the fields of a node fit together: for graphs that come from files."""

from __future__ import annotations

import math

import numpy as np

from ..errors import ModelFileError
from .nodes import EncodedInput, IntegerLayer, IntegerNode, SpikingLayer, SumPool

MAX_VALUES = 1 << 24  # of one sample at a node
MAX_RANK = 3  # spatial axes


def check_node(node: IntegerNode, source: IntegerNode | None) -> None:
    """Raise ModelFileError unless a node can run on what `source` sends."""
    fits = all(size > 0 for size in node.shape) and math.prod(node.shape) <= MAX_VALUES
    if isinstance(node, EncodedInput):
        fits &= source is None
    else:
        fits &= source is not None
    if isinstance(node, (SumPool, IntegerLayer)) and source is not None:
        fits &= math.prod(node.input_shape) == math.prod(source.shape) and all(size > 0 for size in node.input_shape)
    if fits and isinstance(node, SumPool):
        fits = _pool_fits(node)
    if fits and isinstance(node, IntegerLayer):
        fits = _connection_fits(node) and _numbers_fit(node)
    if fits and isinstance(node, SpikingLayer):
        fits = _neurons_fit(node)
    if not fits:
        raise ModelFileError(f"it is damaged: the numbers and shapes of node '{node.name}' do not fit together.")


def _pool_fits(node: SumPool) -> bool:
    *space, channels = node.input_shape
    if not 1 <= len(space) <= MAX_RANK or not len(node.size) == len(node.strides) == len(space):
        return False
    if min(*node.size, *node.strides) < 1 or any(size > n for size, n in zip(node.size, space, strict=True)):
        return False
    places = ((n - size) // stride + 1 for n, size, stride in zip(space, node.size, node.strides, strict=True))
    return node.shape == (*places, channels)


def _connection_fits(layer: IntegerLayer) -> bool:
    kernel, rank = layer.kernel.shape, len(layer.strides)
    if 0 in kernel:
        return False
    if rank == 0:
        is_plain = not layer.padding and not layer.dilation and layer.groups == 1
        return is_plain and len(kernel) == 2 and layer.input_shape == kernel[:1] and _holds_all(layer)
    if rank > MAX_RANK or not len(layer.padding) == len(layer.dilation) == rank or len(kernel) != rank + 2:
        return False
    if min(*layer.strides, *layer.dilation, layer.groups) < 1 or any(len(pair) != 2 for pair in layer.padding):
        return False
    if any(not 0 <= side <= MAX_VALUES for pair in layer.padding for side in pair):
        return False
    channels = layer.input_shape[-1] == kernel[-2] * layer.groups and kernel[-1] % layer.groups == 0
    return channels and len(layer.input_shape) == rank + 1 and min(layer.connection_shape) > 0 and _holds_all(layer)


def _holds_all(layer: IntegerLayer) -> bool:
    return math.prod(layer.connection_shape) == math.prod(layer.shape)


def _numbers_fit(layer: IntegerLayer) -> bool:
    for name, array in layer.arrays().items():
        kinds = "i" if name in layer.integer_fields else "f"
        if array.dtype.kind not in kinds or array.dtype.itemsize > 8 or not np.isfinite(array).all():
            return False
        if name not in ("kernel", "weights") and array.shape not in (layer.shape, layer.shape[-1:]):
            return False
        if name in layer.integer_fields and array.dtype.itemsize > 4:
            return False
    bits_fit = 1 <= layer.fraction_bits <= 20 and 1 <= layer.synapse_bits <= 20
    return (
        bits_fit
        and layer.weights.shape == layer.kernel.shape
        and bool((layer.scale > 0).all())
        and 0 <= layer.shift <= 30
        and 0 <= layer.synapse <= 1 << layer.synapse_bits
    )


def _neurons_fit(layer: SpikingLayer) -> bool:
    return (
        layer.neuron in ("LIF", "IF")
        and (0 < layer.leak <= 1 << layer.fraction_bits if layer.neuron == "LIF" else layer.leak == 0)
        and 0 <= layer.refractory_steps < 1 << 31
        and 0 <= layer.initial_voltage < 1
        and bool((layer.threshold > 0).all() and (layer.floor <= 0).all() and (layer.ceiling >= 0).all())
    )
