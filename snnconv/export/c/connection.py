"""The weighted sums of an integer layer, and the sums of a pool, in C."""

from __future__ import annotations

import math

from ...quantize import IntegerLayer, SumPool
from ...quantize.ranges import Range
from .loops import Code, Connection, window_sums
from .names import Names


def connection(layer: IntegerLayer, names: Names) -> Code:
    """Code that adds weighted inputs to `total`, which holds zeros."""
    source = names.source(layer)
    is_spike = source.ranges["value"] == Range(0, 1)
    return Connection(
        layer.kernel.shape,
        layer.input_shape,
        layer.strides,
        layer.padding,
        layer.dilation,
        layer.groups,
        layer.connection_shape,
        weights=names.array(layer, "kernel"),
        weight_type="int16_t" if _is_wide(layer) else "int8_t",
        input_type=names.value_type(source),
        sum_type="int32_t",
        product="{w}" if is_spike else "(int32_t){w} * {x}",
    ).code()


def pool(node: SumPool, names: Names) -> Code:
    """Code that sums up windows."""
    return window_sums(
        node.input_shape, node.size, node.strides, names.kind(node, "value"), "0", names.state(node, "value")
    )


def connection_size(layer: IntegerLayer) -> int:
    """Numbers in `total`."""
    return math.prod(layer.connection_shape)


def _is_wide(layer: IntegerLayer) -> bool:
    limits = layer.ranges["weight"]
    return max(-limits.low, limits.high) >= 1 << 7
