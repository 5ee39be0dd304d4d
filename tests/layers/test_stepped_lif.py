"""The layer with `SteppedLIF` neurons."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import snnconv
from snnconv import layers, neurons

from ..helpers.stepped_lif import run


class TestLayer:
    def test_gives_the_staircase_and_learns_with_the_smooth_slope(self):
        layer = layers.SteppedLIF(150.0, tau_ref=0.003, amplitude=0.02, gradient_smoothing=0.1)
        x = np.linspace(-1, 3, 201, dtype="float32")[:, None]
        layer.build((None, 1))
        for training in (False, True):
            with tf.GradientTape() as tape:
                tensor = tf.constant(x)
                tape.watch(tensor)
                output = layer(tensor, training=training)
            J = ops.convert_to_numpy(layer.current(x)).astype("float64")
            # float32 moves a current that lies on the edge of a stair to the next one
            assert np.mean(~np.isclose(output, layer.neuron.rate(J), rtol=1e-5)) < 0.02
            if training:
                smooth, h = layer.neuron.smooth(0.1), 1e-6
                slope = float(layer.gain.numpy()[0]) * (smooth.rate(J + h) - smooth.rate(J - h)) / (2 * h)
                # float32, and the central difference
                np.testing.assert_allclose(tape.gradient(output, tensor), slope, rtol=1e-3, atol=1e-5)

    def test_config_and_saved_models_come_back(self, tmp_path):
        layer = layers.SteppedLIF(
            (50.0, 80.0), -0.5, tau_rc=0.03, tau_ref=0.004, amplitude=0.02, min_voltage=-1.0, dt=0.002, leak_bits=10,
            gradient_smoothing=0.05, noise=3.0, seed=4, name="hidden",
        )  # fmt: skip
        again = layers.SteppedLIF.from_config(layer.get_config())
        assert again.neuron == layer.neuron == neurons.SteppedLIF(0.03, 0.004, 0.02, -1.0, 0.002, 10)
        assert again.get_config() == layer.get_config()
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4), layer, keras.layers.Dense(2)])
        model.save(tmp_path / "m.keras")
        x = np.random.default_rng(0).random((3, 5)).astype("float32")
        np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras")(x), model(x))
        graph = snnconv.convert(tmp_path / "m.keras", verbose=False)
        assert graph.populations["hidden"].neuron == layer.neuron

    def test_trained_for_a_few_steps_it_gives_their_mean(self):
        layer = layers.SteppedLIF(200.0, spiking=True, n_steps=12)
        x = np.linspace(-1, 2, 7, dtype="float32")[:, None]
        layer.build((None, 1))
        J = ops.convert_to_numpy(layer.current(x)).astype("float64")
        counts = run(layer.neuron, np.broadcast_to(J, (12, *J.shape)))[0].sum(0)
        expected = counts * layer.neuron.amplitude / 0.012
        np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-6)  # float32
