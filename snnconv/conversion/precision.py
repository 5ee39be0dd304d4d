"""Rounding: the differences that it explains between two computations of one Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph import Population
from ..neurons import numpy_ops

Values = dict[str, np.ndarray]

# Relative error of an input current that counts as rounding. A float32 sum of a few thousand terms stays below it by
# far.
ROUNDING = 1e-4
HALF_PRECISION_UNITS = 20  # error of a layer that computes in half precision, in units of its last place


def rounding(model: Any) -> float:
    """Relative error of the currents that Keras' own precision explains."""
    dtypes = {layer.compute_dtype for layer in all_layers(model).values()}
    units = {"bfloat16": 2.0**-8, "float16": 2.0**-11}
    return max([ROUNDING, *(HALF_PRECISION_UNITS * units[dtype] for dtype in dtypes if dtype in units)])


def moved(xs: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs whose every number is the next one of float32, above or below at random; whole numbers stay.

    Behind them a computation in float32 rounds everywhere anew. By as much as its result then changes, two computations
    of the same may differ.
    """
    rng, found = np.random.default_rng(seed), {}
    for name, x in xs.items():
        x = np.asarray(x, "float32")
        next_one = np.nextafter(x, np.where(rng.random(x.shape) < 0.5, -np.inf, np.inf).astype("float32"))
        found[name] = np.where(x == np.rint(x), x, next_one)
    return found


def rates_around(node: Population, x: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds on the outputs under rounding of the current: at threshold they are far apart."""
    J = x + node.neuron_bias
    margin = tolerance * max(largest(J), 1.0)
    return node.neuron.rate(J - margin, numpy_ops), node.neuron.rate(J + margin, numpy_ops)


def outside(array: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Largest distance of a value from low…high; 0 where all lie inside."""
    return float(np.max(np.maximum(low - array, array - high), initial=0.0))


def largest(array: np.ndarray) -> float:
    """Largest absolute value, or 0 where there is none."""
    return float(np.max(np.abs(array), initial=0.0))


def all_layers(model: Any) -> dict[str, Any]:
    """All layers by name, those of nested models included."""
    found = {}
    for layer in model.layers:
        found |= all_layers(layer) if hasattr(layer, "layers") else {layer.name: layer}
    return found
