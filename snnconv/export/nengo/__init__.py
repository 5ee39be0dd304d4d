"""Nengo: a script that rebuilds the network, with its weights beside it, so that Nengo's backends can take it.

Neurons are Nengo's own, `nengo.LIF` and `nengo.SpikingRectifiedLinear`, starting at rest. Synapses are Nodes with
Nengo's `Lowpass` or `Alpha`, which discretise as ours do and answer in the same step; on a connection they would answer
one step later.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from ...files.archives import write_npz
from ...graph import Filter, SpikingGraph
from ...runtime.result import Result
from ..target import Inputs, Option, Plan, Settings, Target, several_spikes
from .emit import emit
from .script import script
from .writer import Writer

__all__ = ["TARGET", "plan"]

SCRIPT, WEIGHTS = "network.py", "weights.npz"


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the graph as a Nengo script."""
    writer = Writer(settings.options["synapse_delay"])
    emit(graph, writer)
    limits = (*several_spikes(graph), *writer.limits)

    def write(path: Path) -> None:
        (path / SCRIPT).write_text(script(graph, writer, settings.dt), "utf-8")
        write_npz(path / WEIGHTS, writer.arrays)

    def run(path: Path, inputs: Inputs, n_steps: int) -> Result:
        spikes, outputs = _load(path / SCRIPT).run(dict(inputs), n_steps)
        shaped = {
            label: outputs[label].reshape(*outputs[label].shape[:2], *graph[name].shape)
            for label, name in graph.outputs.items()
        }
        return Result(shaped, n_steps, settings.dt, spikes)

    changes = ()
    filters = [node.name for node in graph.nodes if isinstance(node, Filter)]
    if filters and writer.delayed:
        changes = (f"one step of delay in {', '.join(map(repr, filters))}, as Nengo's synapses have",)
    notes = [f"python {SCRIPT} in the folder runs it; its build() gives a nengo.Network for other backends"]
    if writer.needs_if:
        notes.append("its class IF runs in Nengo itself; other backends may not know it")
    if importlib.util.find_spec("nengo") is None:
        reason = "Nengo is not installed here; its neurons have the same equations. Install nengo to measure"
        return Plan(write, None, limits, changes, tuple(notes), unmeasured=reason)
    return Plan(write, run, limits, changes, tuple(notes))


def _load(path: Path) -> ModuleType:
    """The script as a module, under a name of its own; not imported, which would leave bytecode in the folder."""
    module = ModuleType("snnconv_exported_network")
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), path, "exec"), vars(module))
    return module


TARGET = Target(
    "nengo",
    "_nengo",
    "a script that builds the network in Nengo and its weights; every layer, LIF and IF neurons, synapses",
    "max pooling, other neurons than LIF and IF",
    plan,
    (Option("synapse_delay", bool, False, "synapses of connections, one step late, for backends without Nodes"),),
    is_folder=True,
    takes_signed_spikes=False,
)
