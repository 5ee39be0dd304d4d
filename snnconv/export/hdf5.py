"""HDF5: the format that `snnconv.load` reads back; its layout is documented in `snnconv.graph.file`."""

from __future__ import annotations

from ..graph import SpikingGraph
from ..graph.file import write
from .target import Plan, Settings, Target


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the graph as it is."""
    return Plan(lambda path: write(graph, path, settings.dt))


TARGET = Target("hdf5", ".snn.h5", "every array and parameter as HDF5; snnconv.load reads it back", "nothing", plan)
