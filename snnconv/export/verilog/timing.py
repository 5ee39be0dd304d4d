"""Clocks of a circuit, to the last one: of the steps of each layer, and of a sample whose steps overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .stages import Stage


def layer_clocks(stages: Sequence[Stage], sent: Mapping[str, np.ndarray], varies: bool) -> np.ndarray:
    """Clocks of every layer at every step.

    Parameters
    ----------
    sent : mapping of node to (n, n_steps, ...) array
        What each node sends, the input's codes included.
    varies : bool
        Whether every step has inputs of its own.

    Returns
    -------
    (n_layers, n, n_steps) int array
    """
    found = []
    for stage in stages:
        values = sent[stage.node.inputs[0]]
        n_spikes = np.count_nonzero(values.reshape(*values.shape[:2], -1), axis=-1)
        clocks = np.vectorize(stage.clocks_for, otypes=[np.int64])(n_spikes)
        if not varies:
            clocks[:, 1:] = np.where(stage.holds, stage.held_clocks, clocks[:, 1:])
        found.append(clocks)
    return np.stack(found)


def sample_clocks(clocks: np.ndarray) -> int:
    """Clocks from a sample's inputs to its outputs, where a layer works while the layers around it do.

    A step of a layer begins when the layer is done with the step before, its inputs are there, and of the two frames
    that it may send ahead one is taken.

    Parameters
    ----------
    clocks : (n_layers, n_steps) int array
        Of each layer at each step.
    """
    n_layers, n_steps = clocks.shape
    ends = np.zeros((n_layers + 1, n_steps), "int64")  # the row behind the last layer stands for its reader: no wait
    for step in range(n_steps):
        for layer in range(n_layers):
            own = ends[layer, step - 1] if step else 0
            source = ends[layer - 1, step] if layer else 0
            room = ends[layer + 1, step - 2] if step > 1 else 0
            ends[layer, step] = max(own, source, room) + clocks[layer, step]
    return int(ends[n_layers - 1, -1])


def longest(stages: Sequence[Stage], n_steps: int, varies: bool = False) -> int:
    """Clocks of a sample in which every input spikes at every step: no sample takes more."""
    first = [[stage.clocks] for stage in stages]
    others = [[stage.clocks if varies else stage.held_clocks] * (n_steps - 1) for stage in stages]
    return sample_clocks(np.concatenate([first, np.reshape(others, (len(stages), -1))], 1).astype("int64"))


def step_interval(stages: Sequence[Stage], held: bool = False) -> int:
    """Clocks from one step to the next at most: those of the slowest layer."""
    return max(stage.held_clocks if held else stage.clocks for stage in stages)
