"""A network at the rates of one amplitude in all layers."""

from snnconv.graph import SpikingGraph
from snnconv.graph.passes import fold_affine, scale_firing_rates


def at_100_hertz(graph: SpikingGraph) -> SpikingGraph:
    """The graph with an amplitude of 0.01 everywhere: an activation of 1 is 100 Hz, one spike in ten steps of 1 ms."""
    factors = {name: view.neuron.amplitude / 0.01 for name, view in graph.populations.items()}
    return fold_affine(scale_firing_rates(graph, factors))
