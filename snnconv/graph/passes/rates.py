"""Faster or slower firing for the same output."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ...errors import ConversionError
from .. import Affine, Node, Population, SpikingGraph


def scale_firing_rates(graph: SpikingGraph, factor: float | Mapping[str, float]) -> SpikingGraph:
    """Multiply the firing rates and divide the amplitudes, so that rate outputs stay the same.

    IF neurons get `factor` times the current. LIF neurons cannot, since their rate is no multiple of the current:
    their time constants are divided by `factor` instead, which is exact in continuous time. A simulation follows as
    long as dt stays well below the time between spikes; with tau_ref below dt, what is left of a step after the
    refractory period is lost, and rates near 1/dt come out too low.

    Parameters
    ----------
    factor : float or mapping of population name to float
        Above 0.

    Raises
    ------
    ConversionError
        If a name is not that of a population, or a factor is not above 0.
    """
    factors = factors_of(graph, factor)
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Population) and factors.get(node.name, 1) != 1:
            neuron, current = node.neuron.scale_rates(factors[node.name])
            if current != 1:
                scale = Affine(
                    name=f"{node.name}.rate_scale", inputs=node.inputs, shape=node.shape, scale=np.asarray(current)
                )
                nodes.append(scale)
                node = dataclasses.replace(node, inputs=(scale.name,))
            node = dataclasses.replace(
                node, neuron=neuron, neuron_bias=node.neuron_bias * current, gain=node.gain * current
            )
        nodes.append(node)
    return graph.replace(nodes)


def factors_of(graph: SpikingGraph, factor: float | Mapping[str, float]) -> dict[str, float]:
    """The factor of each population that has one.

    Raises
    ------
    ConversionError
        If a name is not that of a population, or a factor is not above 0.
    """
    names = [node.name for node in graph.nodes if isinstance(node, Population)]
    factors: dict[str, float] = dict(factor) if isinstance(factor, Mapping) else dict.fromkeys(names, factor)
    unknown = sorted(set(factors) - set(names))
    if unknown:
        raise ConversionError(f"scale_firing_rates names '{unknown[0]}', which is no population. There are: {names}.")
    bad = next((value for value in factors.values() if not (np.isfinite(value) and value > 0)), None)
    if bad is not None:
        raise ConversionError(f"scale_firing_rates must be above 0. Received {bad!r}.")
    return factors
