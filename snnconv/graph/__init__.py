"""The network as data.

- `nodes`: frozen operations, each with what it computes
- `spiking_graph`: `SpikingGraph`, the nodes in execution order with their outputs, and `load`
- `inputs`: samples for the inputs of a graph, checked
- `reading`: the mean over time that is the answer
- `views`: populations and readouts with the linear layers that feed them
- `show`: the nodes and the parameters of neurons as tables
- `file`: the fields of a graph in an HDF5 file
- `report`: the record of a conversion, layer by layer
- `passes`: functions from a graph to a graph
"""

from .inputs import Inputs
from .nodes import (
    NODES,
    Add,
    Affine,
    AveragePool,
    Concatenate,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Difference,
    Filter,
    Function,
    Input,
    Linear,
    Lookup,
    MaxPool,
    Node,
    Pad,
    Permute,
    Population,
    Readout,
    Reshape,
    RunningMean,
    RunningSum,
    Stateful,
    Upsample,
    Weighted,
)
from .reading import Reading
from .report import LayerReport
from .spiking_graph import SpikingGraph, load
from .views import PopulationView, ReadoutView

__all__ = [
    "NODES",
    "Add",
    "Affine",
    "AveragePool",
    "Concatenate",
    "Conv",
    "ConvTranspose",
    "Crop",
    "Dense",
    "Difference",
    "Filter",
    "Function",
    "Input",
    "Inputs",
    "LayerReport",
    "Linear",
    "Lookup",
    "MaxPool",
    "Node",
    "Pad",
    "Permute",
    "Population",
    "PopulationView",
    "Reading",
    "Readout",
    "ReadoutView",
    "Reshape",
    "RunningMean",
    "RunningSum",
    "SpikingGraph",
    "Stateful",
    "Upsample",
    "Weighted",
    "load",
]
