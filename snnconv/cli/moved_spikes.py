"""What ``--precision`` changes: the spikes that come at other steps, or not at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..graph import SpikingGraph
    from ..runtime.samples import Samples

SAMPLES, BYTES = 8, 1 << 28  # that are compared at most


def moved_spikes(graph: SpikingGraph, samples: Samples, n_steps: int, precision: str, **options: Any) -> str:
    """A sentence on how many spikes a precision moves, against float32, at the first samples.

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
    n_entries = n_neurons * n * n_steps
    n_spikes = sum(int(np.count_nonzero(each)) for each in exact.values())
    n_moved = sum(int(np.count_nonzero(rounded[name] != exact[name])) for name in exact)
    return (
        f"{precision} against float32, at the first {n} samples: {n_moved / max(n_entries, 1):.3%} of {n_entries:,} "
        f"entries (neuron and step) differ, of which {n_spikes:,} hold spikes."
    )
