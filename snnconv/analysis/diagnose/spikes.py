"""Spikes as people have them: counts, outputs, one array or several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from ...errors import InputError
from ...graph import Population, SpikingGraph
from .mistakes import MISTAKES, arrange


def named_spikes(graph: SpikingGraph, spikes: Any, layer: str | None) -> dict[str, np.ndarray]:
    """The arrays of spikes by population, in execution order.

    Raises
    ------
    InputError
        If it cannot be told which population an array is of, or a name is none.
    """
    names = list(graph.populations)
    if not names:
        raise InputError(f"'{graph.name}' has no neurons, and so no spikes to compare.")
    if isinstance(spikes, Mapping):
        given = {str(name): np.asarray(array) for name, array in spikes.items()}
        if layer is not None:
            if layer not in given:
                raise InputError(f"there are no spikes of '{layer}' among those given: {', '.join(given)}.")
            given = {layer: given[layer]}
    else:
        if layer is None and len(names) > 1:
            raise InputError(
                f"say which population the spikes are of: layer='…', or --layer. There are: {', '.join(names)}."
            )
        given = {layer or names[0]: np.asarray(spikes)}
    unknown = [name for name in given if name not in names]
    if unknown or not given:
        there = ", ".join(names)
        raise InputError(f"'{unknown[0] if unknown else ''}' is no population of '{graph.name}'. There are: {there}.")
    return {name: given[name] for name in names if name in given}


def count_steps(graph: SpikingGraph, given: Mapping[str, np.ndarray], n: int) -> int:
    """Number of steps, from the sizes of the arrays.

    Raises
    ------
    InputError
        If an array does not hold whole samples of the population, or two have different numbers of steps.
    """
    steps = {}
    for name, array in given.items():
        shape = graph.populations[name].shape
        per_step = n * math.prod(shape)
        if array.size == 0 or array.size % per_step:
            raise InputError(
                f"spikes of '{name}' must have shape ({n}, n_steps, {', '.join(map(str, shape))}), as there are {n} "
                f"samples of x. Received {array.shape}."
            )
        steps[name] = array.size // per_step
        if not _has_order(array, n, steps[name], shape):
            raise InputError(
                f"spikes of '{name}' must have shape ({n}, {steps[name]}, {', '.join(map(str, shape))}), or that with "
                f"units flattened, steps first or last, or channels first. Received {array.shape}."
            )
    if len(set(steps.values())) > 1:
        raise InputError(f"all spikes must be of the same number of steps. Received {steps}.")
    return next(iter(steps.values()))


def as_counts(node: Population, array: np.ndarray, dt: float) -> tuple[np.ndarray, str]:
    """Whole numbers of spikes, and a note where the array held something else.

    Raises
    ------
    InputError
        If the array holds no spikes.
    """
    if array.dtype.kind not in "biuf":
        raise InputError(f"spikes of '{node.name}' must be numbers. Received {array.dtype}.")
    values = array.astype("float64")
    if not np.isfinite(values).all():
        raise InputError(f"spikes of '{node.name}' hold NaN or infinity.")
    height = _height(node, values, dt)
    counts = np.rint(values / height)
    if not np.allclose(counts * height, values, rtol=1e-4, atol=0):
        odd = values[~np.isclose(counts * height, values, rtol=1e-4, atol=0)][0]
        raise InputError(
            f"spikes of '{node.name}' must be whole numbers per step, or multiples of amplitude/dt = "
            f"{node.neuron.amplitude / dt:g}. Received {odd:g}. Are these voltages, rates or filtered spikes?"
        )
    return counts.astype("int64"), "" if height == 1 else _note(node, height, dt)


def _height(node: Population, values: np.ndarray, dt: float) -> float:
    """The value of one spike in an array: 1, or the height of the neuron's output, or another one."""
    sizes = np.abs(values[values != 0])
    if not len(sizes) or sizes.min() == 1:
        return 1.0
    known = [node.neuron.amplitude / dt, 1 / dt, node.neuron.amplitude, node.neuron.amplitude * dt]
    for height in known:
        if math.isclose(sizes.min(), height, rel_tol=1e-4):
            return height
    is_binary = np.isclose(sizes, sizes.min(), rtol=1e-6).all()
    return float(sizes.min()) if is_binary and node.neuron.max_spikes_per_step == 1 else 1.0


def _note(node: Population, height: float, dt: float) -> str:
    right = node.neuron.amplitude / dt
    if math.isclose(height, right, rel_tol=1e-4):
        return f"your array holds outputs (amplitude/dt = {right:g} per spike); they were divided by it"
    what = "1/dt, without the amplitude" if math.isclose(height, 1 / dt, rel_tol=1e-4) else "of your own"
    return (
        f"your spikes have the height {height:g} ({what}); they were divided by it, but the next layer must get "
        f"amplitude/dt = {right:g}"
    )


def _has_order(array: np.ndarray, n: int, n_steps: int, shape: tuple[int, ...]) -> bool:
    """Whether the axes can be told apart, in the plain order or one that a mistake explains."""
    moves = [mistake.rearrange for mistake in MISTAKES if mistake.rearrange is not None]
    for order in [(), *((move,) for move in moves), *combinations(moves, 2)]:
        moved: np.ndarray | None = array
        for move in order:
            moved = None if moved is None else move(moved, n, n_steps, shape)
        if moved is not None and arrange(moved, n, n_steps, shape) is not None:
            return True
    return False
