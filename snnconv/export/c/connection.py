"""Loops over the weights of a layer, and over the windows of a pool, in C."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ...quantize import IntegerLayer, SumPool
from ...quantize.ranges import Range
from .names import Names

STEP = "    "


def indented(lines: Iterable[str], depth: int = 1) -> list[str]:
    """Lines moved to the right."""
    return [STEP * depth + line if line else "" for line in lines]


def loop(index: str, n: int, body: list[str]) -> list[str]:
    """A loop from 0."""
    return [f"for ({index} = 0; {index} < {n}; {index}++) {{", *indented(body), "}"]


def connection(layer: IntegerLayer, names: Names) -> tuple[list[str], set[str]]:
    """Code that adds weighted inputs to `total`, which holds zeros, and the indices that it uses."""
    return _convolution(layer, names) if layer.strides else _dense(layer, names)


def pool(node: SumPool, names: Names) -> tuple[list[str], set[str]]:
    """Code that sums up windows, and the indices that it uses."""
    *space, channels = node.input_shape
    places = node.shape[:-1] if len(node.shape) == len(node.input_shape) else _pooled(node)
    at = [f"(o{axis} * {stride} + k{axis})" for axis, stride in enumerate(node.strides)]
    body = loop("c", channels, [f"to[c] += x[({_flat(at, space)}) * {channels} + c];"])
    for axis, size in reversed(list(enumerate(node.size))):
        body = loop(f"k{axis}", size, body)
    outs = [f"o{axis}" for axis in range(len(places))]
    kind = names.fields(node)[-1][0]
    body = [f"{kind} *to = {names.value(node)} + ({_flat(outs, places)}) * {channels};", "", *body]
    body = [body[0], "", *loop("c", channels, ["to[c] = 0;"]), *body[2:]]
    for axis, size in reversed(list(enumerate(places))):
        body = loop(f"o{axis}", size, body)
    return body, {"c", *outs, *(f"k{axis}" for axis in range(len(places)))}


def _pooled(node: SumPool) -> tuple[int, ...]:
    axes = zip(node.input_shape, node.size, node.strides, strict=False)
    return tuple((n - window) // stride + 1 for n, window, stride in axes)


def _dense(layer: IntegerLayer, names: Names) -> tuple[list[str], set[str]]:
    n_in, n_out = layer.kernel.shape
    add = loop("j", n_out, [_add(layer, names, "total[j]", "w[j]")])
    body = ["if (x[i] != 0) {", *indented([f"{_weights(layer, names)} + i * {n_out};", "", *add]), "}"]
    return loop("i", n_in, body), {"i", "j"}


def _convolution(layer: IntegerLayer, names: Names) -> tuple[list[str], set[str]]:
    rank, places = len(layer.strides), layer.connection_shape[:-1]
    *space, channels = layer.input_shape
    *window, n_in, filters = layer.kernel.shape
    outs, ins, at = ([f"{letter}{axis}" for axis in range(rank)] for letter in "oik")
    per_group = filters // layer.groups
    channel, to, offset = ("c", "to", f"c * {filters}")
    if layer.groups > 1:
        channel, to = f"g * {n_in} + c", f"(to + g * {per_group})"
        offset = f"c * {filters} + g * {per_group}"
    add = loop("f", per_group, [_add(layer, names, f"{to}[f]", "w[f]", f"place[{channel}]")])
    taken = [f"{_weights(layer, names)} + ({_flat(at, window)}) * {n_in * filters} + {offset};", "", *add]
    body = loop("c", n_in, [f"if (place[{channel}] != 0) {{", *indented(taken), "}"])
    body = loop("g", layer.groups, body) if layer.groups > 1 else body
    kind = _input_type(layer, names)
    body = [f"const {kind} *place = x + ({_flat(ins, space)}) * {channels};", "", *body]
    for axis in reversed(range(rank)):
        before = layer.padding[axis][0]
        moved = f"o{axis} * {layer.strides[axis]} + k{axis} * {layer.dilation[axis]}"
        inside = [f"const int32_t i{axis} = {moved}{f' - {before}' if before else ''};", ""]
        if any(layer.padding[axis]):
            inside += [f"if (i{axis} < 0 || i{axis} >= {space[axis]})", f"{STEP}continue;"]
        body = loop(f"k{axis}", window[axis], [*inside, *body])
    body = [f"int32_t *to = total + ({_flat(outs, places)}) * {filters};", "", *body]
    for axis in reversed(range(rank)):
        body = loop(outs[axis], places[axis], body)
    return body, {*outs, *at, "c", "f", *({"g"} if layer.groups > 1 else set())}


def _add(layer: IntegerLayer, names: Names, to: str, weight: str, value: str = "x[i]") -> str:
    is_spike = names.source(layer).ranges["value"] == Range(0, 1)
    return f"{to} += {weight};" if is_spike else f"{to} += (int32_t){weight} * {value};"


def _weights(layer: IntegerLayer, names: Names) -> str:
    kind = "int16_t" if _is_wide(layer) else "int8_t"
    return f"const {kind} *w = {names.array(layer, 'kernel')}"


def _is_wide(layer: IntegerLayer) -> bool:
    limits = layer.ranges["weight"]
    return max(-limits.low, limits.high) >= 1 << 7


def _input_type(layer: IntegerLayer, names: Names) -> str:
    source = names.source(layer)
    return "snn_input" if names.is_given(source) else names.fields(source)[-1][0]


def _flat(indices: list[str], sizes: Iterable[int]) -> str:
    """Row-major position: ((a * B + b) * C + c)."""
    sizes = tuple(sizes)
    position = indices[0]
    for index, size in zip(indices[1:], sizes[1:], strict=True):
        position = f"({position}) * {size} + {index}"
    return position


def connection_size(layer: IntegerLayer) -> int:
    """Numbers in `total`."""
    return math.prod(layer.connection_shape)
