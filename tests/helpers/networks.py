"""Keras models that several tests convert."""

import keras
import numpy as np
from keras import layers as kl

import snnconv


def forum_model(seed: int = 0) -> keras.Model:
    """16 -> Dense(8) -> LIF -> Dense(4), trained a little, so that no bias is at its initial value."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((16,)),
            kl.Dense(8, name="dense"),
            snnconv.layers.LIF(max_rates=100, intercepts=0, tau_ref=0.002, tau_rc=0.02, amplitude=0.001, name="lif"),
            kl.Dense(4, name="readout"),
        ],
        name="forum",
    )
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 16)).astype("float32")
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 0.02
    model.fit(x, x[:, :4] ** 2, epochs=5, verbose=0)
    return model


def randomise(model: keras.Model, seed: int = 0) -> keras.Model:
    """Give biases and batch statistics values that matter, as training would."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        kind = weight.path.rsplit("/", 1)[-1]
        if kind in ("bias", "beta", "moving_mean"):
            weight.assign(weight + rng.normal(0, 0.2, weight.shape))
        elif kind in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def sequential(shape: tuple[int, ...], *layers: kl.Layer) -> keras.Model:
    """Layers in a row, with the same weights each time."""
    keras.utils.set_random_seed(11)
    return keras.Sequential([keras.Input(shape), *layers])


def random_cnn(seed: int = 0) -> keras.Model:
    """A CNN with everything between its layers: batch normalisation, pooling, dropout, two kinds of neuron, softmax."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((12, 12, 2), name="image")
    x = kl.Conv2D(8, 3, padding="same", name="conv1")(inputs)
    x = kl.BatchNormalization(name="norm")(x)
    x = snnconv.layers.LIF((100, 200), (-0.5, 0.5), seed=1, name="lif1")(x)
    x = kl.AveragePooling2D(2, name="pool")(x)
    x = kl.Conv2D(12, 3, strides=2, name="conv2")(x)
    x = snnconv.layers.LIF(150.0, name="lif2")(x)
    x = kl.Flatten(name="flatten")(x)
    x = kl.Dropout(0.5, name="dropout")(x)
    x = kl.Dense(20, activation="relu", name="hidden")(x)
    outputs = kl.Dense(5, activation="softmax", name="classes")(x)
    return randomise(keras.Model(inputs, outputs, name="cnn"), seed)


def pooled_cnn() -> keras.Model:
    """A CNN with max pooling behind its convolutions."""
    keras.utils.set_random_seed(0)
    layers = [
        kl.Conv2D(6, 3, activation="relu", padding="same", name="conv1"),
        kl.MaxPooling2D(2, name="pool1"),
        kl.Conv2D(8, 3, activation="relu", name="conv2"),
        kl.MaxPooling2D(2, padding="same", name="pool2"),
        kl.Flatten(),
        kl.Dense(10, activation="relu", name="hidden"),
        kl.Dense(3, name="end"),
    ]
    return randomise(keras.Sequential([keras.Input((10, 10, 2)), *layers]))
