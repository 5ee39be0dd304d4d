"""Move biases of dense layers to the neurons behind them."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..graph import Dense, Population, SpikingGraph
from .draft import Draft


def move_biases(graph: SpikingGraph) -> SpikingGraph:
    """Let populations add the bias of the dense layer that feeds them, where they have none of their own.

    What is computed stays the same to the last bit; a product that skips zeros then needs no second pass for the bias.
    """
    draft = Draft(graph)
    for node in graph.nodes:
        if not isinstance(node, Dense) or node.bias is None or draft.is_output(node.name):
            continue
        behind = {each.name: each for each in draft.consumers(node.name) if isinstance(each, Population)}
        if len(behind) == len(draft.consumers(node.name)) and not any(
            np.any(each.neuron_bias) for each in behind.values()
        ):
            biased = {name: dataclasses.replace(each, neuron_bias=node.bias) for name, each in behind.items()}
            draft.update({node.name: dataclasses.replace(node, bias=None), **biased})
    return draft.graph()
