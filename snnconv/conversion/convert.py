"""Conversion of a Keras model into a spiking graph: traced, folded, and compared with Keras."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ConversionError, ConversionWarning, ParameterError
from ..graph import Population, SpikingGraph
from ..graph.passes import fold_affine, max_to_average_pool, rate_factors, scale_firing_rates, split_kernels
from ..graph.report import describe
from ..neurons import IF, Neuron
from ..neurons.integrate import RELU
from ..text.advice import argument
from ..text.progress import track
from .precision import moved, rounding

# Largest relative difference (2-norm) of the graph's rate output from Keras'. Rounding in float32 moves a LIF neuron
# that sits at its threshold, where the rate function is infinitely steep, by up to 3 Hz; a bias or a gain gone wrong
# moves all of them by much more.
CHECK_TOLERANCE = 1e-3
# The same where rates are staircases, for the sample that agrees best: rounding moves a current at the edge of a stair
# to the next one, and with it what follows. `snnconv verify` compares such layers one by one, as closely as others.
STEPPED_TOLERANCE = 0.05

# Other roundings of Keras' answer, and how many of the largest change among them a difference may come to, where it is
# above the tolerance. Changes differ by several times; a fault moves a well-conditioned model by thousands of them.
ROUNDINGS, EXPLAINED = 3, 3

FEW = 64  # samples that a difference is measured on

PARTS = 4  # of a conversion, for its progress bar: trace, fold, Keras' rates, the graph's rates


def convert(
    model: Any,
    *,
    swap_activations: Mapping[Any, Neuron] | None = None,
    max_to_avg_pool: bool = False,
    input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    x: Any = None,
) -> SpikingGraph:
    """Trace a trained Keras model, fold it, and check its rates against Keras'.

    Parameters
    ----------
    model : keras.Model
    swap_activations, max_to_avg_pool, input_shape
        As in `snnconv.convert`.
    x : samples or None
        The difference that a warning tells is that on these. None: on random inputs.

    Returns
    -------
    SpikingGraph

    Raises
    ------
    ConversionError
        If a layer has no spiking equivalent, or the rates differ from Keras'.
    """
    import keras

    from .trace import input_shapes, trace

    if not isinstance(model, keras.Model):
        raise ConversionError(f"convert takes a Keras model or the path of one. Received {type(model).__name__}.")
    if not isinstance(swap_activations or {}, Mapping):
        raise ParameterError(
            f"swap_activations must be a mapping of activation to neuron, such as {{'gelu': snnconv.neurons.{RELU}}}. "
            f"Received {swap_activations!r}."
        )
    for activation, neuron in (swap_activations or {}).items():
        if not isinstance(neuron, Neuron):
            raise ParameterError(
                f"swap_activations: '{getattr(activation, '__name__', activation)}' must be given a neuron such as "
                f"snnconv.neurons.{RELU}. Received {neuron!r}."
            )
    with track(PARTS, what="converting") as advance:
        shapes = input_shapes(model, input_shape)
        graph, stated = trace(model, swap_activations, shapes)
        advance()
        if max_to_avg_pool:
            graph = max_to_average_pool(graph)
        graph = scale_firing_rates(graph, rate_factors(graph, stated))
        graph = fold_affine(split_kernels(graph))
        advance()
        graph = dataclasses.replace(graph, report=describe(graph.report, graph.nodes))
        changes = {"swapped activations": swap_activations, "average instead of max pooling": max_to_avg_pool}
        _check(graph, model, " and ".join(change for change, made in changes.items() if made), x, advance)
    _warn_of_rectified(graph, {name: activation for name, activation in stated.items() if activation})
    return graph


def _warn_of_rectified(graph: SpikingGraph, swapped: Mapping[str, str]) -> None:
    """Warn of swapped neurons that ignore negative current where it comes in spikes, one step against another."""
    behind: set[str] = set()
    for node in graph.nodes:
        if not behind.isdisjoint(node.inputs):
            behind.add(node.name)
        if not isinstance(node, Population):
            continue
        is_rectified = isinstance(node.neuron, IF) and node.neuron.min_voltage is None
        if is_rectified and node.name in swapped and node.name in behind:
            activation = swapped[node.name]
            remedy = argument("swap_activations", {activation: RELU})
            warnings.warn(
                f"population '{node.name}': IF() in the place of {activation} ignores negative current, so that behind "
                f"other neurons its spikes are more than its rate says. {remedy} counts it.",
                ConversionWarning,
                stacklevel=4,
            )
        behind.add(node.name)


def _check(graph: SpikingGraph, model: Any, changes: str, x: Any, advance: Callable[[], None]) -> None:
    """Compare the rate output with Keras'; `changes` is what may make a difference, which is then told of data."""
    from .trace import keras_values, random_inputs

    is_told_of_data = bool(changes) and x is not None
    if is_told_of_data:
        xs = graph.check_inputs(x, "float32").part(slice(FEW))
    else:
        xs = random_inputs(model, 4, shapes={node.name: node.shape for node in graph.inputs})
    where = "on the first samples" if is_told_of_data else "on random inputs"
    _, expected = keras_values(model, list(xs.values()))
    advance()
    values = graph.rate_values(dict(xs), "float64", graph.outputs.values())
    advance()
    is_stepped = any(view.neuron.only_dt is not None for view in graph.populations.values())
    moved_answers: list[list[np.ndarray]] = []  # Keras' answers to inputs moved by their last digit, where they count
    for index, (label, name) in enumerate(graph.outputs.items()):
        our, theirs = values[name], expected[index].astype("float64")
        if not np.isfinite(theirs).all():
            raise ConversionError(f"Keras' output '{label}' is NaN or infinite on random inputs.")
        difference, tolerance = _relative(our, theirs), max(CHECK_TOLERANCE, rounding(model))
        if is_stepped and not difference <= tolerance:
            pairs = zip(our, theirs, strict=True)
            difference, tolerance = min(_relative(one, other) for one, other in pairs), STEPPED_TOLERANCE
        if difference <= tolerance:
            continue
        if changes:
            warnings.warn(
                f"with {changes}, output '{label}' differs from Keras' by {difference:.1%} {where}.",
                ConversionWarning,
                stacklevel=4,  # the caller of `snnconv.convert`
            )
            continue
        if not moved_answers and not is_stepped:
            moved_answers = [keras_values(model, list(moved(xs, seed).values()))[1] for seed in range(ROUNDINGS)]
        rounded = max((_relative(each[index], theirs) for each in moved_answers), default=0.0)
        if not difference <= EXPLAINED * rounded:  # NaN too
            raise ConversionError(
                f"the rate output '{label}' differs from Keras' by {difference:.1%} (relative, random inputs). This is "
                f"a fault of snnconv, or of a converter registered with @handles."
            )
        warnings.warn(
            f"output '{label}' differs from Keras' by {difference:.1%} {where}. That is rounding: Keras' own answer "
            f"changes by {rounded:.1%} when the last digit of its input does, so that the model is badly conditioned.",
            ConversionWarning,
            stacklevel=4,
        )


def _relative(our: np.ndarray, theirs: np.ndarray) -> float:
    """Size of a difference, relative to what it is a difference from."""
    return float(np.linalg.norm(our - theirs) / max(np.linalg.norm(theirs), 1e-12))
