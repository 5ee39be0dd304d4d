"""The search for the mistakes that make the spikes that were seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...text.progress import track
from .case import Case
from .comparison import Comparison, compare
from .experiment import Experiment, Voltage, in_batches
from .mistakes import MISTAKES, Mistake, arrange

Mistakes = tuple[Mistake, ...]

FEW_SAMPLES, FEW_UNITS = 3, 48
FEW_STEPS, SOME_STEPS = (16, 200), 400  # the first look at all pairs, and the second at those that stand it
ENOUGH_SPIKES = 24  # in the first look
N_CLOSEST = 3
N_SECOND_LOOKS = 12  # at the pairs that come closest in the first


@dataclass(frozen=True, eq=False)
class Finding:
    """Mistakes, and how close the spikes that they make are to those that were seen.

    Parameters
    ----------
    mistakes : tuple of Mistake
    everywhere : bool
        Whether they are made in every population up to the one in question, or in that one only.
    voltage : float, array or None
        Initial voltages that were fitted, where another initial voltage is among the mistakes.
    comparison : Comparison
        Of all that was seen, with what the mistakes make.
    """

    mistakes: Mistakes
    everywhere: bool
    voltage: float | np.ndarray | None
    comparison: Comparison

    @property
    def name(self) -> str:
        """The mistakes in words."""
        return " + ".join(mistake.name for mistake in self.mistakes) or "no mistake"


@dataclass(frozen=True)
class Found:
    """The result of a search: the findings whose spikes equal those seen, or else the closest ones."""

    exact: tuple[Finding, ...]
    closest: tuple[Finding, ...]


class Search:
    """Looks for the mistakes behind one population's spikes.

    Parameters
    ----------
    case : Case
    seen : array
        The spikes as they were given, in counts, in any order of axes that `arranged` or a mistake explains.
    expected : (n, n_steps, *units) array
        The spikes without any mistake.
    """

    def __init__(self, case: Case, seen: np.ndarray, expected: np.ndarray):
        self.case = case
        self._seen = seen
        self._arranged: dict[Mistakes, np.ndarray | None] = {}
        scopes = (False, True) if len(case.populations) > 1 else (False,)
        samples, n_quick, n_long, units = self._where_to_look(expected)
        self._looks = {
            scope: tuple(Experiment(case, samples, n_steps, units, scope) for n_steps in (n_quick, n_long))
            for scope in scopes
        }

    def arranged(self, mistakes: Iterable[Mistake] = ()) -> np.ndarray | None:
        """The spikes seen, (n, n_steps, *units), with mistakes in the order of axes undone; None where it cannot be."""
        moved = tuple(mistake for mistake in mistakes if mistake.rearrange is not None)
        if moved not in self._arranged:
            shape, array = self.case.population.shape, self._seen
            for mistake in moved:
                if array is not None and mistake.rearrange is not None:
                    array = mistake.rearrange(array, self.case.n, self.case.n_steps, shape)
            self._arranged[moved] = None if array is None else arrange(array, self.case.n, self.case.n_steps, shape)
        return self._arranged[moved]

    def run(self, suspected: Sequence[Finding] = ()) -> Found:
        """Try what is suspected, then single mistakes, then pairs; stop where spikes are equal.

        Parameters
        ----------
        suspected : sequence of Finding
            What was found in a layer before.
        """
        for finding in suspected:
            again = self._confirm(finding.everywhere and True in self._looks, finding.mistakes)
            if again is not None and again.comparison.is_equal:
                return Found((again,), ())
        kinds = ("", "one", "each")  # fewer numbers to fit come first
        plain, *fitted = ([mistake for mistake in MISTAKES if mistake.initial_voltage == kind] for kind in kinds)
        plans = [
            *([(mistake,) for mistake in group] for group in (plain, *fitted)),
            [pair for pair in combinations(plain, 2) if _fit_together(*pair)],
            *([(one, other) for one in plain for other in group if _fit_together(one, other)] for group in fitted),
        ]
        closest: list[Finding] = []
        for plan in plans:
            exact, near = self._try(plan)
            if exact:
                return Found(tuple(exact), ())
            closest += near
        closest.sort(key=lambda finding: (-finding.comparison.agreement, len(finding.mistakes)))
        return Found((), tuple(_without_idle(closest)[:N_CLOSEST]))

    def _try(self, plan: Sequence[Mistakes]) -> tuple[list[Finding], list[Finding]]:
        """The plan's mistakes whose spikes are equal, and those that come closest."""
        wrong: list[tuple[float, bool, Mistakes]] = []
        for everywhere, (quick, _) in self._looks.items():
            with track(len(plan), what=f"trying {len(plan)} mistakes") as advance:
                for mistakes in plan:
                    advance()
                    if everywhere and not any(mistake.network or mistake.neuron for mistake in mistakes):
                        continue  # it is the same in one layer
                    share = self._wrong(quick, mistakes)
                    if share is not None:
                        wrong.append((share, everywhere, mistakes))
        wrong.sort(key=lambda item: item[0])
        second = [item for item in wrong if item[0] == 0] or wrong[:N_SECOND_LOOKS]
        again = []
        for _, everywhere, mistakes in second:
            share = self._wrong(self._looks[everywhere][1], mistakes)
            if share is not None:
                again.append((share, everywhere, mistakes))
        again.sort(key=lambda item: (item[0], len(item[2])))
        chosen = [item for item in again if item[0] == 0] or again[:N_CLOSEST]
        findings = [self._confirm(everywhere, mistakes) for _, everywhere, mistakes in chosen]
        there = [finding for finding in findings if finding is not None]
        return [finding for finding in there if finding.comparison.is_equal], there

    def _wrong(self, experiment: Experiment, mistakes: Mistakes) -> float | None:
        """Entries that the mistakes get wrong, over the spikes in both; None where they cannot be made or undone."""
        seen = self.arranged(mistakes)
        if seen is None:
            return None
        seen = experiment.select(seen)
        voltage = experiment.fit(mistakes, seen)
        made = experiment.spikes(mistakes, voltage)
        if made is None:
            return None
        # over the spikes: else whatever makes none at all would come closest to sparse spikes
        return float((made != seen).sum() / max(1, np.abs(made).sum() + np.abs(seen).sum()))

    def _confirm(self, everywhere: bool, mistakes: Mistakes) -> Finding | None:
        """The mistakes compared with all that was seen; None where they cannot be made here."""
        seen = self.arranged(mistakes)
        if seen is None:
            return None
        voltage: Voltage | None = None
        if any(mistake.initial_voltage for mistake in mistakes):
            few = Experiment(self.case, slice(0, FEW_SAMPLES + 1), everywhere=everywhere)
            voltage = few.fit(mistakes, few.select(seen))
        made = self._made(everywhere, mistakes, voltage)
        return None if made is None else Finding(mistakes, everywhere, voltage, compare(seen, made))

    def made(self, finding: Finding) -> np.ndarray | None:
        """The spikes (n, n_steps, *units) that a finding's neurons send, before they are written down."""
        mistakes = tuple(mistake for mistake in finding.mistakes if mistake.record is None)
        return self._made(finding.everywhere, mistakes, finding.voltage)

    def _made(self, everywhere: bool, mistakes: Mistakes, voltage: Voltage | None) -> np.ndarray | None:
        """The spikes of all samples, (n, n_steps, *units); None where the mistakes cannot all be made."""
        carries = any(mistake.carries_state for mistake in mistakes)
        batches = [slice(None)] if carries else in_batches(self.case)
        parts = [Experiment(self.case, batch, everywhere=everywhere).spikes(mistakes, voltage) for batch in batches]
        there = [each for each in parts if each is not None]
        if len(there) < len(parts):
            return None
        return np.concatenate(there).reshape(self.case.n, self.case.n_steps, *self.case.population.shape)

    def _where_to_look(self, expected: np.ndarray) -> tuple[slice, int, int, np.ndarray]:
        """A few samples that differ, steps for a quick look and a longer one, and units that spike or differ."""
        n_steps = self.case.n_steps
        expected = expected.reshape(self.case.n, n_steps, -1).astype("int64")
        seen = self.any_arrangement().reshape(expected.shape)
        differs = expected != seen
        first = int(np.argmax(differs.any((1, 2))))
        samples = slice(max(0, first + 1 - FEW_SAMPLES), max(FEW_SAMPLES, first + 1))
        weight = (np.abs(expected[samples]) + np.abs(seen[samples]) + 2 * differs[samples]).sum((0, 1))
        units = np.sort(np.argsort(-weight, kind="stable")[:FEW_UNITS])
        spikes = np.cumsum(np.abs(seen[samples][..., units]).sum((0, 2)))
        enough = int(np.searchsorted(spikes, ENOUGH_SPIKES)) + 1
        shortest, longest = FEW_STEPS
        return samples, min(n_steps, max(shortest, min(enough, longest))), min(n_steps, SOME_STEPS), units

    def any_arrangement(self) -> np.ndarray:
        """The spikes seen, (n, n_steps, *units), in the plain order of axes if they have that one."""
        moves = [mistake for mistake in MISTAKES if mistake.rearrange is not None]
        orders = [(), *((move,) for move in moves), *combinations(moves, 2)]
        return next(array for order in orders if (array := self.arranged(order)) is not None)


def _fit_together(one: Mistake, other: Mistake) -> bool:
    return one.slot != other.slot and not (one.dtype != "float64" or other.dtype != "float64")


def _without_idle(findings: Sequence[Finding]) -> list[Finding]:
    """The findings without pairs that come no closer than one of their two."""
    kept: list[Finding] = []
    for finding in findings:
        better = [
            other
            for other in findings
            if len(other.mistakes) < len(finding.mistakes)
            and set(other.mistakes) < set(finding.mistakes)
            and other.comparison.agreement >= finding.comparison.agreement
        ]
        if not better:
            kept.append(finding)
    return kept
