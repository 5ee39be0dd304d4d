"""NumPy's .npz: the arrays and attributes of the HDF5 file, under their paths in it.

``np.load(path)["populations/lif/kernel"]`` is an array; ``["populations/lif/tau_rc"]`` is one of no axes.
"""

from __future__ import annotations

import os

import numpy as np

from ..files import replacing
from ..graph import SpikingGraph
from .flat import flatten
from .target import Target


def write(graph: SpikingGraph, path: str | os.PathLike[str], dt: float) -> None:
    """Write the flattened graph to an .npz file, whole or not at all; no entry needs pickle."""
    entries = flatten(graph, dt)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **entries)  # pyright: ignore[reportArgumentType]


TARGET = Target("npz", ".snn.npz", "the same under the same paths, for NumPy without h5py", write)
