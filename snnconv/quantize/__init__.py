"""Networks in integers: `quantize` makes one, `run` runs it in NumPy, `load` reads it from a file.

`snnconv.quantize.simulator` runs it in TensorFlow, to the same integers.
"""

from .build import quantize
from .codes import Analog, Code, LatencyCode, RateCode
from .integer_graph import IntegerGraph, load
from .nodes import EncodedInput, IntegerLayer, IntegerNode, ReadoutLayer, SpikingLayer, SumPool
from .ranges import Range
from .reference import run
from .scales import Settings

__all__ = [
    "Analog",
    "Code",
    "EncodedInput",
    "IntegerGraph",
    "IntegerLayer",
    "IntegerNode",
    "LatencyCode",
    "Range",
    "RateCode",
    "ReadoutLayer",
    "Settings",
    "SpikingLayer",
    "SumPool",
    "load",
    "quantize",
    "run",
]
