"""Max pooling: of values, and of spikes by their running sums, which go to the max of the rates as 1/T."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.graph import Affine
from snnconv.neurons import numpy_ops
from snnconv.runtime import reference, tensorflow_ops

from ..helpers.activations import differing
from ..helpers.linear_layers import kinds
from ..helpers.networks import pooled_cnn, randomise

# shape of the input, layer
LAYERS = [
    ((9, 2), lambda: kl.MaxPooling1D(2)),
    ((9, 2), lambda: kl.MaxPooling1D(3, strides=2, padding="same")),
    ((6, 5, 2), lambda: kl.MaxPooling2D()),
    ((6, 5, 2), lambda: kl.MaxPooling2D((2, 3), strides=1)),
    ((6, 5, 2), lambda: kl.MaxPooling2D(3, strides=2, padding="same")),
    ((6, 5, 2), lambda: kl.MaxPooling2D(1)),
    ((6, 5, 2), lambda: kl.MaxPooling2D(1, strides=2)),
    ((4, 3, 4, 2), lambda: kl.MaxPooling3D(2)),
    ((4, 3, 4, 2), lambda: kl.MaxPooling3D((2, 3, 2), strides=1, padding="same")),
    ((9, 2), lambda: kl.GlobalMaxPooling1D()),
    ((6, 5, 2), lambda: kl.GlobalMaxPooling2D(keepdims=True)),
    ((4, 3, 4, 2), lambda: kl.GlobalMaxPooling3D()),
    ((2, 6, 5, 2), lambda: kl.TimeDistributed(kl.MaxPooling2D(2))),
    ((2, 6, 5, 2), lambda: kl.TimeDistributed(kl.GlobalMaxPooling2D())),
    ((3, 2, 4, 3, 2), lambda: kl.TimeDistributed(kl.TimeDistributed(kl.MaxPooling2D(2, padding="same")))),
]


if hasattr(kl, "AdaptiveMaxPooling2D"):
    LAYERS.append(((6, 4, 2), lambda: kl.AdaptiveMaxPooling2D((3, 2))))


each_layer = pytest.mark.parametrize(
    ("shape", "make"), LAYERS, ids=[f"{make().name}-{'x'.join(map(str, shape))}" for shape, make in LAYERS]
)


POOLS = [
    ((9,), (2,), (2,), ((0, 0),)),
    ((9,), (3,), (2,), ((1, 1),)),
    ((7, 8), (2, 2), (2, 2), ((0, 1), (0, 0))),
    ((7, 8), (3, 2), (1, 2), ((1, 1), (0, 0))),
    ((6, 7), (3, 3), (2, 2), ((2, 1), (0, 2))),
    ((4, 5, 6), (2, 2, 3), (2, 1, 3), ((0, 0), (0, 1), (0, 0))),
    ((3, 4, 5, 2), (2, 1, 3, 2), (1, 2, 1, 1), ((0, 0), (0, 0), (1, 1), (0, 1))),
]


def pooled(shape, make):
    """input -> relu -> pooling, which gives the output."""
    return keras.Sequential([keras.Input(shape), kl.ReLU(name="relu"), make()])


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).random((4, 10, 10, 2))


@pytest.fixture(scope="module")
def graph():
    return snnconv.convert(pooled_cnn())


@pytest.mark.parametrize("xp", [numpy_ops, tensorflow_ops], ids=["numpy_ops", "tensorflow_ops"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("space", "size", "strides", "padding"), POOLS)
def test_max_pool_is_the_largest_of_what_is_inside(xp, dtype, space, size, strides, padding):
    x = np.random.default_rng(5).normal(-3, 1, size=(3, *space, 4)).astype(dtype)  # nearly all below 0
    y = np.asarray(xp.max_pool(x if xp is numpy_ops else tensorflow_ops.reshape(x, x.shape), size, strides, padding))
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, tuple(range(1, 1 + len(space))))
    windows = windows[(slice(None), *(slice(None, None, s) for s in strides))]
    np.testing.assert_array_equal(y, windows.max(tuple(range(-len(size), 0))))
    assert y.dtype == dtype


@each_layer
def test_rates_are_those_of_keras(shape, make):
    model = pooled(shape, make)
    x = np.random.default_rng(7).normal(size=(4, *shape)).astype("float32")
    np.testing.assert_array_equal(snnconv.convert(model).rate_output(x), np.asarray(model(x)))


@pytest.mark.sampled(4)
@each_layer
def test_spikes_go_to_the_rates_and_both_runtimes_agree(shape, make):
    """The sum of the output is the largest sum of an input, so its mean is as close to the rate as theirs: 1/T."""
    graph = snnconv.convert(pooled(shape, make))
    x = np.random.default_rng(7).normal(0.3, 0.5, size=(3, *shape))
    rates = graph.rate_output(x)
    amplitude = graph.populations["relu"].amplitude
    loop = reference.run(graph, x, 500, record="all")
    for n_steps in (50, 500):
        assert np.abs(loop.output[:, :n_steps].mean(1) - rates).max() <= amplitude / (n_steps * 0.001) * (1 + 1e-9)
    # spikes of one height come out, and none is negative
    assert set(np.unique(np.round(loop.output * 0.001 / amplitude, 9))) <= set(range(10))
    simulator = snnconv.Simulator(graph, dtype="float64")
    whole = simulator.run(x, 500, record="all")
    assert differing(whole, loop) == {"relu": 0}
    np.testing.assert_allclose(whole.output, loop.output, atol=1e-9)


def test_the_output_sums_up_to_the_largest_sum_at_every_step():
    layer = kl.MaxPooling1D(3, strides=2, name="pool")
    graph = snnconv.convert(keras.Sequential([keras.Input((9, 2)), kl.Activation("tanh", name="tanh"), layer]))
    x = np.random.default_rng(2).normal(size=(4, 60, 9, 2))  # varies in time, and has negative spikes
    result = reference.run(graph, x, 60, record="all")
    sums = np.cumsum(result.spikes["tanh"] * graph.populations["tanh"].amplitude / 0.001, 1)
    largest = np.stack([sums[:, :, start : start + 3].max(2) for start in (0, 2, 4, 6)], 2)
    np.testing.assert_allclose(np.cumsum(result.output, 1), largest, atol=1e-9)


def test_a_gate_on_the_largest_sum_is_further_off():
    """The other known rule: pass on what the neuron with the largest sum sends. It loses what others sent before."""
    graph = snnconv.convert(pooled((40, 50), lambda: kl.MaxPooling1D(4)))
    x = np.random.default_rng(0).normal(0.5, 0.5, size=(4, 40, 50))
    rates = graph.rate_output(x)
    for n_steps in (50, 100, 200):
        result = reference.run(graph, x, n_steps, record="relu.spikes")
        windows = (result.spikes["relu"] * 10.0).reshape(4, n_steps, 10, 4, 50)
        leader = np.cumsum(windows, 1).argmax(3)[:, :, :, None]
        gated = np.take_along_axis(windows, leader, 3)[:, :, :, 0].mean(1)
        ours = np.abs(result.output.mean(1) - rates).mean()
        assert ours < 0.6 * np.abs(gated - rates).mean()


def test_in_a_cnn(graph, images):
    assert kinds(graph) == [
        *("Input", "Conv", "Population", "RunningSum", "MaxPool", "Difference"),
        *("Conv", "Population", "RunningSum", "MaxPool", "Difference"),
        *("Reshape", "Dense", "Population", "Dense"),
    ]
    np.testing.assert_allclose(graph.rate_output(images), np.asarray(pooled_cnn()(images)), rtol=0, atol=1e-5)
    loop = reference.run(graph, images, 100, record="all")
    simulator = snnconv.Simulator(graph, dtype="float64")
    assert differing(simulator.run(images, 100, record="all"), loop) == dict.fromkeys(graph.populations, 0)
    assert all(spikes.any() for spikes in loop.spikes.values())


def test_in_a_cnn_the_error_falls_as_one_over_time(graph, images):
    """Off by D1 spikes behind one layer, by 1 + D2 (1 + D1) behind two: the max moves no more than what it is of."""
    rates = graph.rate_output(images)
    weights = [np.abs(node.trained["kernel"]) for node in graph.nodes if "kernel" in node.trained]
    off = 1.0
    for kernel in weights[1:-1]:
        off = 1 + off * kernel.reshape(-1, kernel.shape[-1]).sum(0).max()
    reach = off * weights[-1].sum(0).max()
    simulator = snnconv.Simulator(graph)
    errors = []
    for n_steps in (100, 400, 1600):
        errors.append(np.abs(simulator.predict(images, n_steps) - rates).max())
        assert errors[-1] <= reach * 0.01 / (n_steps * 0.001)
    # the bound is for the worst case; this is what happens: four times the time, about a quarter of the error
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_streaming_gives_the_same_spikes(graph, images):
    whole = reference.run(graph, images, 100, record="all")
    simulator = snnconv.Simulator(graph, dtype="float64")
    first = simulator.run(images, 50, record="all")
    second = simulator.run(images, 50, record="all", state=first.state)
    for name, spikes in whole.spikes.items():
        np.testing.assert_array_equal(np.concatenate([first.spikes[name], second.spikes[name]], 1), spikes)
    # the state means the same in both runtimes
    resumed = reference.run(graph, images, 50, record="all", state=first.state)
    assert differing(resumed, second) == dict.fromkeys(graph.populations, 0)


def test_files_hold_it(graph, images, tmp_path):
    graph.save(tmp_path / "graph.snn.h5")
    loaded = snnconv.load(tmp_path / "graph.snn.h5")
    assert kinds(loaded) == kinds(graph)
    results = (reference.run(each, images, 30, record="all") for each in (graph, loaded))
    assert differing(*results) == dict.fromkeys(graph.populations, 0)


def test_synapses_stand_before_it(images):
    graph = snnconv.convert(pooled_cnn(), synapse={"conv1": 0.005})
    assert kinds(graph)[2:5] == ["Population", "Filter", "RunningSum"]
    result = snnconv.Simulator(graph, dtype="float64").run(images, 80, record="all")
    assert differing(result, reference.run(graph, images, 80, record="all")) == dict.fromkeys(graph.populations, 0)


def test_values_without_spikes_are_pooled_at_once(images):
    keras.utils.set_random_seed(0)
    layers = [
        kl.MaxPooling2D(2, name="pool"),
        kl.Conv2D(3, 2),
        kl.MaxPooling2D(2),
        kl.Activation("sigmoid"),
        kl.Flatten(),
    ]
    model = keras.Sequential([keras.Input((10, 10, 2)), *layers, kl.Dense(2)])
    graph = snnconv.convert(model)
    assert kinds(graph)[:5] == ["Input", "MaxPool", "Conv", "MaxPool", "Population"]
    np.testing.assert_allclose(graph.rate_output(images), np.asarray(model(images)), atol=1e-5)


def test_a_sigmoid_before_it_fires():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 2)), kl.Conv1D(3, 2, activation="sigmoid"), kl.MaxPooling1D(2)])
    assert kinds(snnconv.convert(model)) == ["Input", "Conv", "Population", "RunningSum", "MaxPool", "Difference"]


@pytest.mark.parametrize("first", ["relu", "linear"])
def test_gains_and_batch_statistics_pass_it(first):
    """conv -> pool -> batch normalisation -> LIF: into the convolution before, or the one after where spikes come."""
    keras.utils.set_random_seed(0)
    layers = [
        kl.Conv2D(3, 2, activation=first),
        kl.MaxPooling2D(2),
        kl.BatchNormalization(),
        kl.Conv2D(2, 2),
        kl.MaxPooling2D(2),
        kl.BatchNormalization(),
        snnconv.layers.LIF(90.0),
        kl.Flatten(),
        kl.Dense(2),
    ]
    model = randomise(keras.Sequential([keras.Input((10, 10, 2)), *layers]))
    graph = snnconv.convert(model)
    assert not [node for node in graph.nodes if isinstance(node, Affine)]
    x = np.random.default_rng(0).random((3, 10, 10, 2))
    np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), rtol=1e-4, atol=1e-5)
    result = snnconv.Simulator(graph, dtype="float64").run(x, 60, record="all")
    assert differing(result, reference.run(graph, x, 60, record="all")) == dict.fromkeys(graph.populations, 0)


def test_a_scale_that_turns_the_order_round_does_not_pass_it():
    keras.utils.set_random_seed(0)
    norm = kl.BatchNormalization(name="norm")
    model = keras.Sequential(
        [keras.Input((8, 8, 2)), kl.Conv2D(3, 2), kl.MaxPooling2D(2), norm, kl.ReLU(), kl.Flatten()]
    )
    norm.gamma.assign([1.0, -1.0, 2.0])
    graph = snnconv.convert(model)
    assert kinds(graph)[:4] == ["Input", "Conv", "MaxPool", "Affine"]
    x = np.random.default_rng(0).random((3, 8, 8, 2))
    np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), atol=1e-5)
