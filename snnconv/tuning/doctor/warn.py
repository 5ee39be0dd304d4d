"""What the doctor finds on a few samples, as warnings."""

from __future__ import annotations

import warnings
from typing import Any

from ...errors import HealthWarning
from ...graph import SpikingGraph
from .doctor import notable


def warn_of(graph: SpikingGraph, x: Any, n_steps: int, dt: float = 0.001, *, stacklevel: int = 1) -> None:
    """Warn of each layer that is silent, saturated or the like on the first samples.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        At most 32 are run.
    n_steps : int
    dt : float
        Length of a step, in seconds.
    stacklevel : int
        1: the warning points to the caller of this function; 2: to its caller.

    Warns
    -----
    HealthWarning
        One for each finding: the layer, what ails it, and what to do.
    """
    for finding in notable(graph, x, n_steps, dt):
        warnings.warn(str(finding), HealthWarning, stacklevel=stacklevel + 1)
