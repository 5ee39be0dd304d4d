"""What `snnconv inspect --json` prints: a graph and its layers as plain data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..graph import PopulationView, ReadoutView, SpikingGraph


def graph_contents(graph: SpikingGraph) -> dict[str, Any]:
    """All nodes, populations and outputs, and what became of the layers of the Keras model."""
    return {
        "name": graph.name,
        "nodes": [
            {
                "name": node.name,
                "kind": node.kind,
                "inputs": list(node.inputs),
                "shape": list(node.shape),
                "n_parameters": sum(int(np.size(array)) for key, array in node.arrays().items() if key != "gain"),
            }
            for node in graph.nodes
        ],
        "populations": [population_contents(view) for view in graph.populations.values()],
        "outputs": [readout_contents(view) for view in graph.readouts.values()],
        "layers": [vars(line) for line in graph.report],
    }


def population_contents(view: PopulationView) -> dict[str, Any]:
    """The numbers of a population; of arrays their shape and range."""
    max_rates, intercepts = view.neuron.max_rates_intercepts(view.gain, view.neuron_bias)
    return {
        "name": view.name,
        "neuron": view.neuron.kind,
        "shape": list(view.shape),
        "n_neurons": math.prod(view.shape),
        "input": view.input,
        "linear": None if view.linear is None else view.linear.name,
        "parameters": {name: _number(value) for name, value in view.neuron.parameters().items()},
        "kernel": _range(view.kernel),
        "dense_bias": _range(view.dense_bias),
        "neuron_bias": _range(view.neuron_bias),
        "gain": _range(view.gain),
        "max_rates": _range(max_rates),
        "intercepts": _range(intercepts),
        "trained": {name: _range(array) for name, array in vars(view.trained).items()},
    }


def readout_contents(view: ReadoutView) -> dict[str, Any]:
    """The numbers of an output; of arrays their shape and range."""
    return {
        "name": view.name,
        "activation": view.activation,
        "shape": list(view.shape),
        "input": view.input,
        "linear": None if view.linear is None else view.linear.name,
        "kernel": _range(view.kernel),
        "dense_bias": _range(view.dense_bias),
    }


def _range(array: Any) -> dict[str, Any] | None:
    if array is None or not np.size(array):
        return None
    numbers = {
        name: _number(function(array)) for name, function in (("min", np.min), ("mean", np.mean), ("max", np.max))
    }
    return {"shape": list(np.shape(array)), **numbers}


def _number(value: Any) -> Any:
    """A number that JSON has: None for an infinite one, a list for an array."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_number(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
