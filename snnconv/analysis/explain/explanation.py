"""`explain`: the pipeline of a graph as equations with its numbers in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, ParameterError
from ...graph import Inputs, SpikingGraph
from ...text.plain import number, paragraph, plural, shape_text
from ...text.table import Report, Section, Table
from ...text.values import json_ready
from .layer import LayerExplanation, explain_population, explain_readout
from .layer_text import layer_parts, layer_title
from .questions import Answer, answers
from .requirements import Requirement, requirement_lines, requirements
from .sources import Source, graph_sources
from .trace import Trace, trace_parts, trace_title
from .unit import UnitExplanation, explain_unit, unit_index, unit_parts
from .variables import TRAINING_ONLY, Variable, locate

N_LAYERS = 3  # that are printed in full where no layer is named


@dataclass(frozen=True)
class Explanation:
    """The result of `SpikingGraph.explain`: it prints as text, and has all its numbers as data.

    Parameters
    ----------
    name : str
        The network's.
    dt : float
        Length of a step, in seconds.
    layers : tuple of LayerExplanation
        Populations and outputs: all, or the one that was asked for.
    variables : tuple of Variable
        Every variable of the Keras model, as far as it is known, or those of the layer.
    requirements : tuple of Requirement
        What it takes to get the same spikes elsewhere.
    answers : tuple of Answer
        Questions that people ask; empty where a layer was asked for.
    unit : UnitExplanation or None
    trace : Trace or None
        The unit's current, voltage and spikes at a sample, over time.
    """

    name: str
    dt: float
    layers: tuple[LayerExplanation, ...]
    variables: tuple[Variable, ...]
    requirements: tuple[Requirement, ...] = ()
    answers: tuple[Answer, ...] = ()
    unit: UnitExplanation | None = None
    trace: Trace | None = None
    in_full: bool = False

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The table of variables: path, shape, is_trainable, role, unit, places and trained_places of each."""
        return [dataclasses.asdict(variable) for variable in self.variables]

    @property
    def sections(self) -> tuple[Section, ...]:
        """The text in parts."""
        shown = self.layers if self.in_full else [*self.layers[:N_LAYERS], *self._outputs_behind()]
        with_rates = self.in_full and self.unit is None
        found = [(layer_title(each), layer_parts(each, self.in_full, with_rates)) for each in shown]
        left = len(self.layers) - len(shown)
        if left:
            names = [repr(layer.name) for layer in self.layers if layer not in shown]
            more = paragraph(f"{', '.join(names)}: likewise; name a layer to see it.")
            found.append((plural(left, "more layer"), [*more]))
        if self.unit is not None:
            place = ", ".join(map(str, self.unit.unit))
            found.append((f"Unit {place} of '{self.unit.layer}'", unit_parts(self.unit)))
        if self.trace is not None:
            found.append((trace_title(self.trace), trace_parts(self.trace)))
        if self.variables and self.unit is None:
            found.append(("Every variable of the Keras model", _variable_parts(self.variables, self.name)))
        if self.requirements and not self.in_full:
            title = "What it takes to get the same spikes elsewhere"
            found.append((title, [*requirement_lines(self.requirements)]))
        if self.answers:
            texts = [f"{answer.question} {answer.answer}" for answer in self.answers]
            found.append(("Questions people ask", [line for text in texts for line in paragraph(text, 2, 2)]))
        return tuple(Section("\n".join(paragraph(title, 0, 2)), parts, "bold") for title, parts in found)

    @property
    def report(self) -> Report:
        """The title and the sections."""
        return Report([Section("", self.title.splitlines()), *self.sections])

    def __str__(self) -> str:
        return str(self.report)

    @property
    def title(self) -> str:
        """The network in one line, and how to read the rest."""
        what = f"'{self.name}' in steps of dt = {number(self.dt * 1e3)} ms"
        return f"{what}\nJ: current of a neuron;  kernel', dense_bias': gain and normalisation folded in"

    def to_dict(self) -> dict[str, Any]:
        """All numbers in types that JSON can hold; an infinity is a text."""
        found = dataclasses.asdict(self)
        del found["in_full"]
        return json_ready(found)

    def _outputs_behind(self) -> list[LayerExplanation]:
        return [layer for layer in self.layers[N_LAYERS:] if not layer.neuron]


def explain(
    graph: SpikingGraph,
    layer: str | None = None,
    unit: int | tuple[int, ...] | None = None,
    x: Any = None,
    *,
    sample: int = 0,
    dt: float | None = None,
    sources: Sequence[Source] | None = None,
) -> Explanation:
    """Explain a graph; see `SpikingGraph.explain`.

    Parameters
    ----------
    sources : sequence of Source or None
        Every variable of the Keras model. None: those whose values the graph keeps.
    """
    dt = graph.dt if dt is None else dt
    if not (np.isfinite(dt) and dt > 0):
        raise ParameterError(f"dt must be above 0 seconds. Received {dt!r}.")
    about_unit = unit is not None or x is not None
    if layer is None and about_unit:
        layer = next(iter(graph.populations), None)
    names = list(dict.fromkeys([*graph.populations, *graph.readouts]))
    if layer is not None and layer not in names:
        raise InputError(f"'{layer}' is no population or output of '{graph.name}'. There are: {', '.join(names)}.")
    if about_unit and layer not in graph.populations:
        there = ", ".join(graph.populations) or "none"
        raise InputError(f"units and samples are explained for populations. Received '{layer}'. There are: {there}.")
    populations = [explain_population(graph, view, dt) for view in graph.populations.values()]
    outputs = [explain_readout(view) for label, view in graph.readouts.items() if label not in graph.populations]
    variables = locate(graph, graph_sources(graph) if sources is None else sources)
    needed = requirements(graph, populations, dt) if populations else ()
    if layer is None:
        questions = answers(graph, populations, variables, dt) if populations else ()
        return Explanation(graph.name, dt, (*populations, *outputs), variables, needed, questions)
    chosen = next(each for each in [*populations, *outputs] if each.name == layer)
    own = tuple(v for v in variables if any(place.split("/")[1:2] == [layer] for place in v.places))
    found = None
    if layer is not None and about_unit:
        view = graph.populations[layer]
        values = None if x is None else graph.rate_values(one_sample(graph.check_inputs(x, "float64"), sample))
        index = _busiest(values, layer) if unit is None and values is not None else unit
        place = unit_index(view.shape, 0 if index is None else index, layer)
        found = explain_unit(graph, view, place, dt, values, sample)
    return Explanation(graph.name, dt, (chosen,), own, needed, (), found, in_full=True)


def one_sample(xs: Inputs, sample: int) -> Inputs:
    """One sample of every input.

    Raises
    ------
    InputError
        If there is no such sample.
    """
    n = xs.n
    if not isinstance(sample, (int, np.integer)) or not 0 <= sample < n:
        raise InputError(f"sample must be a number from 0 to {n - 1}, as there are {n} samples. Received {sample!r}.")
    return xs.part(slice(sample, sample + 1))


def _busiest(values: dict[str, np.ndarray], layer: str) -> int:
    """Number of the unit with the highest rate."""
    return int(np.argmax(values[layer][0]))


def _variable_parts(variables: Sequence[Variable], model: str) -> list[Table | str]:
    rows, idle = [], []
    for variable in variables:
        path = variable.path.removeprefix(f"{model}/")
        if variable.role == TRAINING_ONLY:
            idle.append(path)
            continue
        trains = "yes" if variable.is_trainable else "no"
        rows.append((path, shape_text(variable.shape), trains, place_text(variable)))
    table = Table(("variable", "shape", "trains", "in the export"), rows, left=range(4), wrap=(0, 3))
    return [table, *(paragraph(f"for training only, not exported: {', '.join(idle)}", 2, 2) if idle else ())]


def place_text(variable: Variable) -> str:
    """The places of a variable in the export, and the change that it makes to it."""
    if not variable.places:
        return f"nowhere: {variable.role}"
    first, *others = variable.places
    folder = first.rpartition("/")[0]
    places = ", ".join([first, *(place.removeprefix(f"{folder}/") for place in others)])
    return places if variable.change in ("", "as it is") else f"{places}: {variable.change}"
