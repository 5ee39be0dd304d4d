"""Clocks of a circuit, to the last one: of the steps of each layer, and of a sample whose steps overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .stages import Stage


def layer_clocks(stages: Sequence[Stage], sent: Sequence[np.ndarray], varies: bool) -> np.ndarray:
    """Clocks of every layer at every step.

    Parameters
    ----------
    sent : sequence of (n, n_steps, ...) arrays
        What the input and then each stage sends.
    varies : bool
        Whether every step has inputs of its own.

    Returns
    -------
    (n_layers, n, n_steps) int array
    """
    found = []
    for stage in stages:
        values = sent[stage.source]
        n_spikes = np.count_nonzero(values.reshape(*values.shape[:2], -1), axis=-1)
        clocks = stage.clocks_for(n_spikes)
        if not varies:
            clocks[:, 1:] = np.where(stage.holds, stage.held_clocks, clocks[:, 1:])
        found.append(clocks)
    return np.stack(found)


def sample_clocks(clocks: np.ndarray, sources: Sequence[Sequence[int]]) -> int:
    """Clocks from a sample's inputs to its outputs, where a layer works while the layers around it do.

    A step of a layer begins when the layer is done with the step before, its inputs are there, and each layer behind it
    has taken one of the two frames that may be sent ahead.

    Parameters
    ----------
    clocks : (n_layers, n_steps) int array
        Of each layer at each step.
    sources : sequence of sequences of int
        Numbers of the layers that feed each, from 1; 0 for the inputs.
    """
    n_layers, n_steps = clocks.shape
    ends = np.zeros((n_layers + 1, n_steps), "int64")  # row 0 are the inputs, which are there
    layers = range(1, n_layers + 1)
    behind = [[other for other in layers if layer in sources[other - 1]] for layer in range(n_layers + 1)]
    for step in range(n_steps):
        for layer in layers:
            own = ends[layer, step - 1] if step else 0
            room = max((ends[other, step - 2] for other in behind[layer]), default=0) if step > 1 else 0
            ends[layer, step] = (
                max(own, room, *(ends[other, step] for other in sources[layer - 1])) + clocks[layer - 1, step]
            )
    return int(ends[:, -1].max())


def sources(stages: Sequence[Stage]) -> list[tuple[int, ...]]:
    """Numbers of the layers that feed each."""
    return [(stage.source, stage.added) if stage.added else (stage.source,) for stage in stages]


def longest(stages: Sequence[Stage], n_steps: int, varies: bool = False) -> int:
    """Clocks of a sample in which every input spikes at every step: no sample takes more."""
    first = [[stage.clocks] for stage in stages]
    others = [[stage.clocks if varies else stage.held_clocks] * (n_steps - 1) for stage in stages]
    clocks = np.concatenate([first, np.reshape(others, (len(stages), -1))], 1).astype("int64")
    return sample_clocks(clocks, sources(stages))


def mean_clocks(clocks: np.ndarray, stages: Sequence[Stage]) -> float:
    """Clocks of a sample on average, from those of each layer, (n_layers, n, n_steps)."""
    fed_by = sources(stages)
    return float(np.mean([sample_clocks(clocks[:, sample], fed_by) for sample in range(clocks.shape[1])]))
