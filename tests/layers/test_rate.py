"""`Rate`, the layer of any neuron: it computes what the layers of the known neurons compute."""

import keras
import numpy as np
import pytest

import snnconv
from snnconv import layers, neurons
from snnconv.errors import ParameterError

X = np.random.default_rng(0).normal(0.5, 1, (6, 5)).astype("float32")


@pytest.mark.parametrize(
    ("known", "options"),
    [
        (layers.IF(80.0, -0.5), {}),
        (layers.LIF(80.0, -0.5, smoothing=0.1), {}),
        (layers.LIF(80.0, -0.5), {"gradient_neuron": neurons.LIF(smoothing=0.02)}),
        (layers.SteppedLIF(80.0, -0.5), {"gradient_neuron": neurons.SteppedLIF().smooth(0.02)}),
    ],
    ids=["IF", "soft LIF", "LIF", "SteppedLIF"],
)
def test_outputs_and_gradients_are_those_of_the_neurons_own_layer(known, options):
    layer = layers.Rate(known.neuron, 80.0, -0.5, **options)
    found = []
    for each in (known, layer):
        model = keras.Sequential([keras.Input((5,)), each])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        before = np.asarray(model(X))
        model.fit(X, np.zeros_like(X), batch_size=6, epochs=1, verbose=0)
        found.append((before, np.asarray(each.bias)))
    for expected, received in zip(*found, strict=True):
        np.testing.assert_array_equal(received, expected)
        assert np.ptp(expected) > 0


def test_in_spikes_it_puts_out_whole_numbers_of_spikes():
    layer = layers.Rate(neurons.Softplus(), 100.0, spiking=True, n_steps=8)
    output = np.asarray(layer(X, training=True))
    n_spikes = output / 0.01 * 8 * 0.001
    np.testing.assert_allclose(n_spikes, np.rint(n_spikes), atol=1e-5)  # float32
    assert n_spikes.max() > 0.5


def test_a_configuration_makes_the_same_layer():
    layer = layers.Rate(neurons.SteppedLIF(), [50.0, 60.0], gradient_neuron=neurons.LIF(smoothing=0.1), seed=1)
    again = layers.Rate.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.neuron == neurons.SteppedLIF()
    named = layers.Rate({"kind": "Tanh", "max_rate": 200.0}, 80.0)
    assert named.neuron == neurons.Tanh(max_rate=200.0)


def test_it_converts_to_its_neuron():
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(4), layers.Rate(neurons.Softsign(), 30.0, name="s")]
    )
    graph = snnconv.convert(model, verbose=False)
    assert graph.populations["s"].neuron == neurons.Softsign()
    np.testing.assert_allclose(graph.rate_output(X), model(X), rtol=1e-4, atol=1e-6)  # float32 in Keras


@pytest.mark.parametrize(
    ("neuron", "options", "message"),
    [
        ("LIF", {}, "neuron must be a snnconv.neurons.Neuron. Received 'LIF'"),
        ({"tau_rc": 0.02}, {}, "neuron must be a snnconv.neurons.Neuron"),
        ({"kind": "Izhikevich"}, {}, "no neuron of the kind 'Izhikevich' is known; there are .*LIF"),
        (neurons.Tanh(), {"max_rates": 150.0}, "layer '.*' .Rate.: max_rates of a Tanh neuron must lie above 0 Hz"),
        (neurons.IF(), {"spiking": True}, "layer '.*' .Rate.: spiking=True needs n_steps"),
    ],
)
def test_errors_say_what_came(neuron, options, message):
    with pytest.raises(ParameterError, match=message):
        layers.Rate(neuron, **options)
