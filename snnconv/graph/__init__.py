"""The network as data: nodes, the graph, its tables and its file."""

from .file import load
from .nodes import (
    NODES,
    Add,
    Affine,
    AveragePool,
    Concatenate,
    Conv,
    Dense,
    Filter,
    Input,
    Linear,
    Node,
    Population,
    Readout,
    Reshape,
    Stateful,
)
from .spiking_graph import SpikingGraph
from .views import PopulationView, ReadoutView

__all__ = [
    "NODES",
    "Add",
    "Affine",
    "AveragePool",
    "Concatenate",
    "Conv",
    "Dense",
    "Filter",
    "Input",
    "Linear",
    "Node",
    "Population",
    "PopulationView",
    "Readout",
    "ReadoutView",
    "Reshape",
    "SpikingGraph",
    "Stateful",
    "load",
]
