"""What ``--precision`` changes: the spikes that come at other steps, or not at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..graph import SpikingGraph
    from ..runtime.samples import Samples

SAMPLES, BYTES = 8, 1 << 28  # that are compared at most


@dataclass(frozen=True)
class MovedSpikes:
    """Spikes of some samples in a precision, against float32; an entry is a neuron at a step of a sample."""

    precision: str
    n_samples: int
    n_entries: int
    n_differing: int
    n_spikes: int

    def __str__(self) -> str:
        share = self.n_differing / max(self.n_entries, 1)
        return (
            f"{self.precision} against float32, at the first {self.n_samples} samples: {share:.3%} of "
            f"{self.n_entries:,} entries (neuron and step) differ, of which {self.n_spikes:,} hold spikes."
        )


def moved_spikes(graph: SpikingGraph, samples: Samples, n_steps: int, precision: str, **options: Any) -> MovedSpikes:
    """How many spikes a precision moves, against float32, at the first samples.

    Parameters
    ----------
    options
        See `snnconv.Simulator`.
    """
    import numpy as np

    from ..simulator import Simulator

    n_neurons = sum(math.prod(view.shape) for view in graph.populations.values())
    n = max(1, min(SAMPLES, samples.at_first, BYTES // max(n_neurons * n_steps, 1)))
    _, (xs, _) = next(samples.parts(n))
    rounded, exact = (
        Simulator(graph, precision=each, **options).run(xs, n_steps, "all.spikes").spikes
        for each in (precision, "float32")
    )
    n_spikes = sum(int(np.count_nonzero(each)) for each in exact.values())
    n_moved = sum(int(np.count_nonzero(rounded[name] != exact[name])) for name in exact)
    return MovedSpikes(precision, n, n_neurons * n * n_steps, n_moved, n_spikes)
