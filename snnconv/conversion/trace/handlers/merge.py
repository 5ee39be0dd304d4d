"""Layers that join several signals."""

from __future__ import annotations

from keras import layers as kl

from ....graph.nodes import Add, Concatenate
from ..builder import Builder
from ..registry import handles
from .shape import broadcast, output_shape


@handles(kl.Add)
def add(layer: kl.Add, build: Builder, *xs: str) -> str:
    return total(build, xs, output_shape(layer, build, *xs))


@handles(kl.Subtract)
def subtract(layer: kl.Subtract, build: Builder, x: str, y: str) -> str:
    return total(build, (x, build.affine(y, -1.0, suffix="negative")), output_shape(layer, build, x, y))


@handles(kl.Average)
def average(layer: kl.Average, build: Builder, *xs: str) -> str:
    return build.affine(total(build, xs, output_shape(layer, build, *xs)), 1 / len(xs), suffix="mean")


@handles(kl.Concatenate)
def concatenate(layer: kl.Concatenate, build: Builder, *xs: str) -> str:
    return joined(build, xs, layer.axis)


def total(build: Builder, xs: tuple[str, ...], shape: tuple[int, ...]) -> str:
    """Sum of signals, each brought to `shape` first."""
    wide = [broadcast(build, x, shape, f"input{number}") for number, x in enumerate(xs)]
    return build.add(Add, "sum", tuple(wide), shape)


def joined(build: Builder, xs: tuple[str, ...], axis: int) -> str:
    """Signals side by side along an axis that is counted with the samples."""
    shape = list(build.shape(xs[0]))
    place = axis % (len(shape) + 1) - 1
    if place < 0:
        raise build.error(f"joins samples (axis={axis}). Only axes of one sample can be joined.")
    shape[place] = sum(build.shape(x)[place] for x in xs)
    return build.add(Concatenate, "joined", xs, tuple(shape), axis=place)
