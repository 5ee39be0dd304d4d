"""Fidelity of an export: the float network and the exported one, run side by side and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import SpikingGraph
from ..runtime import reference
from ..runtime.classes import class_scores
from ..runtime.result import Result
from ..text.plain import plural, run_text
from ..text.progress import track
from .target import Inputs, Limit

N_SAMPLES = 8  # random samples where no inputs are given
N_STEPS = 100
CHUNK = 10  # steps between two looks at the progress bar
ROUNDING = 1e-12  # of means of outputs, summed in another order


@dataclass(frozen=True)
class LayerDifference:
    """Spikes of one population in the float network and in what was written.

    Parameters
    ----------
    name : str
    n_spikes, n_written : int
        Spikes over all samples, steps and neurons, in the float network and in what was written.
    n_common : int
        Spikes that both have: of the same neuron at the same step.
    """

    name: str
    n_spikes: int
    n_written: int
    n_common: int

    @property
    def share(self) -> float:
        """Share of the spikes of either that the other does not have."""
        either = self.n_spikes + self.n_written - self.n_common
        return 1 - self.n_common / either if either else 0.0


@dataclass(frozen=True)
class Measurement:
    """Differences between the float network and the exported one, measured on some samples.

    Parameters
    ----------
    layers : tuple of LayerDifference
    n_samples, n_steps : int
    dt : float
        Length of a step, in seconds.
    n_other_predictions : int or None
        Samples whose largest mean output is another one. None where no output has more than one value.
    output_difference : float
        Root mean square of the difference in mean outputs, relative to that of the outputs.
    """

    layers: tuple[LayerDifference, ...]
    n_samples: int
    n_steps: int
    dt: float
    n_other_predictions: int | None
    output_difference: float

    @property
    def total(self) -> LayerDifference:
        """All populations together."""
        sums = (sum(getattr(layer, key) for layer in self.layers) for key in ("n_spikes", "n_written", "n_common"))
        return LayerDifference("all", *sums)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        numbers = {key: value for key, value in vars(self).items() if key != "layers"}
        layers = [{**vars(layer), "differing": layer.share} for layer in self.layers]
        return {**numbers, "differing": self.total.share, "layers": layers}


@dataclass(frozen=True)
class Verdict:
    """Fidelity of an export, with the reasons for it.

    Parameters
    ----------
    measured : Measurement or None
        None where the target holds every number as it is.
    approximated : tuple of Limit
        What was approximated, as the user allowed.
    changes : tuple of str
        What the target changes by its nature.
    notes : tuple of str
        What a reader of the file has to know.
    inputs : str
        What was measured with.
    unmeasured : str
        Why nothing was measured, where that does not mean that every number is held.
    """

    measured: Measurement | None = None
    approximated: tuple[Limit, ...] = ()
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    inputs: str = ""
    unmeasured: str = ""

    @property
    def exact(self) -> bool:
        """Whether nothing was approximated or changed, and no spike differs."""
        is_same = not self.unmeasured if self.measured is None else self._same
        return is_same and not self.approximated and not self.changes

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "exact": self.exact,
            "verdict": str(self),
            "measured": None if self.measured is None else self.measured.to_dict(),
            "unmeasured": self.unmeasured or None,
            "approximated": [f"{limit} ({limit.instead})" for limit in self.approximated],
            "changes": list(self.changes),
            "notes": list(self.notes),
        }

    @property
    def _same(self) -> bool:
        measured = self.measured
        if measured is None or measured.total.share:
            return False
        return measured.total.n_spikes > 0 if measured.layers else measured.output_difference < ROUNDING

    def __str__(self) -> str:
        if self.unmeasured:
            return f"not measured: {self.unmeasured}."
        if self.measured is None:
            return "exact: it holds every number of the network as it is."
        measured, total = self.measured, self.measured.total
        where = f"({self.inputs}, {run_text(measured.n_steps, measured.dt)})"
        if measured.layers and not total.n_spikes and not total.n_written:
            said = f"not measured: no neuron spikes {where}. Measure with inputs of your own"
        elif self._same:
            start = "exact" if self.exact else "approximate, without effect here"
            what = f"all {total.n_spikes:,} spikes" if measured.layers else "it has no neurons, and its mean outputs"
            said = f"{start}: {what} are those of the float network {where}"
        else:
            start = "approximate" if self.approximated or self.changes else "not exact"
            counts = [f"{percent(total.share)} of spikes"] if measured.layers else []
            if measured.n_other_predictions is not None:
                counts.append(f"{measured.n_other_predictions} of {plural(measured.n_samples, 'prediction')}")
            differ = f"{' and '.join(counts)} differ from" if counts else "it differs from"
            by = f"the mean output by {percent(measured.output_difference)}"
            said = f"{start}: {differ} the float network, {by} {where}"
        held = [f"{limit} ({limit.instead})" for limit in self.approximated]
        reasons = [f"Not held: {'; '.join(held)}"] if held else []
        if self.changes:
            reasons.append(f"Changed: {'; '.join(self.changes)}")
        if not reasons and total.share:
            reasons.append("Nothing was left out: rounding decides where a voltage meets the threshold")
        return " ".join(f"{sentence}." for sentence in [said, *reasons])


def percent(share: float) -> str:
    """A share as in 12.3 %; never 0 where something differs."""
    return f"{share:.1%}" if share == 0 or share >= 0.001 else f"{max(share, 1e-6):.4%}"


def measure(
    graph: SpikingGraph, run: Callable[[Inputs, int], Result], inputs: Inputs, n_steps: int, dt: float
) -> Measurement:
    """Run the float network in the NumPy loop and the exported network, and compare.

    Parameters
    ----------
    run : function (inputs, n_steps) -> Result
        With the spikes of every population of `graph`.
    """
    with track(2 * n_steps, what="measuring") as advance:
        spikes, means = _run_float(graph, inputs, n_steps, dt, advance)
        theirs = run(inputs, n_steps)
        advance(n_steps)
    layers = tuple(_compare(name, spikes[name], theirs.spikes[name]) for name in graph.populations)
    others, squares, total = None, 0.0, 0.0
    for label, our, their in zip(graph.outputs, means, _means(theirs), strict=True):
        squares += float(np.square(our - their).sum())
        total += float(np.square(our).sum())
        our, their = class_scores(graph, label, our), class_scores(graph, label, their)
        if our.shape[-1] > 1:
            differ = our.reshape(len(our), -1).argmax(-1) != their.reshape(len(their), -1).argmax(-1)
            others = differ if others is None else others | differ
    n_others = None if others is None else int(others.sum())
    return Measurement(layers, inputs.n, n_steps, dt, n_others, float(np.sqrt(squares / total)) if total else 0.0)


def _run_float(
    graph: SpikingGraph, inputs: Inputs, n_steps: int, dt: float, advance: Callable[..., None]
) -> tuple[dict[str, np.ndarray], list[Any]]:
    """Spikes and mean outputs of the NumPy loop, a few steps at a time."""
    record = [f"{name}.spikes" for name in graph.populations]
    spikes: dict[str, list[np.ndarray]] = {name: [] for name in graph.populations}
    sums: list[Any] = [0.0] * len(graph.outputs)
    state = None
    for start in range(0, n_steps, CHUNK):
        n = min(CHUNK, n_steps - start)
        result = reference.run(graph, inputs.during(slice(start, start + n)), n, dt, record=record, state=state)
        state = result.state
        sums = [total + mean * n for total, mean in zip(sums, _means(result), strict=True)]
        for name, steps in spikes.items():
            steps.append(result.spikes[name])
        advance(n)
    return {name: np.concatenate(steps, 1) for name, steps in spikes.items()}, [total / n_steps for total in sums]


def _compare(name: str, ours: np.ndarray, theirs: np.ndarray) -> LayerDifference:
    a, b = ours.astype("int32"), theirs.astype("int32")
    common = np.where(np.sign(a) == np.sign(b), np.minimum(np.abs(a), np.abs(b)), 0)
    return LayerDifference(name, *(int(np.abs(counts).sum(dtype="int64")) for counts in (a, b, common)))


def _means(result: Result) -> list[Any]:
    return [array.mean(1) for array in result.outputs.values()]
