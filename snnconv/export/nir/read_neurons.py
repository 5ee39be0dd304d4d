"""Neurons and synapses of NIR as populations and filters of a spiking graph.

NIR's ``tau·dv/dt = v_leak - v + r·I`` becomes a current ``J = (r·I + v_leak)/v_threshold`` and a time constant with
which a step here decays like a reader's Euler step.
"""

from __future__ import annotations

import math

import numpy as np

from ...errors import ModelFileError
from ...graph import Filter, Node, Population
from ...neurons import IF, LIF, Neuron
from ...neurons.synapses import Lowpass
from .neurons import IF_SHARE
from .primitives import Primitive
from .reader import Read, Reader


def read_lif(read: Reader, primitive: Primitive) -> None:
    """Add a LIF, or a CubaLIF with its synapse between kernel and neurons."""
    value = read.input(primitive)
    threshold = _threshold(primitive)
    source, gain, tau = value.node, primitive["r"] / threshold, "tau"
    if primitive.type == "CubaLIF":
        gain, tau = gain * primitive["w_in"], "tau_mem"
        source = _filter(read, f"{_name(primitive)}.synapse", source, _time_constant(read, primitive, "tau_syn"))
    bias = read.per_neuron(primitive["v_leak"] / threshold, value)
    neuron = LIF(_time_constant(read, primitive, tau), 0.0, _amplitude(read, primitive), -math.inf)
    _population(read, primitive, value, source, gain, bias, neuron)


def read_if(read: Reader, primitive: Primitive) -> None:
    """Add an IF: one that subtracts, or a LIF that resets to 0 and loses next to nothing, IF_SHARE a step."""
    value = read.input(primitive)
    gain = primitive["r"] * read.importer_dt / _threshold(primitive)  # of a step
    neuron: Neuron
    if read.subtracts:
        gain, neuron = gain / read.dt, IF(_amplitude(read, primitive), -math.inf, max_spikes=1)
    else:
        tau = -read.dt / math.log1p(-IF_SHARE)
        gain, neuron = gain / IF_SHARE, LIF(tau, 0.0, _amplitude(read, primitive), -math.inf)
    _population(read, primitive, value, value.node, gain, np.zeros(()), neuron)


def read_li(read: Reader, primitive: Primitive) -> None:
    """Add an LI, which is a lowpass, or a CubaLI, which is two of them."""
    sources = read.nir.sources(primitive.name)
    is_plain = primitive.type == "LI" and not np.any(primitive["v_leak"])
    value = read.values[sources[0]] if len(sources) == 1 and is_plain else read.input(primitive)
    name, node, gain, tau = primitive.name, value.node, primitive["r"], "tau"
    if primitive.type == "CubaLI":
        gain, tau = gain * primitive["w_in"], "tau_mem"
        node = _filter(read, f"{name}.synapse", node, _time_constant(read, primitive, "tau_syn"))
    gain = read.per_neuron(gain, value)
    if np.any(primitive["v_leak"]):  # what the lowpass goes to without an input
        node = read.scaled(f"{name}.gain", node, gain, read.per_neuron(primitive["v_leak"], value))
        gain = np.ones(())
    node = _filter(read, name, node, _time_constant(read, primitive, tau))
    read.values[name] = Read(read.scaled(f"{name}.gain", node, gain), value.order, value.height)


def _population(
    read: Reader, primitive: Primitive, value: Read, source: Node, gain: np.ndarray, bias: np.ndarray, neuron: Neuron
) -> None:
    """Add a population of neurons whose current is `gain` times the source, plus `bias`."""
    name = _name(primitive)
    source = read.scaled(f"{name}.gain", source, read.per_neuron(gain, value))
    node = Population(
        name=name,
        inputs=(source.name,),
        shape=source.shape,
        neuron=neuron,
        neuron_bias=bias,
        gain=np.ones(()),
    )
    read.keep(primitive, node, value.order, read.dt / neuron.amplitude)  # a spike is 1 in NIR, and amplitude/dt here


def _filter(read: Reader, name: str, source: Node, tau: float) -> Node:
    return read.add(Filter(name=name, inputs=(source.name,), shape=source.shape, synapse=Lowpass(tau)))


def _amplitude(read: Reader, primitive: Primitive) -> float:
    return float(primitive.metadata.get("neuron.amplitude", read.dt))


def _name(primitive: Primitive) -> str:
    return str(primitive.metadata.get("layer", primitive.name))


def _threshold(primitive: Primitive) -> np.ndarray:
    if np.any(primitive["v_reset"]):
        raise ModelFileError(f"v_reset of '{primitive.name}' is not 0, which no neuron of snnconv has.")
    if not (primitive["v_threshold"] > 0).all():
        raise ModelFileError(f"v_threshold of '{primitive.name}' must be above 0.")
    return primitive["v_threshold"]


def _time_constant(read: Reader, primitive: Primitive, key: str) -> float:
    """The time constant with which a step of dt decays like a reader's Euler step."""
    taus = np.unique(primitive[key].astype("float64"))
    if taus.size != 1:
        raise ModelFileError(f"'{primitive.name}' has neurons of different {key}; a population here has one.")
    share = read.importer_dt / float(taus[0])
    if not 0 < share < 1:
        raise ModelFileError(f"{key} of '{primitive.name}' must be above importer_dt = {read.importer_dt:g} s.")
    return -read.dt / math.log1p(-share)
