"""Windows of running means: functions of means that follow inputs which change."""

from __future__ import annotations

import dataclasses

from ...errors import ConversionError
from ...neurons import Follower
from ...neurons.accumulating import Accumulating
from .. import Node, Population, RunningMean, SpikingGraph


def set_window(graph: SpikingGraph, window: float | None) -> SpikingGraph:
    """Let the functions of means forget, so that outputs follow inputs that change.

    Means and sums are plain up to this time, and from then on those of a lowpass with this time constant. What changes
    more slowly than that is followed. The price is an error that no longer falls with time: half a spike in a window,
    ``amplitude/(2·window)`` in the output of each function.

    Parameters
    ----------
    window : float or None
        In seconds; a good deal longer than a step. None: means since the start, for inputs that are held.

    Raises
    ------
    ConversionError
        If the graph has no functions of means, or neurons that count from the start on.
    ParameterError
        If the window is not above 0.
    """
    counting = [
        node.name for node in graph.nodes if isinstance(node, Population) and isinstance(node.neuron, Accumulating)
    ]
    if window is not None and counting:
        raise ConversionError(
            f"the {graph.populations[counting[0]].neuron.kind} neurons of '{counting[0]}' follow the mean of all their "
            f"input since the start, and have no window. Convert with swap_activations."
        )
    if not any(isinstance(node, RunningMean) for node in graph.nodes):
        raise ConversionError("a window is for functions of means, and the network has none.")
    return graph.replace(_with_window(node, window) for node in graph.nodes)


def _with_window(node: Node, window: float | None) -> Node:
    if isinstance(node, RunningMean):
        return dataclasses.replace(node, window=window)
    if isinstance(node, Population) and isinstance(node.neuron, Follower):
        return dataclasses.replace(node, neuron=dataclasses.replace(node.neuron, window=window))
    return node
