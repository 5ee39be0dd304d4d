"""Biases that make up for what spikes lose."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..graph import Population, SpikingGraph
from ..runtime.rates import rate_values
from ..simulator import Simulator


def correct_biases(graph: SpikingGraph, x: Any, n_steps: int, dt: float, names: Iterable[str]) -> SpikingGraph:
    """Shift each channel's bias by the mean of what its spikes lack, layer after layer.

    Spikes come late, clump, and stop at one per step, so that a layer's mean output is off; the error of one layer
    feeds the next. Each layer is run behind the corrected ones before it.

    References
    ----------
    Li et al. (2021), "A free lunch from ANN: towards efficient, accurate spiking neural networks calibration".
    """
    names = list(names)
    wanted = rate_values(graph, x, names)
    for name in names:
        node: Any = graph[name]
        rates = Simulator(graph, dt, progress=False).run(x, n_steps, record=[f"{name}.rates"]).rates[name]
        amplitude, most = node.neuron.amplitude, node.neuron.max_spikes_per_step
        reachable = np.minimum(wanted[name], amplitude / dt * (math.inf if most is None else most))
        lacking = (reachable - amplitude * rates).reshape(-1, node.shape[-1]).mean(0)
        bias = node.neuron_bias + lacking / amplitude
        graph = graph.replace(_with_bias(each, bias) if each.name == name else each for each in graph.nodes)
    return graph


def _with_bias(node: Any, bias: np.ndarray) -> Population:
    return dataclasses.replace(node, neuron_bias=bias)
