"""The Keras layers: their output, their errors, and that models of them save and load."""

import keras
import numpy as np
import pytest

from snnconv.errors import ParameterError
from snnconv.layers import IF, LIF

from ..helpers.layers import built, weights

KINDS = pytest.mark.parametrize("kind", [LIF, IF])


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(11)


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
