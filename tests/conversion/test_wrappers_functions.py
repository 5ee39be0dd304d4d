"""Layers that are functions, and whole models inside a TimeDistributed: the layers and operations in them."""

import keras
import pytest
import tensorflow as tf
from keras import layers as kl
from keras import ops
from snnconv.verification import verify

import snnconv
from snnconv.errors import ConversionError

from ..helpers.linear_layers import check, functional, kinds
from ..helpers.networks import randomise

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: x / 255, [(4, 3)]),
        (lambda x: 2 * x[:, 1:] - 1, [(4, 3)]),
        (lambda x: x[..., ::-1], [(4, 3)]),
        (lambda x: x[:, 3:0:-2], [(4, 3)]),
        (lambda x: x, [(4, 3)]),
        (lambda x: ops.relu(x) + ops.leaky_relu(x, 0.3), [(4, 3)]),
        (lambda x: ops.clip(x, -0.5, 0.75), [(4, 3)]),
        (lambda x: ops.stack([x, 2 * x], axis=2), [(4, 3)]),
        (lambda xs: xs[0] - xs[1], [(4, 3), (4, 3)]),
    ],
)
def test_a_lambda_of_operations_converts(function, shapes):
    check(functional(lambda *xs: kl.Lambda(function, name="code")(xs[0] if len(xs) == 1 else list(xs)), *shapes), 1e-6)


def test_what_a_lambda_does_has_names_of_its_own():
    model = functional(lambda x: kl.Dense(2)(kl.Lambda(lambda x: ops.relu(x / 2) - 1, name="code")(x)), (3,))
    graph = snnconv.convert(randomise(model))
    assert list(graph.populations) == ["code.relu"]
    assert [line.layer for line in graph.report][:3] == ["code.true_divide", "code.relu", "code.subtract"]
    assert verify(model, n_steps=20).passed


def test_a_function_of_tensorflow_cannot_be_looked_into():
    model = functional(lambda x: kl.Lambda(lambda x: tf.math.cumsum(x, 1), name="code", output_shape=(3,))(x), (3,))
    with pytest.raises(ConversionError, match=r"'code' \(Lambda\).*cannot be looked into.*keras\.ops.*handles\(Lambda"):
        snnconv.convert(model)


def test_the_function_of_a_lambda_is_compared_with_what_keras_computes():
    """A function that gives symbolic tensors another result than numbers is found out."""
    treacherous = kl.Lambda(lambda x: x if isinstance(x, keras.KerasTensor) else 2 * x, output_shape=(3,))
    with pytest.raises(ConversionError, match="differs from Keras"):
        snnconv.convert(functional(treacherous, (3,)))


def frames():
    shortcut = keras.Input((6, 5, 2))
    x = kl.Conv2D(3, 3, activation="relu", padding="same", name="conv")(kl.Rescaling(2.0, 0.5)(shortcut))
    x = kl.Concatenate(axis=3)([kl.BatchNormalization()(x), shortcut])
    x = kl.Add()([kl.Dense(4)(x), kl.Conv2D(4, 1)(shortcut)])
    x = kl.Dense(3, activation="relu", name="dense")(kl.Flatten()(kl.MaxPooling2D(2)(x)))
    return keras.Model(shortcut, x, name="frame")


def test_a_whole_model_inside_a_time_distributed():
    inputs = keras.Input((4, 6, 5, 2))
    x = kl.TimeDistributed(frames(), name="frames")(inputs)
    graph = check(keras.Model(inputs, kl.Dense(2)(kl.GlobalAveragePooling1D()(x))), 1e-6)
    assert {view.name: view.shape for view in graph.populations.values()} == {
        "frames.conv": (4, 6, 5, 3),
        "frames.dense": (4, 3),
    }
    assert "Conv" in kinds(graph)


def test_every_layer_inside_a_time_distributed_is_compared_with_keras():
    inputs = keras.Input((4, 6, 5, 2))
    model = randomise(keras.Model(inputs, kl.TimeDistributed(frames(), name="frames")(inputs)))
    found = verify(model, n_steps=20)
    assert found.passed
    assert [layer.name for layer in found.layers] == ["frames.conv", "frames.dense"]


def test_what_does_not_convert_inside_a_time_distributed_is_named():
    inner = keras.Sequential([keras.Input((4, 3)), kl.Permute((2, 1)), kl.LSTM(2, name="memory")])
    model = keras.Sequential([keras.Input((5, 4, 3)), kl.TimeDistributed(inner)])
    with pytest.raises(ConversionError, match=r"'memory' \(LSTM\) does not convert inside a TimeDistributed"):
        snnconv.convert(model)
