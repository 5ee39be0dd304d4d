"""Layers that multiply by a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import layers as kl

from ..builder import Builder, to_numpy
from ..registry import handles
from .shape import permute, reshape


@handles(kl.Dense, inside_time=True)
def dense(layer: kl.Dense, build: Builder, x: str, lead: int = 0) -> str:
    require_floats(layer, build)
    return build.activate(build.dense(x, layer.kernel, layer.bias), layer.activation)


@handles(kl.EinsumDense)
def einsum_dense(layer: Any, build: Builder, x: str) -> str:
    """A dense map over some axes of a sample, to any other axes, with the rest kept."""
    require_floats(layer, build)
    before, kernel, after = _labels(layer.equation, len(build.shape(x)) + 1)
    sample, result = before[1:], after[1:]
    kept = [label for label in sample if label in result]
    summed = [label for label in sample if label not in result]
    new = [label for label in result if label not in sample]
    if before[0] != after[0] or sorted(kernel) != sorted([*summed, *new]):
        raise build.error(
            f"has the equation '{layer.equation}', whose kernel is not the same for all samples and places. Equations "
            f"such as 'abc,cd->abd' convert: the samples come first, and input, kernel and output share no axis."
        )
    sizes = dict(zip(sample, build.shape(x), strict=True))
    weights = to_numpy(layer.kernel)
    sizes |= dict(zip(kernel, weights.shape, strict=True))
    weights = weights.transpose([kernel.index(label) for label in (*summed, *new)])
    weights = weights.reshape(math.prod(sizes[label] for label in summed), -1)

    x = permute(build, x, tuple(sample.index(label) for label in (*kept, *summed)), "summed_last")
    x = reshape(build, x, (*(sizes[label] for label in kept), len(weights)), "summed_flat")
    bias = None if layer.bias is None else to_numpy(layer.bias)
    bias_is_on_new = bias is not None and result == [*kept, *new] and bias.ndim <= len(new)
    if bias is not None and bias_is_on_new:
        x = build.dense(x, weights, np.broadcast_to(bias, [sizes[label] for label in new]).reshape(-1))
    else:
        x = build.dense(x, weights)
    x = reshape(build, x, tuple(sizes[label] for label in (*kept, *new)), "new_axes")
    x = permute(build, x, tuple([*kept, *new].index(label) for label in result), "new_order")
    if bias is not None and not bias_is_on_new:
        x = build.affine(x, 1.0, bias, "bias", bias=bias)
    return build.activate(x, layer.activation)


def require_floats(layer: Any, build: Builder) -> None:
    """Refuse a layer whose kernel is stored in integers."""
    if getattr(layer, "quantization_mode", None) is not None:
        raise build.error(
            f"is quantized to {layer.quantization_mode}. Convert the model before it is quantized: the spiking network "
            f"can be quantized afterwards."
        )


def _labels(equation: str, rank: int) -> tuple[list[str], list[str], list[str]]:
    """Axes of input, kernel and output of an einsum, with letters of their own for those behind an ellipsis."""
    inputs, after = equation.replace(" ", "").split("->")
    before, kernel = inputs.split(",")
    n_elided = rank - len(before.replace("...", ""))
    elided = [f"…{number}" for number in range(n_elided)]

    def expand(labels: str) -> list[str]:
        left, dots, right = labels.partition("...")
        return [*left, *(elided if dots else []), *right]

    return expand(before), expand(kernel), expand(after)
