"""A network on digits, for searches of its settings."""

import functools

import keras
from keras import layers as kl
from sklearn.datasets import load_digits

import snnconv


@functools.cache
def trained_digits():
    """Digits that no training saw, and a network trained for a second or two."""
    x, y = load_digits(return_X_y=True)
    x = x.astype("float32") / 16
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            kl.Dense(32),
            snnconv.layers.LIF(max_rates=200, amplitude=0.005, name="lif1"),
            kl.Dense(32),
            snnconv.layers.LIF(max_rates=200, amplitude=0.005, name="lif2"),
            kl.Dense(10),
        ],
        name="digits",
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 0.005
    model.fit(x[:1400], y[:1400], epochs=12, verbose=0)
    return model, snnconv.convert(model, verbose=False), x[1400:1600], y[1400:1600]
