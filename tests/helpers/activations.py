"""Activations of Keras in all forms, and networks with them."""

import keras
import numpy as np
from keras import activations
from keras import layers as kl

from snnconv.neurons import IF, PiecewiseLinear, Sigmoid, Softplus, Softsign, Tanh

from .networks import randomise

# Names in keras.activations, and the neuron that each becomes
NEURON_OF = {
    "relu": IF,
    "relu6": PiecewiseLinear,
    "leaky_relu": PiecewiseLinear,
    "hard_sigmoid": PiecewiseLinear,
    "sparse_sigmoid": PiecewiseLinear,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softplus": Softplus,
    "softsign": Softsign,
}


FORMS = {
    "string": lambda name, units: [kl.Dense(units, activation=name)],
    "function": lambda name, units: [kl.Dense(units, activation=getattr(activations, name))],
    "layer": lambda name, units: [kl.Dense(units), kl.Activation(name)],
    "of a convolution": lambda name, units: [kl.Reshape((-1, 1)), kl.Conv1D(4, 3, activation=name), kl.Flatten()],
}


def network(build, seed=0):
    """10 -> 12 -> 9 -> 3 units with two hidden layers of an activation, and biases as after training."""
    keras.utils.set_random_seed(seed)
    layers = [kl.Dense(12), *build(12), *build(9), kl.Dense(3, name="end")]
    model = keras.Sequential([keras.Input((10,)), *layers])
    model(inputs())  # builds layers that are arguments
    return randomise(model)


def inputs(n=5):
    return np.random.default_rng(3).normal(size=(n, 10))


def differing(result, other):
    return {name: int((spikes != other.spikes[name]).sum()) for name, spikes in result.spikes.items()}
