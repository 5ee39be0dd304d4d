"""Weights of few bits: rounded, cut off, and the thresholds that follow from them."""

import dataclasses
import math
import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers as kl
from sklearn.datasets import load_digits

import snnconv
from snnconv.errors import ConversionError
from snnconv.graph import Population
from snnconv.neurons import IF, LIF
from snnconv.quantize import Analog, quantize, run
from snnconv.runtime import reference

from ..helpers.integer_networks import DT, Line, random_line

SPIKES = Analog(bits=1)  # inputs that are 0 or 1


@given(st.integers(0, 10**6), st.sampled_from(["neuron", "layer", "power_of_two"]), st.integers(2, 16))
def test_integers_are_the_rounded_float_numbers(seed, scale, weight_bits):
    graph = random_line(seed, conv=seed % 2 == 0, synapse=seed % 3 == 0)
    integers = quantize(graph, weight_bits, scale=scale)
    most = 2 ** (weight_bits - 1) - 1
    for layer in integers.populations.values():
        W = layer.weights * layer.of_channels(layer.scale)
        np.testing.assert_array_equal(layer.kernel, np.clip(np.rint(W), -most, most))
        assert weight_bits < 8 or np.abs(W).max() < most + 0.5  # from 8 bits on nothing is cut off
        np.testing.assert_array_equal(layer.bias, np.rint(layer.biases * layer.scale * 2.0**layer.shift))
        np.testing.assert_array_equal(layer.threshold, np.rint(layer.scale * 2.0**layer.shift))
        assert np.abs(layer.kernel).max() <= most
        assert layer.threshold.min() >= 2**layer.threshold_bits * 0.999
        assert scale == "neuron" or len(np.unique(layer.scale)) == 1
        assert scale != "power_of_two" or math.log2(layer.scale.flat[0]).is_integer()
        assert all(found.is_int32 for found in layer.ranges.values())
    readout = integers.readouts["y"]
    assert len(np.unique(readout.scale)) == 1  # or the largest of its outputs would not be the largest
    np.testing.assert_array_equal(readout.kernel, np.clip(np.rint(readout.weights * readout.scale), -most, most))


@pytest.mark.parametrize("scale", ["neuron", "layer"])
@pytest.mark.parametrize("bits", [3, 4])
def test_large_weights_are_cut_off_where_that_lowers_the_error(bits, scale):
    """Normal weights with one large one among each neuron's: few bits are better spent on the others."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(300, 4))
    kernel[rng.integers(300, size=4), range(4)] = 6.0
    graph = Line((300,)).dense("d", kernel).neurons("n", LIF()).dense("out", np.eye(4)).graph()
    layer, whole = (quantize(graph, bits, scale=each).populations["n"] for each in (scale, "power_of_two"))
    most = 2 ** (bits - 1) - 1
    assert np.abs(layer.kernel).max() == most
    cut = np.abs(layer.weights * layer.scale) > most + 0.5
    assert 0 < cut.mean() < 0.1
    plain = np.abs(layer.weights).max(0) / most  # a step that cuts off nothing
    error = np.sqrt(np.mean((np.rint(layer.weights / plain) * plain - layer.weights) ** 2) / np.mean(layer.weights**2))
    assert layer.weight_error < 0.97 * error
    assert whole.weight_error >= layer.weight_error
    # no other end is better by more than the grid of those tried allows
    for share in (0.9, 0.97, 1.03, 1.1):
        scales = layer.of_channels(layer.scale) / share
        other = np.clip(np.rint(layer.weights * scales), -most, most) / scales
        assert np.mean((other - layer.weights) ** 2) > 0.98 * layer.weight_error**2 * np.mean(layer.weights**2)
    said = [line for line in quantize(graph, bits, scale=scale).approximations if line.startswith("n: weights")]
    assert re.search(rf"and cuts off the {cut.mean():.2%} that are largest", said[0])


def test_weights_that_have_few_values_are_exact():
    """Whole numbers up to 7 times a step of each neuron: 4 bits hold them, and nothing is cut off."""
    rng = np.random.default_rng(0)
    whole = rng.integers(-7, 8, (100, 6))
    whole[0] = 7
    kernel = whole * rng.uniform(0.1, 2, 6)
    graph = Line((100,)).dense("d", kernel).neurons("n", LIF()).dense("out", np.eye(6)).graph()
    np.testing.assert_array_equal(quantize(graph, 4).populations["n"].kernel, whole)


@pytest.mark.parametrize(
    "neuron", [LIF(tau_ref=0.0), LIF(tau_ref=0.0, min_voltage=-math.inf), IF(min_voltage=-1.0, max_spikes=1)]
)
def test_with_many_bits_the_spikes_are_nearly_the_float_networks(neuron):
    """Without a refractory period nothing is left but rounding. The time constant is off by 0.1 %, which moves the
    last of a train of 200 steps by a fifth of one: fewer than 1 % of the entries, and some more behind them."""
    rng = np.random.default_rng(3)
    high = 100.0 if isinstance(neuron, IF) else 2.0
    line = Line((8,)).dense("d0", rng.normal(0.3, 1, (8, 16)) * high).neurons("n0", neuron)
    line.synapse("synapse").dense("d1", rng.normal(0, 0.5, (16, 8)) * high).neurons("n1", neuron, 0.5 * high)
    graph = line.dense("out", rng.normal(size=(8, 3))).graph()
    x = rng.integers(0, 256, (10, 8)) / 255
    integers = quantize(graph, 16, threshold_bits=10)
    expected = reference.run(graph, x, 200, DT, record="all.spikes")
    result = run(integers, x, 200, record="all.spikes")
    for name, limit in (("n0", 1e-2), ("n1", 3e-2)):
        assert expected.spikes[name].mean() > 0.02
        assert np.mean(result.spikes[name] != expected.spikes[name]) < limit
    means = integers.as_float(result.output).mean(1), expected.output.mean(1)
    np.testing.assert_allclose(*means, atol=0.1 * np.abs(means[1]).max())


def test_small_weights_get_fewer_bits_rather_than_wider_thresholds():
    """A neuron without weights, or with far smaller ones than its neighbours, does not make the voltage wide."""
    kernel = np.array([[1.0, 0.0, 1e-9], [0.5, 0.0, 2e-9]])
    integers = quantize(Line((2,)).dense("d", kernel).neurons("n", LIF(), 2.0).dense("out", np.eye(3)).graph())
    layer = integers.populations["n"]
    assert layer.threshold[1] == layer.threshold[0]
    assert layer.threshold[2] <= 256 * layer.threshold[0]
    assert any("the weights of 1 of its 3 channels, which are small" in line for line in integers.approximations)
    assert run(integers, [[1.0, 1.0]], 100, record="n.rates").rates["n"].min() > 0


@pytest.mark.full
def test_eight_bits_keep_the_accuracy_on_digits():
    """64-64-64-10 on scikit-learn's digits. The step-counted refractory period makes neurons some 7 % slower, and
    rounding moves spikes, but a class is the largest of ten sums over 100 steps: of 397 test samples, a handful near
    the border between two classes may go either way, 2 % are 8 of them."""
    keras.utils.set_random_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    neurons = {"max_rates": 200, "amplitude": 0.005}
    model = keras.Sequential(
        [
            keras.Input((64,)),
            kl.Dense(64),
            snnconv.layers.LIF(**neurons, name="lif1"),
            kl.Dense(64),
            snnconv.layers.LIF(**neurons, name="lif2"),
            kl.Dense(10),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x[:1400], y[:1400], epochs=5, batch_size=32, verbose=0)
    graph, x, y = snnconv.convert(model, verbose=False), x[1400:], y[1400:]
    expected = reference.run(graph, x, 100, record="all.rates")
    result = run(quantize(graph, 8), x, 100, record="all.rates")
    accuracies = [(output.sum(1).argmax(-1) == y).mean() for output in (expected.output, result.output)]
    assert accuracies[0] > 0.85
    assert abs(accuracies[1] - accuracies[0]) <= 0.02
    for name, rates in expected.rates.items():
        assert result.rates[name].mean() == pytest.approx(rates.mean(), rel=0.25)


def test_initial_voltages_are_kept_in_units_of_the_threshold():
    """The neuron that starts at half its threshold takes half as long to its first spike."""
    line = Line((1,)).dense("dense", [[125.0]], [0.0]).neurons("if", IF(min_voltage=-math.inf, amplitude=DT), 0.0)
    graph = line.dense("out", [[1.0]], [0.0]).graph()

    def started(voltage):
        return graph.replace(
            dataclasses.replace(node, initial_voltage=voltage) if isinstance(node, Population) else node
            for node in graph.nodes
        )

    layer = quantize(started(0.5), dt=DT, input=SPIKES).populations["if"]
    np.testing.assert_array_equal(layer.start, np.rint(layer.threshold / 2))
    firsts = []
    for voltage in (0.0, 0.5):
        integers = quantize(started(voltage), dt=DT, input=SPIKES)
        spikes = run(integers, [[1]], 20, record=["if"]).spikes["if"]
        np.testing.assert_array_equal(
            spikes, reference.run(started(voltage), [[1.0]], 20, DT, record=["if"]).spikes["if"]
        )
        np.testing.assert_array_equal(spikes, snnconv.IntegerSimulator(integers).run([[1]], 20, ["if"]).spikes["if"])
        firsts.append(int(spikes[0, :, 0].argmax()))
    assert firsts == [7, 3]
    with pytest.raises(ConversionError, match="population 'if' starts at a voltage of -0.5"):
        quantize(started(-0.5), dt=DT, input=SPIKES)


def test_weights_that_int32_leaves_no_bits_are_refused_by_name():
    """1/65535 of an input at 1 is a weight of 1.5e-6: for a few bits of it the threshold would be some millions, and
    the product with a leak of 16 bits some 10^10."""
    graph = Line((1,)).dense("d", [[2.0]]).neurons("n", LIF()).dense("out", [[1.0]]).graph()
    message = r"layer 'n': its leak product reaches .* int32 has 32. Lower fraction_bits or threshold_bits, or the bits"
    with pytest.raises(ConversionError, match=message):
        quantize(graph, 8, fraction_bits=16, threshold_bits=12, input=Analog(bits=16))
