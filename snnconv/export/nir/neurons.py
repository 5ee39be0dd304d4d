"""From a prepared graph to NIR's primitives: inputs, neurons, synapses and outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Filter, Input, Population, SpikingGraph
from ...neurons import IF, LIF
from ...synapses import Alpha, Lowpass
from ..places import Part, Value, channels_first, standard_places
from ..target import other_neurons
from .builder import Builder
from .lower import identity, lower, nothing
from .scales import IF_SHARE, leak, lowpass_share

DISCRETISATION = "exp(-dt/tau_rc) per step of dt; Euler steps of importer_dt do the same"


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
    if isinstance(neuron, LIF):
        advice = "Train with tau_ref=0 and min_voltage=float('-inf')"
        if neuron.tau_ref:
            build.limit(node.name, "the refractory period", "left out", advice)
        if neuron.min_voltage != -np.inf:
            build.limit(node.name, "the voltage floor", "left out", advice)
    elif isinstance(neuron, IF):
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
    """A LIF, CubaLIF or LI primitive, laid out as what feeds it."""
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
    """A name that says what it is of, and differs from the layer's that gives it."""
    return name if name.startswith(kind) else f"{kind}_{name}"


def _is_one_array(value: Value) -> bool:
    """Whether the edges from a value's parts carry just its numbers."""
    first, sources = value[0], {part.source for part in value}
    return len(sources) == len(value) and first.is_whole and all(part.same_places(first) for part in value)


def add_outputs(graph: SpikingGraph, build: Builder, values: dict[str, Value]) -> dict[str, Part]:
    """Add the outputs, and return where the value of each is."""
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
