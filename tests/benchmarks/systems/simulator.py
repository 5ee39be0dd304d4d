"""snnconv's Simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow  # noqa: F401 - snnconv would import it when it builds, and imports are not timed

import snnconv

from ..graphs import as_graph
from ..works import Work


def build(work: Work, **options: Any) -> Callable[[], np.ndarray]:
    """`Simulator.run`, or `predict` where the mean output is wanted; `options` are the Simulator's."""
    simulator = snnconv.Simulator(as_graph(work), progress=False, **options)
    if work.mean_only:
        return lambda: simulator.predict(work.x, work.n_steps)
    return lambda: simulator.run(work.x, work.n_steps).output
