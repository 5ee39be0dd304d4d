"""A network of dense layers that feed populations, of any sizes."""

import math
from itertools import pairwise

import numpy as np

from snnconv.graph import Dense, Filter, Input, Population, SpikingGraph


def dense_network(sizes, neuron, synapse=None):
    """Dense layers with spikes between them, at a few per cent of spikes."""
    rng = np.random.default_rng(0)
    nodes, last = [Input(name="x", shape=(sizes[0],))], "x"
    for k, (n_in, n_out) in enumerate(pairwise(sizes)):
        kernel = rng.normal(0, 2.5 / math.sqrt(n_in), (n_in, n_out)).astype("float32")
        nodes.append(Dense(name=f"dense{k}", inputs=(last,), shape=(n_out,), kernel=kernel, bias=np.full(n_out, 0.9)))
        last = f"dense{k}"
        if k < len(sizes) - 2:
            bias = np.zeros(())
            last = f"lif{k}"
            nodes.append(
                Population(name=last, inputs=(f"dense{k}",), shape=(n_out,), neuron=neuron, neuron_bias=bias, gain=bias)
            )
            if synapse is not None:
                nodes.append(Filter(name=f"{last}.synapse", inputs=(last,), shape=(n_out,), synapse=synapse))
                last = f"{last}.synapse"
    return SpikingGraph(tuple(nodes), {"y": last})
