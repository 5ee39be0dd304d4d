"""Layers in training: gradients, backends, and digits learnt as well as with relu."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from sklearn.datasets import load_digits

import snnconv
from snnconv.errors import ParameterError
from snnconv.layers import IF, LIF

from ..helpers.layers import weights


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(11)


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    return x[:1000], y[:1000], x[1000:], y[1000:]


def mlp(*activations):
    model = keras.Sequential([keras.Input((64,))])
    for activation in activations:
        model.add(keras.layers.Dense(64))
        model.add(activation)
    model.add(keras.layers.Dense(10))
    return model


def compiled(model, **options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"], **options)
    return model


class TestTraining:
    @pytest.mark.full
    def test_lif_trains_as_well_as_relu(self, digits):
        x, y, x_test, y_test = digits
        accuracy = {}
        for kind in (LIF, keras.layers.ReLU):
            keras.utils.set_random_seed(0)
            model = compiled(mlp(kind(), kind()))
            model.fit(x, y, batch_size=50, epochs=15, verbose=0)
            accuracy[kind] = model.evaluate(x_test, y_test, verbose=0)[1]
        # 12 of the 797 digits; another seed moves either accuracy by about 4
        assert accuracy[keras.layers.ReLU] > 0.9
        assert accuracy[LIF] > accuracy[keras.layers.ReLU] - 0.015, accuracy

    @pytest.mark.sampled(4)
    @pytest.mark.parametrize("jit_compile", [False, True])
    @pytest.mark.parametrize("layer", [LIF, lambda: LIF(smoothing=0.02), IF])
    def test_bias_is_trained_and_gain_is_not(self, digits, layer, jit_compile):
        x, y, _, _ = digits
        model = compiled(mlp(layer()), jit_compile=jit_compile)
        gain, bias = weights(model.layers[1])
        history = model.fit(x, y, batch_size=250, epochs=2, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert history["loss"][1] < history["loss"][0]
        np.testing.assert_array_equal(model.layers[1].gain, gain)
        assert np.mean(model.layers[1].bias.numpy() != bias) > 0.5

    @pytest.mark.full
    def test_black_inputs_do_not_break_it(self):
        # With an input of 0 every current starts at exactly 1, the threshold; with large ones it is far below.
        x = np.concatenate([np.zeros((50, 64)), np.full((50, 64), 100.0), np.full((50, 64), -100.0)]).astype("float32")
        for smoothing in (0.0, 0.02):
            model = compiled(mlp(LIF(smoothing=smoothing), LIF(smoothing=smoothing)))
            model.fit(x, np.arange(150) % 10, epochs=2, verbose=0)
            assert all(np.isfinite(weight).all() for weight in model.get_weights())


class TestBackends:
    def test_layers_and_neurons_import_no_tensorflow(self):
        package = Path(snnconv.__file__).parent
        files = [*(package / "neurons").glob("*.py"), *(package / "layers").glob("*.py")]
        for file in files:
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not any(name.split(".")[0] in ("tensorflow", "tf_keras") for name in names), file

    @pytest.mark.parametrize("backend", ["jax", "torch"])
    def test_rates_and_training_on_another_backend(self, backend):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        code = """
import keras, numpy as np
from snnconv.layers import IF, LIF
x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
for layer in (LIF(), LIF(smoothing=0.05), IF()):
    y = keras.ops.convert_to_numpy(layer(x))
    gain, bias = (keras.ops.convert_to_numpy(w) for w in (layer.gain, layer.bias))
    np.testing.assert_allclose(y, layer.neuron.rate(gain.astype("float64") * x + bias), rtol=1e-4, atol=1e-4)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8), layer, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    assert np.isfinite(model.fit(x, x[:, :1], verbose=0).history["loss"]).all()
"""
        environment = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def test_call_is_symbolic_too(self):
        x = keras.KerasTensor((None, 4))
        assert LIF()(x).shape == (None, 4)
        assert ops.shape(IF()(keras.KerasTensor((2, 5, 5, 3)))) == (2, 5, 5, 3)


class TestGradientSmoothing:
    """Rates of the LIF, slopes of the soft LIF."""

    @staticmethod
    def rate_and_slope(layer, x):
        layer.build((None, 1))
        x = tf.constant(x, "float32")[:, None]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return np.asarray(y)[:, 0], np.asarray(tape.gradient(y, x))[:, 0]

    def test_the_rate_is_hard_and_the_slope_is_soft(self):
        x = np.linspace(-0.5, 1.5, 41)
        rate, slope = self.rate_and_slope(LIF(gradient_smoothing=0.1), x)
        hard, _ = self.rate_and_slope(LIF(gradient_smoothing=0), x)
        _, soft = self.rate_and_slope(LIF(smoothing=0.1), x)
        # soft + (hard - soft) rounds in float32
        np.testing.assert_allclose(rate, hard, atol=1e-6)
        np.testing.assert_allclose(slope, soft, rtol=1e-5)
        assert slope[x < -0.01].max() > 0, "a silent neuron can be woken up"

    def test_without_training_and_with_smoothing_nothing_changes(self):
        x = np.linspace(-1, 2, 31).astype("float32")[:, None]
        layer = LIF(gradient_smoothing=0.1)
        np.testing.assert_array_equal(layer(x), LIF(gradient_smoothing=0)(x))
        _, both = self.rate_and_slope(LIF(smoothing=0.1, gradient_smoothing=0.3), x[:, 0])
        _, soft = self.rate_and_slope(LIF(smoothing=0.1), x[:, 0])
        np.testing.assert_array_equal(both, soft)

    def test_it_is_kept_in_the_config_and_checked(self):
        assert LIF.from_config(LIF(gradient_smoothing=0.3).get_config()).gradient_smoothing == 0.3
        with pytest.raises(ParameterError, match="smoothing must be 0 or more"):
            LIF(gradient_smoothing=-1)
