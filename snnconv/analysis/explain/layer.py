"""One layer of a graph in numbers: what makes its current, its rate, its spikes, and what a spike is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...graph import Conv, ConvTranspose, Filter, PopulationView, ReadoutView, SpikingGraph
from ...text.plain import number
from .equations import RATES, FilterNumbers, RatePoint, filter_numbers, rate_point
from .onward import Effect, effects

OF_ACTIVATION = "of the activation"
"""What a neuron bias is made of that no variable is behind."""


@dataclass(frozen=True)
class ArrayNumbers:
    """An array of a layer: its name in the equation, what it is made of, its shape, its values and their unit."""

    name: str
    made_of: str
    shape: tuple[int, ...]
    low: float
    mean: float
    high: float
    unit: str

    @classmethod
    def of(cls, name: str, made_of: str, array: np.ndarray, unit: str) -> ArrayNumbers:
        """The numbers of an array."""
        low, mean, high = (float(function(array)) for function in (np.min, np.mean, np.max))
        return cls(name, made_of, np.shape(array), low, mean, high, unit)


@dataclass(frozen=True)
class LayerExplanation:
    """A population or an output, from its input to what its spikes are worth.

    Parameters
    ----------
    name : str
    neuron : str
        Kind of the neurons, or "" for an output.
    shape : tuple of int
    source : str
        Node whose output is the x of the equations.
    equations : mapping of str to str
        "current", "rate", "step" and "output"; for an output of the network "output" alone.
    arrays : tuple of ArrayNumbers
        What the first equation is made of.
    gain : (low, high) or None
        Fixed. None for an output.
    gain_in : tuple of str
        Nodes that hold the gain: the layer's own kernel and bias, or others.
    linear : str
        The node with the layer's kernel, or "".
    unit : str
        What the current J is measured in.
    parameters : mapping of str to number
        Of the neurons: tau_rc and tau_ref in s, amplitude in output per Hz, …
    height : float or None
        Output at a step with one spike: amplitude/dt.
    rates : tuple of RatePoint
    effects : tuple of Effect
        What one spike adds to each layer behind.
    filters : tuple of FilterNumbers
        Synapses between this layer and those behind it.
    """

    name: str
    neuron: str
    shape: tuple[int, ...]
    source: str
    equations: dict[str, str]
    arrays: tuple[ArrayNumbers, ...]
    gain: tuple[float, float] | None = None
    gain_in: tuple[str, ...] = ()
    linear: str = ""
    unit: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    height: float | None = None
    rates: tuple[RatePoint, ...] = ()
    effects: tuple[Effect, ...] = ()
    filters: tuple[FilterNumbers, ...] = ()

    @property
    def n_units(self) -> int:
        """Number of neurons, or of values of the output."""
        return math.prod(self.shape)


def explain_population(graph: SpikingGraph, view: PopulationView, dt: float) -> LayerExplanation:
    """A population in numbers, for steps of `dt` seconds, with the effects of its spikes on the layers behind."""
    layer = population_numbers(view, dt)
    found = effects(graph, view.name, layer.height or 0.0)
    return replace(layer, effects=found, filters=tuple(_filters(graph, found, dt)))


def population_numbers(view: PopulationView, dt: float) -> LayerExplanation:
    """A population in numbers, without the layers behind it."""
    neuron, words = view.neuron, view.neuron.equations
    height = neuron.amplitude / dt
    points = [rate_point(neuron, rate, dt) for rate in RATES if rate <= 1 / dt]
    amplitude = number(neuron.amplitude)
    spike = f"output {number(height)} = {amplitude}/{number(dt)} (amplitude/dt) for one step; mean {amplitude}·rate"
    return LayerExplanation(
        name=view.name,
        neuron=neuron.kind,
        shape=view.shape,
        source=view.input,
        equations={
            "current": f"J = {_product(view)} + neuron_bias",
            "rate": words.rate,
            "step": words.step,
            "output": spike,
        },
        arrays=(*_linear_arrays(view, "J", gain_holders(view)), _neuron_bias(view)),
        gain=(float(np.min(view.gain)), float(np.max(view.gain))),
        gain_in=gain_holders(view),
        linear="" if view.linear is None else view.linear.name,
        unit=words.unit,
        parameters=neuron.parameters(),
        height=height,
        rates=tuple(point for point in points if point is not None),
    )


def explain_readout(view: ReadoutView) -> LayerExplanation:
    """An output of the network in numbers."""
    function = "" if view.activation == "linear" else f", to which whoever reads it applies {view.activation}"
    return LayerExplanation(
        name=view.name,
        neuron="",
        shape=view.shape,
        source=view.input,
        equations={"output": f"y = {_product(view)}; the answer is its mean over time{function}"},
        arrays=_linear_arrays(view, "y"),
        linear="" if view.linear is None else view.linear.name,
    )


def gain_holders(view: PopulationView) -> tuple[str, ...]:
    """The nodes in which a population's gain is: those it was folded into, or one of its own."""
    own = f"{view.name}.gain"
    found = tuple(node.name for node in view.nodes.values() if node.name == own or own in node.folded)
    if not found and view.linear is not None and np.any(view.gain != 1):
        return (view.linear.name,)  # a graph that does not say what was folded, as one made by hand
    return found


def _filters(graph: SpikingGraph, found: tuple[Effect, ...], dt: float):
    for name in dict.fromkeys(name for effect in found for name in effect.filters):
        node = graph[name]
        if isinstance(node, Filter):
            yield filter_numbers(name, node.synapse, dt)


def _product(view: PopulationView | ReadoutView) -> str:
    if view.linear is None:
        return "x"
    product = "conv(x, kernel')" if isinstance(view.linear, (Conv, ConvTranspose)) else "x · kernel'"
    return product if view.dense_bias is None else f"{product} + dense_bias'"


def _linear_arrays(
    view: PopulationView | ReadoutView, unit: str, gain_in: tuple[str, ...] = ()
) -> tuple[ArrayNumbers, ...]:
    linear = view.linear
    if linear is None:
        return ()
    own = f"{view.name}.gain"
    layer = linear.name.removesuffix(".linear")
    gain = "gain × " if linear.name in gain_in else ""
    others = [name.removesuffix(".scale") for name in linear.folded if name != own]
    scaled = "".join(f"{name} × " for name in others)
    arrays = [ArrayNumbers.of("kernel'", f"{gain}{scaled}{layer}/kernel", linear.kernel, f"{unit} per x")]
    if linear.bias is not None:
        trained = f"{layer}/bias" if "bias" in linear.trained else "0"
        shifted = f"{', '.join(others)} of {trained}" if others else trained
        arrays.append(ArrayNumbers.of("dense_bias'", f"{gain}{shifted}", linear.bias, unit))
    return tuple(arrays)


def _neuron_bias(view: PopulationView) -> ArrayNumbers:
    if "bias" not in view.node.trained or not np.ndim(view.neuron_bias):
        made_of = OF_ACTIVATION
    elif view.linear is not None and view.linear.name.removesuffix(".linear") == view.name:
        made_of = "trained in spikes, no gain"
    else:
        made_of = f"{view.name}/bias, no gain"
    return ArrayNumbers.of("neuron_bias", made_of, view.neuron_bias, "J")
