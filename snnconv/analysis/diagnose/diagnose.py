"""`diagnose`: where somebody's spikes leave the reference, and which mistake makes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from ...graph import Inputs, SpikingGraph
from ...runtime.arguments import check_steps
from ..explain import one_sample
from ..explain.trace import trace_unit
from .case import Case, make_case, population
from .comparison import compare
from .experiment import Experiment, in_batches
from .layer import LayerDiagnosis
from .report import Diagnosis
from .search import Finding, Search
from .spikes import as_counts, count_steps, named_spikes


def diagnose(
    graph: SpikingGraph,
    x: Any,
    spikes: Any,
    *,
    layer: str | None = None,
    dt: float | None = None,
) -> Diagnosis:
    """Compare spikes with those of the reference, and name the mistake that explains the difference.

    Each layer is checked with the given spikes of the layers before it as inputs, so that a mistake is found in the
    layer where it was made. No mistake, each known mistake and each pair of them are tried.

    Parameters
    ----------
    graph : SpikingGraph
    x : (n, *input) array, held constant, or (n, n_steps, *input) array
        The inputs that gave the spikes; a list or a dict of them where there are several inputs.
    spikes : (n, n_steps, units) array, or mapping of population name to such arrays
        Spikes per step, as counts or as outputs of height amplitude/dt. Units may be flattened; another order of the
        axes is recognised, and reported as a mistake.
    layer : str or None
        The population of a single array. None: the only one.
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.

    Returns
    -------
    Diagnosis
        `equal`, `first`, `matches` and `closest` hold what was found; it prints as text.

    Raises
    ------
    InputError, ParameterError
        If an array has another shape or holds no spikes, or dt is out of range.
    """
    dt = graph.dt if dt is None else dt
    check_steps(1, dt)
    given = named_spikes(graph, spikes, layer)
    n = _count_samples(graph, x)
    n_steps = count_steps(graph, given, n)
    xs = graph.check_inputs(x, "float64", n_steps)
    found: list[LayerDiagnosis] = []
    sent: dict[str, np.ndarray] = {}  # of the layers before, as they were given
    right: dict[str, np.ndarray] = {}  # likewise, by the reference
    suspected: list[Finding] = []
    for name, array in given.items():
        counts, note = as_counts(population(graph, name), array, dt)
        right[name] = _spikes(make_case(graph, name, xs, right, n_steps, dt))
        case = make_case(graph, name, xs, sent, n_steps, dt)
        is_first = all(layer.is_equal for layer in found)
        expected = right[name] if is_first else _spikes(case)
        diagnosis, sent[name] = _layer(case, counts, expected, right[name], suspected)
        if diagnosis.found is not None:
            suspected += diagnosis.found.exact
        if is_first:
            diagnosis = _with_values(diagnosis, graph, xs, n_steps, dt)
        found.append(dataclasses.replace(diagnosis, notes=(note,) if note else ()))
    return Diagnosis(tuple(found), n, n_steps, dt)


def _layer(
    case: Case, counts: np.ndarray, expected: np.ndarray, reference: np.ndarray, suspected: list[Finding]
) -> tuple[LayerDiagnosis, np.ndarray]:
    """A layer's diagnosis, and the spikes that it sends to those behind it.

    Parameters
    ----------
    expected, reference : (n, n_steps, *units) arrays
        What the layer should send with what it gets, and what it sends in the reference.
    """
    search = Search(case, counts, expected)
    plain = search.arranged()
    if plain is not None and np.array_equal(plain, expected):
        return LayerDiagnosis(case.target, compare(plain, reference), is_right=True), plain
    found = search.run(suspected)
    best = (*found.exact, *found.closest)[:1]
    arranged = search.arranged(best[0].mistakes) if best else None
    arranged = search.any_arrangement() if arranged is None else arranged
    shown = arranged if plain is None else plain
    made = search.made(found.exact[0]) if found.exact else None
    agreement = compare(shown, expected).agreement
    comparison = compare(shown, reference)
    diagnosis = LayerDiagnosis(case.target, comparison, is_right=False, agreement=agreement, found=found)
    return diagnosis, arranged if made is None else made


def _spikes(case: Case) -> np.ndarray:
    """The spikes (n, n_steps, *units) of a case without mistakes."""
    parts = [Experiment(case, samples).spikes() for samples in in_batches(case)]
    return np.concatenate([each for each in parts if each is not None]).reshape(
        case.n, case.n_steps, *case.population.shape
    )


def _with_values(found: LayerDiagnosis, graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float) -> LayerDiagnosis:
    """The diagnosis with current and voltage at the first difference."""
    first = found.comparison.first
    if first is None:
        return found
    one = one_sample(xs, first.sample)
    trace = trace_unit(graph, found.name, first.unit, one, first.sample, n_steps, dt)
    voltage = trace.voltage[first.step - 2] if first.step > 1 else 0.0
    return dataclasses.replace(found, current=trace.current[first.step - 1], voltage=voltage)


def _count_samples(graph: SpikingGraph, x: Any) -> int:
    """Number of samples in the inputs, before they are checked."""
    if isinstance(x, Mapping):
        x = next(iter(x.values()), ())
    elif len(graph.inputs) > 1 and isinstance(x, (list, tuple)):
        x = x[0] if x else ()
    if np.ndim(x) == 0 or len(x) == 0:
        raise InputError(f"x must be an array of samples. Received shape {np.shape(x)}.")
    return len(x)
