"""NIR, the Neuromorphic Intermediate Representation, as snnTorch, Norse, SpikingJelly and others read it.

The graph is translated into NIR's primitives (`lower`, `neurons`), written (`file`), and run again from the file as its
readers run it (`execute`); `read` is the way back, with `reader`, `read_linear` and `read_neurons`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..._version import __version__
from ...errors import ParameterError
from ...graph import Population, SpikingGraph
from ...graph.passes.spikes import plain_spikes
from ...runtime.result import Result
from ..places import Part, Value
from ..target import Inputs, Option, Plan, Settings, Target, several_spikes
from .builder import Builder
from .execute import execute
from .file import is_nir_file, read_file, write_file
from .lower import lower
from .neurons import add_outputs, current_scale, move_synapses
from .read import read_dt, read_nir

__all__ = ["TARGET", "is_nir_file", "plan", "read_dt", "read_nir"]


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Lower the graph to NIR."""
    options = settings.options
    importer_dt, dtype = options["importer_dt"], options["dtype"]
    if not (np.isfinite(importer_dt) and importer_dt > 0):
        raise ParameterError(f"--importer-dt must be above 0 seconds. Received {importer_dt!r}.")
    build = Builder(settings.dt, importer_dt, options["resistance"] == "1")
    chosen = graph
    if options["synapse_node"] == "CubaLIF":
        chosen, build.synapses = move_synapses(graph, build)

    def scale(node: Population) -> float:
        return current_scale(node.neuron, settings.dt, build.unit_resistance, build.synapses.get(node.name))

    prepared = plain_spikes(chosen, settings.dt, scale)
    values: dict[str, Value] = {}
    for node in prepared.nodes:
        values[node.name] = lower(node, build, [values[name] for name in node.inputs])
    outputs = add_outputs(prepared, build, values)
    limits = (*several_spikes(graph), *build.limits)
    about = {
        "written_by": f"snnconv {__version__}",
        "name": graph.name,
        "dt": settings.dt,
        "importer_dt": importer_dt,
        "not_held": "; ".join(map(str, limits)),
    }
    lowered = build.graph(about)
    inputs = {node.name: values[node.name][0] for node in prepared.inputs}
    populations = {name: values[name][0] for name in graph.populations}

    def write(path: Path) -> None:
        write_file(lowered, path, dtype)

    def run(path: Path, xs: Inputs, n_steps: int) -> Result:
        given = {part.source: _as_source(xs[name], part) for name, part in inputs.items()}
        spikes, found = execute(read_file(path), given, n_steps, importer_dt)
        return Result(
            outputs={label: _as_value(found[part.source], part) for label, part in outputs.items()},
            n_steps=n_steps,
            dt=settings.dt,
            spikes={name: _as_value(spikes[part.source], part) for name, part in populations.items()},
        )

    dt = f"dt={importer_dt:g}"
    note = f"its readers step with {dt} (Norse: from_nir(graph, {dt})), which stands for {settings.dt * 1e3:g} ms here"
    return Plan(write, run, limits, notes=(note, *build.notes))


def _as_source(x: np.ndarray, part: Part) -> np.ndarray:
    """Channels-last data in the order of the NIR input."""
    return np.moveaxis(x, -1, x.ndim - len(part.shape))


def _as_value(array: np.ndarray, part: Part) -> np.ndarray:
    """Output of a NIR node, (n, n_steps, *shape), in the order of the network."""
    return array.reshape(*array.shape[:2], -1)[:, :, part.places]


TARGET = Target(
    "nir",
    ".nir",
    "LIF neurons, synapses, dense and convolution layers, pooling, for snnTorch, Norse, SpikingJelly and others",
    "refractory periods, voltage floors, the reset of IF by subtraction, max pooling, other neurons",
    plan,
    (
        Option("importer_dt", float, 1e-4, "time step of the reader, in seconds; 1e-4 is fixed in snnTorch"),
        Option(
            "resistance", str, "1", "r of the neurons: 1, or tau/dt for readers that multiply by it", ("1", "tau/dt")
        ),
        Option("synapse_node", str, "LI", "synapses of their own, or in the neurons behind", ("LI", "CubaLIF")),
        Option("dtype", str, "float64", "type of the numbers; float32 halves the file", ("float64", "float32")),
    ),
    other_endings=(".h5", ".hdf5"),
    takes_signed_spikes=False,
)
