"""Layers with a memory: rates are those of Keras, spikes go to them, and the rest is refused by name."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import ops

import snnconv
from snnconv.errors import ConversionError


class Leaky(kl.Layer):
    """A user's own cell, whose output is not its state."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1] + self.units, self.units))

    def call(self, x, states):
        h = 0.5 * states[0] + ops.tanh(ops.matmul(ops.concatenate([x, states[0]], -1), self.kernel))
        return ops.relu(h), [h]


class LMUCell(kl.Layer):
    """The cell of KerasLMU by its equations, in TensorFlow's stead in Keras'; snnconv knows it by its name alone."""

    hidden_to_memory = memory_to_memory = input_to_hidden = True
    trainable_theta, discretizer, memory_d, order = False, "zoh", 2, 3

    def __init__(self, hidden_cell, **options):
        super().__init__(**options)
        self.hidden_cell = hidden_cell
        self.state_size = [self.memory_d * self.order, hidden_cell.units]

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1] + self.hidden_cell.units, self.memory_d))
        self.bias = self.add_weight(shape=(self.memory_d,), initializer="normal")
        self.recurrent_kernel = self.add_weight(shape=(self.memory_d * self.order, self.memory_d))
        self.hidden_cell.build((None, self.memory_d * self.order + shape[-1]))
        self.A = ops.convert_to_tensor(np.eye(3, dtype="float32") - np.tri(3, dtype="float32") / 4)
        self.B = ops.convert_to_tensor(np.array([[0.5, -0.3, 0.2]], "float32"))

    def call(self, x, states):
        m, h = states
        u = ops.matmul(ops.concatenate([x, h], 1), self.kernel) + self.bias + ops.matmul(m, self.recurrent_kernel)
        after = ops.matmul(ops.reshape(m, (-1, 2, 3)), self.A) + ops.matmul(u[..., None], self.B)
        m = ops.reshape(after, (-1, 6))
        y = self.hidden_cell(ops.concatenate([m, x], 1))
        return y, [m, y]


LMUCell.__module__ = "keras_lmu.layers"

KINDS = {
    "SimpleRNN": lambda: [kl.SimpleRNN(4), kl.Dense(2)],
    "relu": lambda: [kl.SimpleRNN(4, activation="relu", return_sequences=True), kl.Dense(2)],
    "LSTM": lambda: [kl.Dense(4, "relu"), kl.LSTM(4), kl.Dense(3, "relu"), kl.Dense(2)],
    "LSTM by parts": lambda: [kl.LSTM(3, activation="softsign", recurrent_activation="hard_sigmoid")],
    "GRU": lambda: [kl.GRU(4, return_sequences=True), kl.Flatten(), kl.Dense(2)],
    "GRU, reset before": lambda: [kl.GRU(4, reset_after=False)],
    "stacked": lambda: [kl.LSTM(4, return_sequences=True), kl.GRU(3, go_backwards=True)],
    "cells": lambda: [kl.RNN([kl.LSTMCell(4), kl.GRUCell(3), kl.SimpleRNNCell(2)], return_sequences=True)],
    "own cell": lambda: [kl.RNN(Leaky(3), return_sequences=True), kl.Dense(2)],
    "Bidirectional": lambda: [kl.Bidirectional(kl.LSTM(3, return_sequences=True)), kl.Bidirectional(kl.GRU(2))],
    "product": lambda: [kl.Bidirectional(kl.SimpleRNN(3, return_sequences=True), merge_mode="mul")],
    "mean": lambda: [kl.Bidirectional(kl.SimpleRNN(3), merge_mode="ave")],
    "Masking": lambda: [kl.Masking(), kl.LSTM(3, return_sequences=True), kl.SimpleRNN(2)],
    "LMU": lambda: [kl.RNN(LMUCell(kl.Dense(3, "tanh")))],
    "ConvLSTM1D": lambda: [kl.Reshape((5, 3, 1)), kl.ConvLSTM1D(2, 2, padding="same"), kl.Flatten()],
}


def model_of(layers, shape=(5, 3)):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), *layers])
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(ops.convert_to_numpy(weight) + rng.normal(0, 0.2, weight.shape))
    return model


def samples(n=3, shape=(5, 3)):
    x = np.random.default_rng(1).random((n, *shape), "float32")
    x[0, :2], x[1, 3:] = 0, 0  # what a mask of zeros hides, at the start and at the end
    return x


@pytest.mark.parametrize("kind", KINDS)
def test_rates_are_those_of_keras(kind):
    model, x = model_of(KINDS[kind]()), samples()
    graph = snnconv.convert(model, verbose=False)
    np.testing.assert_allclose(graph.rate_output(x), model(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU", "Masking", "LMU"])
def test_the_error_in_spikes_falls_as_one_over_the_steps(kind):
    model, x = model_of(KINDS[kind]()), samples()
    graph = snnconv.convert(model, verbose=False)
    expected = ops.convert_to_numpy(model(x))
    # a spike is worth 10 at steps of 1 ms, and half of one may be owed: 5/T in the first element, more behind it
    error = {n: np.abs(snnconv.reference.run(graph, x, n).output.mean(1) - expected).mean() for n in (64, 1024)}
    assert error[1024] < error[64] / 4
    assert error[1024] < 0.02


def test_the_mean_that_is_handed_on_is_that_over_all_steps_whatever_came_first():
    """What a cell sends in n steps depends on its inputs' means over them alone, not on their order."""
    graph = snnconv.convert(model_of(KINDS["LSTM"]()[1:2]), verbose=False)
    x = samples()
    varied = np.stack([x * factor for factor in (0.5, 1.5, 0.25, 1.75)], 1)
    held, moved = (snnconv.reference.run(graph, each, 4, record="all") for each in (x, varied))
    for name in graph.populations:
        np.testing.assert_array_equal(held.spikes[name].sum(1), moved.spikes[name].sum(1))


def test_with_a_window_the_answer_follows_another_sequence():
    model, x = model_of([kl.GRU(3)]), samples()
    expected = ops.convert_to_numpy(model(x))
    changing = np.repeat(np.stack([5 - 10 * x, x], 1), 400, axis=1)  # another sequence first, each for 0.4 s
    errors = []
    for window in (None, 0.05):
        graph = snnconv.convert(model, window=window, verbose=False)
        output = snnconv.reference.run(graph, changing, 800).output
        errors.append(np.abs(output[:, -200:].mean(1) - expected).mean())
    assert errors[1] < 0.05 < errors[0]  # half a spike of 0.01 in 50 ms is 0.1 at any one time, and less in the mean


def test_states_go_in_and_come_out():
    x, h, c = keras.Input((5, 3), name="x"), keras.Input((4,), name="h"), keras.Input((4,), name="c")
    model = keras.Model([x, h, c], kl.LSTM(4, return_state=True, name="lstm")(x, initial_state=[h, c]))
    rng = np.random.default_rng(0)
    inputs = {"x": samples(), "h": rng.random((3, 4), "float32"), "c": rng.random((3, 4), "float32")}
    found = snnconv.convert(model, verbose=False).rate_output(inputs)
    expected = model([inputs[name] for name in "xhc"])
    for ours, theirs in zip(found.values(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("zero_output", [False, True])
def test_masks_of_an_embedding(zero_output):
    ids = keras.Input((6,), dtype="int32")
    x = kl.Embedding(5, 3, mask_zero=True)(ids)
    x = kl.RNN(kl.LSTMCell(4), return_sequences=True, zero_output_for_mask=zero_output)(x)
    model = keras.Model(ids, kl.Bidirectional(kl.GRU(2))(x))
    given = np.array([[0, 0, 1, 2, 3, 4], [1, 2, 3, 0, 0, 0], [1, 0, 2, 0, 4, 0], [0, 0, 0, 0, 0, 0]])
    graph = snnconv.convert(model, verbose=False)
    np.testing.assert_allclose(graph.rate_output(given), model(given), rtol=0, atol=1e-5)


def test_both_runtimes_files_and_verify_agree(tmp_path):
    model, x = model_of([kl.Dense(4, "relu"), kl.LSTM(4, name="lstm"), kl.Dense(2)]), samples()
    graph = snnconv.convert(model, verbose=False)
    assert {"lstm.0", "lstm.3", "lstm"} <= set(graph.populations)
    graph.save(tmp_path / "a.snn.h5")
    again = snnconv.load(tmp_path / "a.snn.h5")
    slow = snnconv.reference.run(again, x, 20, dtype="float32", record="all")
    fast = snnconv.Simulator(graph).run(x, 20, record="all")
    for name in graph.populations:
        np.testing.assert_array_equal(slow.spikes[name], fast.spikes[name])
    assert snnconv.api.verify(model, x, 20, graph=graph).passed


def mish():
    return keras.Sequential([keras.Input((5, 3)), kl.SimpleRNN(2, activation="mish", name="rnn")])


def stateful():
    inputs = keras.Input(batch_shape=(2, 5, 3))
    return keras.Model(inputs, kl.LSTM(2, stateful=True, name="memory")(inputs))


def masked_mean():
    return keras.Sequential([keras.Input((5, 3)), kl.Masking(), kl.GlobalAveragePooling1D(name="pool")])


def masked_spikes():
    return keras.Sequential([keras.Input((5, 3)), kl.Dense(2, "relu"), kl.Masking(name="mask"), kl.LSTM(2)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (stateful, r"'memory' \(LSTM\) keeps its state .* initial_state"),
        (mish, r"\(SimpleRNNCell\) holds a function that cannot be looked into"),
        (masked_mean, r"'pool' \(GlobalAveragePooling1D\) has the mask of a layer before it"),
        (masked_spikes, r"compares what spikes carry with a number"),
    ],
)
def test_what_does_not_convert_is_refused_by_name(make, message):
    with pytest.raises(ConversionError, match=message):
        snnconv.convert(make(), verbose=False)


def activations():
    public = {name: value for name, value in vars(keras.activations).items() if callable(value)}
    others = {"get", "serialize", "deserialize", "glu", "threshold"}  # no activations of units, or with arguments
    refused = {"mish", "hard_silu", "hard_swish", "sparsemax"}  # Keras' functions take no symbolic tensors; it sorts
    return sorted(set(public) - others - refused)


@pytest.mark.parametrize("name", activations())
def test_every_activation_of_keras_converts_inside_a_cell(name):
    model, x = model_of([kl.SimpleRNN(4, activation=name)], shape=(2, 3)), samples(shape=(2, 3))
    graph = snnconv.convert(model, verbose=False)
    np.testing.assert_allclose(graph.rate_output(x), model(x), rtol=1e-5, atol=1e-5)
