"""Signals that meet, and gains and batch statistics that fold into kernels behind them."""

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from keras import layers as kl
from keras import ops
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

import snnconv
from snnconv.graph import Affine

from ..helpers.examples import at_most
from ..helpers.linear_layers import check, functional, kinds

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (lambda x, y: kl.Add()([x, y]), [(4, 3), (4, 3)]),
        (lambda x, y, z: kl.Add()([x, y, z]), [(4, 3), (1, 3), (4, 1)]),
        (lambda x, y: kl.Add()([x, y]), [(4, 3), (3,)]),
        (lambda x, y: kl.Subtract()([x, y]), [(4, 3), (4, 3)]),
        (lambda x, y: kl.Subtract()([y, x]), [(4, 3), (1, 3)]),
        (lambda x, y: kl.Average()([x, y, x]), [(4, 3), (4, 3)]),
        (lambda x, y: kl.Concatenate()([x, y]), [(4, 3), (4, 2)]),
        (lambda x, y: kl.Concatenate(axis=1)([x, y, x]), [(4, 3), (2, 3)]),
        (lambda x, y: x + y, [(4, 3), (4, 3)]),
        (lambda x, y: x - y, [(4, 3), (4, 1)]),
        (lambda x: x + x, [(4, 3)]),
        (lambda x: x + 2.0, [(4, 3)]),
        (lambda x: ops.add(np.arange(3.0), x), [(4, 3)]),
        (lambda x: x - np.ones((1, 4, 1)), [(4, 3)]),
        (lambda x: 1 - x, [(4, 3)]),
        (lambda x: x * 2.0, [(4, 3)]),
        (lambda x: ops.multiply(np.arange(12.0).reshape(4, 3), x), [(4, 3)]),
        (lambda x: x * np.arange(3.0), [(4, 1)]),
        (lambda x: x / np.array([1.0, 2.0, 4.0]), [(4, 3)]),
        (lambda x: ops.true_divide(x, 2), [(4, 3)]),
        (lambda x: -x, [(4, 3)]),
        (lambda x: ops.relu(x), [(4, 3)]),
        (lambda x: ops.reshape(x, (-1, 2, 6)), [(4, 3)]),
        (lambda x: ops.transpose(x, (0, 2, 1)), [(4, 3)]),
        (lambda x, y: ops.concatenate([x, y], axis=-1), [(4, 3), (4, 2)]),
        (lambda x: ops.mean(x, axis=(1, 2)), [(4, 3, 2)]),
        (lambda x: ops.mean(x, axis=2, keepdims=True), [(4, 3, 2)]),
        (lambda x: ops.mean(x, axis=-1), [(4, 3)]),
        (lambda x: ops.mean(x, axis=(-1, 1), keepdims=True), [(4, 3, 2)]),
        (lambda x: ops.sum(x, axis=1), [(4, 3)]),
        (lambda x: ops.squeeze(x, 1), [(1, 3)]),
        (lambda x: ops.expand_dims(x, -1), [(4, 3)]),
        (lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0))), [(4, 3)]),
        (lambda x: x[:, 1], [(4, 3)]),
        (lambda x: x[:, 1:3, -1], [(4, 3)]),
        (lambda x: x[..., :2], [(4, 3)]),
        (lambda x: x[:, -3:-1, ..., 1:], [(4, 3, 2)]),
    ],
)
def test_signals_meet(build, shapes):
    check(functional(build, *shapes))


def test_residuals_of_inception_resnet_are_scaled():
    check(functional(lambda x, y: CustomScaleLayer(0.2)([x, y]), (4, 3), (4, 3)), 1e-6)  # Keras' factor is float32


@pytest.mark.filterwarnings("ignore:.*structure of `inputs` doesn't match")
def test_models_are_called_with_dicts_and_lists():
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    two = keras.Model([b, a], kl.Concatenate(name="both")([kl.Dense(2)(a), kl.Dense(3)(b)]), name="two")
    named = keras.Model({"b": b, "a": a}, {"sum": kl.Add(name="sum")([kl.Dense(2)(a), kl.Dense(2)(b)])}, name="named")
    x, y = keras.Input((3,), name="x"), keras.Input((4,), name="y")
    out = kl.Concatenate()([two({"a": x, "b": y}), two([y, x]), named({"a": x, "b": y})["sum"]])
    check(keras.Model({"x": x, "y": y}, {"out": kl.Dense(2, name="out")(out), "x2": kl.Dense(1, name="x2")(x)}))


def test_a_layer_that_gives_two_outputs():
    shared = kl.Dense(3, name="shared")
    graph = check(functional(lambda x, y: [shared(x), shared(y)], (4,), (4,)))
    assert list(graph.outputs) == ["shared", "shared@2"]
    assert set(graph.outputs.values()) == {"shared", "shared@2"}


def test_neurons_and_activations_inside_a_time_distributed():
    layers = [kl.TimeDistributed(kl.Dense(4, activation="relu")), kl.TimeDistributed(kl.ReLU())]
    graph = check(keras.Sequential([keras.Input((3, 5)), *layers, kl.TimeDistributed(snnconv.layers.LIF(80.0))]), 1e-5)
    assert [view.shape for view in graph.populations.values()] == [(3, 4)] * 3


# What stands between an input and a population, and what is left of it: every gain in a kernel
FOLDED = [
    ((6, 5, 3), [lambda: kl.SeparableConv2D(4, 3)], "Conv Conv"),
    ((6, 5, 3), [lambda: kl.DepthwiseConv2D(3), kl.BatchNormalization], "Conv"),
    ((6, 5, 3), [kl.BatchNormalization, lambda: kl.DepthwiseConv2D(3, depth_multiplier=2)], "Conv"),
    ((4, 3, 3), [lambda: kl.Conv2DTranspose(4, 2, strides=2), kl.BatchNormalization], "ConvTranspose"),
    ((4, 3, 3), [lambda: kl.Conv2D(4, 2), lambda: kl.UpSampling2D(2)], "Conv Upsample"),
    (
        (4, 3, 3),
        [lambda: kl.Conv2D(4, 2), lambda: kl.UpSampling2D(2, interpolation="bilinear"), kl.BatchNormalization],
        "Conv  Upsample",
    ),
    ((4, 4, 3), [lambda: kl.Conv2D(4, 2), lambda: kl.Cropping2D(1), kl.BatchNormalization], "Conv Crop"),
    ((4, 3, 3), [lambda: kl.Conv2D(4, 2), lambda: kl.ZeroPadding2D(1)], "Conv Pad"),
    ((4, 3, 3), [lambda: kl.ZeroPadding2D(1), lambda: kl.Conv2D(4, 2, padding="same")], "Conv"),
    ((4, 3), [lambda: kl.Dense(4), lambda: kl.Permute((2, 1)), lambda: kl.BatchNormalization(axis=1)], "Dense Permute"),
    ((4, 3), [lambda: kl.Flatten(), kl.BatchNormalization, lambda: kl.Dense(5)], "Reshape Dense"),
]


@pytest.mark.parametrize(("shape", "layers", "left"), FOLDED, ids=[left for *_, left in FOLDED])
def test_gains_and_batch_statistics_end_up_in_kernels(shape, layers, left):
    lif = snnconv.layers.LIF(90.0)  # one gain for all, as each of these nodes can pass it
    graph = check(keras.Sequential([keras.Input(shape), *(make() for make in layers), lif]), 1e-5)
    assert kinds(graph) == ["Input", *left.split(), "Population"]


def test_a_gain_after_a_sum_scales_every_branch_and_shifts_one():
    def build(x):
        y = kl.Add()([kl.Conv2D(3, 2, name="a")(x), kl.Conv2D(3, 2, use_bias=False, name="b")(x)])
        return snnconv.layers.LIF([50.0, 100.0, 150.0], name="lif")(kl.BatchNormalization(name="norm")(y))

    graph = check(functional(build, (5, 4, 2)))
    assert not [node for node in graph.nodes if isinstance(node, Affine)]
    gain = graph.populations["lif"].gain
    for name in "ab":
        ratio = graph[name].kernel / graph[name].trained["kernel"]
        np.testing.assert_allclose(ratio / gain, np.broadcast_to((ratio / gain)[:1, :1, :1], ratio.shape), rtol=1e-12)
    assert graph["b"].bias is None


def test_a_gain_after_a_concatenation_is_split():
    def build(x):
        parts = [kl.Dense(2, name="a")(x), kl.Dense(3, name="b")(x), kl.Dense(1, name="c")(x)]
        return snnconv.layers.LIF([50.0, 60.0, 70.0, 80.0, 90.0, 100.0], name="lif")(kl.Concatenate()(parts))

    graph = check(functional(build, (4,)))
    assert kinds(graph) == ["Input", "Dense", "Dense", "Dense", "Concatenate", "Population"]
    gain = graph.populations["lif"].gain
    np.testing.assert_allclose(graph["b"].kernel, graph["b"].trained["kernel"] * gain[2:5], rtol=1e-12)


def test_a_branch_with_another_reader_keeps_its_gain_outside():
    def build(x):
        y = kl.Dense(3, name="read_twice")(x)
        return kl.Concatenate()([snnconv.layers.LIF(name="lif")(kl.Add()([y, kl.Dense(3)(x)])), y])

    graph = check(functional(build, (4,)))
    np.testing.assert_array_equal(graph["read_twice"].kernel, graph["read_twice"].trained["kernel"])
    assert [node.name for node in graph.nodes if isinstance(node, Affine)] == ["lif.gain"]


@at_most(30)
@given(st.data())
def test_folding_through_any_chain_keeps_the_rates(data):
    """Layers that move numbers, with batch normalisation anywhere between them."""
    inputs = keras.Input((4, 4, 4))
    x = inputs
    makers = [
        lambda: kl.Conv2D(4, 2, padding="same"), lambda: kl.Conv2DTranspose(4, 2), lambda: kl.DepthwiseConv2D(2),
        lambda: kl.Permute((2, 3, 1)), lambda: kl.Cropping2D(((0, 1), (1, 0))),
        lambda: kl.ZeroPadding2D(((0, 1), (0, 0))),
        lambda: kl.UpSampling2D((1, 2)), lambda: kl.UpSampling2D((2, 1)),
        lambda: kl.AveragePooling2D(2, 1, "same"), lambda: kl.Dense(4), kl.ReLU,
        lambda: kl.Reshape((-1, 4, 4)) if x.shape[2] == 2 else kl.Identity(),
    ]  # fmt: skip
    for make in data.draw(st.lists(st.sampled_from(makers), min_size=1, max_size=4)):
        assume(min(x.shape[1:]) > 1)
        before, x = x, make()(x)
        for axis in data.draw(st.lists(st.sampled_from([1, 2, 3]), max_size=1)):
            x = kl.BatchNormalization(axis=axis)(x)
        if x.shape == before.shape and data.draw(st.booleans()):
            x = kl.Add()([x, before])
        if data.draw(st.booleans()):
            x = kl.Concatenate()([x, kl.BatchNormalization()(x)])
    check(keras.Model(inputs, kl.Dense(2)(kl.Flatten()(x))), 1e-9)
