"""The comparison of a graph with its Keras model, with the NumPy loop and with the rate equation."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import numpy as np

from ...errors import InputError
from ...graph import AveragePool, Inputs, Linear, Population, SpikingGraph, Stateful
from ...graph.passes.channels import in_order_of
from ...graph.report import moved_by
from ...neurons import numpy_ops
from ...runtime.arguments import Dtype
from ..precision import Values, all_layers, largest, outside, rates_around, rounding
from .report import LayerCheck, Verification
from .spikes import compare_runtimes, samples_at_once

N_SAMPLES = 8  # random samples where no inputs are given


def compare(
    graph: SpikingGraph,
    model: Any,
    x: Any,
    n_steps: int,
    dt: float,
    dtype: Dtype,
    seed: int = 0,
    n_samples: int = N_SAMPLES,
) -> Verification:
    """Compare a graph with its Keras model, if there is one, with the NumPy loop and with the rate equation.

    Few samples and steps are worked on at a time, so that memory does not grow with their number.

    Parameters
    ----------
    model : keras.Model or None
    x, n_steps, dt, dtype, seed, n_samples
        As in `snnconv.verify`.
    """
    xs = graph.check_inputs(_inputs_for(model, graph, n_samples, seed) if x is None else x, dtype)

    checks = {
        node.name: LayerCheck(node.name, node.neuron.kind) for node in graph.nodes if isinstance(node, Population)
    }
    outputs = {
        label: LayerCheck(label, "output")
        for label, name in graph.outputs.items()
        if not isinstance(graph[name], Population)
    }
    if model is not None:
        checks, outputs = compare_with_keras(checks, outputs, graph, model, xs)
    checks = compare_runtimes(checks, graph, xs, n_steps, dt, dtype)
    return Verification((*checks.values(), *outputs.values()), model is not None, xs.n, n_steps, dt, dtype)


def _inputs_for(model: Any, graph: SpikingGraph, n: int, seed: int) -> dict[str, np.ndarray]:
    """A few random samples for each input: what the Keras model takes, where there is one."""
    if model is not None:
        from .. import trace

        found = trace.random_inputs(model, n, seed, {node.name: node.shape for node in graph.inputs})
        if set(found) == {node.name for node in graph.inputs}:
            return found
    return graph.random_inputs(n, seed)


def random_inputs(graph: SpikingGraph, seed: int = 0) -> dict[str, np.ndarray]:
    """A few samples of random numbers in 0…1 for each input."""
    return graph.random_inputs(N_SAMPLES, seed)


def compare_with_keras(
    checks: dict[str, LayerCheck], outputs: dict[str, LayerCheck], graph: SpikingGraph, model: Any, xs: Inputs
) -> tuple[dict[str, LayerCheck], dict[str, LayerCheck]]:
    """Compare each layer's rates with Keras', each given Keras' inputs, so that a fault shows in its own layer."""
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if len(shapes) != len(graph.inputs) or not all(map(_takes, shapes, [node.shape for node in graph.inputs])):
        raise InputError(f"the graph '{graph.name}' has other inputs than the Keras model '{model.name}'.")
    tolerance = rounding(model)
    differences: dict[str, list[float]] = {name: [] for name in (*checks, *outputs)}
    wrong: set[str] = set()
    for part in xs.parts(samples_at_once(graph)):
        for name, (difference, is_wrong) in _differences(graph, model, part, outputs, tolerance):
            differences[name].append(difference)
            if is_wrong:
                wrong.add(name)

    def judged(found: dict[str, LayerCheck]) -> dict[str, LayerCheck]:
        return {
            name: _judged(check, max(differences[name]), name in wrong, graph, model) if differences[name] else check
            for name, check in found.items()
        }

    return judged(checks), judged(outputs)


def _differences(
    graph: SpikingGraph, model: Any, xs: Inputs, outputs: Container[str], tolerance: float
) -> Iterator[tuple[str, tuple[float, bool]]]:
    """Largest difference from Keras of each population and output, and whether rounding does not explain it."""
    from ..trace import keras_values

    theirs, keras_outputs = keras_values(model, [xs[node.name] for node in graph.inputs])
    parts = {name for name in graph.populations if name not in theirs and _is_part(name, theirs)}
    missing = [name for name in graph.populations if name not in theirs and name not in parts]
    if missing:
        raise InputError(f"the graph's layer '{missing[0]}' is not in the Keras model '{model.name}'.")
    if len(keras_outputs) != len(graph.outputs):
        raise InputError(f"the graph '{graph.name}' has other outputs than the Keras model '{model.name}'.")
    values: Values = {name: array.astype("float64") for name, array in xs.items()}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        if isinstance(node, Population) and node.name not in parts:
            values[node.name] = in_order_of(node, np.asarray(theirs[node.name], "float64"))
            _same_shape(node.name, node.shape, values[node.name], model)
            yield node.name, _compare_rates(node, inputs[0], values[node.name], tolerance)
        elif isinstance(node, AveragePool) and _is_max_pooling(node.name, model):
            values[node.name] = np.asarray(theirs[node.name], "float64")  # what follows is compared at Keras' values
        elif isinstance(node, Stateful):
            values[node.name] = node.rate(inputs[0], numpy_ops)
        elif isinstance(node, Linear):
            values[node.name] = node.map_arrays(lambda array: array.astype("float64")).apply(*inputs, xp=numpy_ops)
    for (label, name), keras_value in zip(graph.outputs.items(), keras_outputs, strict=True):
        if label in outputs:
            _same_shape(label, graph[name].shape, keras_value, model)
            difference = largest(values[name] - keras_value)
            yield label, (difference, not difference <= 10 * tolerance * max(largest(keras_value), 1e-6))


def _is_part(name: str, layers: Container[str]) -> bool:
    """Whether a population belongs inside a layer, of which Keras knows the output alone, as states of a cell do."""
    starts = name.split(".")
    return any(".".join(starts[:n]) in layers for n in range(1, len(starts)))


def _judged(check: LayerCheck, difference: float, is_wrong: bool, graph: SpikingGraph, model: Any) -> LayerCheck:
    """The check with the difference from Keras, and what is to be said of it."""
    is_output = check.kind == "output"
    change = _change(check.name, is_output, graph, model) if is_wrong else None
    failure = note = None
    if change is not None:
        note = f"{change}, so its {'values' if is_output else 'rates'} are not those of Keras"
    elif is_wrong and is_output:
        failure = f"differs from Keras by up to {difference:.3g}"
    elif is_wrong:
        failure = f"rates differ from Keras by up to {difference:.3g} Hz"
    return check.found(failure, note, keras_difference=difference, changed=change is not None)


def _change(name: str, is_output: bool, graph: SpikingGraph, model: Any) -> str | None:
    """A change made on purpose that moved the rates of a layer away from those of Keras, or None."""
    moved = moved_by(None if is_output else name, graph.report)
    if moved is not None:
        return f"the network was {moved}" if is_output else f"it was {moved}"
    return "its activation was swapped" if not is_output and _is_swapped(name, model) else None


def _takes(own: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Whether an input of this shape, open where it is None, takes samples of that one."""
    return len(own) == len(shape) and all(size in (None, other) for size, other in zip(own, shape, strict=True))


def _same_shape(name: str, shape: tuple[int, ...], theirs: np.ndarray, model: Any) -> None:
    if theirs.shape[1:] != shape:
        raise InputError(
            f"the graph's layer '{name}' has the shape {shape}, that of the Keras model '{model.name}' "
            f"{theirs.shape[1:]}."
        )


def _compare_rates(node: Population, x: np.ndarray, theirs: np.ndarray, tolerance: float) -> tuple[float, bool]:
    """Largest difference of the rates from Keras', in Hz, and whether rounding does not explain it."""
    amplitude = node.neuron.amplitude
    low, high = rates_around(node, x, tolerance)
    excess = outside(theirs, low, high) / amplitude
    difference = largest(node.rate(x, numpy_ops) - theirs) / amplitude
    return difference, not excess <= tolerance * max(largest(theirs) / amplitude, 1e-3)


def _is_swapped(name: str, model: Any) -> bool:
    """Whether the Keras layer has an activation that only `swap_activations` turns into a neuron."""
    layer = _layer(name, model)
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return activation not in ("linear", "relu")


def _is_max_pooling(name: str, model: Any) -> bool:
    """Whether the Keras layer is the max pooling that an average pooling stands for."""
    return "MaxPooling" in type(_layer(name, model)).__name__


def _layer(name: str, model: Any) -> Any:
    """The Keras layer of a node, or None."""
    return all_layers(model).get(name.rpartition(".")[2].partition("@")[0])
