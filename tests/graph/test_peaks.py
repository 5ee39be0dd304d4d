"""Firing rates without data: those that batch normalisation remembers, whatever the scale of the inputs."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ParameterError
from snnconv.layers import LIF

SCALE = 255.0


def trained(scale):
    """Two layers with batch normalisation whose statistics are those of inputs in 0…scale, and such inputs."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 6, 2))
    y = kl.ReLU(name="first")(kl.BatchNormalization(momentum=0.0)(kl.Conv2D(8, 3)(x)))
    y = kl.ReLU(name="second")(kl.BatchNormalization(momentum=0.0)(kl.Conv2D(8, 3)(y)))
    model = keras.Model(x, kl.Dense(3)(kl.Flatten()(y)))
    data = (scale * np.random.default_rng(1).random((64, 6, 6, 2)) ** 2).astype(
        "float32"
    )  # not what is drawn without data
    model(data, training=True)
    return model, data


def peaks(graph, x):
    """The rate that one activation in a thousand exceeds, in spikes per step of 1 ms, by population."""
    values = graph.rate_values(x)
    return {
        name: float(np.percentile(values[name], 99.9)) / view.neuron.amplitude / 1000
        for name, view in graph.populations.items()
    }


@pytest.mark.parametrize("scale", [1.0, SCALE])
def test_the_busiest_neurons_spike_once_per_step_whatever_the_scale_of_the_inputs(scale):
    model, x = trained(scale)
    graph = snnconv.convert(model, scale_firing_rates="auto", verbose=False)
    assert all(0.7 < peak < 1.4 for peak in peaks(graph, x).values())  # statistics of 64 samples
    np.testing.assert_allclose(graph.rate_output(x), model(x), atol=1e-4)


def test_bytes_into_a_network_that_scales_them_are_drawn_as_bytes():
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    model = keras.Model(x, kl.Dense(2)(kl.Dense(16, "relu", name="hidden")(kl.Rescaling(1 / SCALE)(x))))
    graph = snnconv.convert(model, scale_firing_rates="auto", verbose=False)
    data = SCALE * np.random.default_rng(2).random((64, 4))
    assert 0.7 < peaks(graph, data)["hidden"] < 1.6  # of 8 samples and 16 neurons without batch normalisation


def test_lif_neurons_keep_their_rates():
    x = keras.Input((4,))
    model = keras.Model(x, kl.Dense(2)(LIF(name="lif")(kl.Dense(5)(x))))
    plain, auto = (snnconv.convert(model, scale_firing_rates=each, verbose=False) for each in (None, "auto"))
    assert auto.populations["lif"].neuron == plain.populations["lif"].neuron


def test_other_words_and_refit_are_refused():
    model, x = trained(1.0)
    with pytest.raises(ParameterError, match="or 'auto', which leaves LIF neurons .* Received 'fast'"):
        snnconv.convert(model, scale_firing_rates="fast")
    with pytest.raises(ParameterError, match="goes without refit"):
        snnconv.convert(model, scale_firing_rates="auto", refit=x)
