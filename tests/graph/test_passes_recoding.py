"""Populations with other neurons and codes for the same output in rates."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.graph import Affine, Conv
from snnconv.graph.passes.recoding import Recoding, recode
from snnconv.graph.passes.spikes import of_height
from snnconv.runtime import reference

from ..helpers.networks import randomise

DT = 0.001


@pytest.fixture(scope="module")
def graph():
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 2))
    x = kl.Conv2D(4, 1, activation="silu", name="pointwise")(image)
    x = kl.DepthwiseConv2D(3, padding="same", strides=2, activation="gelu", name="padded")(x)
    x = kl.Conv2D(3, 2, activation="silu", name="unpadded")(x)
    x = kl.Add(name="sum")([x, kl.Conv2D(3, 1, name="other")(x)])
    return snnconv.convert(randomise(keras.Model(image, kl.Dense(2)(kl.Flatten()(x)))), verbose=False)


def centred(graph, names):
    """The graph with spikes of another height and centre for each channel."""
    recodings = {}
    for name in names:
        n_channels = graph[name].shape[-1]
        code = of_height(graph.populations[name].neuron, np.linspace(1, 2, n_channels), DT)
        recodings[name] = dataclasses.replace(code, centre=np.linspace(-0.5, 1, n_channels))
    return recode(graph, recodings)


@pytest.mark.parametrize("names", [["pointwise"], ["padded"], ["unpadded"], ["pointwise", "padded", "unpadded"]])
def test_a_centre_keeps_the_output_in_rates(graph, names):
    x = np.random.default_rng(1).random((3, 6, 6, 2))
    found = centred(graph, names)
    np.testing.assert_allclose(found.rate_output(x), graph.rate_output(x), rtol=1e-9, atol=1e-9)
    settled = reference.run(found, x, 4000).output.mean(1)  # heights of 2: a spike is 5e-4 of the mean
    np.testing.assert_allclose(settled, graph.rate_output(x), atol=0.02)


def test_convolutions_take_spikes_and_not_the_centre(graph):
    found = centred(graph, ["pointwise", "padded"])
    for layer, before in (("padded.linear", "pointwise"), ("unpadded.linear", "padded")):
        assert isinstance(found[layer], Conv)
        assert found[layer].inputs == (before,)
    behind = found.consumers("padded.linear")[0]
    assert isinstance(behind, Affine)
    assert behind.offset is not None
    assert behind.offset.shape == (3, 3, 4)  # a number per place: the border differs from the middle
    assert not np.allclose(behind.offset[0], behind.offset[-1])


def test_a_silent_neuron_gives_its_centre(graph):
    code = Recoding(of_height(graph.populations["padded"].neuron, 1.0, DT).neuron, output=1.0, centre=2.0)
    assert code.bias(np.zeros(())) == -2 / DT  # the current at which the old neuron gave 2 is now 0


def test_offsets_that_are_no_centres_stay_where_they_are():
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 2))
    first = kl.Conv2D(3, 3, padding="same", name="first")(kl.Rescaling(2.0, offset=-1.0)(image))
    second = kl.Conv2D(3, 3, padding="same", name="second")(kl.BatchNormalization()(first))
    x = kl.ReLU(name="relu")(kl.Add()([first, second]))
    plain = snnconv.convert(randomise(keras.Model(image, kl.Dense(2)(kl.Flatten()(x)))), verbose=False)
    found = recode(plain, {"relu": of_height(plain.populations["relu"].neuron, 2.0, DT)})
    x = np.random.default_rng(2).random((3, 6, 6, 2))
    np.testing.assert_allclose(found.rate_output(x), plain.rate_output(x), rtol=1e-9, atol=1e-9)
    assert not [node.name for node in found.nodes if node.name.endswith(".centre")]


def test_a_calibrated_relu_behind_scaled_inputs_keeps_its_kernel():
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 1))
    x = kl.Conv2D(4, 3, padding="same", activation="relu", name="relu")(kl.Rescaling(2.0, offset=-1.0)(image))
    samples = np.random.default_rng(0).random((16, 6, 6, 1))
    found = snnconv.convert(
        keras.Model(image, kl.Dense(2)(kl.Flatten()(x))), calibrate=samples, calibrate_steps=32, verbose=False
    )
    view = found.populations["relu"]
    assert view.kernel is not None
    assert view.dense_bias is not None
    assert (view.kernel.shape, view.dense_bias.shape) == ((3, 3, 1, 4), (4,))


def test_a_population_behind_a_centre_keeps_its_kernel_and_takes_the_offset_as_bias():
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 2))
    x = kl.Conv2D(4, 3, padding="same", activation="silu", name="silu")(image)
    x = kl.Conv2D(3, 3, padding="same", activation="relu", name="relu")(x)
    plain = snnconv.convert(randomise(keras.Model(image, kl.Dense(2)(kl.Flatten()(x)))), verbose=False)
    found = centred(plain, ["silu"])
    view = found.populations["relu"]
    assert view.kernel is not None
    assert view.kernel.shape == (3, 3, 4, 3)
    assert np.shape(view.neuron_bias) == (6, 6, 3)  # a number per place
    x = np.random.default_rng(3).random((3, 6, 6, 2))
    np.testing.assert_allclose(found.rate_output(x), plain.rate_output(x), rtol=1e-9, atol=1e-9)
