"""Mistakes in kernels, biases and gains.

The order is the one in which two of them are made: from a layer's kernel to its neurons.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ....graph import Conv, Dense, SpikingGraph
from ..case import Case, population
from .edit import Relu, before, gain, linear, scaled, swap, with_neuron_bias
from .mistake import ChangeNetwork, Mistake

Changed = SpikingGraph | None


def _kernel_transposed(case: Case, graph: SpikingGraph, name: str) -> Changed:
    node = linear(graph, name)
    if not isinstance(node, Dense):
        return None
    # (inputs, units) row by row, read as (units, inputs)
    kernel = node.kernel.reshape(node.kernel.shape[::-1]).T
    return swap(graph, node.name, lambda old: dataclasses.replace(old, kernel=kernel))  # pyright: ignore


def _trained_kernel_transposed(case: Case, graph: SpikingGraph, name: str) -> Changed:
    node, values = linear(graph, name), gain(graph, name)
    trained = None if node is None else node.trained.get("kernel")
    if not isinstance(node, Dense) or trained is None or values is None or trained.shape != node.kernel.shape:
        return None
    if np.all(values == values.flat[0]) or f"{name}.gain" not in node.folded:
        return None  # with one gain it is the same as with the exported kernel
    kernel = trained.reshape(trained.shape[::-1]).T * values
    return swap(graph, node.name, lambda old: dataclasses.replace(old, kernel=kernel))  # pyright: ignore


def _kernel_flipped(case: Case, graph: SpikingGraph, name: str) -> Changed:
    node = linear(graph, name)
    if not isinstance(node, Conv):
        return None
    kernel = np.flip(node.kernel, tuple(range(node.kernel.ndim - 2)))
    return swap(graph, node.name, lambda old: dataclasses.replace(old, kernel=kernel))  # pyright: ignore


def _normalisation_left_out(case: Case, graph: SpikingGraph, name: str) -> Changed:
    node, values = linear(graph, name), population(graph, name).gain
    trained = None if node is None else node.trained.get("kernel")
    if node is None or trained is None or trained.shape != node.kernel.shape:
        return None
    if not (np.ndim(values) == 0 or values.shape == node.kernel.shape[-1:]) or f"{name}.gain" not in node.folded:
        return None
    kernel, bias = trained * values, node.trained.get("bias", np.zeros(())) * values
    if np.allclose(kernel, node.kernel, rtol=1e-6):
        return None
    bias = np.broadcast_to(bias, node.kernel.shape[-1:])
    return swap(graph, node.name, lambda old: dataclasses.replace(old, kernel=kernel, bias=bias))  # pyright: ignore


def _dense_bias_left_out(case: Case, graph: SpikingGraph, name: str) -> Changed:
    node = linear(graph, name)
    if node is None or node.bias is None or not np.any(node.bias):
        return None
    return swap(graph, node.name, lambda old: dataclasses.replace(old, bias=None))  # pyright: ignore


def _gain_left_out_of(field: str) -> ChangeNetwork:
    """The gain left out of the kernel alone, or of the bias alone."""

    def change(case: Case, graph: SpikingGraph, name: str) -> Changed:
        node, values = linear(graph, name), gain(graph, name)
        if node is None or values is None or node.bias is None or not np.any(node.bias):
            return None
        if values.ndim > 1 or f"{name}.gain" not in node.folded:
            return None
        plain = getattr(node, field) / values
        return swap(graph, node.name, lambda old: dataclasses.replace(old, **{field: plain}))

    return change


def _gain_left_out(case: Case, graph: SpikingGraph, name: str) -> Changed:
    values = gain(graph, name)
    return None if values is None else scaled(graph, name, "gain", 1 / values)


def _gain_twice(case: Case, graph: SpikingGraph, name: str) -> Changed:
    values = gain(graph, name)
    return None if values is None else scaled(graph, name, "gain", values)


def _relu(case: Case, graph: SpikingGraph, name: str) -> Changed:
    return before(graph, name, "relu", Relu)


def _neuron_bias_left_out(case: Case, graph: SpikingGraph, name: str) -> Changed:
    bias = population(graph, name).neuron_bias
    return with_neuron_bias(graph, name, np.zeros_like(bias)) if np.any(bias) else None


def _neuron_bias_scaled(case: Case, graph: SpikingGraph, name: str) -> Changed:
    values, bias = gain(graph, name), population(graph, name).neuron_bias
    return with_neuron_bias(graph, name, bias * values) if values is not None and np.any(bias) else None


def _neuron_bias_multiplied(case: Case, graph: SpikingGraph, name: str) -> Changed:
    bias = population(graph, name).neuron_bias
    if not np.any(bias):
        return None
    return with_neuron_bias(scaled(graph, name, "neuron bias", bias), name, np.zeros_like(bias))


WEIGHTS = (
    Mistake(
        "kernel transposed",
        "the kernel is (inputs, units), row by row: J = x @ kernel",
        "kernel",
        _kernel_transposed,
    ),
    Mistake(
        "trained kernel transposed",
        "the kernel is (inputs, units), row by row, and the gain has one value per unit",
        "kernel",
        _trained_kernel_transposed,
    ),
    Mistake(
        "kernel of the convolution flipped",
        "Keras convolves without flipping the kernel (cross-correlation)",
        "kernel",
        _kernel_flipped,
    ),
    Mistake(
        "normalisation left out",
        "batch normalisation and rescaling are in the exported kernel and dense_bias",
        "normalisation",
        _normalisation_left_out,
    ),
    Mistake("dense bias left out", "J has two biases: dense_bias and neuron_bias", "dense bias", _dense_bias_left_out),
    Mistake("gain left out", "J = gain·u + bias; kernel and dense_bias of the export hold it", "gain", _gain_left_out),
    Mistake("gain applied twice", "kernel and dense_bias of the export hold the gain already", "gain", _gain_twice),
    Mistake(
        "gain left out of the dense bias",
        "the gain multiplies the layer's kernel and its bias",
        "gain",
        _gain_left_out_of("bias"),
    ),
    Mistake(
        "gain left out of the kernel",
        "the gain multiplies the layer's kernel and its bias",
        "gain",
        _gain_left_out_of("kernel"),
    ),
    Mistake(
        "ReLU before the neurons",
        "the layer before the neurons is linear: negative currents stay negative",
        "relu",
        _relu,
    ),
    Mistake(
        "neuron bias left out",
        "J has two biases: dense_bias and neuron_bias",
        "neuron bias",
        _neuron_bias_left_out,
    ),
    Mistake(
        "neuron bias multiplied by the gain",
        "nothing multiplies the neuron bias",
        "neuron bias",
        _neuron_bias_scaled,
    ),
    Mistake(
        "neuron bias multiplied instead of added",
        "the neuron bias is added",
        "neuron bias",
        _neuron_bias_multiplied,
    ),
)
