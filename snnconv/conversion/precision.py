"""How closely two computations of one Keras model can agree."""

from __future__ import annotations

from typing import Any

# Relative error of an input current that counts as rounding. A float32 sum of a few thousand terms stays below it by
# far.
ROUNDING = 1e-4
HALF_PRECISION_UNITS = 20  # error of a layer that computes in half precision, in units of its last place


def rounding(model: Any) -> float:
    """Relative error of the currents that Keras' own precision explains."""
    dtypes = {layer.compute_dtype for layer in all_layers(model).values()}
    units = {"bfloat16": 2.0**-8, "float16": 2.0**-11}
    return max([ROUNDING, *(HALF_PRECISION_UNITS * units[dtype] for dtype in dtypes if dtype in units)])


def all_layers(model: Any) -> dict[str, Any]:
    """All layers by name, those of nested models included."""
    found = {}
    for layer in model.layers:
        found |= all_layers(layer) if hasattr(layer, "layers") else {layer.name: layer}
    return found
