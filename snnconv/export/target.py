"""What every export target is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ..graph import SpikingGraph


@dataclass(frozen=True)
class Target:
    """A file format that a graph can be written in.

    Parameters
    ----------
    name : str
        What ``--target`` calls it.
    suffix : str
        End of its files' names.
    holds : str
        One line on what a file holds and who reads it.
    write : function (graph, path, dt)
        Writes the file, whole or not at all.
    """

    name: str
    suffix: str
    holds: str
    write: Callable[[SpikingGraph, str | os.PathLike[str], float], None]
