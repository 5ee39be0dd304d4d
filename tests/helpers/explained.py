"""Models whose variables, layers and units are explained."""

import keras
import numpy as np
from keras import layers as kl

import snnconv

from .networks import randomise


def odd_model() -> keras.Model:
    """What is rare: a nested model, a shared layer, slopes per unit, a separable kernel, a norm that does not fold."""
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((4,)), kl.Dense(4, name="dense"), kl.Dropout(0.5)], name="encoder")
    inputs = keras.Input((4,), name="x")
    shared = kl.Dense(4, activation=kl.PReLU(alpha_initializer=keras.initializers.Constant(0.2)), name="shared")
    x = shared(inner(inputs))
    x = snnconv.layers.LIF((100, 200), seed=1, name="lif")(shared(x))
    x = kl.BatchNormalization(name="norm")(x)
    x = kl.TimeDistributed(kl.Dense(3, name="inside"), name="distributed")(kl.Reshape((2, 2), name="reshape")(x))
    x = kl.SeparableConv1D(3, 2, padding="same", name="separable")(x)
    x = snnconv.layers.IF(name="if")(x)
    x = kl.Conv1DTranspose(2, 3, strides=2, name="transposed")(x)
    model = keras.Model(inputs, kl.Flatten(name="flatten")(x), name="odd")
    model(np.zeros((1, 4)))
    return randomise(model)


def inputs_of(graph, n=3):
    rng = np.random.default_rng(0)
    return {node.name: rng.random((n, *node.shape)) for node in graph.inputs}
