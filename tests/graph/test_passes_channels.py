"""Models with channels in front: the graph has them behind, with one permutation where data come in."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from snnconv.verification import verify

import snnconv
from snnconv.graph import Permute
from snnconv.graph.passes import channels_last

from ..helpers.hertz import at_100_hertz
from ..helpers.linear_layers import functional, kinds
from ..helpers.networks import randomise

# Nowhere are there as many channels as places along the last axis: Keras 3.15 then adds a bias along that axis.
FIRST = {"data_format": "channels_first"}


def converted(model):
    """The graph, after every layer and output was compared with Keras."""
    graph = snnconv.convert(randomise(model))
    assert verify(model, n_steps=15, graph=graph).passed
    return graph


def stack(*tail):
    return keras.Sequential(
        [
            keras.Input((3, 10, 9)),
            kl.Conv2D(6, (3, 2), strides=(2, 1), padding="same", **FIRST),
            kl.BatchNormalization(axis=1),
            kl.ReLU(name="relu"),
            kl.MaxPooling2D(2, **FIRST),
            kl.SeparableConv2D(5, 3, padding="same", activation="relu", name="separable", **FIRST),
            kl.AveragePooling2D(2, 1, padding="same", **FIRST),
            kl.ZeroPadding2D(((1, 0), (0, 2)), **FIRST),
            kl.DepthwiseConv2D(2, depth_multiplier=2, **FIRST),
            kl.Conv2DTranspose(4, 3, 2, activation="relu", name="transposed", **FIRST),
            kl.UpSampling2D(2, **FIRST),
            kl.Cropping2D(1, **FIRST),
            *tail,
        ]
    )


@pytest.mark.parametrize(
    "tail",
    [
        lambda: [kl.Flatten(**FIRST), kl.Dense(3)],
        lambda: [kl.Flatten(), kl.Dense(3)],
        lambda: [kl.GlobalAveragePooling2D(**FIRST), kl.Dense(3)],
        lambda: [kl.GlobalMaxPooling2D(keepdims=True, **FIRST), kl.Flatten(), kl.Dense(3)],
    ],
    ids=["Flatten", "Flatten of channels_last", "averages", "maxima"],
)
def test_one_permutation_is_left_where_data_come_in(tail):
    graph = converted(stack(*tail()))
    assert [node.inputs for node in graph.nodes if isinstance(node, Permute)] == [(graph.inputs[0].name,)]
    assert graph.populations["relu"].shape == (5, 9, 6)


def test_outputs_are_as_keras_has_them():
    model = stack()
    graph = converted(model)
    assert kinds(graph).count("Permute") == 2
    assert [view.shape for view in graph.readouts.values()] == [model.output_shape[1:]]


def branches(x):
    a = kl.Conv2D(4, 3, padding="same", activation="relu", **FIRST)(x)
    b = kl.Conv2D(4, 3, padding="same", activation="relu", **FIRST)(a)
    joined = kl.BatchNormalization(axis=1)(kl.Concatenate(axis=1)([kl.Add()([a, b]), b]))
    c = kl.Conv2D(4, 3, activation="relu", **FIRST)(joined)
    slopes = kl.PReLU(shared_axes=[2, 3])(kl.Concatenate(axis=1)([x, a]))  # a slope for each channel
    d = kl.Conv2D(4, 3, activation="relu", **FIRST)(slopes)
    flat = kl.Dense(4, activation="relu")(kl.Flatten()(kl.Add()([c, d])))
    return [kl.Dense(2)(flat), kl.Dense(5)(b), kl.Reshape((4, -1))(c), kl.Permute((3, 1, 2))(d)]


def test_sums_joins_and_what_minds_the_order():
    converted(functional(branches, (3, 7, 9)))


def test_one_and_three_dimensions():
    layers = [kl.Conv1D(4, 3, activation="relu", **FIRST), kl.MaxPooling1D(2, **FIRST), kl.Flatten(), kl.Dense(2)]
    converted(keras.Sequential([keras.Input((2, 9)), *layers]))
    layers = [kl.Conv3D(3, 2, activation="relu", **FIRST), kl.GlobalAveragePooling3D(**FIRST), kl.Dense(2)]
    converted(keras.Sequential([keras.Input((2, 4, 3, 5)), *layers]))


def test_inside_a_time_distributed():
    layers = [kl.TimeDistributed(kl.Conv2D(3, 2, activation="relu", **FIRST)), kl.Flatten(), kl.Dense(2)]
    converted(keras.Sequential([keras.Input((3, 2, 5, 6)), *layers]))


def test_graphs_survive_files_and_others_are_left_alone(tmp_path):
    model = stack(kl.Flatten(), kl.Dense(3))
    graph = converted(model)
    graph.save(tmp_path / "graph.snn.h5")
    loaded = snnconv.load(tmp_path / "graph.snn.h5")
    assert verify(model, n_steps=10, graph=loaded).passed
    assert channels_last(graph) is graph  # nothing is marked any more


def test_spikes_are_those_of_the_same_model_with_channels_behind():
    first = keras.Sequential(
        [keras.Input((2, 6, 7)), kl.Conv2D(3, 3, activation="relu", name="conv", **FIRST), kl.Flatten(), kl.Dense(2)]
    )
    last = keras.Sequential(
        [keras.Input((6, 7, 2)), kl.Conv2D(3, 3, activation="relu", name="conv"), kl.Flatten(), kl.Dense(2)]
    )
    randomise(first)
    kernel, bias = first.layers[-1].get_weights()
    last.layers[0].set_weights(first.layers[0].get_weights())
    last.layers[-1].set_weights([kernel.reshape(3, 4, 5, 2).transpose(1, 2, 0, 3).reshape(60, 2), bias])
    x = np.random.default_rng(0).random((4, 2, 6, 7), "float32")
    runs = [  # at one amplitude: it is chosen on random inputs, which differ from place to place
        snnconv.Simulator(at_100_hertz(snnconv.convert(model))).run(each, 50, record="conv")
        for model, each in ((first, x), (last, np.moveaxis(x, 1, -1)))
    ]
    np.testing.assert_array_equal(runs[0].spikes["conv"], runs[1].spikes["conv"])
    np.testing.assert_allclose(runs[0].output, runs[1].output, rtol=1e-5, atol=1e-5)  # sums in another order
