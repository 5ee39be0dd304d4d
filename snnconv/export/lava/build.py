"""Translation of a graph that is one chain into Loihi's layers, one per segment."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...graph import Conv, Filter, Input, Linear, MaxPool, Node, Population, SpikingGraph, Stateful
from ...graph.passes.spikes import plain_spikes
from ...neurons import IF, LIF, numpy_ops
from ...neurons.base import steps_as
from ...neurons.synapses import Lowpass
from ...text.advice import argument
from ..nir.windows import symmetric
from ..places import matrix
from ..target import Inputs, Limit, other_neurons, several_spikes
from .layers import UNITY, Layer, current_decay, current_share, threshold, voltage_decay, whole_biases, whole_weights


@dataclass(frozen=True, eq=False)
class Segment:
    """The linear nodes before a population, with their source.

    Parameters
    ----------
    population : Population
    source : Node
        The population or the inputs' first before them; the synapse behind it is left out.
    synapse : Filter or None
        Between the source and the linear nodes.
    nodes : tuple of Linear
        In execution order.
    """

    population: Population
    source: Node
    synapse: Filter | None
    nodes: tuple[Linear, ...]

    @property
    def conv(self) -> Conv | None:
        """The one convolution in two dimensions that the segment is, if so."""
        (*_, last), shape = self.nodes or (None,), self.source.shape
        return last if len(self.nodes) == 1 and isinstance(last, Conv) and len(shape) == 3 else None

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The input current of the population, for (n, *shape) values of the source."""
        start = self.source.name if self.synapse is None else self.synapse.name
        values = {start: x}
        for node in self.nodes:
            values[node.name] = node.apply(*(values[name] for name in node.inputs), xp=numpy_ops)
        return values[self.population.inputs[0]]


def segments(graph: SpikingGraph, refuse: Callable[[str, str, str], None]) -> list[Segment]:
    """The segments before the populations from the second on, each fed by the population before.

    Parameters
    ----------
    refuse : function (layer, what, advice)
        Told of everything that is no chain.
    """
    populations = [node for node in graph.nodes if isinstance(node, Population)]
    found = []
    for number, population in enumerate(populations):
        nodes, sources = _behind(graph, population)
        if number == 0:
            if any(not isinstance(source, Input) for source in sources):
                refuse(population.name, "the synapse before the first population", "Filter the inputs before")
            continue
        synapse = next((source for source in sources if isinstance(source, Filter)), None)
        source = sources[0] if synapse is None else graph[synapse.inputs[0]]
        if len(sources) != 1 or source is not populations[number - 1]:
            refuse(population.name, "the connections other than from the layer before", "Take layers in one chain")
            continue
        found.append(Segment(population, source, synapse, nodes))
    return found


def _behind(graph: SpikingGraph, population: Population) -> tuple[tuple[Linear, ...], list[Node]]:
    """The linear nodes before a population, and the nodes with a state, or inputs, that feed them."""
    waiting, linear, sources = list(population.inputs), set(), []
    while waiting:
        node = graph[waiting.pop()]
        if isinstance(node, (Stateful, Input)):
            sources += [node] if node not in sources else []
        elif node.name not in linear:
            linear.add(node.name)
            waiting += node.inputs
    return tuple(node for node in graph.nodes if node.name in linear and isinstance(node, Linear)), sources


MAX_MATRIX = 1 << 25  # weights of one layer


@dataclass(frozen=True, eq=False)
class Built:
    """Layers of Loihi, with the limits that the graph runs into.

    Parameters
    ----------
    layers : tuple of Layer
        Empty where a limit has no approximation.
    limits : tuple of Limit
    notes : tuple of str
    """

    layers: tuple[Layer, ...]
    limits: tuple[Limit, ...]
    notes: tuple[str, ...] = ()


def build(graph: SpikingGraph, inputs: Inputs, dt: float) -> Built:
    """Whole numbers for all layers; the first one's bias is scaled to the currents of these inputs."""
    limits = _limits(graph)
    stuck: dict[Limit, list[str]] = {}

    def refuse(layer: str, what: str, advice: str) -> None:
        stuck.setdefault(Limit(what, (), None, advice), []).append(layer)

    found: list[Segment] = []
    if not limits[1]:
        found = segments(plain_spikes(graph, dt, lambda node: current_share(node.neuron, dt)), refuse)
    for segment in found:
        size = math.prod(segment.source.shape) * math.prod(segment.population.shape)
        if segment.conv is None and size > MAX_MATRIX:
            refuse(segment.population.name, "the connections", f"As a matrix they would have {size:,} weights")
    stopping = (*limits[1], *(dataclasses.replace(limit, layers=tuple(names)) for limit, names in stuck.items()))
    if stopping:
        return Built((), (*limits[0], *stopping))
    first = first_population(graph)
    layers = [_first_layer(first, input_currents(graph, inputs), dt)]
    for segment in found:
        layers.append(_layer(segment, layers[-1], dt))
    notes = [
        f"'{layer.name}' is written as a matrix of {layer.kernel.size:,} weights"
        for segment, layer in zip(found, layers[1:], strict=True)
        if layer.kernel is not None and layer.conv is None and any(node.kind != "Dense" for node in segment.nodes[-1:])
    ]
    return Built(tuple(layers), limits[0], tuple(notes))


def first_population(graph: SpikingGraph) -> Population:
    """The population that the inputs reach."""
    return next(node for node in graph.nodes if isinstance(node, Population))


def input_currents(graph: SpikingGraph, inputs: Inputs) -> np.ndarray:
    """Currents of the first population, (n, *shape) or (n, n_steps, *shape), both biases included."""
    first = first_population(graph)
    place = [node.name for node in graph.nodes].index(first.name)
    nodes = [node for node in graph.nodes[:place] if not isinstance(node, Filter)]
    head = dataclasses.replace(graph, nodes=tuple(nodes), outputs={"current": first.inputs[0]}, report=())
    given = inputs.only(node.name for node in head.inputs)
    if given.n_steps is None:
        return head.rate_output(given) + first.neuron_bias
    every = given.over_time(given.n_steps)
    currents = head.rate_output({name: array.reshape(-1, *given.shapes[name]) for name, array in every.items()})
    return currents.reshape(given.n, given.n_steps, *first.shape) + first.neuron_bias


def _limits(graph: SpikingGraph) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """Limits of Loihi's neurons that the graph runs into."""
    populations = [node for node in graph.nodes if isinstance(node, Population)]
    advice = "Train with a tau_ref of 0 and a min_voltage of -inf"
    lifs = [node for node in populations if steps_as(node.neuron, LIF)]
    ifs = tuple(node.name for node in populations if steps_as(node.neuron, IF))
    refractory = tuple(node.name for node in lifs if getattr(node.neuron, "tau_ref", 0))
    floored = tuple(node.name for node in lifs if getattr(node.neuron, "min_voltage", 0) != -np.inf)
    others: dict[str, list[str]] = {}
    for node in populations:
        if not (steps_as(node.neuron, LIF) or steps_as(node.neuron, IF)):
            others.setdefault(node.neuron.kind, []).append(node.name)
    pools = tuple(node.name.removesuffix(".max") for node in graph.nodes if isinstance(node, MaxPool))
    synapses = tuple(
        node.name for node in graph.nodes if isinstance(node, Filter) and not isinstance(node.synapse, Lowpass)
    )
    soft = (
        Limit("the refractory period", refractory, "left out", advice),
        Limit("the voltage floor", floored, "left out", advice),
        *several_spikes(graph),
        Limit(
            "the initial voltage",
            tuple(node.name for node in populations if node.initial_voltage),
            "left out",
            "Give the populations an initial_voltage of 0",
        ),
        Limit("the IF neurons", ifs, "written with a reset to 0, without floor, with one spike a step"),
    )
    avoided = f"Convert with {argument('max_to_avg_pool', True)}"
    hard = (
        Limit("the max pooling", pools, None, f"{avoided}, which changes what is computed"),
        Limit("the synapses other than Lowpass", synapses, None, "Convert with a Lowpass synapse"),
        *(Limit(f"the {kind} neurons", tuple(names), None, other_neurons(kind)) for kind, names in others.items()),
        *([] if populations else [Limit("the absence of spiking neurons", (graph.name,))]),
    )
    return tuple(limit for limit in soft if limit.layers), tuple(limit for limit in hard if limit.layers)


def _first_layer(population: Population, currents: np.ndarray, dt: float) -> Layer:
    share = current_share(population.neuron, dt)
    shape = population.shape if len(population.shape) == 3 else (math.prod(population.shape),)
    decay = voltage_decay(population.neuron, dt)
    bias = np.zeros(shape, "int64")
    return Layer(population.name, shape, threshold(np.zeros(0), share * currents), decay, UNITY, bias)


def _layer(segment: Segment, before: Layer, dt: float) -> Layer:
    population, synapse = segment.population, segment.synapse
    decay = UNITY if synapse is None else current_decay(synapse.synapse.tau, dt)
    conv = segment.conv
    conv = symmetric(conv, segment.source.shape[:-1]) if conv is not None and len(before.shape) == 3 else None
    if conv is not None:
        kernel, shape = conv.kernel, conv.shape
        bias = np.zeros(shape[-1]) if conv.bias is None else conv.bias
    else:
        kernel, shape = matrix(segment.apply, segment.source.shape), (math.prod(population.shape),)
        bias = segment.apply(np.zeros((1, *segment.source.shape))).reshape(-1)
    kernel = kernel * (decay / UNITY)
    limit = threshold(kernel, bias)
    return Layer(
        population.name,
        shape,
        limit,
        voltage_decay(population.neuron, dt),
        decay,
        whole_biases(bias, limit),
        whole_weights(kernel, limit),
        conv,
    )
