"""Arguments of a run, checked: steps, dt, types, initial voltages, the state to start from, and what is recorded."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, Literal

import numpy as np

from ..errors import ConversionWarning, InputError, ParameterError
from ..graph import Node, Population, Reading, SpikingGraph
from ..graph.passes.spikes import spikes_in_a_step
from ..graph.reading import FIRST
from ..neurons import LIF
from ..neurons.base import State, is_number, is_whole, steps_as
from ..text.advice import argument, either

KINDS = ("spikes", "voltages", "rates")
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")
WAYS = ("auto", "parts", "whole")
MOST_STEPS = {"float32": 1 << 24, "float64": (1 << 31) - 1}
"""Steps that a run counts exactly, by the type that it computes in."""
SHORTEST_DT, LONGEST_DT = 1e-12, 1e3
Dtype = Literal["float32", "float64"]
DtypeLike = Dtype | type[np.float32] | type[np.float64] | np.dtype[Any]
Recording = Mapping[str, tuple[str, ...]]
"""Names of the populations to record, by kind, in the order of the network."""


def recording(graph: SpikingGraph, record: str | Iterable[str]) -> Recording:
    """Find what to record, from names such as "lif" (all of it), "lif.spikes", "lif.voltages", "lif.rates", or "all".

    Raises
    ------
    InputError
        If a name is not that of a population.
    """
    names = list(graph.populations)
    if not isinstance(record, Iterable):
        raise InputError(
            f"record must be the name of a population, 'all', or several names: {names}; () for none. "
            f"Received {record!r}."
        )
    entries = [record] if isinstance(record, str) else list(record)
    wanted: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for entry in entries:
        name, _, kind = (entry, "", "") if entry in names or entry == "all" else str(entry).rpartition(".")
        if (name not in names and name != "all") or kind not in ("", *KINDS):
            raise InputError(
                f"cannot record {entry!r}. Populations are {names}; record a name, 'all', or either followed by "
                f"one of {['.' + kind for kind in KINDS]}."
            )
        for each in KINDS if kind == "" else [kind]:
            wanted[each] |= set(names) if name == "all" else {name}
    return {kind: tuple(name for name in names if name in chosen) for kind, chosen in wanted.items()}


def check_steps(n_steps: Any, dt: Any, dtype: str = "float64", name: str = "n_steps") -> int:
    """`n_steps` as an int, after checking it and `dt`.

    Raises
    ------
    ParameterError
        If n_steps is not a whole number above 0 that `dtype` counts to, or dt not in `SHORTEST_DT`…`LONGEST_DT`.
    """
    if not is_whole(n_steps):
        raise ParameterError(f"{name} must be a whole number above 0. Received {n_steps!r}.")
    most = MOST_STEPS[np.dtype(dtype).name]
    if n_steps > most:
        wider = [argument("dtype", "float64")] if dtype == "float32" else []
        onward = either("go on from the state of a shorter run: run(x, n_steps, state=result.state)", "run fewer steps")
        advice = ", or ".join([*wider, onward])
        raise ParameterError(f"{name} must be at most {most:,} in {dtype}. Received {n_steps:,}. Instead: {advice}.")
    if not is_number(dt):
        raise ParameterError(f"dt must be a number of seconds, such as 0.001. Received {dt!r}.")
    if not SHORTEST_DT <= dt <= LONGEST_DT:
        if np.isfinite(dt) and dt > 0:
            raise ParameterError(
                f"dt must lie between {SHORTEST_DT:g} and {LONGEST_DT:g} seconds. Received {dt!r}. Is it in seconds?"
            )
        raise ParameterError(f"dt must be above 0 seconds. Received {dt!r}.")
    return int(n_steps)


def check_read_from(graph: SpikingGraph, read_from: Any, n_steps: int) -> Reading:
    """Reading of a run: the plain mean from the step asked for, or the graph's as far as the run is long enough.

    Raises
    ------
    ParameterError
        If it is neither None nor one of the steps.
    """
    if read_from is None:
        return graph.reading.within(n_steps)
    if isinstance(read_from, bool) or not isinstance(read_from, (int, np.integer)) or not 1 <= read_from <= n_steps:
        raise ParameterError(f"read_from must be None or a step from 1 to {n_steps}. Received {read_from!r}.")
    return Reading(int(read_from))


def check_graph(graph: Any, taker: str) -> None:
    """Raise ParameterError, with the way to a graph, unless this is one."""
    if isinstance(graph, SpikingGraph):
        return
    advice = f"Pass {taker}(snnconv.load(path))." if isinstance(graph, (str, PathLike)) else ""
    if hasattr(graph, "layers"):
        advice = f"Convert the Keras model first: {taker}(snnconv.convert(model))."
    raise ParameterError(f"{taker} takes a SpikingGraph. Received {type(graph).__name__}. {advice}".rstrip())


def check_dt(graph: SpikingGraph, dt: float) -> None:
    """Raise ParameterError, naming the population, unless all neurons run in steps of `dt` seconds.

    Warns
    -----
    ConversionWarning
        If the network was made for steps of another length, or has LIF neurons whose refractory period ends inside a
        step that they lose the rest of; not if it is calibrated, since then that was measured, nor without a refractory
        period, where one spike in a step is how other simulators define the neuron.
    """
    if "dt" in graph.metadata and not math.isclose(dt, graph.dt):
        warnings.warn(
            f"the network '{graph.name}' was made for steps of {graph.dt:g} s, and is used with steps of {dt:g} s: "
            f"its spikes are others. Leave dt out, or pass dt={graph.dt:g}.",
            ConversionWarning,
            stacklevel=3,
        )
    check_steps(1, dt)
    is_calibrated = FIRST in graph.metadata
    for node in graph.nodes:
        if isinstance(node, Population):
            try:
                node.neuron.check_dt(dt)
            except ParameterError as error:
                raise ParameterError(f"population '{node.name}': {error}") from None
            if is_calibrated or not steps_as(node.neuron, LIF) or not node.neuron.tau_ref:
                continue
            if not node.neuron.keeps_time(dt):
                warnings.warn(_lost_time(node.name, node.neuron, dt), ConversionWarning, stacklevel=3)


def _lost_time(name: str, neuron: LIF, dt: float) -> str:
    """The warning of LIF neurons whose refractory period leaves room for more spikes in a step than they may have."""
    most = "one spike" if neuron.max_spikes == 1 else f"{neuron.max_spikes} spikes"
    how_many = f": at 100 Hz by some {100 * neuron.lost_time(dt):.1%}" if neuron.max_spikes == 1 else ""
    more = f", or let them spike more often in a step: snnconv.passes.allow_several_spikes(graph, dt={dt:g})"
    return (
        f"population '{name}': the refractory period of {neuron.tau_ref * 1e3:.2g} ms ends inside the step of "
        f"{dt * 1e3:g} ms, and LIF neurons with at most {most} in a step lose what is left of it, so that rates come "
        f"out too low{how_many}. Run in steps of at most {neuron.max_spikes * neuron.tau_ref * 1e3:.2g} ms"
        f"{more if spikes_in_a_step(neuron, dt) > neuron.max_spikes else ''}."
    )


def check_flags(**values: Any) -> None:
    """Raise ParameterError unless every value is True or False."""
    for name, value in values.items():
        if not isinstance(value, (bool, np.bool_)):
            raise ParameterError(f"{name} must be True or False. Received {value!r}.")


def check_dtype(dtype: Any) -> Dtype:
    """Name of a type that both runtimes compute in, given as its name, or as NumPy or TensorFlow call it.

    Raises
    ------
    ParameterError
        If it is another one.
    """
    name = getattr(dtype, "name", getattr(dtype, "__name__", dtype))  # tf.float32 and np.dtype, np.float32
    if name not in ("float32", "float64"):
        raise ParameterError(f"dtype must be 'float32' or 'float64'. Received {dtype!r}.")
    return "float32" if name == "float32" else "float64"


def check_precision(precision: str, dtype: str) -> None:
    """Raise ParameterError unless products can be computed with `precision` in a run in `dtype`."""
    if precision not in PRECISIONS:
        raise ParameterError(f"precision must be one of {', '.join(map(repr, PRECISIONS))}. Received {precision!r}.")
    if precision != "float32" and dtype != "float32":
        raise ParameterError(f"precision {precision!r} is for dtype 'float32'. Received dtype {dtype!r}.")


def check_compile(compile: str) -> None:
    """Raise ParameterError unless there is such a way to compile a network."""
    if compile not in WAYS:
        raise ParameterError(f"compile must be one of {', '.join(map(repr, WAYS))}. Received {compile!r}.")


def check_varying(graph: SpikingGraph, varying: str | Iterable[str]) -> frozenset[str]:
    """Names of the inputs that vary in time, of one name or several; InputError if one is no input."""
    names, given = [node.name for node in graph.inputs], {varying} if isinstance(varying, str) else set(varying)
    for name in sorted(given - set(names)):
        raise InputError(f"varying names {name!r}, which is no input. Inputs are {names}.")
    return frozenset(given)


def initial_voltages(graph: SpikingGraph, initial_voltage: float | str, seed: int | None) -> dict[str, Any]:
    """Voltage of each population before the first step: the number, or one per neuron drawn from 0…1.

    A population with an initial voltage of its own keeps it. A neuron starts alike in every sample, so that results do
    not depend on how samples are batched.

    Raises
    ------
    ParameterError
        If it is neither "uniform" nor a number up to the threshold, 1.
    """
    populations = [node for node in graph.nodes if isinstance(node, Population)]
    if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
        raise ParameterError(f"seed must be None or a whole number of 0 or more. Received {seed!r}.")
    if isinstance(initial_voltage, str) and initial_voltage == "uniform":
        rng = np.random.default_rng(seed)
        return {node.name: node.initial_voltage or rng.random(node.shape) for node in populations}
    if not isinstance(initial_voltage, (int, float, np.number)) or not -np.inf < initial_voltage <= 1:
        raise ParameterError(
            f"initial_voltage must be 'uniform' or a number up to 1, the threshold. Received {initial_voltage!r}."
        )
    return {node.name: node.initial_voltage or float(initial_voltage) for node in populations}


def check_state(nodes: Iterable[Node], state: Mapping[str, State], n: int) -> None:
    """Raise InputError unless `state` fits these stateful nodes and `n` samples."""
    if not isinstance(state, Mapping) or not all(isinstance(each, Mapping) for each in state.values()):
        raise InputError("state must be that of a result of the same graph: run(x, n_steps, state=result.state).")
    for node in nodes:
        if node.name not in state:
            raise InputError(f"state lacks node '{node.name}'. Pass the state of a result of the same graph.")
        for variable, array in state[node.name].items():
            if np.shape(array) != (n, *node.shape):
                raise InputError(
                    f"state '{variable}' of '{node.name}' must have shape {(n, *node.shape)} for these {n} samples. "
                    f"Received {np.shape(array)}."
                )
