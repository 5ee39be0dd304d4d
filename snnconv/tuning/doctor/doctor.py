"""The doctor: runs a network in rates and in spikes, and names its ailments."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import HealthWarning, InputError
from ...graph import Inputs, Population, SpikingGraph
from ...graph.report import layer_of
from ...runtime.arguments import check_steps
from ...runtime.classes import classes_of, n_classes_of
from ...text.advice import argument
from .checks import (
    CHECKS,
    EXPLAINED,
    FEW_ANSWERS,
    LOST_ACCURACY,
    LOST_DEVIATIONS,
    NOTABLE,
    WEIGHED,
    Finding,
    dead_output,
    one_answer,
)
from .examination import Examination, Layer

RANDOM_SAMPLES = 32
FEW_SAMPLES = 32  # enough for the shares that findings are made of
BATCH = 64  # samples whose rates are computed together


def doctor(
    graph: SpikingGraph,
    x: Any = None,
    y: Any = None,
    n_steps: int = 100,
    dt: float | None = None,
    *,
    seed: int = 0,
    progress: bool | None = None,
) -> list[Finding]:
    """Examine a network on data: which layers are silent, saturated, too slow, and whether accuracy gets lost.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs; or None
        Held constant. Some tens of samples are enough; their rates are computed with NumPy. None: random numbers in
        0…1, which say little about a network for other data.
    y : (n,) array of class numbers, or None
    n_steps : int
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    seed : int
        Of the random numbers.
    progress : bool or None
        Show a progress bar on long runs. None: where standard error is a terminal.

    Returns
    -------
    list of Finding
        Empty for a network without problems. `snnconv.health.checks` has the thresholds, with reasons.

    Raises
    ------
    InputError, ParameterError
        If the data or a parameter is out of range.
    """
    dt = graph.dt if dt is None else dt
    check_steps(n_steps, dt)
    xs = graph.check_inputs(graph.random_inputs(RANDOM_SAMPLES, seed) if x is None else x, "float32")
    return findings_of(examine(graph, xs, n_steps, dt, progress=progress), y)


def warn_of(graph: SpikingGraph, x: Any, n_steps: int, *, stacklevel: int = 1) -> None:
    """Warn of each layer that is silent, saturated or the like on the first samples.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        At most 32 are run.
    n_steps : int
        Of 1 ms.
    stacklevel : int
        1: the warning points to the caller of this function; 2: to its caller.

    Warns
    -----
    HealthWarning
        One for each finding: the layer, what ails it, and what to do.
    """
    for finding in notable(graph, x, n_steps):
        warnings.warn(str(finding), HealthWarning, stacklevel=stacklevel + 1)


def warn_of_one_answer(
    graph: SpikingGraph, x: Any, answers: np.ndarray, n_steps: int, dt: float, *, stacklevel: int = 1
) -> None:
    """Warn of answers that are one for all samples, where the rates of the first few say several, or of no spikes.

    Nothing is computed where the answers differ.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
    answers : (n,) array of class numbers, or (n, *output) array
    stacklevel : int
        As for `warn_of`.

    Warns
    -----
    HealthWarning
        The class, the layer where the rates go wrong, or the one without spikes, and what to do.
    """
    if not _are_one(answers):
        return
    xs = graph.check_inputs(x, "float32", n_steps)
    if xs.varying:  # what varies in time has no rates to compare with
        return
    found = examine(graph, xs.part(slice(FEW_SAMPLES)), n_steps, dt, progress=False)
    for finding in list(dead_output(found)) or one_answer(found):
        warnings.warn(str(finding), HealthWarning, stacklevel=stacklevel + 1)


def _are_one(answers: np.ndarray) -> bool:
    """Whether answers are one class for many samples, or the same values for several, or one value for one sample."""
    if len(answers) >= FEW_ANSWERS:
        answers = answers.argmax(-1) if answers.ndim == 2 and answers.shape[1] > 1 else answers
    elif answers.ndim == 1:  # of few samples a class in common says nothing
        return False
    answers = answers[0].ravel() if len(answers) == 1 else answers
    return len(answers) > 1 and bool((answers == answers[0]).all())


def notable(graph: SpikingGraph, x: Any, n_steps: int, dt: float = 0.001) -> list[Finding]:
    """Findings on the first few samples, without those that may be on purpose: see `NOTABLE`.

    The answers of the rates stand in for labels.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
    """
    xs = graph.check_inputs(x, "float32").part(slice(FEW_SAMPLES))
    return notable_of(examine(graph, xs, n_steps, dt, progress=False))


def notable_of(found: Examination, y: Any = None) -> list[Finding]:
    """The notable findings of an examination; without labels, of answers that differ from the rates'."""
    has_classes = (
        len(found.graph.outputs) == 1 and n_classes_of(found.graph, next(iter(found.graph.outputs))) is not None
    )
    findings = _found(found, y)
    if y is None and has_classes:
        findings += _lost_accuracy(found, None)
    return _by_layer([each for each in findings if each.kind in NOTABLE], found.graph)


def findings_of(found: Examination, y: Any = None) -> list[Finding]:
    """All findings of an examination; one of a kind for the populations of one Keras layer."""
    return _by_layer(_found(found, y), found.graph)


def _found(found: Examination, y: Any) -> list[Finding]:
    weighed = {node.name for node in found.graph.nodes if isinstance(node, Population) and node.is_fitted}
    findings = [finding for check in CHECKS for finding in check(found)]
    findings = [finding for finding in findings if not (finding.kind in WEIGHED and finding.layer in weighed)]
    kinds = {finding.kind for finding in findings}
    findings = [finding for finding in findings if not kinds & EXPLAINED.get(finding.kind, set())]
    return findings if y is None else findings + _lost_accuracy(found, np.asarray(y))


def _by_layer(findings: list[Finding], graph: SpikingGraph) -> list[Finding]:
    """The first of the findings that are alike: a layer with a memory has populations for every element."""
    alike: dict[tuple[str, str | None], list[Finding]] = {}
    for each in findings:
        layer = None if each.layer is None else layer_of(each.layer, graph.report) or each.layer
        alike.setdefault((each.kind, layer), []).append(each)
    return [_joined(each) for each in alike.values()]


def _joined(findings: list[Finding]) -> Finding:
    first, *others = findings
    if not others:
        return first
    names = [str(each.layer) for each in others]
    shown = names[0] if len(names) == 1 else f"{len(names)} others of its layer, {names[0]} to {names[-1]}"
    numbers = {**first.numbers, "n_populations": len(findings)}
    return dataclasses.replace(first, what=f"{first.what} So it is with {shown}.", numbers=numbers)


def examine(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, *, progress: bool | None = None) -> Examination:
    """Run a network in rates and in spikes, on the same samples."""
    from ...runtime.simulator import Simulator

    names = [f"{name}.rates" for name in graph.populations]
    result = Simulator(graph, dt, progress=progress).run(xs, n_steps, record=names)
    first = result.outputs[next(iter(graph.outputs))]
    return examination(graph, xs, result.rates, result.reading.mean(first), n_steps, dt)


def examination(
    graph: SpikingGraph,
    xs: Inputs,
    rates: Mapping[str, np.ndarray],
    output: np.ndarray,
    n_steps: int,
    dt: float,
) -> Examination:
    """Rates by the rate functions beside those that a run measured.

    Parameters
    ----------
    rates : mapping of population name to (n, *units) array
        In Hz.
    output : (n, *output) array
        Of the first output, as it is read: its mean over time, say.
    """
    views = graph.populations
    expected: dict[str, list[np.ndarray]] = {name: [] for name in views}
    outputs: list[np.ndarray] = []
    last = next(iter(graph.outputs.values()))
    for part in xs.parts(BATCH):
        values = graph.rate_values(part)
        for name, view in views.items():
            expected[name].append(values[name].reshape(len(values[name]), -1) / view.neuron.amplitude)
        outputs.append(values[last])
    layers = tuple(
        Layer(view, np.concatenate(expected[name]), rates[name].reshape(xs.n, -1)) for name, view in views.items()
    )
    return Examination(graph, layers, np.concatenate(outputs), output, n_steps, dt)


def _lost_accuracy(found: Examination, y: np.ndarray | None) -> list[Finding]:
    """Whether spikes are right less often than rates; y of None: how often they differ from them."""
    n, label = len(found.rate_output), next(iter(found.graph.outputs))
    has_labels = y is not None
    rates = classes_of(found.graph, label, found.rate_output, is_read=True)
    truth = rates if y is None else y
    if len(found.graph.outputs) > 1 or found.rate_output.ndim != 2:
        raise InputError("labels are for networks with one output of one value per class.")
    if truth.shape != (n,):
        raise InputError(f"y must hold one class number for each of the {n} samples. Received {truth.shape}.")
    right = [rates == truth, classes_of(found.graph, label, found.spiking_output) == truth]
    lost, gained = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    loss = (lost - gained) / n
    if loss <= LOST_ACCURACY or lost - gained <= LOST_DEVIATIONS * np.sqrt(lost + gained):
        return []
    accuracies = [float(each.mean()) for each in right]
    worst = max(found.layers, key=lambda layer: layer.deviation, default=None)
    numbers = {"rate_accuracy": accuracies[0], "spiking_accuracy": accuracies[1], "n_samples": n}
    where = ""
    if worst is not None:
        numbers["worst_deviation"] = worst.deviation
        where = f" Rates are off most in {worst.name}, by {worst.deviation:.0%} of their mean."
    what = (
        f"{accuracies[0]:.1%} of {n} samples are right in rates, {accuracies[1]:.1%} after {found.steps} in spikes."
        if has_labels
        else f"after {found.steps} {lost} of {n} answers are others than in rates."
    )
    return [
        Finding(
            "lost_accuracy",
            None,
            what + where,
            numbers,
            f"See the other findings; try a synapse of a few milliseconds, more steps or "
            f"{argument('scale_firing_rates')}: `snnconv tune` measures all three.",
        )
    ]
