"""Networks in integers: `quantize` makes one, `run` runs it in NumPy, `load` reads it from a file.

- `integer_graph`: the network; `nodes`: its primitives; `neurons`: the step of its neurons; `codes`: its inputs.
- `rounding`: from a spiking graph to an integer graph; `scales`: settings, and how fine integers can be.
- `ranges`, `proofs`: the range of every integer, whatever the inputs.
- `reference`: the NumPy loop that every other form of the network must equal.
- `simulator`, `stepper`: the same integers from TensorFlow, a chunk of time steps at a time.
- `comparison`: the float network and integer graphs of it on the same data.
- `file`: the HDF5 file; `linear`: dense layers and convolutions with float weights.
"""

from .codes import Analog, Code, LatencyCode, RateCode
from .integer_graph import IntegerGraph, load
from .nodes import (
    EncodedInput,
    IntegerLayer,
    IntegerNode,
    MaxPool,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
    WeightedNode,
    WeightedSums,
)
from .ranges import Range
from .reference import run
from .rounding.quantize import quantize
from .scales import Settings

__all__ = [
    "Analog",
    "Code",
    "EncodedInput",
    "IntegerGraph",
    "IntegerLayer",
    "IntegerNode",
    "LatencyCode",
    "MaxPool",
    "Range",
    "RateCode",
    "ReadoutLayer",
    "Settings",
    "SpikingLayer",
    "SumPool",
    "WeightedNode",
    "WeightedSums",
    "load",
    "quantize",
    "run",
]
