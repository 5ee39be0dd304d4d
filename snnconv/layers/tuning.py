"""max_rates and intercepts: numbers, one value per unit, a range to draw from, or an initializer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ..errors import ParameterError

Tuning = float | Sequence[float] | np.ndarray | tuple[float, float] | keras.initializers.Initializer


def as_tuning(value: Any, seed: int | None) -> Any:
    """A number as float, several as an array, a range or a description of an initializer as an initializer."""
    if isinstance(value, tuple):
        if len(value) != 2 or not value[0] <= value[1]:
            raise ParameterError(f"a tuple is a range (low, high); values for units go in a list. Received {value!r}.")
        return keras.initializers.RandomUniform(*value, seed=seed)
    if isinstance(value, (dict, str, keras.initializers.Initializer)):
        return keras.initializers.get(value)
    value = np.asarray(value, "float64")
    return float(value) if value.ndim == 0 else value


def ends(given: Any, tuning: Any, default: float) -> tuple[Any, ...]:
    """Both ends of a range, or the values themselves; the default where an initializer draws them."""
    if isinstance(given, tuple):
        return given
    return (default,) if isinstance(tuning, keras.initializers.Initializer) else (tuning,)


def serialized(tuning: Any) -> Any:
    """A tuning in types that JSON can hold."""
    if isinstance(tuning, keras.initializers.Initializer):
        return keras.initializers.serialize(tuning)
    return np.asarray(tuning).tolist()
