"""Translation of a graph into the lines that build it in Nengo."""

from __future__ import annotations

import math
from functools import partial, singledispatch

import numpy as np

from ...graph import (
    Affine,
    AveragePool,
    Conv,
    Dense,
    Difference,
    Filter,
    Function,
    Input,
    Linear,
    Lookup,
    MaxPool,
    Node,
    Population,
    RunningMean,
    RunningSum,
    SpikingGraph,
    Weighted,
)
from ...neurons import IF, LIF, numpy_ops
from ...neurons.base import steps_as
from ...neurons.synapses import Alpha, Lowpass
from ...text.advice import argument
from ...text.plain import shape_text
from ..nir.windows import undilated
from ..places import Value, matrix_rows, move
from ..target import FUNCTIONS, Limit, other_neurons
from .writer import Writer, is_plain, whole


def emit(graph: SpikingGraph, write: Writer) -> None:
    """Add the lines of all nodes and outputs."""
    values: dict[str, Value] = {}
    for node in graph.nodes:
        if _is_fused(graph, node):
            values[node.name] = ()
            continue
        source = graph[node.inputs[0]] if isinstance(node, Population) else None
        if isinstance(node, Population) and isinstance(source, Linear) and _is_fused(graph, source):
            values[node.name] = _population(
                node, write, values[source.inputs[0]], source, graph[source.inputs[0]].shape
            )
        else:
            values[node.name] = _emit(node, write, [values[name] for name in node.inputs])
    for label, name in graph.outputs.items():
        key, value = f"output.{label}", values[name]
        if len(value) == 1 and is_plain(value[0]):
            write.layers[key] = value[0].source
        else:
            variable, lines = write.node(key, graph[name].shape)
            write.say(f"output {label!r}", *lines, *write.connections(key, value, variable))


def _is_fused(graph: SpikingGraph, node: Node) -> bool:
    """Whether a node becomes the transform of a connection straight to neurons."""
    consumers = graph.consumers(node.name)
    has_weights = isinstance(node, (Weighted, Affine, AveragePool))
    return (
        has_weights and len(consumers) == 1 and isinstance(consumers[0], Population) and not graph.is_output(node.name)
    )


@singledispatch
def _emit(node: Node, write: Writer, values: list[Value]) -> Value:
    """Add the lines of a node, and return its value."""
    moved = move(node, values)
    if moved is not None:
        return moved
    if not isinstance(node, Linear):
        return _missing(node, write, f"the {node.kind}", "Export to another target")
    shape = values[0][0].places.shape
    name, lines = write.node(node.name, node.shape, bias(node))
    lines += write.connections(node.name, values[0], name, transform(node, shape, write))
    write.say(_title(node), *lines)
    return whole(name, node.shape)


@_emit.register
def _(node: MaxPool, write: Writer, values: list[Value]) -> Value:
    advice = f"Convert with {argument('max_to_avg_pool', True)}, which changes what the network computes"
    return _missing(node, write, "the max pooling", advice)


@_emit.register
def _(node: Function, write: Writer, values: list[Value]) -> Value:
    return _missing(node, write, *FUNCTIONS)


@_emit.register
def _(node: Lookup, write: Writer, values: list[Value]) -> Value:
    return _missing(node, write, "the lookup in a table", "Look the rows up outside of the network")


@_emit.register(RunningMean)
@_emit.register(RunningSum)
@_emit.register(Difference)
def _(node: Node, write: Writer, values: list[Value]) -> Value:
    return whole(node.name, node.shape)  # they come with a function or a max pooling


@_emit.register
def _(node: Input, write: Writer, values: list[Value]) -> Value:
    name = write.variable(node.name)
    write.layers[node.name] = name
    write.say(_title(node), f"{name} = nengo.Node(presented(inputs[{node.name!r}], {node.shape}), label={node.name!r})")
    return whole(name, node.shape)


@_emit.register
def _(node: Filter, write: Writer, values: list[Value]) -> Value:
    synapse = node.synapse
    if not isinstance(synapse, (Lowpass, Alpha)):
        return _missing(node, write, f"the {synapse.kind} synapse", "Convert with another synapse")
    made = f"nengo.{synapse.kind}({synapse.tau!r})"
    name, lines = write.node(node.name, node.shape)
    if not write.delayed:
        n = int(np.prod(node.shape))
        lines = [f"{name} = nengo.Node({made}, size_in={n}, size_out={n}, label={node.name!r})"]
    lines += write.connections(node.name, values[0], name, f", synapse={made}" if write.delayed else "")
    write.say(_title(node), *lines)
    return whole(name, node.shape)


@_emit.register
def _(node: Population, write: Writer, values: list[Value]) -> Value:
    return _population(node, write, values[0], None, node.shape)


def _population(node: Population, write: Writer, value: Value, before: Linear | None, shape: tuple[int, ...]) -> Value:
    """Neurons, with the linear node before them in the connection and its bias in theirs."""
    neuron_type = _neuron_type(node, write)
    if not neuron_type:
        kind = node.neuron.kind
        return _missing(node, write, f"the {kind} neurons", other_neurons(kind, "LIF or IF"))
    added = 0.0 if before is None or bias(before) is None else bias(before)
    current = write.array(f"{node.name}.bias", np.broadcast_to(added + node.neuron_bias, node.shape).reshape(-1))
    n = int(np.prod(node.shape))
    name = write.variable(node.name)
    write.layers[node.name] = name
    lines = [
        f"{name} = nengo.Ensemble(",
        f"    {n}, 1, label={node.name!r}, gain=np.ones({n}), bias={current},",
        f"    neuron_type={neuron_type},",
        ")",
    ]
    how = "" if before is None else transform(before, shape, write)
    lines += write.connections(node.name, value, f"{name}.neurons", how)
    write.say(_title(node) if before is None else f"{_title(before)}; {_title(node)}", *lines)
    return whole(f"{name}.neurons", node.shape)


def _neuron_type(node: Population, write: Writer) -> str:
    """The expression of Nengo's neuron type, or nothing where there is none."""
    neuron, state = node.neuron, "at_rest"
    if node.initial_voltage:
        state = f'{{"voltage": nengo.dists.Choice([{node.initial_voltage!r}])}}'
    if steps_as(neuron, LIF):
        floor = "-np.inf" if neuron.min_voltage == -np.inf else repr(neuron.min_voltage)
        return (
            f"nengo.LIF(tau_rc={neuron.tau_rc!r}, tau_ref={neuron.tau_ref!r}, min_voltage={floor}, "
            f"amplitude={neuron.amplitude!r}, initial_state={state})"
        )
    if steps_as(neuron, IF) and neuron.min_voltage is None and neuron.max_spikes is None:
        return f"nengo.SpikingRectifiedLinear(amplitude={neuron.amplitude!r}, initial_state={state})"
    if steps_as(neuron, IF):
        write.needs_if = True
        floor = "-np.inf" if neuron.min_voltage == -np.inf else repr(neuron.min_voltage)
        return f"IF({neuron.amplitude!r}, {floor}, {neuron.max_spikes!r}, initial_state={state})"
    return ""


def _missing(node: Node, write: Writer, what: str, advice: str) -> Value:
    write.limits.append(Limit(what, (node.name.removesuffix(".max"),), None, advice))
    return whole(node.name, node.shape)


def _title(node: Node) -> str:
    kind = node.neuron.kind if isinstance(node, Population) else node.kind
    return f"{node.name!r}: {kind}, {shape_text(node.shape)}"


def transform(node: Linear, shape: tuple[int, ...], write: Writer) -> str:
    """The argument of a connection that does what a node does, without its bias.

    Parameters
    ----------
    shape : tuple of int
        Of the input.
    """
    if isinstance(node, Dense) and len(shape) == 1:
        return f", transform={write.array(f'{node.name}.kernel', node.kernel)}.T"
    if isinstance(node, Dense):
        ones = (1,) * (len(shape) - 1)
        kernel = node.kernel.reshape(*ones, *node.kernel.shape)
        found = _convolution(node.name, kernel, ones, ((0, 0),) * len(ones), 1, shape, node.shape, write)
    elif isinstance(node, Conv):
        conv = undilated(node)
        found = _convolution(node.name, conv.kernel, conv.strides, conv.padding, conv.groups, shape, node.shape, write)
    elif isinstance(node, AveragePool) and not any(any(pair) for pair in node.padding):
        n_channels = shape[-1]
        kernel = np.full((*node.size, 1, n_channels), 1 / math.prod(node.size))
        found = _convolution(node.name, kernel, node.strides, node.padding, n_channels, shape, node.shape, write)
    elif isinstance(node, Affine):
        scale = np.broadcast_to(node.scale, node.shape).reshape(-1)
        return f", transform={write.array(f'{node.name}.scale', np.array(scale))}"
    else:
        found = None
    return _sparse(node, shape, write) if found is None else found


def bias(node: Linear) -> np.ndarray | None:
    """The constant that a node adds, as an array that broadcasts against its shape."""
    return node.offset if isinstance(node, Affine) else getattr(node, "bias", None)


def _convolution(
    name: str,
    kernel: np.ndarray,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    groups: int,
    shape: tuple[int, ...],
    shape_out: tuple[int, ...],
    write: Writer,
) -> str | None:
    """Nengo's Convolution, or None where it has none: three dimensions, or padding of its own."""
    *space, _ = shape
    if len(space) not in (1, 2):
        return None
    sizes = zip(space, shape_out, strides, kernel.shape, padding, strict=False)
    same = all(pair == _same_padding(n, m, stride, window) for n, m, stride, window, pair in sizes)
    if not same and any(any(pair) for pair in padding):
        return None
    how = "same" if same else "valid"
    init = write.array(f"{name}.kernel", kernel)
    return (
        f", transform=nengo.Convolution({kernel.shape[-1]}, {shape}, {kernel.shape[:-2]}, {strides}, "
        f'"{how}", init={init}, groups={groups})'
    )


def _same_padding(n: int, m: int, stride: int, window: int) -> tuple[int, int] | None:
    """Padding of Nengo's "same" on one axis, or None if it gives another number of outputs."""
    total = max((m - 1) * stride + window - n, 0)
    return (total // 2, total - total // 2) if m == math.ceil(n / stride) else None


def _sparse(node: Linear, shape: tuple[int, ...], write: Writer) -> str:
    """The weights of any linear node, found by applying it to one input after the other."""
    n_in, n_out = math.prod(shape), math.prod(node.shape)
    places, values = [], []
    for first, rows in matrix_rows(partial(node.apply, xp=numpy_ops), shape):
        column, row = np.nonzero(rows)
        places.append(np.stack([row, first + column], -1))
        values.append(rows[column, row])
    indices = write.array(f"{node.name}.places", np.concatenate(places))
    init = write.array(f"{node.name}.weights", np.concatenate(values))
    return f", transform=nengo.Sparse({(n_out, n_in)}, indices={indices}, init={init})"
