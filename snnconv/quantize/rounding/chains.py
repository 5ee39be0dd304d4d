"""Chains: all that is linear before neurons or an output, as one kernel for each branch that it adds up."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from ...graph import (
    Add,
    Affine,
    AveragePool,
    Concatenate,
    Conv,
    Dense,
    Difference,
    Filter,
    Input,
    MaxPool,
    Node,
    Population,
    Readout,
    Reshape,
    RunningSum,
    SpikingGraph,
)
from ...graph.nodes import Weighted
from ...graph.passes import fold_affine
from ...graph.passes.draft import Draft
from ...graph.passes.fold import fold_padding
from ..linear import Linear, Shape, compose, elementwise, from_channels, of_average_pool, of_conv, of_dense

Sink = tuple[str, str]  # "population" and its name, or "output" and its label
Way = tuple[Node, ...]  # the nodes from a source to a sink, in execution order, source first
MOST_BRANCHES = 64


class NoIntegerFormError(Exception):
    """A way has no integer form, for the reason in the message. It never leaves this package."""


@dataclass(frozen=True, eq=False)
class Pool:
    """A pool of spikes or inputs.

    Parameters
    ----------
    name : str
    node : AveragePool or MaxPool
        Its windows.
    source : str
        Name of the node or of the pool that feeds it.
    input_shape : tuple of int
        Shape that it reads its input in.
    factor : float
        What the sum over a window is multiplied with to be the mean, and by other factors on the way.
    is_running : bool
        Whether largest values are those of running sums.
    """

    name: str
    node: AveragePool | MaxPool
    source: str
    input_shape: Shape
    factor: float
    is_running: bool = False


@dataclass(frozen=True, eq=False)
class Branch:
    """One kernel for all that is linear between a source and a sink.

    Parameters
    ----------
    source : str
        Name of the population, the pool or the input that feeds it.
    pools : tuple of Pool
        On the way to `source`, in execution order.
    linear : Linear
        Kernel, and the part of the sink's biases that is counted here.
    factor : float
        What a value of the source is multiplied with besides the kernel.
    """

    source: str
    pools: tuple[Pool, ...]
    linear: Linear
    factor: float


@dataclass(frozen=True, eq=False)
class Chain:
    """All that is linear before a population or an output: the sum of one branch or of several.

    Parameters
    ----------
    sink : Sink
    branches : tuple of Branch
        Those that read the input last.
    synapse_tau : float
        Time constant of a lowpass on the way, in seconds; 0 where there is none.
    shape : tuple of int
        Of the neurons or the output.
    activation : str
        Function that the reader applies to an output.
    """

    sink: Sink
    branches: tuple[Branch, ...]
    synapse_tau: float
    shape: Shape
    activation: str

    @property
    def n_channels(self) -> int:
        """Channels that can have scales of their own: neurons that share weights in some branch belong together."""
        return math.gcd(*(branch.linear.kernel.shape[-1] for branch in self.branches))

    def per_neuron(self, array: np.ndarray) -> np.ndarray:
        """One number per channel as an array per neuron."""
        return from_channels(array, self.shape)

    @property
    def biases(self) -> np.ndarray:
        """The biases of all branches, per neuron."""
        return sum(self.per_neuron(branch.linear.bias) for branch in self.branches)  # pyright: ignore[reportReturnType]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A graph without its filters, and what was taken out of it.

    Parameters
    ----------
    synapses : mapping of sink to time constant in seconds
    factor, offset : float
        What is done to the input before everything else.
    """

    graph: SpikingGraph
    synapses: dict[Sink, float]
    factor: float
    offset: float


def prepare(graph: SpikingGraph) -> tuple[Prepared, list[str]]:
    """The graph that chains are read from, and a line for each synapse that has no integer form."""
    synapses, problems = {}, []
    for sink, ways in _ways(graph).items():
        try:
            synapses[sink] = _synapse_on(sink, ways)
        except NoIntegerFormError as error:
            problems.append(str(error))
    draft = Draft(graph)
    for node in graph.nodes:
        if isinstance(node, Filter):
            draft.bypass(node.name)
    folded = _with_sums(fold_padding(fold_affine(draft.graph())))
    return Prepared(*_without_input_affine(folded, synapses)), list(dict.fromkeys(problems))


def chains(prepared: Prepared, without: Collection[str]) -> tuple[list[Chain], list[str]]:
    """The chains to populations in execution order, then to outputs; and a line for each node that breaks one.

    Chains with a node named in `without` are left out.
    """
    found, problems = [], []
    for sink, ways in _ways(prepared.graph).items():
        if any(node.name in without for way in ways for node in way):
            continue
        try:
            found.append(_chain(prepared, sink, ways))
        except NoIntegerFormError as error:
            problems.append(str(error))
    return found, list(dict.fromkeys(problems))


def _ways(graph: SpikingGraph) -> dict[Sink, list[Way]]:
    """The ways to each sink, of which there are several where branches are added up; at most one too many."""
    ends = {("population", node.name): node.inputs[0] for node in graph.nodes if isinstance(node, Population)}
    ends |= {("output", label): name for label, name in graph.outputs.items()}
    return {sink: list(islice(_ways_to(graph, graph[end]), MOST_BRANCHES + 1)) for sink, end in ends.items()}


def _ways_to(graph: SpikingGraph, node: Node) -> Iterator[Way]:
    """The ways that end with a node. What it adds itself is on the first of them alone."""
    if not node.inputs or isinstance(node, Population):
        yield (node,)
    elif isinstance(node, (Add, Concatenate)):
        for name in node.inputs:
            for way in _ways_to(graph, graph[name]):
                yield (*way, node)
    else:
        for number, way in enumerate(_ways_to(graph, graph[node.inputs[0]])):
            yield (*way, _without_bias(node) if number else node)


def _without_bias(node: Node) -> Node:
    if isinstance(node, Weighted) and node.bias is not None:
        return dataclasses.replace(node, bias=None)
    if isinstance(node, Affine) and node.offset is not None:
        return dataclasses.replace(node, offset=None)
    return node


def _with_sums(graph: SpikingGraph) -> SpikingGraph:
    """The graph with sums in the place of branches that are joined, each with zeros for the channels of the others."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Concatenate):
            parts, start = [], 0
            for number, name in enumerate(node.inputs):
                n = graph[name].shape[-1]
                kernel = np.eye(n, node.shape[-1], start)
                part = Dense(name=f"{node.name}[{number}]", inputs=(name,), shape=node.shape, kernel=kernel)
                parts.append(part)
                start += n
            node = Add(name=node.name, inputs=tuple(part.name for part in parts), shape=node.shape)
            nodes += parts
        nodes.append(node)
    return graph.replace(nodes)


def _synapse_on(sink: Sink, ways: list[Way]) -> float:
    """Time constant of the lowpass on all ways to a sink; 0 where there is none."""
    taus = {way: _synapse_of(way) for way in ways}
    if len(set(taus.values())) == 1:
        return taus[ways[0]]
    name = next(node.name for way, tau in taus.items() if tau for node in way if isinstance(node, Filter))
    raise NoIntegerFormError(
        f"'{name}' (Filter): other branches that are added before {sink[0]} '{sink[1]}' have another synapse or none; "
        f"put one synapse on all of them, or none"
    )


def _synapse_of(way: Way) -> float:
    """Time constant of the lowpass on a way; 0 where there is none."""
    found = [node for node in way if isinstance(node, Filter)]
    if not found:
        return 0.0
    if len(found) > 1:
        raise NoIntegerFormError(
            f"'{found[1].name}' (Filter): a second synapse behind '{found[0].name}'; use one of them"
        )
    behind = next((node for node in way[way.index(found[0]) :] if isinstance(node, MaxPool)), None)
    if behind is not None:
        raise NoIntegerFormError(
            f"'{found[0].name}' (Filter): max pooling '{behind.name}' follows it, and takes plain spikes; convert the "
            f"model without a synapse there"
        )
    for node in way[: way.index(found[0])]:
        constant = node.bias if isinstance(node, Weighted) else node.offset if isinstance(node, Affine) else None
        if constant is not None and np.any(constant):
            raise NoIntegerFormError(
                f"'{found[0].name}' (Filter): it filters the bias of '{node.name}' too; put it right behind neurons"
            )
    return float(found[0].synapse.tau)


def _without_input_affine(
    graph: SpikingGraph, synapses: dict[Sink, float]
) -> tuple[SpikingGraph, dict[Sink, float], float, float]:
    """The graph without an Affine that is the same for all of the input; with the factor and the offset of that."""
    for node in graph.inputs:
        behind = graph.consumers(node.name)
        affine = behind[0] if len(behind) == 1 and not graph.is_output(node.name) else None
        if isinstance(affine, Affine) and np.size(affine.scale) == 1:
            offset = np.zeros(1) if affine.offset is None else np.ravel(affine.offset)
            if offset.size == 1:
                draft = Draft(graph)
                draft.bypass(affine.name)
                return draft.graph(), synapses, float(np.ravel(affine.scale)[0]), float(offset[0])
    return graph, synapses, 1.0, 0.0


def _chain(prepared: Prepared, sink: Sink, ways: list[Way]) -> Chain:
    if len(ways) > MOST_BRANCHES:
        raise NoIntegerFormError(
            f"more than {MOST_BRANCHES} branches are added before {sink[0]} '{sink[1]}'; put neurons between them"
        )
    branches = [_branch(way) for way in sorted(ways, key=lambda way: isinstance(way[0], Input))]
    activation = next((node.function for node in reversed(ways[0]) if isinstance(node, Readout)), "linear")
    return Chain(sink, tuple(branches), prepared.synapses.get(sink, 0.0), ways[0][-1].shape, activation)


def _branch(way: Way) -> Branch:
    source = way[0]
    if not isinstance(source, (Input, Population)):
        raise NoIntegerFormError(f"'{source.name}' ({source.kind}): nothing feeds it")
    pools: tuple[Pool, ...] = ()
    last, shape, factor = source.name, source.shape, 1.0
    linear: Linear | None = None
    is_added = False
    for before, node in pairwise(way):
        if isinstance(node, Add):
            is_added = True
        elif isinstance(node, AveragePool) and linear is None and not is_added:
            _check_pool(node)
            pools = (*pools, Pool(node.name, node, last, shape, factor / math.prod(node.size)))
            last, factor = node.name, 1.0
        elif isinstance(node, (RunningSum, MaxPool, Difference)):
            if is_added:
                raise NoIntegerFormError(
                    f"'{node.name}' ({node.kind}): it takes the largest of branches that are added or joined; put the "
                    f"max pooling on each branch, or neurons before it"
                )
            if linear is not None or factor <= 0:
                raise NoIntegerFormError(
                    f"'{node.name}' ({node.kind}): it takes the largest of weighted sums; put the activation before "
                    f"the max pooling"
                )
            if isinstance(node, MaxPool):
                is_running = isinstance(before, RunningSum)
                pools = (*pools, Pool(node.name, node, last, shape, factor, is_running))
                last, factor = node.name, 1.0
        elif isinstance(node, Affine) and linear is None and _is_factor(node):
            factor *= float(np.ravel(node.scale)[0])
        elif not isinstance(node, (Reshape, Readout)):
            linear = _extended(linear, node, shape)
        shape = node.shape
    return Branch(last, pools, elementwise(np.ones(()), np.zeros(()), shape) if linear is None else linear, factor)


def _extended(linear: Linear | None, node: Node, shape: Shape) -> Linear:
    """A linear layer with `node` behind it, which reads an input of `shape`."""
    if isinstance(node, Affine):
        return _with_affine(linear, node, shape)
    if isinstance(node, Dense):
        own = of_dense(node, shape)
    elif isinstance(node, Conv):
        own = of_conv(node, shape)
    elif isinstance(node, AveragePool):
        _check_pool(node)
        own = of_average_pool(node, shape)
    else:
        raise NoIntegerFormError(f"'{node.name}' ({node.kind}): it could not be folded into a kernel")
    both = own if linear is None else compose(linear, own)
    if both is None:
        raise NoIntegerFormError(
            f"'{node.name}' ({node.kind}): it follows another linear layer, and the two make no single kernel; put "
            f"neurons between them"
        )
    return both


def _with_affine(linear: Linear | None, node: Affine, shape: Shape) -> Linear:
    offset = np.zeros(()) if node.offset is None else node.offset
    if linear is None:
        return elementwise(node.scale, offset, shape)
    if np.ndim(node.scale) <= 1 and np.ndim(offset) <= 1 and linear.output_shape == shape:
        return linear.scaled(node.scale, offset)
    raise NoIntegerFormError(
        f"'{node.name}' (Affine): a gain per place behind a convolution; train with one per channel (shared_axes)"
    )


def _check_pool(node: AveragePool) -> None:
    if np.any(node.padding):
        raise NoIntegerFormError(
            f"'{node.name}' (AveragePool): windows at the border have other divisors; use padding='valid', or a size "
            f"that divides the input's"
        )


def _is_factor(node: Affine) -> bool:
    return np.size(node.scale) == 1 and (node.offset is None or not np.any(node.offset))
