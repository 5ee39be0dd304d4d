"""Reader of NIR graphs as spiking graphs."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ...errors import ConversionWarning, ModelFileError, ParameterError, SnnconvError, in_short, one_line
from ...graph import SpikingGraph
from ...graph.passes import fold_affine
from . import read_linear, read_neurons
from .file import read_file
from .primitives import NirGraph, Primitive
from .reader import Reader

DEFAULT_DT = 1e-4  # of most readers


def read_nir(
    path: str | os.PathLike[str],
    dt: float | None = None,
    importer_dt: float | None = None,
    *,
    reset: Literal["zero", "subtraction"] = "zero",
) -> SpikingGraph:
    """Read the network in a NIR file, as NIR's readers understand it.

    Every LIF becomes one with ``exp(-dt/tau_rc) = 1 - importer_dt/tau``, so that a step of `dt` here is an Euler step
    of a reader; it has no refractory period and no voltage floor. The graph's own time step, `SpikingGraph.dt`, is
    `dt`, which runs and exports take where they are given none. The synapse of a CubaLIF stands between kernel and
    neurons. Both kinds of bias are in the kernels' nodes; v_leak is the neurons' bias. The nodes of a sub-graph are
    named "graph.node".

    Parameters
    ----------
    dt : float or None
        Time step for which the network is meant here, in seconds. None: what snnconv noted in the file, or importer_dt.
    importer_dt : float or None
        Time step of the readers for which the file was made. None: what snnconv noted in the file, or dt, or 1e-4.
    reset : str
        Of IF neurons: to "zero", as NIR has it, with a leak of 1e-6 a step; or by "subtraction" of the threshold, as
        Sinabs does, from which such files come. The latter has an integer form, for circuits and C.

    Returns
    -------
    SpikingGraph

    Raises
    ------
    ModelFileError
        If the file is missing or damaged, or holds a primitive or a parameter that has no equal here; see
        `snnconv.export.nir.primitives` for the primitives.
    ParameterError
        If `reset` is another word.

    Warns
    -----
    ConversionWarning
        If `dt` is not what snnconv noted in the file: the spikes are then those of the file's steps, in other time.
    """
    if reset not in ("zero", "subtraction"):
        raise ParameterError(f"reset must be 'zero' or 'subtraction'. Received {reset!r}.")
    graph = read_file(path)
    try:
        times = _times(graph, dt, importer_dt)
        noted = graph.metadata.get("dt", times.dt)
        if not math.isclose(times.dt, noted):
            warnings.warn(
                f"'{path}' was written for steps of {noted:g} s. Its neurons now do in a step of {times.dt:g} s what "
                f"they did in one of those; leave dt out to keep its time constants.",
                ConversionWarning,
                stacklevel=2,
            )
        return fold_affine(_spiking_graph(graph, times, reset == "subtraction"))
    except SnnconvError as error:
        raise ModelFileError(f"cannot read '{path}': {in_short(error)}") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, StopIteration) as error:
        raise ModelFileError(f"cannot read '{path}': its nodes do not fit together ({one_line(error)}).") from error


def read_dt(path: str | os.PathLike[str]) -> float:
    """The time step that a NIR file is read with where none is asked for, in seconds.

    Raises
    ------
    ModelFileError
        If the file is missing or damaged, or holds a primitive that has no equal here.
    """
    return _times(read_file(path), None, None).dt


@dataclass(frozen=True)
class _Times:
    """Length of a step here, and of the reader's step that it stands for, in seconds."""

    dt: float
    importer_dt: float


def _times(graph: NirGraph, dt: float | None, importer_dt: float | None) -> _Times:
    importer_dt = _time(graph, "importer_dt", importer_dt, DEFAULT_DT if dt is None else dt)
    return _Times(_time(graph, "dt", dt, importer_dt), importer_dt)


def _time(graph: NirGraph, name: str, given: float | None, default: float) -> float:
    time = graph.metadata.get(name, default) if given is None else given
    if not (isinstance(time, (int, float)) and math.isfinite(time) and time > 0):
        raise ModelFileError(f"{name} must be above 0 seconds. Received {time!r}.")
    return float(time)


def _spiking_graph(graph: NirGraph, times: _Times, subtracts: bool) -> SpikingGraph:
    read = Reader(graph, times.dt, times.importer_dt, subtracts)
    for primitive in graph.in_order():
        READERS[primitive.type](read, primitive)
    if not read.outputs:
        raise ModelFileError("the NIR graph has no Output.")
    metadata = {f"nir.{key}": str(value) for key, value in graph.metadata.items()} | {"dt": repr(times.dt)}
    return SpikingGraph(tuple(read.nodes), read.outputs, str(graph.metadata.get("name", "nir")), metadata)


READERS: Mapping[str, Callable[[Reader, Primitive], None]] = {
    "Input": read_linear.read_input,
    "Output": read_linear.read_output,
    "Affine": read_linear.read_affine,
    "Linear": read_linear.read_affine,
    "Conv1d": read_linear.read_conv,
    "Conv2d": read_linear.read_conv,
    "Flatten": read_linear.read_flatten,
    "Scale": read_linear.read_scale,
    "AvgPool2d": read_linear.read_pool,
    "SumPool2d": read_linear.read_pool,
    "LIF": read_neurons.read_lif,
    "CubaLIF": read_neurons.read_lif,
    "IF": read_neurons.read_if,
    "LI": read_neurons.read_li,
    "CubaLI": read_neurons.read_li,
}
