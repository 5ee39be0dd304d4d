"""Layers of neurons, alone and as a network of one layer."""

import keras
import numpy as np


def built(layer, *input_shape):
    """The layer with its weights, for inputs of this shape."""
    layer.build((None, *input_shape))
    return layer


def weights(layer):
    """Gain and bias of a layer."""
    return layer.gain.numpy(), layer.bias.numpy()


def one_layer(layer, n_inputs=6, n_units=40):
    """A network whose output is that of one layer of neurons, with currents from well below threshold on."""
    model = keras.Sequential([keras.Input((n_inputs,)), keras.layers.Dense(n_units, use_bias=False), layer])
    model.layers[0].set_weights([2 * np.random.default_rng(0).normal(size=(n_inputs, n_units))])
    return model


def outputs_in_training(model, x):
    """Outputs of a model in training mode, in spikes where its layers train with them."""
    return np.asarray(model(x, training=True))
