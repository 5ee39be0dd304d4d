"""Neurons, synapses, inputs and outputs as NIR's primitives.

NIR gives equations in continuous time, and its readers step them by Euler's method,

    v += dt_importer/tau · (r·I - v);    spike where v > 1, and v = 0

while the network decays by exp(-dt/tau_rc) in each step of its own dt. With ``share = 1 - exp(-dt/tau_rc)`` and
``tau = dt_importer/share`` a reader's step does exactly what a step of the network does, whatever its dt_importer:

    v += share · (r·I - v)         r = 1: I is the current J
                                   r = tau/dt_importer = 1/share: I is share · J

NIR's CubaLIF has a synapse inside the neuron. A lowpass commutes with the weights behind it, so that it can filter
their sum there just as well (`move_synapses`). That sum has the biases in it, though, which then rise with the
synapse's time constant instead of being there from the first step on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph import Filter, Input, Node, Population, SpikingGraph, Stateful
from ...neurons import IF, LIF, Neuron
from ...neurons.base import steps_as
from ...neurons.synapses import Alpha, Lowpass
from ..places import Part, Value, channels_first, standard_places
from ..target import other_neurons
from .builder import Builder
from .lower import identity, lower, nothing

IF_SHARE = 1e-6  # leak per step of the LIF neuron that stands for one without leak
DISCRETISATION = "exp(-dt/tau_rc) per step of dt; Euler steps of importer_dt do the same"


def leak(neuron: Neuron, dt: float) -> float:
    """Share of its voltage that a neuron loses in a step."""
    return -math.expm1(-dt / neuron.tau_rc) if hasattr(neuron, "tau_rc") else IF_SHARE  # pyright: ignore


def lowpass_share(tau: float, dt: float) -> float:
    """Share of the way to its input that a lowpass goes in a step."""
    return -math.expm1(-dt / tau)


def current_scale(neuron: Neuron, dt: float, unit_resistance: bool, synapse: float | None = None) -> float:
    """The factor that makes a current NIR's I.

    Parameters
    ----------
    unit_resistance : bool
        Whether r is 1; else it is tau/dt_importer.
    synapse : float or None
        Time constant of the lowpass in a CubaLIF, whose w_in is tau_syn/dt_importer and r tau_mem/dt_importer.
    """
    share = leak(neuron, dt)
    if synapse is not None:
        return lowpass_share(synapse, dt) * (dt if steps_as(neuron, IF) else share)
    if steps_as(neuron, IF):  # dt · J is added to the voltage in a step
        return dt / share if unit_resistance else dt
    return 1.0 if unit_resistance else share


@lower.register
def _(node: Input, build: Builder, values: list[Value]) -> Value:
    shape = channels_first(node.shape)
    name = build.add("Input", node.name, (), {"shape": np.array(shape)}, name=_prefixed("input", node.name))
    if len(shape) > 1:
        build.notes[f"input '{name}' is channels first, {shape}"] = None
    return (Part(name, shape, standard_places(node.shape)),)


@lower.register
def _(node: Population, build: Builder, values: list[Value]) -> Value:
    neuron = node.neuron
    if steps_as(neuron, LIF):
        advice = "Train with a tau_ref of 0 and a min_voltage of -inf"
        if neuron.tau_ref:
            build.limit(node.name, "the refractory period", "left out", advice)
        if neuron.min_voltage != -np.inf:
            build.limit(node.name, "the voltage floor", "left out", advice)
    elif steps_as(neuron, IF):
        instead = (
            f"written as LIF neurons that reset to 0, without floor, and lose {IF_SHARE:g} of their voltage a step"
        )
        build.limit(node.name, "the IF neurons", instead, "")
    else:
        build.limit(node.name, f"the {neuron.kind} neurons", None, other_neurons(neuron.kind))
        return nothing(node)
    if node.initial_voltage:
        build.limit(node.name, "the initial voltage", "left out", "Give the population an initial_voltage of 0")
    about = {f"neuron.{key}": value for key, value in neuron.parameters().items() if value is not None}
    about = {"neuron": neuron.kind, **about}
    kind = "CubaLIF" if node.name in build.synapses else "LIF"
    return _leaky(kind, node, build, values[0], leak(neuron, build.dt), about)


@lower.register
def _(node: Filter, build: Builder, values: list[Value]) -> Value:
    synapse = node.synapse
    if not isinstance(synapse, (Lowpass, Alpha)):
        build.limit(node.name, f"the {synapse.kind} synapse", None, "Convert with another synapse")
        return nothing(node)
    value = values[0]
    about = {"synapse": synapse.kind, "synapse.tau": synapse.tau}
    share = lowpass_share(synapse.tau, build.dt)
    if isinstance(synapse, Alpha):
        build.limit(
            node.name, "the Alpha synapse", "written as two lowpasses in series", "Convert with a Lowpass synapse"
        )
        value = _leaky("LI", node, build, value, share, about)
    build.notes[
        "its LI nodes (synapses) are in NIR's standard, but snnTorch 1.0, Norse 1.1 and SpikingJelly 2.0 cannot read "
        "them; they read --synapse-node CubaLIF"
    ] = None
    return _leaky("LI", node, build, value, share, about)


def _leaky(kind: str, node: Any, build: Builder, value: Value, share: float, about: dict[str, Any]) -> Value:
    """A LIF, CubaLIF or LI primitive, in the layout of its source."""
    if not _is_one_array(value):
        value = identity(f"{node.name}_input", node.shape, build, value)
        if not value or not value[0].is_whole:  # it could not be written
            return nothing(node)
    shape, places = value[0].shape, value[0].places
    unit_resistance = (build.unit_resistance and kind == "LIF") or kind == "LI"
    parameters = {"v_leak": 0.0, "r": 1.0 if unit_resistance else 1 / share}
    parameters["tau_mem" if kind == "CubaLIF" else "tau"] = build.importer_dt / share
    if kind != "LI":
        parameters |= {"v_threshold": 1.0, "v_reset": 0.0}
    if kind == "CubaLIF":
        synapse = lowpass_share(build.synapses[node.name], build.dt)
        parameters |= {"tau_syn": build.importer_dt / synapse, "w_in": 1 / synapse}
        about = {**about, "synapse": "Lowpass", "synapse.tau": build.synapses[node.name]}
    parameters = {key: np.full(shape, value) for key, value in parameters.items()}
    times = {"dt": build.dt, "importer_dt": build.importer_dt, "discretisation": DISCRETISATION}
    name = build.add(kind, node.name, value, parameters, {**times, **about})
    return (Part(name, shape, places),)


def _prefixed(kind: str, name: str) -> str:
    """The name with its kind in front: it says what it is of, and differs from the name of its layer."""
    return name if name.startswith(kind) else f"{kind}_{name}"


def _is_one_array(value: Value) -> bool:
    """Whether the edges from a value's parts carry just its numbers."""
    first, sources = value[0], {part.source for part in value}
    return len(sources) == len(value) and first.is_whole and all(part.same_places(first) for part in value)


def add_outputs(graph: SpikingGraph, build: Builder, values: dict[str, Value]) -> dict[str, Part]:
    """Add the outputs, and return the part of each that holds its value."""
    found = {}
    for label, name in graph.outputs.items():
        value = values[name]
        if len(value) != 1 or not value[0].is_whole:
            value = identity(f"{label}_sum", graph[name].shape, build, value)
        if not value:
            continue
        part = value[0]
        if not part.is_standard and len(part.places.shape) > 1:
            build.notes[f"output '{label}' is flat, in another order than Keras'"] = None
        activation = graph.readouts[label].activation
        about = {"activation": activation}
        output = build.add(
            "Output", label, value, {"shape": np.array(part.shape)}, about, name=_prefixed("output", label)
        )
        found[label] = Part(output, part.shape, part.places)
    return found


def move_synapses(graph: SpikingGraph, build: Builder) -> tuple[SpikingGraph, dict[str, float]]:
    """The graph without synapses, and the time constant of the one that each population has taken over.

    What cannot be moved is told to `build`.
    """
    taken: dict[str, float] = {}
    for node in graph.nodes:
        if not isinstance(node, Population):
            continue
        sources = _behind(graph, node)
        synapses = [source.synapse for source in sources if isinstance(source, Filter)]
        if not synapses:
            continue
        if len(synapses) < len(sources) or any(synapse != synapses[0] for synapse in synapses):
            advice = "Write it with --synapse-node LI"
            build.limit(node.name, "the different synapses before one CubaLIF", None, advice)
        elif not isinstance(synapses[0], Lowpass):
            build.limit(node.name, "the Alpha synapse before a CubaLIF", None, "Convert with a Lowpass synapse")
        else:
            taken[node.name] = synapses[0].tau
            if _has_bias(graph, node):
                instead = "rising with the time constant of the synapse"
                build.limit(node.name, "the biases behind a synapse", instead, "Write it with --synapse-node LI")
    for name in graph.outputs.values():
        for source in [graph[name]] if isinstance(graph[name], Filter) else _behind(graph, graph[name]):
            if isinstance(source, Filter):
                advice = "Write it with --synapse-node LI"
                build.limit(source.name, "the synapse before an output", "left out", advice)
    renamed = {node.name: node.inputs[0] for node in graph.nodes if isinstance(node, Filter)}
    return graph.replace((node for node in graph.nodes if not isinstance(node, Filter)), renamed), taken


def _behind(graph: SpikingGraph, node: Node) -> list[Node]:
    """The nodes with a state, or inputs, whose values reach a node through linear nodes."""
    waiting, seen, found = list(node.inputs), set(), []
    while waiting:
        source = graph[waiting.pop()]
        if source.name in seen:
            continue
        seen.add(source.name)
        if isinstance(source, (Stateful, Input)):
            found.append(source)
        else:
            waiting += source.inputs
    return found


def _has_bias(graph: SpikingGraph, population: Population) -> bool:
    """Whether a population receives a current where all else is silent."""
    if np.any(population.neuron_bias):
        return True
    waiting = list(population.inputs)
    while waiting:
        node = graph[waiting.pop()]
        if isinstance(node, (Stateful, Input)):
            continue
        if any(np.any(array) for key, array in node.arrays().items() if key in ("bias", "offset")):
            return True
        waiting += node.inputs
    return False
