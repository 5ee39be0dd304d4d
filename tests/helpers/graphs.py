"""Small graphs whose names are hard to write in HTML."""

import numpy as np

from snnconv.graph import Dense, Input, Population, SpikingGraph

ODD = "<b>&\"'</script>"


def by_hand(neuron, n=3, name="p"):
    """A graph of one dense layer with weights that make n different neurons fire."""
    kernel = np.linspace(-1.5, 3.0, n).reshape(1, n) * 400
    nodes = (
        Input(name="in", shape=(1,)),
        Dense(name=f"{name}.linear", inputs=("in",), shape=(n,), kernel=kernel),
        Population(
            name=name, inputs=(f"{name}.linear",), shape=(n,), neuron=neuron, neuron_bias=np.zeros(n), gain=np.ones(n)
        ),
    )
    return SpikingGraph(nodes, {name: name}, name=name)
