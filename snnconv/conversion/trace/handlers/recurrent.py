"""Layers with a memory: the cell is converted once for each element of the sequence, with the states of the one before.

A cell is what its code does to symbolic tensors, so that any cell converts whose operations do. All elements are there
at once. In n steps, what a cell gives is a function of its inputs' means over those steps, and what is handed on to the
next element is the mean over them: the same as if each element were presented for n steps after the one before it.

Inside a cell, functions of means go on as values. What crosses a kernel, and what leaves the layer, is spikes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops, tree

from ....graph.nodes import Add, Concatenate, Conv
from ..builder import Builder, to_numpy
from ..registry import full_name, handles, handles_named
from ..walk import walk
from .functions import joined
from .shape import crop, reshape
from .wrappers import operations

Signals = list[Any]
"""Names of nodes, and arrays of one sample where nothing has come in yet."""


@handles(kl.RNN, kl.SimpleRNN, kl.GRU, kl.LSTM, as_called=True)
@handles(kl.ConvLSTM1D, kl.ConvLSTM2D, kl.ConvLSTM3D, as_called=True)
def recurrent(
    layer: Any, build: Builder, sequences: str, initial_state: Any = None, mask: Any = None, **arguments: Any
) -> Any:
    """The output of the last element, or those of all; and the last states, where the layer returns them."""
    outputs, states = _unrolled(layer, build, sequences, initial_state, mask)
    y = _sequence(build, outputs) if layer.return_sequences else outputs[-1]
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
        ends.append(_sequence(build, outputs[::order]) if layer.return_sequences else outputs[-1])
        states += last
    build.begin(layer, name)
    y = _merged(layer.merge_mode, build, *ends)
    return (*y, *states) if layer.return_state else y


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
    if mask is not None and not isinstance(mask, str):
        raise build.error("has a constant mask. Cut the sequences instead.")
    n, *shape = build.shape(x)
    start = layer.get_initial_state(1)
    cell = _model(layer, shape, start)
    states: Signals = [x if isinstance(x, str) else to_numpy(x) for x in tree.flatten(initial_state or start)]
    name, outputs, before = build.name, [], None
    for element in reversed(range(n)) if layer.go_backwards else range(n):
        here = f"{name}.{element}"
        build.begin(layer, here)
        taken = crop(build, x, (element, *(0 for _ in shape)), (1, *shape))
        taken = reshape(build, taken, tuple(shape), "element")
        with build.values():
            y, *after = walk(cell, [taken, *states], _calls(build), path=f"{here}.")
            if mask is not None:
                y, after = _kept(layer, build, crop(build, mask, (element,), (1,), "shown"), y, after, before, states)
            build.begin(layer, here)
        is_last = len(outputs) == n - 1
        outputs.append(build.carried(y, here) if layer.return_sequences or is_last or y in after else y)
        states, before = after, y
    if layer.return_state:
        states = [build.carried(state) for state in states]
    build.begin(layer, name)
    return outputs, states


def _model(layer: Any, shape: Sequence[int], start: Any) -> keras.Model:
    """The work of a cell on one element and its states, as operations; the outputs are the element's and the states."""
    dtype = layer.cell.compute_dtype
    x = keras.KerasTensor((None, *shape), dtype)
    states = tree.map_structure(lambda state: keras.KerasTensor((None, *state.shape[1:]), dtype), start)
    call = _CELLS.get(full_name(type(layer.cell)))
    return operations(layer.cell, layer.cell.call if call is None else partial(call, layer.cell), (x, states), {}).model


def _kept(
    layer: Any, build: Builder, shown: str, y: str, after: Signals, before: str | None, states: Signals
) -> tuple[str, Signals]:
    """The output and the states, or where a mask hides the element, those of the element before."""

    def choose(new: str, old: Any, suffix: str) -> str:
        shape = build.shape(new)
        mask = reshape(build, shown, (1,) * len(shape), f"{suffix}_mask")
        if not isinstance(old, str):
            zero = build.affine(new, 0.0, np.zeros(shape) if old is None else old[0], f"{suffix}_start")
            old = zero
        return build.function("chosen", mask, new, old, shape=shape, suffix=suffix)

    masked = [choose(new, old, f"state{number}") for number, (new, old) in enumerate(zip(after, states, strict=True))]
    if layer.zero_output_for_mask or y not in after or before is None:
        return choose(y, None if layer.zero_output_for_mask else before, "output"), masked
    return masked[after.index(y)], masked


def _calls(build: Builder) -> Any:
    """Builder that converts the operations of a cell, and computes those that know all their arguments."""

    def call(operation: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], lead: int) -> Any:
        if any(isinstance(value, str) for value in tree.flatten((args, kwargs))):
            return build.call(operation, name, args, kwargs, lead)
        return tree.map_structure(to_numpy, operation(*args, **kwargs))

    return call


def _sequence(build: Builder, outputs: Sequence[str]) -> str:
    """The outputs of all elements side by side, along a first axis."""
    shape = build.shape(outputs[0])
    rows = [reshape(build, each, (1, *shape), f"row{number}") for number, each in enumerate(outputs)]
    return build.add(Concatenate, "sequence", tuple(rows), (len(rows), *shape), axis=0)


@handles_named("keras_lmu.layers.LMU")
def legendre_memory(layer: Any, build: Builder, x: str) -> str:
    """The layer of KerasLMU that it builds: one with a cell, or one without feedback into the memory."""
    inside = layer.layer
    return feedforward_memory(inside, build, x) if hasattr(inside, "impulse_response") else recurrent(inside, build, x)


@handles_named("keras_lmu.layers.LMUFeedforward")
def feedforward_memory(layer: Any, build: Builder, x: str) -> str:
    """A memory that is a convolution over the sequence, and behind it the hidden layer or cell."""
    u = x if layer.kernel is None else build.dense(x, layer.kernel, layer.bias, "encoded")
    if layer.kernel is None and layer.bias is not None:
        u = build.affine(x, 1.0, to_numpy(layer.bias), "biased")
    n, n_signals = build.shape(u)
    response = to_numpy(layer.impulse_response).reshape(-1, layer.order)[:n]
    if layer.conv_mode == "raw":
        response = to_numpy(layer.impulse_response).reshape(-1, layer.order)[::-1][:n]
    kernel = np.tile(response[::-1, None, :], (1, 1, n_signals))
    geometry = {"strides": (1,), "padding": ((len(response) - 1, 0),), "dilation": (1,), "groups": n_signals}
    shape = (n, n_signals * layer.order)
    y = build.add(Conv, "memory", (u,), shape, kernel=kernel, trained={"kernel": kernel}, **geometry)
    if layer.input_to_hidden:
        y = build.add(Concatenate, "with_input", (y, x), (n, shape[1] + build.shape(x)[1]), axis=1)
    hidden = layer.hidden_cell
    if hasattr(hidden, "state_size"):
        return recurrent(kl.RNN(hidden, return_sequences=layer.return_sequences), build, y)
    if not layer.return_sequences:
        y = reshape(build, crop(build, y, (n - 1, 0), (1, build.shape(y)[1]), "last"), build.shape(y)[1:], "vector")
    return y if hidden is None else build.inside(hidden, "hidden", y)


def _legendre_cell(cell: Any, x: Any, states: Any) -> tuple[Any, list[Any]]:
    """One step of KerasLMU's cell (Voelker, Kajić and Eliasmith 2019): m' = A m + B u, and a hidden cell of m'."""
    m, *h = tree.flatten(states)
    u: Any = ops.concatenate((x, h[0]), 1) if cell.hidden_to_memory else x
    if cell.kernel is not None:
        u = ops.matmul(u, cell.kernel)
    if cell.bias is not None:
        u = u + cell.bias
    if cell.memory_to_memory:
        u = u + ops.matmul(m, cell.recurrent_kernel)
    A, B = cell.A, cell.B
    if cell.trainable_theta and cell.discretizer == "zoh":
        A, B = type(cell)._cont2discrete_zoh(cell._base_A * cell.theta_inv, cell._base_B * cell.theta_inv)
    A, B, n = to_numpy(A), to_numpy(B), cell.memory_d
    kept: Any = ops.matmul(m, np.kron(np.eye(n, dtype=A.dtype), A))
    change = kept + ops.matmul(u, np.kron(np.eye(n, dtype=B.dtype), B))
    is_euler = cell.trainable_theta and cell.discretizer == "euler"
    m = m + change * to_numpy(cell.theta_inv) if is_euler else change
    y = ops.concatenate((m, x), 1) if cell.input_to_hidden else m
    if cell.hidden_cell is None:
        return y, [m]
    if hasattr(cell.hidden_cell, "state_size"):
        y, h = cell.hidden_cell(y, h)
        return y, [m, *h]
    y = cell.hidden_cell(y)
    return y, [m, y]


_CELLS: dict[str, Callable[..., Any]] = {"keras_lmu.layers.LMUCell": _legendre_cell}
"""Cells whose own code does not take symbolic tensors, and what computes the same."""
