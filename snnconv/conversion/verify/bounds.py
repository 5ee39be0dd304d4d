"""What rounding can make of a current and of the rate that follows from it."""

from __future__ import annotations

import numpy as np

from ...graph import Population
from ...neurons import numpy_ops

Values = dict[str, np.ndarray]


def rates_around(node: Population, x: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Outputs at the lowest and the highest current that rounding leaves possible: at threshold they are far apart."""
    J = x + node.neuron_bias
    margin = tolerance * max(largest(J), 1.0)
    return node.neuron.rate(J - margin, numpy_ops), node.neuron.rate(J + margin, numpy_ops)


def outside(array: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """How far a value lies outside of low…high at most."""
    return float(np.max(np.maximum(low - array, array - high), initial=0.0))


def largest(array: np.ndarray) -> float:
    """Largest absolute value, or 0 where there is none."""
    return float(np.max(np.abs(array), initial=0.0))
