"""NumPy's .npz: the arrays and attributes of the HDF5 file, under their paths in it.

``np.load(path)["populations/lif/kernel"]`` is an array; ``["populations/lif/tau_rc"]`` is one of no axes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..graph import SpikingGraph
from .flat import flatten
from .target import Plan, Settings, Target


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the flattened graph; no entry needs pickle."""

    def write(path: Path) -> None:
        with open(path, "wb") as file:
            np.savez_compressed(file, **flatten(graph, settings.dt))  # pyright: ignore[reportArgumentType]

    return Plan(write)


TARGET = Target("npz", ".snn.npz", "the same under the same paths, for NumPy without h5py", "nothing", plan)
