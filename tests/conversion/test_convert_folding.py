"""Gains, offsets and batch normalisation fold into kernels without a change of the rates."""

from functools import partial

import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv.graph import Affine, Conv

from ..helpers import linear_layers
from ..helpers.networks import randomise, sequential

check = partial(linear_layers.check, close=1e-5)  # float32: rounding of sums of some hundred products


def test_gain_and_batch_normalisation_fold_as_the_equation_says():
    model = randomise(
        sequential(
            (8, 8, 2),
            kl.Conv2D(4, 3, name="conv"),
            kl.BatchNormalization(name="norm"),
            snnconv.layers.LIF([50, 100, 150, 200], name="lif"),
        )
    )
    lif = snnconv.convert(model).populations["lif"]
    norm = model.get_layer("norm")
    gamma, beta, mean, variance = (np.asarray(weight, "float64") for weight in norm.get_weights())
    scale = gamma / np.sqrt(variance + norm.epsilon)
    kernel, bias = model.get_layer("conv").get_weights()
    gain = np.asarray(model.get_layer("lif").gain, "float64").reshape(-1)
    np.testing.assert_allclose(lif.gain, gain)
    np.testing.assert_allclose(lif.kernel, kernel * scale * gain, rtol=1e-12)
    np.testing.assert_allclose(lif.dense_bias, gain * (scale * (bias - mean) + beta), rtol=1e-12)
    np.testing.assert_array_equal(lif.neuron_bias, np.asarray(model.get_layer("lif").bias).reshape(-1))
    np.testing.assert_array_equal(lif.trained.kernel, kernel)


def test_batch_normalisation_before_a_kernel_folds_forward():
    graph = check(
        sequential(
            (6, 6, 3),
            kl.BatchNormalization(),
            kl.AveragePooling2D(2),
            kl.Flatten(),
            kl.Dense(7, use_bias=False),
            snnconv.layers.LIF(),
            kl.BatchNormalization(),
            kl.Dense(3),
        )
    )
    assert not [node for node in graph.nodes if isinstance(node, Affine)]


def test_an_offset_before_zero_padding_stays_outside_the_kernel():
    graph = check(sequential((6, 6, 3), kl.BatchNormalization(), kl.Conv2D(4, 3, padding="same")))
    assert [node.kind for node in graph.nodes] == ["Input", "Affine", "Conv"]


def test_one_gain_per_place_cannot_fold_into_a_convolution_but_counts():
    layer = snnconv.layers.LIF((50, 200), seed=0, shared_axes=[], name="lif")
    graph = check(sequential((6, 6, 2), kl.Conv2D(3, 3, name="conv"), layer))
    assert graph.populations["lif"].gain.shape == (4, 4, 3)
    assert graph.populations["lif"].kernel is None
    assert isinstance(graph["lif.gain"], Affine)


def test_gain_folds_through_flatten_and_pooling():
    graph = check(
        sequential((8, 8, 2), kl.Conv2D(3, 3, name="conv"), kl.AveragePooling2D(2), snnconv.layers.LIF([50, 80, 90.0]))
    )
    conv = graph["conv"]
    assert isinstance(conv, Conv)
    np.testing.assert_allclose(
        conv.kernel, conv.trained["kernel"] * graph.populations[next(iter(graph.populations))].gain
    )


def test_shared_layers_and_nested_models():
    keras.utils.set_random_seed(5)
    inputs = keras.Input((6,))
    shared = kl.Dense(6, name="shared")
    inner = keras.Sequential([keras.Input((6,)), kl.Dense(6, activation="relu", name="inside")], name="inner")
    deeper_in = keras.Input((6,))
    deeper = keras.Model(deeper_in, snnconv.layers.LIF(name="lif")(inner(deeper_in)), name="deeper")
    x = shared(inner(shared(inputs)))
    x = kl.Add(name="sum")([inner(x), deeper(x), inputs])
    x = kl.Average(name="mean")([x, kl.Concatenate(name="join")([kl.Dense(3)(x), kl.Dense(3)(inputs)])])
    graph = check(keras.Model(inputs, kl.Dense(2, name="out")(x)))
    assert set(graph.populations) == {"inner.inside", "inner@2.inside", "deeper.inner.inside", "deeper.lif"}
    np.testing.assert_array_equal(graph["shared"].kernel, graph["shared@2"].kernel)


def test_a_kernel_with_two_consumers_is_not_scaled_for_one_of_them():
    inputs = keras.Input((6,))
    x = kl.Dense(5, name="dense")(inputs)
    y = kl.Concatenate()([snnconv.layers.LIF(200.0, name="lif")(x), x])
    graph = check(keras.Model(inputs, y))
    np.testing.assert_array_equal(graph["dense"].kernel, graph["dense"].trained["kernel"])


def test_a_kernel_with_two_populations_becomes_one_for_each():
    inputs = keras.Input((6,))
    x = kl.Dense(5, name="dense")(inputs)
    y = kl.Concatenate()([snnconv.layers.LIF(200.0, name="a")(x), snnconv.layers.LIF(50.0, name="b")(x)])
    graph = check(keras.Model(inputs, y))
    for name in "ab":
        view = graph.populations[name]
        np.testing.assert_allclose(view.kernel, view.gain * view.trained.kernel)
        assert view.input == graph.inputs[0].name
    assert "dense" not in [node.name for node in graph.nodes]
