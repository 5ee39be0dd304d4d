"""The settings to choose from, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .readout import Readout
from .result import Choice, efficient
from .setting import Setting
from .sweep import Measured

FOLDS = 5  # of cross-validation


@dataclass(frozen=True, eq=False)
class Candidates:
    """Every setting with what it costs, and the samples that it gets right.

    Parameters
    ----------
    settings : tuple of Setting
    right : (n_settings, n) array of bool
    right_in_rates : (n,) array of bool
    joules, spikes_per_neuron : (n_settings,) arrays
    curves : tuple of slice
        Settings that differ in their number of steps alone, growing.
    """

    settings: tuple[Setting, ...]
    right: np.ndarray
    right_in_rates: np.ndarray
    joules: np.ndarray
    spikes_per_neuron: np.ndarray
    curves: tuple[slice, ...]

    @classmethod
    def of(
        cls, found: Sequence[Measured], readouts: Sequence[Readout], right_in_rates: np.ndarray, dt: float
    ) -> Candidates:
        """The settings that a sweep measured."""
        settings, right, joules, spikes, curves = [], [], [], [], []
        for network in found:
            for readout in readouts:
                start = len(settings)
                for at, n_steps in enumerate(network.checkpoints):
                    if n_steps > readout.skip:
                        settings.append(Setting(network.scale, network.synapse, readout, n_steps, dt))
                        right.append(network.leads[readout].right[:, n_steps - 1])
                        joules.append(network.joules[at])
                        spikes.append(network.spikes_per_neuron[at])
                curves.append(slice(start, len(settings)))
        return cls(tuple(settings), np.array(right), right_in_rates, np.array(joules), np.array(spikes), tuple(curves))

    @property
    def n_steps(self) -> np.ndarray:
        """(n_settings,) numbers of steps."""
        return np.array([setting.n_steps for setting in self.settings])

    def choices(self, accuracy_drop: float) -> list[Choice]:
        """The settings as a result shows them."""
        accuracy = self.right.mean(1)
        settled = self._settled(slice(None), accuracy_drop)
        best = efficient(list(zip(-accuracy, self.n_steps, self.joules, strict=True)))
        rows = zip(self.settings, accuracy, self.spikes_per_neuron, self.joules, settled, best, strict=True)
        return [
            Choice(setting, float(share), float(spikes), float(energy), bool(keeps), bool(is_best))
            for setting, share, spikes, energy, keeps, is_best in rows
        ]

    def best(self, accuracy_drop: float, prefer: str, samples: np.ndarray | slice = slice(None)) -> int:
        """Number of the setting to take for some of the samples: the cheapest that settles, or the most accurate."""
        accuracy = self.right[:, samples].mean(1)
        settled = self._settled(samples, accuracy_drop)
        steps, joules = self.n_steps, self.joules
        if not settled.any():
            return int(np.lexsort((joules, steps, -accuracy))[0])
        costs = (-accuracy, joules, steps) if prefer == "steps" else (-accuracy, steps, joules)
        order = np.lexsort(costs)
        return int(order[settled[order]][0])

    def cross_validated(self, accuracy_drop: float, prefer: str, seed: int) -> float:
        """Accuracy on samples that had no part in choosing: choose without a fifth of them, and try it on those."""
        n = self.right.shape[1]
        folds = np.array_split(np.random.default_rng(seed).permutation(n), min(FOLDS, n))
        hits = 0
        for fold in folds:
            others = np.setdiff1d(np.arange(n), fold)
            hits += self.right[self.best(accuracy_drop, prefer, others), fold].sum()
        return float(hits / n)

    def _settled(self, samples: np.ndarray | slice, accuracy_drop: float) -> np.ndarray:
        """Whether the accuracy is enough at a setting's number of steps and at all that are longer."""
        enough = self.right_in_rates[samples].mean() - accuracy_drop / 100
        is_enough = self.right[:, samples].mean(1) >= enough - 1e-9
        found = np.zeros(len(is_enough), bool)
        for curve in self.curves:
            found[curve] = np.logical_and.accumulate(is_enough[curve][::-1])[::-1]
        return found
