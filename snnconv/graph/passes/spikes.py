"""Passes that change the heights of spikes and the firing rates, and the kernels around them, for the same output."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ...errors import ConversionError
from ...neurons import IF, LIF, Follower, Neuron, PiecewiseLinear, SignedIF
from ...neurons.base import as_tuples, is_number, steps_as
from .. import Affine, Filter, Node, Population, SpikingGraph
from .fold import fold_affine
from .recoding import Recoding, recode

MOST_SPIKES, MOST_WITHOUT_REST = 64, 16
"""Most spikes in a step that `allow_several_spikes` allows, with a refractory period and without one; each costs as
much as a step with one."""


def expose_spike_height(graph: SpikingGraph, dt: float) -> SpikingGraph:
    """Give every spike the height 1 and move the factor amplitude/dt into the kernels that follow.

    The outputs of the graph stay as they are at this `dt`; its rate outputs too.
    """
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        nodes.append(node)
        if isinstance(node, Population) and node.neuron.amplitude != dt:
            nodes[-1] = dataclasses.replace(node, neuron=node.neuron.with_amplitude(dt))
            scale = Affine(
                name=_free(graph, f"{node.name}.height"),
                inputs=(node.name,),
                shape=node.shape,
                scale=np.asarray(node.neuron.amplitude / dt),
            )
            nodes.append(scale)
            renamed[node.name] = scale.name
    outputs = {label: renamed.get(name, name) for label, name in graph.outputs.items()}
    return fold_affine(dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs))


def set_spike_heights(
    graph: SpikingGraph, heights: Mapping[str, np.ndarray | float], dt: float, spikes: str = "binary"
) -> SpikingGraph:
    """Give IF and Follower populations spikes of these heights, at most one per step, for the same rate outputs.

    A channel's current is divided by its height and its output multiplied by it; both end in the kernels around.
    Activations above the height are out of reach: the neuron then spikes at every step. So are those of a Follower
    below minus the height.

    Parameters
    ----------
    heights : mapping of population name to number or (channels,) array
        Output of the neuron at a spike; above 0.
    dt : float
        Length of the steps, in seconds.
    spikes : str
        "binary" for `IF` neurons, "signed" for `SignedIF` neurons, which can take spikes back.

    Raises
    ------
    ConversionError
        If a population is not there or not one of IF or Follower neurons.
    """
    for name in heights:
        if name not in graph.populations or not has_height(graph.populations[name].neuron):
            raise ConversionError(
                f"spike heights can be set for populations of IF or Follower neurons; '{name}' is none."
            )
    populations = {name: graph.populations[name].neuron for name in heights}
    return recode(graph, {name: of_height(populations[name], heights[name], dt, spikes) for name in heights})


def is_relu(neuron: Neuron) -> bool:
    """Whether the rate is a relu of the current, with or without a ceiling."""
    if isinstance(neuron, PiecewiseLinear):
        return not (neuron.fires_negative or neuron.threshold)
    return steps_as(neuron, IF) or steps_as(neuron, SignedIF)


def has_height(neuron: Neuron) -> bool:
    """Whether the height of a neuron's spikes can be chosen: that of a relu, or of a Follower."""
    return is_relu(neuron) or isinstance(neuron, Follower)


def of_height(neuron: Neuron, height: np.ndarray | float, dt: float, spikes: str = "binary") -> Recoding:
    """The recoding of a relu or a Follower to neurons with spikes of one height per channel, at most one per step."""
    height = np.asarray(height, "float64")
    current = neuron.amplitude / (height * dt)
    if isinstance(neuron, Follower):
        return Recoding(dataclasses.replace(neuron, amplitude=dt, max_spikes=1), current, height)
    ceiling = getattr(neuron, "max_rate", getattr(neuron, "rate_limit", None))
    limit = None if ceiling is None else as_tuples((np.asarray(ceiling) * current).tolist())
    if spikes == "signed":
        signed = neuron if steps_as(neuron, SignedIF) else SignedIF()
        return Recoding(dataclasses.replace(signed, amplitude=dt, rate_limit=limit), current, height)
    highest = None if limit is None else float(np.max(limit))
    return Recoding(IF(amplitude=dt, min_voltage=-math.inf, max_spikes=1, rate_limit=highest), current, height)


def plain_spikes(graph: SpikingGraph, dt: float, current_scale: Callable[[Population], float]) -> SpikingGraph:
    """The same network with spikes of height 1, and with currents scaled and neuron biases in the kernels before.

    Parameters
    ----------
    current_scale : function of a population
        What its current is multiplied by.
    """
    nodes: list[Node] = []
    heights: dict[str, str] = {}  # what stands for the output of a population or a synapse
    for node in graph.nodes:
        source = graph[node.inputs[0]] if isinstance(node, Filter) else node
        if isinstance(node, Population) or not isinstance(source, Population):
            node = dataclasses.replace(node, inputs=tuple(heights.get(name, name) for name in node.inputs))
        if isinstance(node, Population):
            scale = current_scale(node)
            current = _affine(
                _free(graph, f"{node.name}.current"), node, node.inputs[0], scale, scale * node.neuron_bias
            )
            node = dataclasses.replace(node, inputs=(current.name,), neuron_bias=np.zeros_like(node.neuron_bias))
            nodes.append(current)
        nodes.append(node)
        if isinstance(source, Population):  # behind a synapse, so that the synapse filters plain spikes
            nodes.append(_affine(_free(graph, f"{node.name}.height"), node, node.name, source.neuron.amplitude / dt))
            heights[node.name] = nodes[-1].name
    outputs = {label: heights.get(name, name) for label, name in graph.outputs.items()}
    used = {name for node in nodes for name in node.inputs} | set(outputs.values())
    kept = tuple(node for node in nodes if node.name in used or not isinstance(node, Affine))
    return fold_affine(dataclasses.replace(graph, nodes=kept, outputs=outputs))


def _affine(name: str, node: Node, source: str, scale: float, offset: np.ndarray | None = None) -> Affine:
    return Affine(name=name, inputs=(source,), shape=node.shape, scale=np.asarray(scale), offset=offset)


def _free(graph: SpikingGraph, name: str) -> str:
    """The name, or one like it that no node has: factors of an earlier pass stay where they could not fold."""
    taken = {node.name for node in graph.nodes}
    names = itertools.chain([name], (f"{name}{number}" for number in itertools.count(2)))
    return next(each for each in names if each not in taken)


def scale_firing_rates(graph: SpikingGraph, factor: float | Mapping[str, float]) -> SpikingGraph:
    """Multiply the firing rates and divide the amplitudes, so that rate outputs stay the same.

    IF neurons get `factor` times the current. LIF neurons cannot, since their rate is no multiple of the current:
    their time constants are divided by `factor` instead, which is exact in continuous time. With tau_ref below dt, what
    is left of a step after the refractory period is lost, and rates come out too low, unless the neurons may spike
    several times in a step: `allow_several_spikes`.

    Parameters
    ----------
    factor : float or mapping of population name to float
        Above 0.

    Raises
    ------
    ConversionError
        If a name is not that of a population, or a factor is not above 0.
    """
    factors = factors_of(graph, factor)
    nodes: dict[str, Node] = {}
    for node in graph.nodes:
        if isinstance(node, Population) and factors.get(node.name, 1) != 1:
            neuron, current = node.neuron.scale_rates(factors[node.name])
            if current != 1:
                scale = _scaled_current(graph, node, current)
                nodes[scale.name] = scale
                node = dataclasses.replace(node, inputs=(scale.name,))
            node = dataclasses.replace(
                node, neuron=neuron, neuron_bias=node.neuron_bias * current, gain=node.gain * current
            )
        nodes[node.name] = node
    return graph.replace(nodes.values())


def _scaled_current(graph: SpikingGraph, node: Population, factor: float) -> Affine:
    """The factor in the gain before a population, where it is alone with it; else as a node of its own."""
    source = graph[node.inputs[0]]
    is_alone = graph.consumers(source.name) == (node,) and not graph.is_output(source.name)
    if isinstance(source, Affine) and is_alone and not source.trained:
        offset = None if source.offset is None else source.offset * factor
        return dataclasses.replace(source, scale=source.scale * factor, offset=offset)
    name = _free(graph, f"{node.name}.rate_scale")
    return Affine(name=name, inputs=node.inputs, shape=node.shape, scale=np.asarray(factor))


def _is_factor(value: Any) -> bool:
    return is_number(value) and bool(np.isfinite(value)) and value > 0


def allow_several_spikes(graph: SpikingGraph, dt: float, names: str | Iterable[str] | None = None) -> SpikingGraph:
    """Let LIF populations spike several times in a step where their refractory period is below one.

    They then lose nothing of a step, and fire as in continuous time under a current that is constant in each step.
    Populations whose refractory period is a step or more stay as they are.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    names : str, iterable of str or None
        Populations to change. None: all.

    Raises
    ------
    ConversionError
        If a name is not that of a population.
    """
    wanted = [names] if isinstance(names, str) else names
    chosen = graph.populations if wanted is None else named_populations(graph, wanted, "allow_several_spikes")
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Population) and node.name in chosen and steps_as(node.neuron, LIF):
            neuron = dataclasses.replace(node.neuron, max_spikes=spikes_in_a_step(node.neuron, dt))
            node = dataclasses.replace(node, neuron=neuron)
        nodes.append(node)
    return graph.replace(nodes)


def spikes_in_a_step(neuron: LIF, dt: float) -> int:
    """The spikes that a step has room for, within what is allowed; at least those that the neuron may have."""
    if neuron.keeps_time(dt):
        return neuron.max_spikes
    room = math.ceil(dt / neuron.tau_ref - 1e-9) if neuron.tau_ref else MOST_WITHOUT_REST
    return max(neuron.max_spikes, min(room, MOST_SPIKES))


def named_populations(graph: SpikingGraph, names: Iterable[str], what: str) -> set[str]:
    """The names that `what` gives, after checking them.

    Raises
    ------
    ConversionError
        If a name is not that of a population.
    """
    wanted, known = set(names), [node.name for node in graph.nodes if isinstance(node, Population)]
    if unknown := sorted(wanted - set(known)):
        raise ConversionError(f"{what} names '{unknown[0]}', which is no population. There are: {known}.")
    return wanted


def factors_of(graph: SpikingGraph, factor: float | Mapping[str, float]) -> dict[str, float]:
    """The factor of each population that has one.

    Raises
    ------
    ConversionError
        If a name is not that of a population, or a factor is not above 0.
    """
    names = [node.name for node in graph.nodes if isinstance(node, Population)]
    factors: dict[str, float] = dict(factor) if isinstance(factor, Mapping) else dict.fromkeys(names, factor)
    named_populations(graph, factors, "scale_firing_rates")
    bad = next((value for value in factors.values() if not _is_factor(value)), None)
    if bad is not None:
        raise ConversionError(f"scale_firing_rates must be a number above 0. Received {bad!r}.")
    return factors
