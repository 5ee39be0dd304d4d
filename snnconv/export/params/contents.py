"""params.json: everything in one file, in a layout of its own version."""

from __future__ import annotations

import json
from typing import Any

from ...graph import SpikingGraph
from ...quantize import IntegerGraph, IntegerLayer
from ...quantize.file import attributes
from ...text.values import json_ready
from ..integers import identifiers
from ..numbers import flatten
from .numbers import layer_arrays

FORMAT, VERSION = "snnconv params", 2


def contents(graph: SpikingGraph, integers: IntegerGraph) -> dict[str, Any]:
    """Contents of the file in types of JSON; README.md says what each part is."""
    names = identifiers(node.name for node in integers.nodes)
    layers = []
    for node in integers.nodes:
        fields = {key: value for key, value in attributes(node).items() if not key.startswith("range.")}
        arrays, floats = (layer_arrays(node), node.origin.arrays()) if isinstance(node, IntegerLayer) else ({}, {})
        layers.append(
            {
                "name": node.name,
                "id": names[node.name],
                **fields,
                "ranges": {what: [limits.low, limits.high] for what, limits in node.ranges.items()},
                "arrays": arrays,
                "float": floats,
            }
        )
    found = {
        "format": FORMAT,
        "version": VERSION,
        "name": integers.name,
        "settings": vars(integers.settings),
        "outputs": dict(integers.outputs),
        "approximations": list(integers.approximations),
        "layers": layers,
        "float": flatten(graph, integers.dt),
    }
    return json_ready(found)


def as_text(found: dict[str, Any]) -> str:
    """JSON with one line for each part of a layer."""
    parts = []
    for key, value in found.items():
        if key == "layers":
            text = "[\n" + ",\n".join("{\n" + ",\n".join(_entries(layer)) + "\n}" for layer in value) + "\n]"
        elif key == "float":
            text = "{\n" + ",\n".join(_entries(value)) + "\n}"
        else:
            text = json.dumps(value, ensure_ascii=False)
        parts.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entries(fields: dict[str, Any]) -> list[str]:
    return [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in fields.items()
    ]
