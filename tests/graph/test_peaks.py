"""Firing rates without data: those that batch normalisation remembers, whatever the scale of the inputs."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionWarning
from snnconv.layers import IF, LIF

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
    graph = snnconv.convert(model, verbose=False)
    assert all(0.7 < peak < 1.4 for peak in peaks(graph, x).values())  # statistics of 64 samples
    np.testing.assert_allclose(graph.rate_output(x), model(x), atol=1e-4)


def test_bytes_into_a_network_that_scales_them_are_drawn_as_bytes():
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    model = keras.Model(x, kl.Dense(2)(kl.Dense(16, "relu", name="hidden")(kl.Rescaling(1 / SCALE)(x))))
    graph = snnconv.convert(model, verbose=False)
    data = SCALE * np.random.default_rng(2).random((64, 4))
    assert 0.7 < peaks(graph, data)["hidden"] < 1.6  # of 8 samples and 16 neurons without batch normalisation


def test_amplitudes_have_two_digits():
    model, _ = trained(1.0)
    for view in snnconv.convert(model, verbose=False).populations.values():
        amplitude = view.neuron.amplitude
        assert amplitude == pytest.approx(float(f"{amplitude:.1e}"), rel=1e-12)  # a quotient of two floats
        assert view.gain == pytest.approx(1 / amplitude)


def test_neurons_that_a_model_or_a_swap_states_keep_their_amplitudes():
    own = {"own": IF(amplitude=0.02, name="own"), "lif": LIF(name="lif")}
    model = keras.Sequential([keras.Input((4,)), kl.Dense(5), own["own"], kl.Dense(5), own["lif"]])
    model.add(kl.Dense(5, activation="gelu", name="swapped"))
    model.add(kl.Dense(5, activation="relu", name="relu"))
    swaps = {"gelu": snnconv.neurons.IF(amplitude=0.03, min_voltage=-np.inf)}
    with pytest.warns(ConversionWarning, match="swapped activations"):
        graph = snnconv.convert(model, swap_activations=swaps, verbose=False)
    amplitudes = {name: view.neuron.amplitude for name, view in graph.populations.items()}
    assert amplitudes.pop("relu") not in (0.01, 0.02, 0.03)
    assert amplitudes == {"own": 0.02, "lif": 0.01, "swapped": 0.03}


def test_functions_of_means_and_bounded_activations_are_chosen_too():
    x = keras.Input((4,))
    y = kl.Dense(6, activation="sigmoid", name="sigmoid")(x)
    y = kl.Dense(6, activation="silu", name="silu")(y)
    graph = snnconv.convert(keras.Model(x, kl.Dense(2)(y)), verbose=False)
    found = peaks(graph, np.random.default_rng(3).random((200, 4)))
    assert set(found) == {"sigmoid", "silu"}
    assert all(0.5 < peak < 1.5 for peak in found.values())  # of 8 samples and 6 neurons


def test_a_factor_multiplies_the_rates_that_were_chosen():
    model, x = trained(1.0)
    chosen, twice = (snnconv.convert(model, scale_firing_rates=each, verbose=False) for each in (None, 2.0))
    for name, peak in peaks(chosen, x).items():
        assert peaks(twice, x)[name] == pytest.approx(2 * peak)


def test_a_silent_layer_keeps_its_amplitude():
    x = keras.Input((4,))
    silent = kl.Dense(3, activation="relu", bias_initializer=keras.initializers.Constant(-99.0), name="silent")
    graph = snnconv.convert(keras.Model(x, kl.Dense(2)(silent(x))), verbose=False)
    assert graph.populations["silent"].neuron.amplitude == 0.01


def test_statistics_that_no_training_has_changed_say_nothing():
    x = keras.Input((6, 6, 2))
    y = kl.Conv2D(8, 3, kernel_initializer="ones")(kl.Rescaling(1e-3)(x))
    y = kl.ReLU(name="small")(kl.BatchNormalization()(y))
    graph = snnconv.convert(keras.Model(x, kl.Dense(3)(kl.Flatten()(y))), verbose=False)
    found = peaks(graph, 255.0 * np.random.default_rng(4).random((64, 6, 6, 2)))  # as bytes, by the factor before
    assert 0.7 < found["small"] < 1.4
