"""Every linear layer of Keras, with its arguments: the rates are Keras', and the spikes go there as 1/T."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.runtime import reference

from ..helpers.linear_layers import LAYERS, PASSING, check, named, use
from ..helpers.networks import randomise

pytestmark = pytest.mark.usefixtures("float64")


@named(LAYERS + PASSING)
def test_rates_are_those_of_keras(shape, make):
    # TensorFlow has no pooling in three dimensions for float64 on a CPU, and always interpolates in float32
    single = "Pooling3D" in type(make()).__name__ or getattr(make(), "interpolation", "") == "bilinear"
    if single:
        use("float32")
    check(keras.Sequential([keras.Input(shape), make()]), 1e-5 if single else 1e-10)


@pytest.mark.sampled(6)
@named(LAYERS)
def test_spikes_go_to_the_rates_and_both_runtimes_agree(shape, make):
    """input -> relu -> layer -> Dense -> relu -> Flatten -> Dense, run in spikes.

    A first neuron's count lags behind rate times time by less than one spike. The second neurons' voltages are then
    off by at most D, the largest sum of absolute weights from spikes to voltage, and with their own last spike their
    counts by at most 1 + D: in the output, (1 + D) · amplitude / T times the absolute weights of the last layer.
    """
    use("float32")
    linear = keras.Sequential([keras.Input(shape), make(), kl.Dense(3)])
    inputs = keras.Input(shape)
    x = linear(kl.ReLU(name="first")(inputs))
    end = kl.Dense(2, name="end")
    model = randomise(keras.Model(inputs, end(kl.Flatten()(kl.ReLU(name="second")(x)))))
    graph = snnconv.convert(model)
    assert list(graph.populations) == ["first", "second"]

    basis = np.eye(int(np.prod(shape)), dtype="float32").reshape(-1, *shape)
    weights = np.asarray(linear(basis)) - np.asarray(linear(0 * basis[:1]))
    off = 1 + np.abs(weights).sum(0).max()
    reach = np.abs(end.kernel.numpy()).sum(0).max()
    x = np.random.default_rng(5).uniform(0, 1, (2, *shape))
    rates = graph.rate_output(x)
    amplitude, dt = graph.populations["second"].amplitude, 0.001
    run = snnconv.Simulator(graph, dt=dt, dtype="float64").run(x, 600, record="all.spikes")
    for n_steps in (60, 600):
        assert np.abs(run.output[:, :n_steps].mean(1) - rates).max() <= off * reach * amplitude / (n_steps * dt)
    loop = reference.run(graph, x, 60, dt, record="all.spikes")
    for name, spikes in loop.spikes.items():
        np.testing.assert_array_equal(run.spikes[name][:, :60], spikes)
    assert loop.spikes["second"].any()
