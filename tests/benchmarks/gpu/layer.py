"""The large layer: Linear(n, n) and LIF under random spikes, 16 samples, 500 steps, as Open Neuromorphic measures it.

A kernel takes up to 1 GiB, so that it is drawn from a seed where it is needed: in blocks of columns, of which the first
one alone is enough to know what the first neurons do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from .. import works

SIZES, N_SAMPLES, N_STEPS = (4096, 8192, 16384), 16, 500
QUICK = (512, 1024), 4, 20
COLUMNS = 256  # of a block
CHECKED = 2  # samples of which the spikes are known
FORMS = {"float32": ("float32", "gpu"), "tensorfloat32": ("tensorfloat32", "gpu"), "plain": ("float32", "cpu")}
"""Precision and platform of the programs; the last has neither steps in rounds nor products in parts."""

ABOUT, EXPECTED, WEIGHTS, WHEELS = "packed.json", "expected.npz", "weights.npz", "wheels"
KERNEL = "kernel"  # among the weights


@dataclass(frozen=True)
class LargeLayer:
    """A layer of `n` neurons, each of which sees all of `n` inputs."""

    n: int
    n_samples: int = N_SAMPLES
    n_steps: int = N_STEPS

    @property
    def name(self) -> str:
        return f"L{self.n}"

    @property
    def bias(self) -> np.ndarray:
        """(n,) array."""
        return np.full(self.n, works.BIAS, "float32")

    def kernel(self, n_columns: int | None = None) -> np.ndarray:
        """(n, n) array, or its first columns: as many blocks as these need."""
        return _kernel(self.n, n_columns or self.n)

    def spikes(self, n_samples: int | None = None) -> np.ndarray:
        """(n_samples, n_steps, n) array of 0 and 1, in one step of twenty a 1."""
        x = np.empty((n_samples or self.n_samples, self.n_steps, self.n), "float32")
        for number in range(len(x)):
            rng = np.random.default_rng([self.n, self.n_steps, number])
            x[number] = rng.random(x.shape[1:], "float32") < works.POWER_OF_SPIKES
        return x

    def digest(self) -> str:
        """Checksum of what is drawn: another NumPy may draw otherwise."""
        return digest(self.kernel(COLUMNS), self.spikes(1))


@cache
def _kernel(n: int, n_columns: int) -> np.ndarray:
    scale = np.float32(works.GAIN / np.sqrt(n * works.POWER_OF_SPIKES))
    kernel = np.empty((n, n_columns), "float32")
    for start in range(0, n_columns, COLUMNS):
        rng = np.random.default_rng([n, start])
        kernel[:, start : start + COLUMNS] = rng.standard_normal((n, COLUMNS), "float32") * scale
    return kernel


def layers_of(quick: bool) -> list[LargeLayer]:
    """The layers that are measured, or small ones that only show that everything runs."""
    sizes, n_samples, n_steps = QUICK if quick else (SIZES, N_SAMPLES, N_STEPS)
    return list(map(partial(LargeLayer, n_samples=n_samples, n_steps=n_steps), sizes))


def digest(*arrays: np.ndarray) -> str:
    """Checksum of arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
