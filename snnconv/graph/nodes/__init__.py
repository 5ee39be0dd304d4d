"""The primitives of a spiking graph: frozen data, each with what it computes.

Shapes leave out the axis of the samples. `apply` works on (n, *shape) arrays of an array namespace (`numpy_ops` or
`tensorflow_ops`), after `map_arrays` has brought the parameters into that namespace.
"""

from .base import NODES, Input, Linear, Node, Pairs, Stateful
from .linear import Add, Affine, Concatenate, Conv, ConvTranspose, Dense, Lookup, Readout, Weighted
from .means import Function, RunningMean
from .pooling import AveragePool, Difference, MaxPool, RunningSum
from .populations import Filter, Population
from .shape import Crop, Pad, Permute, Reshape, Upsample

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
    "Linear",
    "Lookup",
    "MaxPool",
    "Node",
    "Pad",
    "Pairs",
    "Permute",
    "Population",
    "Readout",
    "Reshape",
    "RunningMean",
    "RunningSum",
    "Stateful",
    "Upsample",
    "Weighted",
]
