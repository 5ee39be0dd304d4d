"""Chains: all that is linear between neurons, pools, the input and an output, as one layer each."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...graph import (
    Affine,
    AveragePool,
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
class Chain:
    """One layer for all that is linear before a population or an output.

    Parameters
    ----------
    sink : Sink
    source : str
        Name of the population, the pool or the input that feeds it.
    pools : tuple of Pool
        On the way to `source`, in execution order.
    factor : float
        What a value of the source is multiplied with besides the kernel.
    synapse_tau : float
        Time constant of a lowpass on the way, in seconds; 0 where there is none.
    shape : tuple of int
        Of the neurons or the output.
    activation : str
        Function that the reader applies to an output.
    """

    sink: Sink
    source: str
    pools: tuple[Pool, ...]
    linear: Linear
    factor: float
    synapse_tau: float
    shape: Shape
    activation: str

    def per_neuron(self, array: np.ndarray) -> np.ndarray:
        """One number per channel of the kernel as an array per neuron."""
        return from_channels(array, self.linear.output_shape, self.shape)


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
    for sink, way in _ways(graph).items():
        try:
            synapses[sink] = _synapse_on(way)
        except NoIntegerFormError as error:
            problems.append(str(error))
    draft = Draft(graph)
    for node in graph.nodes:
        if isinstance(node, Filter):
            draft.bypass(node.name)
    folded = fold_padding(fold_affine(draft.graph()))
    return Prepared(*_without_input_affine(folded, synapses)), list(dict.fromkeys(problems))


def chains(prepared: Prepared, without: Collection[str]) -> tuple[list[Chain], list[str]]:
    """The chains to populations in execution order, then to outputs; and a line for each node that breaks one.

    Chains with a node named in `without` are left out.
    """
    found, problems = [], []
    for sink, way in _ways(prepared.graph).items():
        if any(node.name in without for node in way):
            continue
        try:
            found.append(_chain(prepared, sink, way))
        except NoIntegerFormError as error:
            problems.append(str(error))
    return found, list(dict.fromkeys(problems))


def _ways(graph: SpikingGraph) -> dict[Sink, list[Node]]:
    """The nodes from a source to each sink, in execution order, source first."""
    ends = {("population", node.name): node.inputs[0] for node in graph.nodes if isinstance(node, Population)}
    ends |= {("output", label): name for label, name in graph.outputs.items()}
    ways = {}
    for sink, end in ends.items():
        way = [graph[end]]
        while way[-1].inputs and not isinstance(way[-1], Population):
            way.append(graph[way[-1].inputs[0]])
        ways[sink] = way[::-1]
    return ways


def _synapse_on(way: list[Node]) -> float:
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


def _chain(prepared: Prepared, sink: Sink, way: list[Node]) -> Chain:
    source = way[0]
    if not isinstance(source, (Input, Population)):
        raise NoIntegerFormError(f"'{source.name}' ({source.kind}): nothing feeds it")
    pools: tuple[Pool, ...] = ()
    last, shape, factor = source.name, source.shape, 1.0
    linear: Linear | None = None
    activation = "linear"
    for before, node in pairwise(way):
        if isinstance(node, Readout):
            activation = node.function
        elif isinstance(node, AveragePool) and linear is None:
            _check_pool(node)
            pools = (*pools, Pool(node.name, node, last, shape, factor / math.prod(node.size)))
            last, factor = node.name, 1.0
        elif isinstance(node, (RunningSum, MaxPool, Difference)):
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
        elif not isinstance(node, Reshape):
            linear = _extended(linear, node, shape)
        shape = node.shape
    if linear is None:
        linear = elementwise(np.ones(()), np.zeros(()), shape)
    synapse_tau = prepared.synapses.get(sink, 0.0)
    return Chain(sink, last, pools, linear, factor, synapse_tau, shape, activation)


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
