"""JSON: the arrays and attributes of the HDF5 file, under their paths in it, one to a line.

Arrays are nested lists in row-major order. Numbers have as many digits as it takes to read them back equal; an
infinity, which JSON does not have, is the string "inf" or "-inf".
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ..graph import SpikingGraph
from .flat import flatten
from .target import Plan, Settings, Target


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the flattened graph as text."""

    def write(path: Path) -> None:
        with open(path, "w", encoding="utf-8") as file:
            for number, (key, array) in enumerate(flatten(graph, settings.dt).items()):
                value = json.dumps(_finite(array.tolist()), ensure_ascii=False, allow_nan=False)
                file.write(f"{'{' if number == 0 else ','}\n{json.dumps(key, ensure_ascii=False)}: {value}")
            file.write("\n}\n")

    return Plan(write)


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


TARGET = Target(
    "json",
    ".snn.json",
    "the same under the same paths as text, with every digit, for any language",
    "nothing",
    plan,
)
