"""Loops over weights and over windows in C, for numbers of any type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...graph.nodes import Pairs

STEP = "    "
Code = tuple[list[str], set[str]]
"""Lines, and the indices that they use."""


@dataclass(frozen=True)
class Connection:
    """A dense layer or a convolution, and what its numbers are called and how they are added.

    Parameters
    ----------
    kernel, input_shape, strides, padding, dilation, groups
        Shape of the kernel and geometry, as in `quantize.Linear`; strides are empty for dense layers.
    output_shape : tuple of int
        (n_out,) or (*places, filters).
    weights : str
        The array of weights.
    weight_type, input_type, sum_type : str
    product : str
        What is added to a sum, with "{w}" for the weight and "{x}" for the value that comes in.
    events : tuple of str, or None
        Of values that are nearly all 0 the number of the others, and the array of their places, for a dense layer.
    """

    kernel: tuple[int, ...]
    input_shape: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    groups: int
    output_shape: tuple[int, ...]
    weights: str
    weight_type: str
    input_type: str
    sum_type: str
    product: str
    events: tuple[str, str] | None = None

    def add(self, to: str, weight: str, value: str) -> str:
        """The statement that adds a weighted value to a sum."""
        return f"{to} += {self.product.format(w=weight, x=value)};"

    def code(self) -> Code:
        """Code that adds weighted inputs x to `total`, which holds zeros: inputs in order, values of 0 left out."""
        return self._convolution() if self.strides else self._dense()

    def _dense(self) -> Code:
        n_in, n_out = self.kernel
        add = loop("j", n_out, [self.add("total[j]", "w[j]", "x[i]")])
        row = f"const {self.weight_type} *w = {self.weights} + i * {n_out};"
        if self.events is not None:
            number, places = self.events
            body = [f"const int32_t i = {places}[e];", row, "", *add]
            return [f"for (e = 0; e < {number}; e++) {{", *indented(body), "}"], {"e", "j"}
        body = ["if (x[i] != 0) {", *indented([row, "", *add]), "}"]
        return loop("i", n_in, body), {"i", "j"}

    def _convolution(self) -> Code:
        rank, places = len(self.strides), self.output_shape[:-1]
        *space, channels = self.input_shape
        *window, n_in, filters = self.kernel
        outs, ins, at = ([f"{letter}{axis}" for axis in range(rank)] for letter in "oik")
        per_group = filters // self.groups
        channel, to, offset = ("c", "to", f"c * {filters}")
        if self.groups > 1:
            channel, to = f"g * {n_in} + c", f"(to + g * {per_group})"
            offset = f"c * {filters} + g * {per_group}"
        add = loop("f", per_group, [self.add(f"{to}[f]", "w[f]", f"place[{channel}]")])
        row = f"const {self.weight_type} *w = {self.weights} + ({flat(at, window)}) * {n_in * filters} + {offset};"
        body = loop("c", n_in, [f"if (place[{channel}] != 0) {{", *indented([row, "", *add]), "}"])
        body = loop("g", self.groups, body) if self.groups > 1 else body
        body = [f"const {self.input_type} *place = x + ({flat(ins, space)}) * {channels};", "", *body]
        for axis in reversed(range(rank)):
            before = self.padding[axis][0]
            moved = f"o{axis} * {self.strides[axis]} + k{axis} * {self.dilation[axis]}"
            inside = [f"const int32_t i{axis} = {moved}{f' - {before}' if before else ''};", ""]
            if any(self.padding[axis]):
                inside += [f"if (i{axis} < 0 || i{axis} >= {space[axis]})", f"{STEP}continue;"]
            body = loop(f"k{axis}", window[axis], [*inside, *body])
        body = [f"{self.sum_type} *to = total + ({flat(outs, places)}) * {filters};", "", *body]
        for axis in reversed(range(rank)):
            body = loop(outs[axis], places[axis], body)
        return body, {*outs, *at, "c", "f", *({"g"} if self.groups > 1 else set())}


def window_sums(
    input_shape: Sequence[int], size: Sequence[int], strides: Sequence[int], kind: str, zero: str, to: str
) -> Code:
    """Code that sums up windows of x.

    Parameters
    ----------
    kind, zero : str
        Type of the sums, and a 0 of it.
    to : str
        The array of the sums.
    """
    *space, channels = input_shape
    places = [(n - window) // stride + 1 for n, window, stride in zip(space, size, strides, strict=True)]
    at = [f"(o{axis} * {stride} + k{axis})" for axis, stride in enumerate(strides)]
    body = loop("c", channels, [f"to[c] += x[({flat(at, space)}) * {channels} + c];"])
    for axis, window in reversed(list(enumerate(size))):
        body = loop(f"k{axis}", window, body)
    outs = [f"o{axis}" for axis in range(len(places))]
    start = f"{kind} *to = {to} + ({flat(outs, places)}) * {channels};"
    body = [start, "", *loop("c", channels, [f"to[c] = {zero};"]), *body]
    for axis, place in reversed(list(enumerate(places))):
        body = loop(f"o{axis}", place, body)
    return body, {"c", *outs, *(f"k{axis}" for axis in range(len(places)))}


def window_maxima(
    input_shape: Sequence[int],
    size: Sequence[int],
    strides: Sequence[int],
    padding: Pairs,
    places: Sequence[int],
    low: str,
    stores: list[str],
) -> Code:
    """Code that finds the largest number of each window of x.

    Parameters
    ----------
    places : tuple of int
        Of the windows.
    low : str
        A number that none is below.
    stores : list of str
        Statements for the largest number `most` of the window and the channel at the index `at` of the output.
    """
    *space, channels = input_shape
    rank = len(size)
    outs, ins, within = ([f"{letter}{axis}" for axis in range(rank)] for letter in "oik")
    found = f"const int32_t value = x[({flat(ins, space)}) * {channels} + c];"
    body = [found, "", "most = value > most ? value : most;"]
    for axis in reversed(range(rank)):
        before = padding[axis][0]
        moved = f"o{axis} * {strides[axis]} + k{axis}{f' - {before}' if before else ''}"
        inside = [f"const int32_t i{axis} = {moved};", ""]
        if any(padding[axis]):
            inside += [f"if (i{axis} < 0 || i{axis} >= {space[axis]})", f"{STEP}continue;"]
        body = loop(within[axis], size[axis], [*inside, *body])
    at = f"const int32_t at = ({flat(outs, places)}) * {channels} + c;"
    body = loop("c", channels, [at, f"int32_t most = {low};", "", *body, *stores])
    for axis in reversed(range(rank)):
        body = loop(outs[axis], places[axis], body)
    return body, {"c", *outs, *within}


def indented(lines: Iterable[str], depth: int = 1) -> list[str]:
    """Lines moved to the right."""
    return [STEP * depth + line if line else "" for line in lines]


def loop(index: str, n: int, body: list[str]) -> list[str]:
    """A loop from 0."""
    return [f"for ({index} = 0; {index} < {n}; {index}++) {{", *indented(body), "}"]


def flat(indices: Sequence[str], sizes: Sequence[int]) -> str:
    """Row-major position: ((a * B + b) * C + c)."""
    position = indices[0]
    for index, size in zip(indices[1:], sizes[1:], strict=True):
        position = f"({position}) * {size} + {index}"
    return position
