"""The settings to choose from, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .result import Choice, efficient
from .setting import Setting
from .sweep import Measured

FOLDS = 5  # of cross-validation
MOST_CHANGED = 0.3  # share of answers; settings that change more are no candidates, and would bend the fit


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
        cls,
        found: Sequence[Measured],
        right_in_rates: np.ndarray,
        dt: float,
        n_calibrated: int = 0,
    ) -> Candidates:
        """The settings that a sweep measured."""
        settings, right, joules, spikes, curves = [], [], [], [], []
        for each in found:
            for readout in each.leads:
                start = len(settings)
                for at, n_steps in enumerate(each.checkpoints):
                    if n_steps > readout.skip:
                        settings.append(each.network.setting(readout, n_steps, dt, n_calibrated))
                        right.append(each.leads[readout].right[:, n_steps - 1])
                        joules.append(each.joules[at])
                        spikes.append(each.spikes_per_neuron[at])
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
        before, after = self.right_in_rates[samples], self.right[:, samples]
        lost, gained = (before & ~after).mean(1), (~before & after).mean(1)
        worst = np.maximum(lost - gained, expected_drop(lost, gained))
        is_enough = worst <= accuracy_drop / 100 + 1e-9
        found = np.zeros(len(is_enough), bool)
        for curve in self.curves:
            found[curve] = np.logical_and.accumulate(is_enough[curve][::-1])[::-1]
        return found


def expected_drop(lost: np.ndarray, gained: np.ndarray) -> np.ndarray:
    """The accuracy that each setting costs, without the luck of the samples.

    Where a setting is right and the rates are wrong, or the other way round, is a matter of a few samples, and the
    difference of the two, which is the loss of accuracy, is the least certain of all that was measured: the best of
    hundreds is the luckiest. How many samples there are of both kinds is known far better. So the loss is taken to be
    a function of that number alone, ``c₁ a + c₂ a²``, fitted by least squares to all settings.

    Measured on splits of 3,000 images of Fashion-MNIST, 500 to choose on out of 702 settings: the loss on the others
    is what it may be in 90 of 100 splits, instead of 62; with McNemar's test at 95 % in 85, at 1.5 times the steps.

    Parameters
    ----------
    lost, gained : (n_settings,) arrays
        Shares of the samples that rates alone, or the setting alone, gets right.
    """
    changed = lost + gained
    near = changed <= MOST_CHANGED
    if not near.any():
        return lost - gained
    # the variance of the difference grows with the number of samples that differ
    weight = 1 / np.sqrt(np.maximum(changed[near], 1e-6))
    columns = np.stack([changed[near], changed[near] ** 2], 1)
    factors = np.linalg.lstsq(columns * weight[:, None], (lost - gained)[near] * weight, rcond=None)[0]
    return np.where(near, changed * factors[0] + changed**2 * factors[1], lost - gained)
