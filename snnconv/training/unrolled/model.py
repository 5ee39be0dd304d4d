"""The Keras model of a graph, unrolled over time steps, and the graph of such a model."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np

from ...errors import ParameterError
from ...graph import Input, LayerReport, Node, Population, Readout, SpikingGraph
from ...graph.file import attributes
from ...graph.inputs import one_or_all
from ...graph.nodes import Weighted
from ...graph.report import with_actions
from ...runtime.arguments import check_dt, check_dtype, check_graph, check_read_from, check_steps, check_varying
from .surrogates import RATE, check_surrogate

TRAINABLE = ("kernels", "dense_biases", "neuron_biases")
Reduce = Literal["mean", "last"]


def to_keras(
    graph: SpikingGraph,
    n_steps: int,
    *,
    dt: float | None = None,
    surrogate: str = RATE,
    trainable: str | Iterable[str] = TRAINABLE,
    reduce: Reduce = "mean",
    read_from: int | None = None,
    spike_penalty: float = 0.0,
    varying: str | Iterable[str] = (),
    dtype: Any = "float32",
) -> Any:
    """The graph as a Keras model that computes `n_steps` time steps in spikes, to be trained for them.

    Forward every population takes its neuron's own steps: in float64 the spikes are those of
    `snnconv.reference.run`. Backward a spike has the slope of a surrogate, and the reset has none. The model compiles,
    fits and saves as any other; `with_weights_of`, or `snnconv.convert`, makes a graph of it again.

    Parameters
    ----------
    n_steps : int
        Number of time steps that the network will run.
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    surrogate : str
        "rate": gradients are those of the neurons' rates at the mean currents, and go around the steps; every node has
        one, and memory and time hardly grow with the steps. "fast_sigmoid", "arctan", "straight_through", or one
        registered with `register_surrogate`: slopes of a spike at the distance of the voltage from the threshold, and
        gradients that go back through all steps.
    trainable : names
        What trains: "kernels" (scales and tables too), "dense_biases" (offsets too), "neuron_biases", "heights" of
        spikes and "time_constants", which stay above 0, and "initial_voltages". Time constants are those of LIF
        neurons, one for a population, and of synapses where gradients go through the steps.
    reduce : str
        "mean" or "last": the answer is the mean of the outputs over time, or the last one.
    read_from : int or None
        First step of the plain mean, counted from 1. None: the graph's own `reading`, as for
        `snnconv.Simulator.predict`.
    spike_penalty : float
        Added to the loss for every spike of a neuron per step, on average over each population.
    varying : names
        Inputs with a value of their own at each step, (n, n_steps, *input).
    dtype : str
        "float32" or "float64" of the weights; or a policy of Keras, such as "mixed_bfloat16", in which linear layers
        compute in half precision, and neurons do not.

    Returns
    -------
    keras.Model

    Raises
    ------
    ParameterError
        If a parameter is out of its range, or a node has no gradient.
    """
    import keras

    from . import layers
    from .node_layer import Unrolling, time_constants

    check_graph(graph, "to_keras")
    dt = graph.dt if dt is None else dt
    policy = keras.dtype_policies.get(dtype)
    n_steps = check_steps(n_steps, dt, check_dtype(policy.variable_dtype))
    check_dt(graph, dt)
    check_surrogate(surrogate)
    if reduce not in ("mean", "last"):
        raise ParameterError(f"reduce must be 'mean' or 'last'. Received {reduce!r}.")
    reading = check_read_from(graph, read_from, n_steps)
    if not (math.isfinite(spike_penalty) and spike_penalty >= 0):
        raise ParameterError(f"spike_penalty must be 0 or more. Received {spike_penalty!r}.")
    varies = check_varying(graph, varying)
    unrolling = Unrolling(n_steps, dt, surrogate, _trainable(trainable), spike_penalty)
    _check_gradients(graph, unrolling)
    if "time_constants" in unrolling.trainable and not any(time_constants(n, unrolling.by_rates) for n in graph.nodes):
        raise ParameterError(
            "trainable names 'time_constants', and there are none: no neuron is a LIF, and synapses have gradients "
            "only where these go through the steps, as with surrogate='arctan'."
        )

    units = _units(graph)
    inputs: dict[str, Any] = {}
    signals: dict[str, Any] = {}
    for node in graph.nodes:
        options: dict[str, Any] = {"name": layer_name(node.name), "dtype": policy}
        if isinstance(node, Input):
            shape = (n_steps, *node.shape) if node.name in varies else node.shape
            inputs[node.name] = keras.Input(shape, name=layer_name(node.name), dtype=policy.compute_dtype)
            options["name"] += ">signal"
            layer = layers.InputNode(node, unrolling, varies=node.name in varies, **options)
            signals[node.name] = layer(inputs[node.name])
        elif not isinstance(node, Readout):
            layer = layers.layer_of(node)(node, unrolling, units[node.name], **options)
            signals[node.name] = layer([signals[name] for name in node.inputs])
    outputs = {}
    for label, name in graph.outputs.items():
        node = graph[name]
        source = node.inputs[0] if isinstance(node, Readout) else name
        options = {"name": f"{layer_name(label)}>answer", "dtype": policy}
        answer = layers.OverTime(reduce, reading.first, _record(graph), reading.fall, **options)(signals[source])
        if isinstance(node, Readout):
            answer = layers.ReadoutNode(node, unrolling, name=layer_name(name), dtype=policy)(answer)
        outputs[label] = answer
    given: list[Any] = list(inputs.values())
    return keras.Model(given[0] if len(given) == 1 else given, one_or_all(outputs), name=layer_name(graph.name))


def is_unrolled(model: Any) -> bool:
    """Whether an object is a Keras model that `to_keras` made, or that was loaded from the file of one."""
    layers = getattr(model, "layers", ())
    return any(type(layer).__name__ == "OverTime" and hasattr(layer, "record") for layer in layers)


def graph_of(model: Any) -> SpikingGraph:
    """The graph of a model that `to_keras` made, with the weights that it has now.

    Raises
    ------
    ParameterError
        If the model is another one.
    """
    from .layers import OverTime

    found = _layers_of(model)
    record = next(layer.record for layer in model.layers if isinstance(layer, OverTime))
    nodes = [found[name].trained_node() for name in record["order"]]
    return SpikingGraph(
        nodes=tuple(_unfolded(nodes, {node.name for node in nodes})),
        outputs=record["outputs"],
        name=record["name"],
        metadata=record["metadata"],
        report=_told(tuple(LayerReport(*line) for line in record["report"]), model, nodes),
    )


def with_weights_of(graph: SpikingGraph, model: Any) -> SpikingGraph:
    """The graph with the weights of a model that `to_keras` made of it.

    Numbers that training left alone are those of the graph, to the last digit. The trained originals of arrays that
    changed are the new ones without the gain: what the network would have had to be trained to before conversion.

    Raises
    ------
    ParameterError
        If the model was made of another graph.
    """
    from .node_layer import described

    check_graph(graph, "with_weights_of")
    found = _layers_of(model)
    for node in graph.nodes:
        if node.name not in found:
            raise ParameterError(f"the model was made of another graph: it has no node '{node.name}'.")
        if described(node) != described(found[node.name].node):
            raise ParameterError(f"the model was made of another graph: its node '{node.name}' is another one.")
    if len(found) > len(graph.nodes):
        other = next(name for name in found if name not in {node.name for node in graph.nodes})
        raise ParameterError(f"the model was made of another graph: its node '{other}' is not in this one.")
    nodes = [found[node.name].trained_node(node) for node in graph.nodes]
    changed = {new.name for new, old in zip(nodes, graph.nodes, strict=True) if not _equal(new, old)}
    if not changed:
        return graph
    report = _told(graph.report, model, [node for node in nodes if node.name in changed])
    return dataclasses.replace(graph, nodes=tuple(_unfolded(nodes, changed)), report=report)


def layer_name(name: str) -> str:
    """The name of a layer for a node: TensorFlow takes few characters, Keras no slash, and PyTorch no dot."""
    plain = re.sub(r"[^A-Za-z0-9_>-]", lambda found: f">{ord(found[0]):x}", name.replace(".", ">"))
    return f"layer{plain}" if plain.startswith(">") else plain


def _layers_of(model: Any) -> dict[str, Any]:
    """The layers of a model by the name of their node; ParameterError if `to_keras` did not make it."""
    from .node_layer import NodeLayer

    if not is_unrolled(model):
        raise ParameterError(f"the model '{getattr(model, 'name', model)}' is not one that graph.to_keras made.")
    return {layer.node.name: layer for layer in model.layers if isinstance(layer, NodeLayer)}


def _trainable(names: str | Iterable[str]) -> tuple[str, ...]:
    from .node_layer import ARRAYS, SCALARS

    known = (*ARRAYS, *SCALARS)
    chosen = (names,) if isinstance(names, str) else tuple(names)
    for name in chosen:
        if name not in known:
            raise ParameterError(f"trainable names {name!r}. There are: {', '.join(known)}.")
    return chosen


def _check_gradients(graph: SpikingGraph, unrolling: Any) -> None:
    """Raise ParameterError, naming the population, where a gradient needs the distances of voltages and has none."""
    for view in graph.populations.values():
        if unrolling.by_rates and "initial_voltages" not in unrolling.trainable:
            continue
        state = view.neuron.initial_state((1,))
        try:
            view.neuron.distances(np.zeros(1), state, unrolling.dt)
        except ParameterError as error:
            raise ParameterError(f"population '{view.name}': {error}") from None


def _units(graph: SpikingGraph) -> dict[str, dict[str, float]]:
    """Powers of two in which weights are as large as those of other Keras models, whatever the unit of a current.

    A kernel gets the mean square of one over the products that a unit sums, and its bias the same unit; so does the
    bias of the neurons behind it. Optimizers take steps of the same size for all weights.
    """
    units: dict[str, dict[str, float]] = {}
    for node in graph.nodes:
        found = {name: _size(array) for name, array in node.arrays().items() if name != "gain"}
        if isinstance(node, Weighted):
            found["kernel"] *= math.sqrt(node.kernel[..., 0].size)
            found["bias"] = found["kernel"]
        elif isinstance(node, Population) and isinstance(graph[node.inputs[0]], Weighted):
            found["neuron_bias"] = units[node.inputs[0]]["kernel"]
        units[node.name] = {name: 2.0 ** round(math.log2(size or 1.0)) for name, size in found.items()}
    return units


def _size(array: np.ndarray) -> float:
    return math.sqrt(np.mean(np.square(array)))


def _record(graph: SpikingGraph) -> dict[str, Any]:
    return {
        "order": [node.name for node in graph.nodes],
        "outputs": dict(graph.outputs),
        "name": graph.name,
        "metadata": dict(graph.metadata),
        "report": [list(dataclasses.astuple(line)) for line in graph.report],
    }


def _told(report: tuple[LayerReport, ...], model: Any, nodes: Iterable[Node]) -> tuple[LayerReport, ...]:
    """The report with the populations and readouts whose weights were trained in spikes."""
    from .node_layer import NodeLayer

    n_steps = next(layer.unrolling.n_steps for layer in model.layers if isinstance(layer, NodeLayer))
    told = f"trained in spikes for {n_steps} steps"
    names = [node.name for node in nodes if node.arrays()]
    lines = with_actions(report, dict.fromkeys(names, told))
    # a layer of several nodes is told of once
    parts = ((line, "; ".join(dict.fromkeys(line.action.split("; ")))) for line in lines)
    return tuple(dataclasses.replace(line, action=action) for line, action in parts)


def _unfolded(nodes: list[Any], changed: Iterable[str]) -> Iterable[Node]:
    """The nodes with new originals in the place of those that training has changed: what came in, without the gain."""
    gains: Mapping[str, np.ndarray] = {
        node.inputs[0]: node.gain for node in nodes if isinstance(node, Population) and node.inputs
    }
    for node in nodes:
        if node.name not in changed:
            yield node
        elif isinstance(node, Weighted):
            gain = np.asarray(gains.get(node.name, 1.0))
            gain = gain.reshape(-1)[-node.shape[-1] :] if gain.ndim and gain.size >= node.shape[-1] else gain
            yield dataclasses.replace(node, trained={name: each / gain for name, each in node.arrays().items()})
        elif isinstance(node, Population):
            yield dataclasses.replace(node, trained={"bias": node.neuron_bias})
        else:
            yield node


def _equal(new: Node, old: Node) -> bool:
    same_arrays = all(np.array_equal(array, getattr(old, name)) for name, array in new.arrays().items())
    return same_arrays and attributes(new) == attributes(old)
