"""The builder: collects the nodes of a graph while a model is walked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import tree

from ...errors import ConversionError
from ...graph import (
    Affine,
    Conv,
    Dense,
    Function,
    Input,
    Linear,
    Node,
    Population,
    Readout,
    Reshape,
    RunningMean,
)
from ...neurons import Follower, Neuron, numpy_ops
from ...neurons.functions import FUNCTIONS
from .registry import handler_inside_time, layer_handler, operation_handler, takes_call
from .swaps import READOUTS, Swaps, Tuned, activation_name, advice, function, spiking


class Builder:
    """A graph under construction: handlers add the nodes of one layer call after another.

    Parameters
    ----------
    swaps : Swaps
        Neurons that take the place of activations.
    """

    def __init__(self, swaps: Swaps | None = None):
        self._nodes: dict[str, Node] = {}
        self._means: dict[str, str] = {}
        self._values: set[str] = set()
        self._carried: dict[str, str] = {}
        self._stated: dict[str, str] = {}
        self._keeps_values = False
        self._layer: Any = None
        self._name = ""
        self._swaps = Swaps() if swaps is None else swaps

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes so far. A softmax or a tanh that feeds another node is neurons; at the output it is a readout."""
        fed = {name for node in self._nodes.values() for name in node.inputs}
        parts = (_neurons_for(node) if node.name in fed else (node,) for node in self._nodes.values())
        return tuple(node for part in parts for node in part)

    @property
    def stated(self) -> dict[str, str]:
        """The activation that `swap_activations` changes, or "", for each population whose amplitude is stated."""
        return dict(self._stated)

    @property
    def name(self) -> str:
        """Name of the call that is being converted."""
        return self._name

    def read_last(self, outputs: Collection[str]) -> None:
        """Put reshapes at the outputs before softmax and the like, so that the function stays with the reader.

        Parameters
        ----------
        outputs : names of the nodes that give the outputs
        """
        fed = [name for node in self._nodes.values() for name in node.inputs]
        ends = {name for name in outputs if name not in fed}
        for node in reversed(self._nodes.values()):
            if isinstance(node, Reshape) and node.name in ends and fed.count(node.inputs[0]) == 1:
                ends |= set(node.inputs) - set(outputs)
        for node in list(self._nodes.values()):
            source = self._nodes[node.inputs[0]] if isinstance(node, Reshape) and node.inputs[0] in ends else None
            if isinstance(source, Readout):
                within = source.shape if source.within is None else source.within
                readout = dataclasses.replace(source, name=node.name, inputs=(source.name,), shape=node.shape)
                self._nodes[source.name] = dataclasses.replace(node, name=source.name, inputs=source.inputs)
                self._nodes[node.name] = dataclasses.replace(readout, within=within)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a node's output, without the axis of the samples."""
        return self._nodes[name].shape

    def carries_spikes(self, name: str) -> bool:
        """Whether there are neurons among what a node's output depends on."""
        spiking: set[str] = set()
        for key, node in self._nodes.items():
            if isinstance(node, (Population, Readout)) or not spiking.isdisjoint(node.inputs):
                spiking.add(key)
        return name in spiking

    def begin(self, layer: Any, name: str) -> None:
        """Start the call of a layer; nodes added from now on carry `name`."""
        self._layer, self._name = layer, name

    def finish(self, output: Any) -> Any:
        """End the call: the node that gives the layer's output, or the first of several, takes the layer's name."""
        if not isinstance(output, str):
            first, *others = output
            named = self.finish(first)
            return (named, *(named if other == first else other for other in others))
        if not output.startswith(f"{self._name}."):
            return output  # the layer passed its input on
        if any(output in node.inputs for node in self._nodes.values()):
            return self._put(Reshape(name=self._name, inputs=(output,), shape=self.shape(output)))
        node = self._nodes.pop(output)
        self._values.discard(output)
        if output in self._stated:
            self._stated[self._name] = self._stated.pop(output)
        return self._put(dataclasses.replace(node, name=self._name))

    def call(self, layer: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int = 0) -> Any:
        """Convert the call of a layer or an operation under a name, and return its output, or several.

        Parameters
        ----------
        args, kwargs
            The arguments of the call, with names of nodes in the place of tensors.
        lead : int
            How many axes come before those that the layer knows of.
        """
        self.begin(layer, name)
        if isinstance(kwargs.get("mask"), str) and not takes_call(type(layer)):
            kwargs = self._without_mask(kwargs)
        signals = [value for value in tree.flatten((args, kwargs)) if isinstance(value, str)]
        if lead:
            return self.finish(handler_inside_time(layer)(layer, self, *signals, lead=lead))
        if not isinstance(layer, keras.layers.Layer):
            return self.finish(operation_handler(layer)(layer, self, *args, **kwargs))
        if takes_call(type(layer)):
            return self.finish(layer_handler(layer)(layer, self, *args, **kwargs))
        return self.finish(layer_handler(layer)(layer, self, *signals))

    def _without_mask(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(self._layer, keras.layers.BatchNormalization):  # there it counts in training alone
            raise self.error(
                "has the mask of a layer before it. Recurrent layers take one; here leave it out, or cut the data."
            )
        return {key: value for key, value in kwargs.items() if key != "mask"}

    def inside(self, layer: Any, suffix: str, *xs: Any, **arguments: Any) -> Any:
        """Convert a layer that is part of the one that is being converted, and return its output, or several."""
        outer, name = self._layer, self._name
        self.begin(layer, f"{name}.{suffix}")
        y = self.finish(layer_handler(layer)(layer, self, *xs, **arguments))
        self.begin(outer, name)
        return y

    @contextmanager
    def values(self) -> Iterator[None]:
        """A stretch of a model in which functions of means go on as values, up to the next product with a kernel.

        Elsewhere each function is sent in spikes at once; see `carried`.
        """
        outer, self._keeps_values = self._keeps_values, True
        try:
            yield
        finally:
            self._keeps_values = outer

    def add(self, kind: type[Node], suffix: str, inputs: tuple[str, ...], shape: tuple[int, ...], **fields: Any) -> str:
        """Add a node and return its name."""
        return self._put(kind(name=f"{self._name}.{suffix}", inputs=inputs, shape=shape, **fields))

    def _put(self, node: Node) -> str:
        if node.name in self._nodes:
            raise self.error(
                f"has a part with the name '{node.name}', and so has another layer: parts have the name of their "
                f"layer, a dot and a word. Rename one of the two layers."
            )
        self._nodes[node.name] = node
        is_instant = isinstance(node, Linear) and not isinstance(node, Readout) and bool(node.inputs)
        if isinstance(node, RunningMean) or (is_instant and self._values.issuperset(node.inputs)):
            self._values.add(node.name)
        return node.name

    def input(self, name: str, shape: tuple[int, ...]) -> str:
        """Add a place where data comes in."""
        self._nodes[name] = Input(name=name, shape=shape)
        return name

    def dense(self, x: str, kernel: Any, bias: Any = None, suffix: str = "linear") -> str:
        """``x @ kernel + bias`` over the last axis."""
        x = self.carried(x) if self._keeps_values else x
        arrays = self.weights(kernel=kernel, bias=bias)
        shape = (*self.shape(x)[:-1], arrays["kernel"].shape[-1])
        return self.add(Dense, suffix, (x,), shape, **arrays, trained=arrays)

    def conv(self, x: str, kernel: Any, bias: Any, shape: tuple[int, ...], **geometry: Any) -> str:
        """A convolution; `geometry` holds strides, padding, dilation and groups as in `graph.Conv`."""
        x = self.carried(x) if self._keeps_values else x
        arrays = self.weights(kernel=kernel, bias=bias)
        return self.add(Conv, "linear", (x,), shape, **arrays, **geometry, trained=arrays)

    def affine(self, x: str, scale: Any, offset: Any = None, suffix: str = "scale", **trained: Any) -> str:
        """``scale * x + offset``, folded into a kernel later where that is possible."""
        arrays = {"scale": np.asarray(scale, "float64")}
        if offset is not None:
            arrays["offset"] = np.asarray(offset, "float64")
        return self.add(Affine, suffix, (x,), self.shape(x), **arrays, trained=trained)

    def reshape(self, x: str, shape: tuple[int, ...]) -> str:
        """The same numbers in another shape."""
        return x if shape == self.shape(x) else self.add(Reshape, "reshape", (x,), shape)

    def population(self, x: str, neuron: Neuron, gain: Any, bias: Any, **settings: Any) -> str:
        """Neurons with the current ``gain * x + bias``; `settings` are other fields of `graph.Population`."""
        name = self._neurons(x, neuron, gain, bias, **settings)
        self._stated[name] = ""
        return name

    def _neurons(self, x: str, neuron: Neuron, gain: Any, bias: Any, **settings: Any) -> str:
        arrays = {key: without_leading_ones(value) for key, value in self.weights(gain=gain, bias=bias).items()}
        gain = arrays["gain"].astype("float64")
        scaled = x if np.all(gain == 1) else self.affine(x, gain, suffix="gain")
        return self.add(
            Population, "neurons", (scaled,), self.shape(x),
            neuron=neuron, neuron_bias=arrays["bias"], gain=gain, trained={"bias": arrays["bias"]}, **settings,
        )  # fmt: skip

    def mean(self, x: str) -> str:
        """The running mean of a signal; the signal itself where it is a function of such means already."""
        if x in self._values:
            return x
        if x not in self._means:
            number = sum(name.startswith(f"{self._name}.mean") for name in self._nodes)
            self._means[x] = self.add(RunningMean, f"mean{number or ''}", (x,), self.shape(x))
        return self._means[x]

    def function(
        self, name: str, *xs: str, shape: tuple[int, ...] | None = None, suffix: str = "", **settings: Any
    ) -> str:
        """A function of the running means of signals, as a value that no spikes carry yet; see `sent`.

        Parameters
        ----------
        name : str
            Name in `snnconv.neurons.functions.FUNCTIONS`.
        xs : names of nodes
        shape : tuple of int or None
            Shape of what it gives. None: found from the shapes of the signals.
        suffix : str
            Name of the node among those of the layer; by default that of the function.
        settings
            Arguments of the function besides the signals; axes count those of one sample.
        """
        means = tuple(self.mean(x) for x in xs)
        text = json.dumps(settings)
        zeros = (np.zeros((1, *self.shape(x))) for x in xs)
        probe = Function(name=name, inputs=means, shape=(), function=name, settings=text)
        given = probe.apply(*zeros, xp=numpy_ops).shape[1:] if shape is None else shape
        return self.add(Function, suffix or name, means, given, function=name, settings=text)

    def sent(self, x: str) -> str:
        """A value that is a function of means, in spikes of both signs; as it is in a stretch of `values`."""
        if self._keeps_values:
            return x
        neuron = Follower()
        return self._neurons(x, neuron, 1 / neuron.amplitude, 0.0)

    def carried(self, x: str, name: str | None = None) -> str:
        """A signal in spikes: the same for one that has them, and one population for all who ask for a value.

        Parameters
        ----------
        name : str or None
            Name of the population. None: that of the value, and ``.spikes``.
        """
        if x not in self._values:
            return x
        if x not in self._carried:
            outer, self._name = self._name, f"{x}.spikes" if name is None else name
            kept, self._keeps_values = self._keeps_values, False
            self._carried[x] = self.finish(self.sent(x))
            self._name, self._keeps_values = outer, kept
        return self._carried[x]

    def activate(self, x: str, activation: Any, **parameters: Any) -> str:
        """Apply an activation.

        Parameters
        ----------
        activation : str, function or layer
        parameters
            Arguments of the activation besides x, such as `negative_slope`.

        Raises
        ------
        ConversionError
            If it has no spiking equivalent.
        """
        if isinstance(activation, keras.layers.Layer):
            if not activation.built:  # Keras builds a layer that is an argument when the model first computes
                raise self.error(
                    f"has an activation without weights yet, '{activation.name}' ({type(activation).__name__}). Call "
                    f"the model on data first."
                )
            outer, self._layer = self._layer, activation
            y = layer_handler(activation)(activation, self, x)
            self._layer = outer
            return y
        name = activation_name(activation)
        if name == "linear":
            return x
        stated = self._swaps.find(name, self._layer, self._name, lambda: function(activation, parameters))
        parameters = self._counted(name, parameters, x)
        if stated is not None:
            y = self._neurons(x, stated.neuron, stated.gain, stated.bias)
            self._stated[y] = name
            return y
        if self._keeps_values and name in FUNCTIONS:
            axis = {} if FUNCTIONS[name].elementwise else {"axis": len(self.shape(x)) - 1}
            return self.function(name, x, **{**axis, **parameters})
        if name in READOUTS and not parameters:
            return self.add(Readout, name, (x,), self.shape(x), function=name)
        tuned = spiking(name, parameters)
        if tuned is None and name in FUNCTIONS:
            return self.sent(self.function(name, x, **parameters))
        if tuned is None:
            raise self.error(advice(name))
        return self._neurons(x, tuned.neuron, tuned.gain, tuned.bias)

    def _counted(self, name: str, parameters: dict[str, Any], x: str) -> dict[str, Any]:
        """The parameters with their axes counted without that of the samples; none for a softmax over the last."""
        if name not in FUNCTIONS or FUNCTIONS[name].elementwise:
            return parameters
        rank = len(self.shape(x)) + 1
        axes = sorted(int(axis) % rank for axis in np.atleast_1d(parameters.get("axis", -1)))
        if axes[0] == 0:
            raise self.error(f"runs over the samples (axis={parameters['axis']}). Only axes of one sample convert.")
        if name == "softmax" and axes == [rank - 1]:
            return {}
        return {**parameters, "axis": tuple(axis - 1 for axis in axes)}

    def weights(self, **weights: Any) -> dict[str, np.ndarray]:
        """Keras variables as NumPy arrays, without those that are None.

        Raises
        ------
        ConversionError
            If a weight holds NaN or infinity.
        """
        arrays = {key: to_numpy(value) for key, value in weights.items() if value is not None}
        for key, array in arrays.items():
            if not np.isfinite(array).all():
                raise self.error(f"has NaN or infinity in its {key}. Train it again with a lower learning rate.")
        return arrays

    def error(self, what: str) -> ConversionError:
        """An error about the layer that is being converted."""
        return ConversionError(f"layer '{self._name}' ({type(self._layer).__name__}) {what}")


def to_numpy(value: Any) -> np.ndarray:
    """A number, an array, or a variable or tensor of any Keras backend as a NumPy array."""
    if isinstance(value, keras.Variable) or keras.ops.is_tensor(value):
        value = keras.ops.stop_gradient(value)
    return np.asarray(value)


def without_leading_ones(array: np.ndarray) -> np.ndarray:
    """The array without axes of length 1 in front, as far as it has more than one axis."""
    while array.ndim > 1 and array.shape[0] == 1:
        array = array[0]
    return array


def _neurons_for(node: Node) -> tuple[Node, ...]:
    """The nodes that do inside the network what a readout does at its end."""
    if not isinstance(node, Readout):
        return (node,)
    tuned = spiking(node.function, {})
    if tuned is not None:
        return (_population(node, node.inputs[0], tuned),)
    follower = Follower()
    mean, value, current = (f"{node.name}.{suffix}" for suffix in ("mean", node.function, "gain"))
    gain, settings = np.asarray(1 / follower.amplitude), json.dumps({"axis": [len(node.shape) - 1]})
    return (
        RunningMean(name=mean, inputs=node.inputs, shape=node.shape),
        Function(name=value, inputs=(mean,), shape=node.shape, function=node.function, settings=settings),
        Affine(name=current, inputs=(value,), shape=node.shape, scale=gain),
        _population(node, current, Tuned(follower, float(gain))),
    )


def _population(node: Node, current: str, tuned: Tuned) -> Population:
    return Population(
        name=node.name, inputs=(current,), shape=node.shape,
        neuron=tuned.neuron, neuron_bias=np.asarray(tuned.bias), gain=np.asarray(tuned.gain),
    )  # fmt: skip
