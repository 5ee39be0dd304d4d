"""Leaving Python: a graph written for other programs, one file per target.

A new target is a module with a `TARGET`, named in the tuple below.
"""

from __future__ import annotations

import os
from types import MappingProxyType

import numpy as np

from ..errors import ParameterError
from ..graph import SpikingGraph
from . import hdf5, json, npz
from .target import Target

TARGETS = MappingProxyType({target.name: target for target in (hdf5.TARGET, npz.TARGET, json.TARGET)})

__all__ = ["TARGETS", "Target", "export", "find_target"]


def find_target(name: str) -> Target:
    """The target of that name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if name not in TARGETS:
        raise ParameterError(f"there is no export target '{name}'. There are: {', '.join(TARGETS)}.")
    return TARGETS[name]


def export(graph: SpikingGraph, path: str | os.PathLike[str], target: str = "hdf5", dt: float = 0.001) -> None:
    """Write `graph` in the format of a target, whole or not at all.

    Parameters
    ----------
    dt : float
        Time step the file is meant for, in seconds; noted beside the parameters of every population.

    Raises
    ------
    ParameterError
        If the target is unknown, or dt not above 0.
    ModelFileError
        If the file cannot be written.
    """
    if not (np.isfinite(dt) and dt > 0):
        raise ParameterError(f"dt must be above 0 seconds. Received {dt!r}.")
    find_target(target).write(graph, path, dt)
