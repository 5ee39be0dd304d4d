"""The Keras layers: their weights, their output, and that models of them save, load and train."""

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
from snnconv import neurons
from snnconv.errors import ParameterError
from snnconv.layers import IF, LIF

KINDS = pytest.mark.parametrize("kind", [LIF, IF])


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(11)


def built(layer, *input_shape):
    layer.build((None, *input_shape))
    return layer


def weights(layer):
    return layer.gain.numpy(), layer.bias.numpy()


class TestWeights:
    def test_of_the_default_lif(self):
        layer = built(LIF(), 4)
        gain, bias = weights(layer)
        # float32 holds seven digits
        np.testing.assert_allclose(gain, np.full(4, 2.0332448), rtol=1e-7)
        np.testing.assert_array_equal(bias, np.ones(4))
        assert [weight.name for weight in layer.trainable_weights] == ["bias"]
        assert [weight.name for weight in layer.non_trainable_weights] == ["gain"]

    def test_of_the_default_if_make_it_a_relu(self):
        layer = built(IF(), 4)
        gain, bias = weights(layer)
        assert (gain.tolist(), bias.tolist()) == ([100.0] * 4, [0.0] * 4)
        x = np.linspace(-2, 2, 12, dtype="float32").reshape(3, 4)
        # times 100 and times 0.01, in float32
        np.testing.assert_allclose(layer(x), np.maximum(x, 0), rtol=3e-7)

    @KINDS
    @pytest.mark.parametrize(("max_rates", "intercepts"), [(200.0, -0.5), ([50.0, 100.0, 150.0], [-0.5, 0.0, 0.5])])
    def test_follow_from_max_rates_and_intercepts(self, kind, max_rates, intercepts):
        layer = built(kind(max_rates, intercepts), 3)
        # float32 holds seven digits
        np.testing.assert_allclose(
            weights(layer),
            np.broadcast_arrays(*layer.neuron.gain_bias(max_rates, intercepts), np.zeros(3))[:2],
            rtol=1e-7,
        )

    @KINDS
    @pytest.mark.parametrize(
        ("input_shape", "shared_axes", "expected"),
        [
            ((5,), None, (5,)),
            ((6, 3), None, (1, 3)),
            ((4, 6, 3), None, (1, 1, 3)),
            ((2, 4, 6, 3), None, (1, 1, 1, 3)),
            ((None, None, 3), None, (1, 1, 3)),
            ((4, 6, 3), [], (4, 6, 3)),
            ((4, 6, 3), 1, (1, 6, 3)),
            ((4, 6, 3), [1, 3], (1, 6, 1)),
            ((4, 6, 3), (1, -1), (1, 6, 1)),
            ((5,), [1], (1,)),
        ],
    )
    def test_are_shared_along_shared_axes(self, kind, input_shape, shared_axes, expected):
        layer = built(kind(shared_axes=shared_axes), *input_shape)
        assert layer.gain.shape == layer.bias.shape == expected
        shape = (2, *(size or 7 for size in input_shape))
        assert layer(np.ones(shape, "float32")).shape == shape
        assert layer.compute_output_shape((None, *input_shape)) == (None, *input_shape)

    def test_per_unit_values_after_dense_and_per_channel_after_conv(self):
        max_rates = [50.0, 100.0, 150.0]
        dense, conv = built(LIF(max_rates), 3), built(LIF(max_rates), 8, 8, 3)
        np.testing.assert_array_equal(conv.gain.numpy().ravel(), dense.gain.numpy())
        assert len(set(dense.gain.numpy())) == 3

    def test_per_unit_values_of_more_axes(self):
        max_rates = np.arange(1.0, 25.0).reshape(2, 3, 4)
        layer = built(IF(max_rates, shared_axes=[]), 2, 3, 4)
        np.testing.assert_array_equal(layer.gain.numpy(), max_rates)

    @KINDS
    def test_a_tuple_is_a_range(self, kind):
        gain, bias = weights(built(kind((50.0, 200.0), (-0.5, 0.5), seed=3), 1000))
        max_rates, intercepts = kind().neuron.max_rates_intercepts(gain, bias)
        # recovered from float32 weights
        assert 50 * (1 - 1e-5) <= max_rates.min() < 60 < 190 < max_rates.max() <= 200 * (1 + 1e-5)
        assert -0.5 - 1e-5 <= intercepts.min() < -0.4 < 0.4 < intercepts.max() <= 0.5 + 1e-5
        # drawn independently: the correlation of 1000 pairs is below 0.1 but for once in 600
        assert abs(np.corrcoef(max_rates, intercepts)[0, 1]) < 0.1

    @KINDS
    def test_a_seed_draws_the_same_again(self, kind):
        first, again, other = (weights(built(kind((50.0, 200.0), seed=seed), 20)) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        unseeded = [weights(built(kind((50.0, 200.0)), 20)) for _ in range(2)]
        assert not np.array_equal(*unseeded)

    @pytest.mark.parametrize(
        "initializer",
        [
            keras.initializers.Constant(150.0),
            {"class_name": "Constant", "config": {"value": 150.0}},
        ],
    )
    def test_an_initializer(self, initializer):
        layer = built(LIF(initializer), 3)
        np.testing.assert_allclose(layer.gain.numpy(), float(layer.neuron.gain_bias(150.0, 0.0)[0]), rtol=1e-7)

    def test_neuron_has_the_parameters(self):
        lif = LIF(tau_rc=0.03, tau_ref=0.001, amplitude=0.02, min_voltage=-1.0, smoothing=0.1)
        assert lif.neuron == neurons.LIF(0.03, 0.001, 0.02, -1.0, 0.1)
        assert IF(amplitude=0.02, min_voltage=-1.0, max_spikes=1).neuron == neurons.IF(0.02, -1.0, 1)


class TestOutput:
    @pytest.mark.parametrize(
        "layer",
        [
            LIF([50.0, 100.0, 200.0], [-0.5, 0.0, 0.5]),
            LIF((50.0, 200.0), smoothing=0.1, seed=1),
            LIF(tau_rc=0.05, tau_ref=0.0, amplitude=1.0),
            IF([50.0, 100.0, 200.0], (-0.5, 0.5), seed=1),
            IF(min_voltage=0.0, amplitude=1.0),
        ],
    )
    @pytest.mark.parametrize("space", [(), (4, 5)])
    def test_is_the_rate_at_gain_times_input_plus_bias(self, layer, space):
        layer = type(layer).from_config(layer.get_config())
        x = np.random.default_rng(1).normal(size=(6, *space, 3)).astype("float32")
        y = layer(x).numpy()
        gain, bias = weights(layer)
        expected = layer.neuron.rate(gain.astype("float64") * x + bias)
        assert y.dtype == "float32"
        # J is of order 10 and rounds to 1e-6. Just above threshold the rate's slope is steep: nothing in x comes
        # closer to it than 1e-3, where the slope of the LIF is about 20.
        np.testing.assert_allclose(y, expected, rtol=2e-5, atol=2e-5 * layer.neuron.amplitude / 0.01)

    @KINDS
    def test_at_1_is_the_max_rate(self, kind):
        layer = kind([50.0, 100.0, 200.0], [-0.5, 0.0, 0.5])
        np.testing.assert_allclose(layer(np.ones((1, 3), "float32")), [[0.5, 1.0, 2.0]], rtol=1e-5)
        np.testing.assert_array_equal(layer(np.float32([[-0.51, -0.01, 0.49]])), [[0, 0, 0]])

    @KINDS
    def test_float64(self, kind):
        layer = kind(dtype="float64")
        x = np.linspace(-2, 2, 12).reshape(3, 4)
        gain, bias = weights(built(layer, 4))
        assert gain.dtype == "float64"
        # exp and log of two libraries
        np.testing.assert_allclose(layer(x), layer.neuron.rate(gain * x + bias), rtol=1e-13)

    @KINDS
    def test_mixed_float16_computes_the_rate_in_float32(self, kind):
        layer, single = kind(dtype="mixed_float16"), kind()
        x = np.linspace(-2, 2, 12, dtype="float16").reshape(3, 4)
        y = layer(x)
        assert keras.backend.standardize_dtype(y.dtype) == "float16"
        assert layer.gain.dtype == layer.bias.dtype == "float32"
        np.testing.assert_array_equal(y, single(x.astype("float32")).numpy().astype("float16"))

    @KINDS
    def test_passes_a_mask_on(self, kind):
        x = keras.layers.Masking()(np.float32([[[1, 2], [0, 0]]]))
        mean = keras.layers.GlobalAveragePooling1D()(kind()(x))
        np.testing.assert_array_equal(mean, kind()(np.float32([[1, 2]])))


class TestErrors:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: LIF(500.0, name="hidden"), r"layer 'hidden' \(LIF\): max_rates must be below 1/tau_ref = 500 Hz"),
            (lambda: LIF([100.0, 600.0]), r"max_rates must be below 1/tau_ref = 500 Hz.*Received 600 Hz"),
            (lambda: LIF(100.0, tau_ref=0.02), r"max_rates must be below 1/tau_ref = 50 Hz"),
            (lambda: LIF(0.0), r"max_rates must be above 0 Hz"),
            (lambda: IF(-1.0, name="hidden"), r"layer 'hidden' \(IF\): max_rates must be above 0 Hz"),
            (lambda: LIF(intercepts=1.0), r"intercepts must be below 1"),
            (lambda: IF(intercepts=[0.0, 2.0]), r"intercepts must be below 1.*Received 2\."),
            (lambda: LIF((200.0, 100.0)), r"a tuple is a range \(low, high\).*Received \(200\.0, 100\.0\)"),
            (lambda: LIF((50.0, 100.0, 150.0)), r"a tuple is a range \(low, high\); values for units go in a list"),
            (lambda: LIF(tau_rc=0.0), r"tau_rc must be a finite number above 0"),
            (lambda: LIF(min_voltage=1.0), r"min_voltage must be 0 or less"),
            (lambda: LIF(smoothing=-1.0), r"smoothing must be 0 or more"),
            (lambda: IF(max_spikes=0), r"max_spikes must be None or a whole number above 0"),
        ],
    )
    def test_of_parameters_come_before_the_layer_is_built(self, make, message):
        with pytest.raises(ParameterError, match=message):
            make()

    @pytest.mark.parametrize(
        ("layer", "input_shape", "message"),
        [
            (
                LIF([1.0, 2.0], name="a"),
                (3,),
                r"layer 'a' \(LIF\): max_rates has shape \(2,\), which does not fit .*\(3,\)",
            ),
            (IF(1.0, [0.0, 0.5], name="a"), (3,), r"layer 'a' \(IF\): intercepts has shape \(2,\)"),
            (
                LIF([1.0, 2.0], shared_axes=[]),
                (3, 4),
                r"\(2,\), which does not fit the units' \(3, 4\)\. Pass a number",
            ),
            (LIF(shared_axes=[]), (None, 4), r"size of every axis .*Received input shape \(None, None, 4\)"),
            (LIF(shared_axes=[1]), (None, 4, 3), None),
            (LIF(shared_axes=[2]), (None, 4, 3), r"name the open axes in shared_axes"),
            (LIF(keras.initializers.RandomUniform(100.0, 800.0, seed=1)), (50,), r"max_rates must be below 1/tau_ref"),
        ],
    )
    def test_of_shapes_come_when_it_is_built(self, layer, input_shape, message):
        layer = type(layer).from_config(layer.get_config())
        if message is None:
            layer.build((None, *input_shape))
        else:
            with pytest.raises(ParameterError, match=message):
                layer.build((None, *input_shape))


LAYERS = [
    LIF([50.0, 100.0, 150.0, 200.0], [-0.5, 0.0, 0.25, 0.5], name="values"),
    LIF((50.0, 200.0), (-0.5, 0.5), seed=5, smoothing=0.1, name="drawn"),
    LIF(keras.initializers.Constant(150.0), name="initializer"),
    LIF(120.0, 0.1, tau_rc=0.03, tau_ref=0.001, amplitude=0.02, min_voltage=-1.0, shared_axes=[1], name="numbers"),
    IF((50.0, 200.0), seed=5, max_spikes=1, name="if_drawn"),
    IF(120.0, 0.1, amplitude=0.02, min_voltage=-np.inf, shared_axes=1, name="if_numbers"),
]
EACH_LAYER = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)


class TestSaving:
    @staticmethod
    def model(layer):
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4), type(layer).from_config(layer.get_config())]
        )
        rng = np.random.default_rng(2)
        model.layers[1].bias.assign(rng.normal(size=model.layers[1].bias.shape))
        return model

    @EACH_LAYER
    def test_config_rebuilds_the_layer(self, layer):
        config = layer.get_config()
        again = type(layer).from_config(config)
        assert again.get_config() == config
        assert again.neuron == layer.neuron
        np.testing.assert_array_equal(weights(built(again, 4)), weights(built(type(layer).from_config(config), 4)))

    @EACH_LAYER
    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    def test_file_reads_back_equal(self, layer, suffix, tmp_path):
        model, x = self.model(layer), np.random.default_rng(3).normal(size=(5, 3)).astype("float32")
        model.save(tmp_path / f"model{suffix}")
        again = keras.models.load_model(tmp_path / f"model{suffix}", compile=False)
        assert again.layers[1].get_config() == model.layers[1].get_config()
        np.testing.assert_array_equal(weights(again.layers[1]), weights(model.layers[1]))
        np.testing.assert_array_equal(again(x), model(x))

    @EACH_LAYER
    def test_clone_model(self, layer):
        model, x = self.model(layer), np.random.default_rng(3).normal(size=(5, 3)).astype("float32")
        clone = keras.models.clone_model(model)
        np.testing.assert_array_equal(clone.layers[1].gain, model.layers[1].gain)
        clone.set_weights(model.get_weights())
        np.testing.assert_array_equal(clone(x), model(x))


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


@KINDS
@pytest.mark.parametrize("axes", [[0], [3], [1, 5], [-3]])
def test_shared_axes_must_be_axes_of_a_sample(kind, axes):
    with pytest.raises(ParameterError, match=r"shared_axes must be axes of the input \(None, 4, 3\)"):
        kind(shared_axes=axes).build((None, 4, 3))


def test_both_ends_of_a_range_are_checked():
    with pytest.raises(ParameterError, match=r"max_rates must be below 1/tau_ref = 500 Hz.*Received 600 Hz"):
        LIF(max_rates=(100, 600))
    with pytest.raises(ParameterError, match="intercepts must be below 1"):
        IF(intercepts=(0.5, 1.5))
