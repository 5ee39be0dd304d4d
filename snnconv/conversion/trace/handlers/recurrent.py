"""Layers with a memory: the cell is converted once for each element of the sequence, with the states of the one before.

A cell is what its code does to symbolic tensors, so that any cell converts whose operations do. All elements are there
at once. In n steps, what a cell gives is a function of its inputs' means over those steps, and what is handed on to the
next element is the mean over them: the same as if each element were presented for n steps after the one before it.

Inside a cell, functions of means go on as values. What crosses a kernel, and what leaves the layer, is spikes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers as kl
from keras import tree

from ....graph.nodes import Add, Concatenate
from ..builder import Builder, to_numpy
from ..registry import handles
from ..walk import walk
from .functions import joined
from .shape import crop, reshape
from .wrappers import function

Signals = list[Any]
"""Names of nodes, and arrays of one sample where nothing has come in yet."""


@handles(kl.RNN, kl.SimpleRNN, kl.GRU, kl.LSTM, as_called=True)
@handles(kl.ConvLSTM1D, kl.ConvLSTM2D, kl.ConvLSTM3D, as_called=True)
def recurrent(
    layer: Any, build: Builder, sequences: str, initial_state: Any = None, mask: Any = None, **arguments: Any
) -> Any:
    """The output of the last element, or those of all; and the last states, where the layer returns them."""
    outputs, states = _unrolled(layer, build, sequences, initial_state, mask)
    y = _sequence(build, outputs, "sequence") if layer.return_sequences else outputs[-1]
    return (y, *states) if layer.return_state else y


@handles(kl.Bidirectional, as_called=True)
def bidirectional(
    layer: Any, build: Builder, sequences: str, initial_state: Any = None, mask: Any = None, **arguments: Any
) -> Any:
    """Two layers, of which one goes backwards, and what joins them."""
    start = None if initial_state is None else tree.flatten(initial_state)
    halves = (None, None) if start is None else (start[: len(start) // 2], start[len(start) // 2 :])
    name, ends, states = build.name, [], []
    for each, half, order in ((layer.forward_layer, halves[0], 1), (layer.backward_layer, halves[1], -1)):
        build.begin(each, f"{name}.{'forward' if order == 1 else 'backward'}")
        outputs, last = _unrolled(each, build, sequences, half, mask)
        ends.append(_sequence(build, outputs[::order], "sequence") if layer.return_sequences else outputs[-1])
        states += last
    build.begin(layer, name)
    y = _merged(layer.merge_mode, build, *ends)
    return (*y, *states) if layer.return_state else y if len(y) > 1 else y[0]


def _merged(mode: str | None, build: Builder, x: str, y: str) -> tuple[str, ...]:
    shape = build.shape(x)
    if mode is None:
        return x, y
    if mode == "mul":
        return (joined(build, "multiply", (x, y), shape),)
    if mode == "concat":
        wide = (*shape[:-1], 2 * shape[-1])
        return (build.add(Concatenate, "joined", (x, y), wide, axis=len(shape) - 1),)
    total = build.add(Add, "sum", (x, y), shape)
    return (build.affine(total, 0.5, suffix="mean") if mode == "ave" else total,)


def _unrolled(layer: Any, build: Builder, x: str, initial_state: Any, mask: Any) -> tuple[list[str], list[str]]:
    """Outputs of all elements in the order in which the layer takes them, and the last states; all in spikes."""
    if layer.stateful:
        raise build.error(
            "keeps its state from one batch to the next (stateful=True). Give it initial_state from inputs of the "
            "model and return_state=True, and pass on what it returned."
        )
    if mask is not None:
        raise build.error("has the mask of a layer before it, which hides elements. Cut the sequences instead.")
    n, *shape = build.shape(x)
    start = layer.get_initial_state(1)
    cell = _model(layer, shape, start)
    states: Signals = [x if isinstance(x, str) else to_numpy(x) for x in tree.flatten(initial_state or start)]
    name, outputs = build.name, []
    for element in reversed(range(n)) if layer.go_backwards else range(n):
        here = f"{name}.{element}"
        build.begin(layer, here)
        taken = crop(build, x, (element, *(0 for _ in shape)), (1, *shape))
        taken = reshape(build, taken, tuple(shape), "element")
        with build.values():
            y, *after = walk(cell, [taken, *states], _calls(build), path=f"{here}.")
        build.begin(layer, here)
        is_last = len(outputs) == n - 1
        outputs.append(build.carried(y, here) if layer.return_sequences or is_last or y in after else y)
        states = after
    if layer.return_state:
        states = [build.carried(state) for state in states]
    build.begin(layer, name)
    return outputs, states


def _model(layer: Any, shape: Sequence[int], start: Any) -> keras.Model:
    """The work of a cell on one element and its states, as operations; the outputs are the element's and the states."""
    dtype = layer.cell.compute_dtype
    x = keras.KerasTensor((None, *shape), dtype)
    states = tree.map_structure(lambda state: keras.KerasTensor((None, *state.shape[1:]), dtype), start)
    return function(layer.cell, (x, states), {}).model


def _calls(build: Builder) -> Any:
    """Builder that converts the operations of a cell, and computes those that know all their arguments."""

    def call(operation: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int) -> Any:
        if any(isinstance(value, str) for value in tree.flatten((args, kwargs))):
            return build.call(operation, name, args, kwargs, lead)
        return tree.map_structure(to_numpy, operation(*args, **kwargs))

    return call


def _sequence(build: Builder, outputs: Sequence[str], suffix: str) -> str:
    """The outputs of all elements side by side, along a first axis."""
    shape = build.shape(outputs[0])
    rows = [reshape(build, each, (1, *shape), f"row{number}") for number, each in enumerate(outputs)]
    return build.add(Concatenate, suffix, tuple(rows), (len(rows), *shape), axis=0)
