"""Layers with tuning curves: their weights, and ranges that are checked."""

import keras
import numpy as np
import pytest

from snnconv import neurons
from snnconv.errors import ParameterError
from snnconv.layers import IF, LIF

from ..helpers.layers import built, weights

KINDS = pytest.mark.parametrize("kind", [LIF, IF])


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(11)


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
