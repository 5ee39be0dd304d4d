"""`RoundedWeights`: kernels of few bits in training, which `quantize` then leaves as they are."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import quantize
from snnconv.errors import ParameterError
from snnconv.layers import SteppedLIF
from snnconv.training.callbacks import RoundedWeights

RNG = np.random.default_rng(0)
X = RNG.random((64, 6, 6, 2)).astype("float32")
Y = RNG.random((64, 3)).astype("float32")


def small_model():
    keras.utils.set_random_seed(1)
    layers = [
        kl.Conv2D(5, 3, name="conv"), kl.BatchNormalization(), SteppedLIF(name="first"),
        kl.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise"), SteppedLIF(name="second"),
        kl.Flatten(), kl.Dense(8, name="dense"), SteppedLIF(name="third"), kl.Dense(3, name="out"),
    ]  # fmt: skip
    model = keras.Sequential([keras.Input(X.shape[1:]), *layers])
    model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
    return model


def kernels(model):
    return {layer.name: np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")}


def columns(kernel, name):
    n_columns = {"depthwise": 10, "out": 1}.get(name, kernel.shape[-1])
    return kernel.reshape(-1, n_columns)


@pytest.fixture(scope="module")
def model():
    model = small_model()
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[RoundedWeights(3)])
    return model


def test_each_channel_has_as_many_values_as_its_bits_allow(model):
    for name, kernel in kernels(model).items():
        for column in columns(kernel, name).T:
            steps = column / (np.abs(column).max() / 3)  # 3 bits: -3…3
            # float32
            np.testing.assert_allclose(steps, np.rint(steps), atol=1e-5)
    assert len(np.unique(np.abs(kernels(model)["out"]))) <= 4


def test_as_many_bits_of_an_integer_network_change_nothing_more(model):
    graph = snnconv.convert(model, verbose=False)
    integers = quantize.quantize(graph, 3)
    for layer in [*integers.populations.values(), *integers.readouts.values()]:
        assert layer.weight_error < 1e-6  # float32
    assert quantize.quantize(graph, 4).populations["third"].weight_error > 0.01  # other bits are another grid


def test_steps_too_small_for_the_bits_add_up():
    """Each update is far below one of 3 bits; without a fine copy none would ever come through."""
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(kernels(self.model)["dense"].copy())

    model = small_model()
    model.optimizer.learning_rate = 2e-3
    model.fit(X, Y, batch_size=8, epochs=6, verbose=0, callbacks=[RoundedWeights(3), Watch()])
    step = np.abs(seen[0]).max() / 3
    moved = np.abs(seen[-1] - seen[0]) > step / 2
    assert 0 < moved.mean() < 0.5
    changes = [np.mean(np.abs(later - earlier) > step / 2) for earlier, later in itertools.pairwise(seen)]
    assert max(changes) < 0.1


def test_it_learns_at_the_rounded_kernels():
    """The loss that Keras reports is that of the rounded kernels, and falls; validation and the end have them too."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((72,)), kl.Dense(16), SteppedLIF(), kl.Dense(3)])
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    x = X.reshape(64, -1)
    history = model.fit(
        x, Y, batch_size=16, epochs=12, verbose=0, validation_data=(x, Y), callbacks=[RoundedWeights(4)]
    ).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert model.evaluate(x, Y, verbose=0) == pytest.approx(history["val_loss"][-1], rel=1e-5)


@pytest.mark.parametrize("bits", [1, 17, 4.0, True])
def test_bits_are_checked(bits):
    with pytest.raises(ParameterError, match="weight_bits must be a whole number from 2 to 16"):
        RoundedWeights(bits)


def test_models_that_it_cannot_round_are_refused():
    model = keras.Sequential([keras.Input((3,)), kl.Rescaling(2.0)], name="plain")
    model.compile("sgd", "mse")
    with pytest.raises(ParameterError, match="the model 'plain' has no dense layer and no convolution"):
        model.fit(Y, Y, verbose=0, callbacks=[RoundedWeights(4)])
    model = small_model()
    model.compile("sgd", "mse", steps_per_execution=2)
    with pytest.raises(ParameterError, match=r"Received steps_per_execution=2; compile the model with 1"):
        model.fit(X, Y, verbose=0, callbacks=[RoundedWeights(4)])
