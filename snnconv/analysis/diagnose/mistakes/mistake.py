"""The class of known mistakes: data, with the one function that makes each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....graph import SpikingGraph
from ....neurons import Neuron
from ....runtime.arguments import Dtype
from ..case import Case

ChangeNetwork = Callable[[Case, SpikingGraph, str], SpikingGraph | None]
"""Makes a mistake at a population of a case's graph; None where it cannot be made."""
ChangeNeuron = Callable[[Neuron, float], Neuron | None]
"""Makes a mistake in a neuron, for steps of so many seconds; None where it cannot be made."""
ChangeRecord = Callable[[np.ndarray], np.ndarray]
"""Makes a mistake in spikes (n, n_steps, units) as they are written down."""
Rearrange = Callable[[np.ndarray, int, int, tuple[int, ...]], np.ndarray | None]
"""Undoes a mistake in the order of axes: of an array, for n samples, n_steps, and the shape of the units."""


@dataclass(frozen=True, eq=False)
class Mistake:
    """Something that people get wrong when they compute spikes by themselves.

    Parameters
    ----------
    name : str
        What is wrong, in a few words.
    instead : str
        What is right.
    slot : str
        Where it is made: of two mistakes in one slot only one can be made.
    network, neuron, record, rearrange : function or None
        The function that makes it. One of them is there, unless the run itself is another.
    initial_voltage : str
        "one": another one, the same for all neurons; "each": one per neuron. Both are found by fitting.
    carries_state : bool
        Whether a sample starts with the state that the one before it left behind.
    dtype : str
        What it is computed in.
    """

    name: str
    instead: str
    slot: str
    network: ChangeNetwork | None = None
    neuron: ChangeNeuron | None = None
    record: ChangeRecord | None = None
    rearrange: Rearrange | None = None
    initial_voltage: str = ""
    carries_state: bool = False
    dtype: Dtype = "float64"

    def __repr__(self) -> str:
        return f"<mistake: {self.name}>"
