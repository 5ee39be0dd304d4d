"""A simulation of many samples: all that decides its numbers, and where they are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..._version import __version__
from ...graph import SpikingGraph
from ..arguments import Recording
from ..samples import Samples
from ..simulator import Simulator
from .parts import checksums

SAMPLES, BYTES = 8, 1 << 28  # whose spikes in two precisions are compared at most


@dataclass(frozen=True, eq=False, kw_only=True)
class Simulation:
    """A network, samples, and the settings with which they are run.

    Parameters
    ----------
    graph : SpikingGraph
    samples : Samples
        Of arrays, so that their number is known, and any of them can be read again.
    n_steps : int
    dt : float
        Length of a step, in seconds.
    recorded : mapping of kind to population names
        What is written beside the outputs.
    dtype, precision, initial_voltage, seed
        See `snnconv.Simulator`.
    out : Path or None
        File to write. None: only the account is wanted.
    files : mapping of option to Path or None
        The files that the graph and the samples came from.
    others : mapping of option to value
        Whatever else decides numbers, as JSON can hold it.
    """

    graph: SpikingGraph
    samples: Samples
    n_steps: int
    dt: float
    recorded: Recording
    dtype: str = "float32"
    precision: str = "float32"
    initial_voltage: float | str = 0.0
    seed: int | None = None
    out: Path | None = None
    files: Mapping[str, Path | None]
    others: Mapping[str, Any]

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.samples.at_first

    def identity(self) -> dict[str, Any]:
        """Identify the run, by the option of ``snnconv simulate`` that sets each value; files by their checksums."""
        return {
            "version of snnconv": __version__,
            **checksums(self.files if self.out is not None else {}),
            "--steps": self.n_steps,
            "--dt": self.dt,
            "--dtype": self.dtype,
            "--precision": self.precision,
            "--initial-voltage": self.initial_voltage,
            "--seed": self.seed,
            "--record": sorted(f"{name}.{kind}" for kind, names in self.recorded.items() for name in names),
            **self.others,
        }


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


def moved_spikes(simulation: Simulation) -> MovedSpikes:
    """Count the spikes that come at other steps, or not at all, in the simulation's precision; at the first samples."""
    graph, n_steps, precision = simulation.graph, simulation.n_steps, simulation.precision
    n_neurons = sum(math.prod(view.shape) for view in graph.populations.values())
    n = max(1, min(SAMPLES, simulation.n, BYTES // max(n_neurons * n_steps, 1)))
    _, (xs, _) = next(simulation.samples.parts(n))
    options = {"initial_voltage": simulation.initial_voltage, "seed": simulation.seed}
    rounded, exact = (
        Simulator(graph, simulation.dt, precision=each, **options).run(xs, n_steps, "all.spikes").spikes
        for each in (precision, "float32")
    )
    n_spikes = sum(int(np.count_nonzero(each)) for each in exact.values())
    n_moved = sum(int(np.count_nonzero(rounded[name] != exact[name])) for name in exact)
    return MovedSpikes(precision, n, n_neurons * n * n_steps, n_moved, n_spikes)
