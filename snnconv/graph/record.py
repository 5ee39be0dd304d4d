"""Nodes as plain records: attributes that JSON can hold, and arrays. Every file format is written from these."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..errors import ModelFileError
from ..neurons import NEURONS
from ..synapses import SYNAPSES
from .nodes import NODES, Node

_MODELS = {"neuron": NEURONS, "synapse": SYNAPSES}


def attributes(node: Node) -> dict[str, Any]:
    """What a node is besides its arrays: kind, inputs, shape and settings, in types that JSON can hold.

    A neuron or a synapse is given by its kind under "neuron" or "synapse", with its parameters beside it. A value of
    None is left out.
    """
    found: dict[str, Any] = {"kind": node.kind}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if field.name in ("name", "trained", *node.array_fields):
            continue
        if field.name in _MODELS:
            found |= {field.name: value.kind, **value.parameters()}
        else:
            found[field.name] = value
    return {key: value for key, value in found.items() if value is not None}


def build_node(name: str, attributes: dict[str, Any], arrays: dict[str, np.ndarray], trained: dict[str, np.ndarray]):
    """The node that `attributes` and arrays describe.

    Raises
    ------
    ModelFileError
        If a kind is unknown, or something is missing or does not fit.
    """
    settings = dict(attributes)
    kind = _known(NODES, settings.pop("kind", None), name, "node")
    fields = {field.name for field in dataclasses.fields(kind)}
    for key in fields & set(_MODELS):
        model = _known(_MODELS[key], settings.get(key), name, key)
        parameters = {field.name for field in dataclasses.fields(model)}
        settings[key] = model(**{field: settings[field] for field in parameters if field in settings})
    settings = {key: _tuples(value) for key, value in settings.items() if key in fields}
    return kind(name=name, trained=trained, **settings, **arrays)


def _known(registry: dict[str, Any], key: Any, name: str, what: str) -> Any:
    if key not in registry:
        raise ModelFileError(f"node '{name}' is of the unknown {what} kind {key!r}. Known: {sorted(registry)}.")
    return registry[key]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value
