"""Put synapses behind populations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..errors import ConversionError
from ..graph import Filter, Node, Population, SpikingGraph
from ..synapses import Synapse, as_synapse


def add_synapses(graph: SpikingGraph, synapse: Synapse | float | Mapping[str, Synapse | float]) -> SpikingGraph:
    """Filter what populations send.

    Parameters
    ----------
    synapse : Synapse, float, or mapping of population name to one of these
        A number is the time constant of a lowpass, in seconds.

    Raises
    ------
    ConversionError
        If a name is not that of a population.
    """
    names = [node.name for node in graph.nodes if isinstance(node, Population)]
    synapses = dict(synapse) if isinstance(synapse, Mapping) else dict.fromkeys(names, synapse)
    unknown = sorted(set(synapses) - set(names))
    if unknown:
        raise ConversionError(f"synapse names '{unknown[0]}', which is no population. There are: {names}.")
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        nodes.append(dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs)))
        if node.name in synapses:
            behind = Filter(
                name=f"{node.name}.synapse",
                inputs=(node.name,),
                shape=node.shape,
                synapse=as_synapse(synapses[node.name]),
            )
            nodes.append(behind)
            renamed[node.name] = behind.name
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    return dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs)
