"""`snnconv.quantize`: the integers by hand, what they have to do with the float network, and what has none."""

import dataclasses
import math
import re

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl
from sklearn.datasets import load_digits

import snnconv
from snnconv.errors import ConversionError, InputError, ParameterError, SnnconvError
from snnconv.graph import Add, Affine, Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF, LIF, Sigmoid, Tanh
from snnconv.neurons.synapses import Alpha
from snnconv.quantize import Analog, LatencyCode, RateCode, ReadoutLayer, SpikingLayer, SumPool, quantize, run
from snnconv.runtime import reference

from ..helpers.integer_networks import DT, DYADIC_DT, Line, random_line

SPIKES = Analog(bits=1)  # inputs that are 0 or 1


def quarter_leak_network():
    """2 inputs, one LIF neuron that loses a quarter of its voltage in a step, 2 outputs."""
    neuron = LIF(tau_rc=-DT / math.log(0.75), tau_ref=0.002, amplitude=DT)
    line = Line((2,)).dense("dense", [[2.8], [-1.2]], [0.1]).neurons("lif", neuron, 0.1)
    return line.dense("out", [[1.0, -0.5]], [0.2, 0.0]).graph()


def quantised_by_hand():
    return quantize(quarter_leak_network(), 4, dt=DT, fraction_bits=4, threshold_bits=2, input=SPIKES)


def test_the_integers_of_a_small_network_are_those_of_a_hand_calculation():
    """Every number from the equations, with a pencil.

    LIF: δ = 1/4, K = 4: D = 0.25 · 16 = 4, exactly. An input of 1 is 1 at every step, so w = 0.25 · (2.8, -1.2) =
    (0.7, -0.3); 4 bits are -7…7, S = 7/0.7 = 10, W = (7, -3). F = log2(4) + 2 = 4; 2^4/S = 1.6, so s = 1 and
    θ = 10 · 2 = 20. b = 0.25 · (0.1 + 0.1) = 0.05, B = 0.05 · 20 = 1. R = 2 ms/1 ms = 2.
    Readout: a spike has the height amplitude/dt = 1, S = 7/1 = 7, W = (7, -3.5 → -4, to even), s = 4,
    B = (0.2 · 7 · 16, 0) = (22.4 → 22, 0).
    """
    graph = quantised_by_hand()
    lif, out = graph.populations["lif"], graph.readouts["y"]
    assert lif.kernel.tolist() == [[7], [-3]]
    assert (lif.bias.tolist(), lif.threshold.tolist(), lif.floor.tolist()) == ([1], [20], [0])
    assert (lif.shift, lif.leak, lif.refractory_steps, lif.threshold_bits) == (1, 4, 2, 4)
    np.testing.assert_allclose(lif.scale, 10)
    assert out.kernel.tolist() == [[7, -4]]
    assert (out.bias.tolist(), out.shift) == ([22, 0], 4)
    assert out.output_scale == pytest.approx(1 / (7 * 16))

    # Sums: -3…7 shifted by 1 is -6…14, with B -5…15. V stays in 0…20. Of V = 20 a quarter leaks, (80 + 8) >> 4 = 5:
    # u is at most 20 - 5 + 15 = 30 and at least 0 - 0 - 5. The product reaches 20 · 4 + 8 = 88. Y: -4 << 4 is -64, and
    # 7 · 16 + 22 = 134, at each of 1000 steps.
    ranges = {name: (found.low, found.high) for name, found in lif.ranges.items()}
    assert ranges["total_input"] == (-6, 14)
    assert ranges["drive"] == (-5, 15)
    assert ranges["voltage"] == (0, 20)
    assert ranges["potential"] == (-5, 30)
    assert ranges["leak_product"] == (0, 88)
    assert (lif.ranges["potential"].bits, lif.ranges["voltage"].bits, lif.ranges["leak_product"].bits) == (6, 5, 7)
    assert (out.ranges["total"].low, out.ranges["total"].high) == (-64_000, 134_000)


def test_the_steps_of_a_small_network_are_those_of_a_hand_calculation():
    """Drives 14 + 1, 8 + 1 and -6 + 1; θ = 20, a quarter leaks, rounded to the nearest: (4·V + 8) >> 4.

    (1, 0): V = 15; 15 - 4 + 15 = 26 > 20, a spike; two steps of rest; then again.
    (1, 1): V = 9; 9 - 2 + 9 = 16; 16 - 4 + 9 = 21 > 20, a spike; two steps of rest; 9; 16.
    (0, 1): -5 becomes 0, always.
    """
    result = run(quantised_by_hand(), [[1, 0], [1, 1], [0, 1]], 7, record="all")
    assert result.voltages["lif"][..., 0].tolist() == [[15, 0, 0, 0, 15, 0, 0], [9, 16, 0, 0, 0, 9, 16], [0] * 7]
    assert result.spikes["lif"][..., 0].tolist() == [[0, 1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0, 0], [0] * 7]
    assert result.output[0].tolist() == [[134 if spike else 22, -64 if spike else 0] for spike in (0, 1, 0, 0, 0, 1, 0)]
    np.testing.assert_allclose(result.rates["lif"][:, 0], [2 / 0.007, 1 / 0.007, 0])


def test_a_synapse_filters_the_sum_but_not_the_bias():
    """δ_s = 1/2, K = 4: D_s = 8, and w = 0.5 · 0.25 · 5.6 = 0.7 as before: W = 7, S = 10.

    F = 2 + 1 + 2 = 5: s = 2, θ = 40. A spike brings 28 of current, and (28 · 8 + 8) >> 4 = 14 leak: 28, 14, 7, and of
    7, (56 + 8) >> 4 = 4 leak: 3, then 1, then 0.
    """
    line = Line((1,)).synapse("synapse", -DT / math.log(0.5)).dense("dense", [[5.6]], [0.0])
    neuron = LIF(tau_rc=-DT / math.log(0.75), tau_ref=0.0, amplitude=DT)
    graph = line.neurons("lif", neuron, 0.4).dense("out", [[1.0]]).graph()
    integers = quantize(graph, 4, dt=DT, fraction_bits=4, threshold_bits=2, input=SPIKES)
    lif = integers.populations["lif"]
    assert (lif.synapse, lif.shift, lif.threshold.tolist(), lif.kernel.tolist()) == (8, 2, [40], [[7]])
    assert lif.bias.tolist() == [4]  # 0.25 · 0.4 · 40
    x = np.zeros((1, 7, 1))
    x[0, 0] = 1
    result = run(integers, x, 7, record="all")
    currents = np.diff([0, *(run(integers, x[:, :n], n).state["lif"]["current"].item() for n in range(1, 8))])
    assert np.cumsum(currents).tolist() == [28, 14, 7, 3, 1, 0, 0]
    # drives 32, 18, 11, 7, 5, 4, 4: V = 32; 32 - 8 + 18 = 42 > 40; 11; 11 - 3 + 7 = 15; 15 - 4 + 5 = 16; 16; 16
    assert result.voltages["lif"].ravel().tolist() == [32, 0, 11, 15, 16, 16, 16]


@pytest.mark.parametrize("threshold_bits", [4, 8, 10])
@pytest.mark.parametrize("fraction_bits", [10, 12, 16])
@pytest.mark.parametrize("tau_rc", [0.003, 0.02])
def test_a_neuron_fires_from_its_threshold_current_on(tau_rc, fraction_bits, threshold_bits):
    """At constant current J a LIF fires where J > 1. One integer of current is 1/(δθ) of the threshold current, and δθ
    is at least 2^threshold_bits: rounding B, V and the product moves the threshold by less than two of them."""
    margin = 2.0 ** (1 - threshold_bits)
    J = np.array([[1 - margin, 1 + margin, 0.5, 2.0]])
    graph = Line((1,)).dense("dense", J).neurons("lif", LIF(tau_rc, 0.0)).dense("out", np.ones((4, 1))).graph()
    integers = quantize(graph, 8, fraction_bits=fraction_bits, threshold_bits=threshold_bits)
    counts = run(integers, [[1.0]], 1000, record="lif.spikes").spikes["lif"][0].sum(0)
    assert (counts > 0).tolist() == [False, True, False, True]


@settings(max_examples=15)
@given(st.floats(1.05, 20), st.floats(0.004, 0.05), st.integers(0, 5))
def test_the_interval_of_a_lif_is_its_rise_time_and_whole_refractory_steps(J, tau_rc, refractory_steps):
    """With the time constant that the rounded leak has, V passes θ after ceil(-tau/dt·ln(1 - 1/J)) steps. Rounding
    moves the rise by a step where it ends near the end of one."""
    neuron = LIF(tau_rc, refractory_steps * DT)
    graph = Line((1,)).dense("dense", [[J]]).neurons("lif", neuron).dense("out", [[1.0]]).graph()
    integers = quantize(graph, 8, threshold_bits=12)
    spikes = np.flatnonzero(run(integers, [[1.0]], 600, record="lif.spikes").spikes["lif"])
    rise = math.ceil(-integers.populations["lif"].effective_tau_rc(DT) / DT * math.log1p(-1 / J))
    assert np.abs(np.diff(spikes) - (rise + refractory_steps)).max() <= 1


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


def dyadic(rng, *shape):
    """Random multiples of 1/16 between -1 and 1, which 8 bits hold."""
    return rng.integers(-16, 17, shape) / 16


def chain_networks():
    """Networks of exact numbers with everything that can stand between populations."""
    rng = np.random.default_rng(5)
    fires = IF(amplitude=DYADIC_DT, min_voltage=-math.inf, max_spikes=1)  # spikes of height 1
    floored = IF(amplitude=DYADIC_DT, min_voltage=0.0, max_spikes=1)
    rectified = IF(amplitude=DYADIC_DT, max_spikes=1)

    def conv(*shape):
        return dyadic(rng, *shape) * 512

    def start(shape=(6, 6, 2), neuron=fires):
        return Line(shape).conv("c0", conv(3, 3, shape[-1], 4), dyadic(rng, 4) * 64, padding=1).neurons("n0", neuron)

    def end(line):
        line.neurons("n1", fires, dyadic(rng, *line.last.shape) * 64)  # a bias per place
        return line.flatten().dense("out", dyadic(rng, int(np.prod(line.last.shape)), 3), dyadic(rng, 3)).graph()

    yield (
        "dense",
        end(Line((6,)).dense("d0", conv(6, 5)).neurons("n0", fires, np.full(5, 256.0)).dense("d1", conv(5, 4))),
    )
    yield "floor", end(start(neuron=floored).conv("c1", conv(2, 2, 4, 3)))
    yield "rectified", end(start(neuron=rectified).conv("c1", conv(2, 2, 4, 3)))
    yield "strides and padding", end(start().conv("c1", conv(3, 2, 4, 3), strides=2, padding=1))
    yield "dilation", end(start().conv("c1", conv(2, 2, 4, 3), dilation=3))
    yield "groups", end(start().conv("c1", conv(2, 2, 2, 6), groups=2))
    yield "depthwise", end(start().conv("c1", conv(3, 3, 1, 8), groups=4, padding=1))
    yield (
        "one dimension",
        end(Line((9, 2)).conv("c0", conv(3, 2, 4)).neurons("n0", fires).pool("pool").conv("c1", conv(2, 4, 3))),
    )
    yield "dense on every place", end(start().dense("d1", conv(4, 3)))
    yield "pool of spikes", end(start().pool("pool").conv("c1", conv(2, 2, 4, 3), padding=1))
    yield "overlapping pool of spikes", end(start().pool("pool", 4, 2).conv("c1", conv(2, 2, 4, 3)))
    yield "two pools of spikes", end(start((8, 8, 2)).pool("p1").pool("p2").flatten("f").dense("d1", conv(16, 3)))
    yield "pool of currents", end(start().conv("c1", conv(3, 3, 4, 3), dyadic(rng, 3) * 64, padding=1).pool("pool"))
    yield "pool of the input", end(Line((6, 6, 2)).pool("pool").conv("c0", conv(2, 2, 2, 3)))
    yield (
        "separable",
        end(start().conv("depth", conv(3, 3, 1, 8) / 64, groups=4).conv("point", dyadic(rng, 1, 1, 8, 3))),
    )
    yield "padding of its own", end(start().pad("pad", 1, 2).conv("c1", conv(3, 3, 4, 3)))
    yield "no kernel", end(start().pool("pool", 4, 2))
    yield "two dense layers", end(Line((6,)).dense("d0", dyadic(rng, 6, 5), dyadic(rng, 5)).dense("d1", conv(5, 4)))


@pytest.mark.parametrize(("name", "graph"), list(chain_networks()))
def test_what_stands_between_populations_is_exact(name, graph):
    """Numbers that integers hold exactly, in IF neurons, which round nothing: the spikes are the float network's."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (4, 30, *graph.inputs[0].shape)).astype(float)
    integers = quantize(graph, 16, dt=DYADIC_DT, scale="power_of_two", input=SPIKES)
    expected = reference.run(graph, x, 30, DYADIC_DT, record="all")
    result = run(integers, x, 30, record="all")
    for population, spikes in expected.spikes.items():
        assert 0 < spikes.mean() < 1
        np.testing.assert_array_equal(result.spikes[population], spikes)
        layer = integers.populations[population]
        np.testing.assert_array_equal(result.voltages[population] / layer.threshold, expected.voltages[population])
    np.testing.assert_array_equal(integers.as_float(result.output), expected.output)
    assert all(
        np.array_equal(layer.kernel / layer.scale.flat[0], layer.weights) for layer in integers.readouts.values()
    )


def test_pools_of_spikes_are_sums_and_pools_of_currents_go_into_the_kernel():
    graphs = dict(chain_networks())
    kinds = {name: [node.kind for node in quantize(graphs[name], dt=DYADIC_DT).nodes] for name in graphs}
    assert kinds["pool of spikes"] == ["EncodedInput", "SpikingLayer", "SumPool", "SpikingLayer", "ReadoutLayer"]
    assert kinds["pool of currents"] == ["EncodedInput", "SpikingLayer", "SpikingLayer", "ReadoutLayer"]
    pool = quantize(graphs["two pools of spikes"], dt=DYADIC_DT)["p2"]
    assert isinstance(pool, SumPool)
    assert (pool.inputs, pool.ranges["value"].high) == (("p1",), 16)


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


def test_if_neurons_send_one_spike_a_step_and_keep_what_is_left():
    """v += 0.6 a step is 3 spikes in 5 steps; 2.5 a step is more than one can send, and the rest waits."""
    graph = Line((1,)).dense("dense", [[600.0, 2500.0]]).neurons("if", IF(amplitude=DT)).dense("out", np.eye(2)).graph()
    integers = quantize(graph, 16)
    result = run(integers, [[1.0]], 10, record="all")
    assert result.spikes["if"][0].sum(0).tolist() == [6, 10]
    threshold = integers.populations["if"].threshold
    np.testing.assert_allclose(result.voltages["if"][0, -1] / threshold, [0, 15], atol=0.01)
    assert "if: at most one spike per step; the float network allows several." in integers.approximations


def test_a_population_can_be_the_output():
    """Its spikes are counted, at the height that they have in the float network."""
    graph = Line((3,)).dense("dense", np.diag([1.5, 3.0, 6.0])).neurons("lif", LIF(amplitude=0.004)).graph()
    integers = quantize(graph)
    result = run(integers, [[1.0, 1.0, 1.0]], 100, record="all")
    readout = integers.readouts["y"]
    assert set(np.unique(readout.kernel)) == {1}
    np.testing.assert_allclose(integers.as_float(result.output).mean(1), 0.004 * result.rates["lif"])


def test_a_population_behind_a_synapse_can_be_the_output():
    graph = Line((2,)).dense("dense", np.diag([3.0, 6.0])).neurons("lif", LIF()).synapse("synapse").graph()
    integers = quantize(graph)
    expected = reference.run(graph, [[1.0, 1.0]], 200, DT).output.mean(1)
    # the step-counted refractory period makes neurons up to 10 % slower at these rates
    np.testing.assert_allclose(integers.as_float(run(integers, [[1.0, 1.0]], 200).output).mean(1), expected, rtol=0.15)


def test_an_affine_on_the_input_is_done_where_the_input_is_rounded():
    """2x - 1 before a convolution with padding: no kernel can hold the offset, since the border is 0."""
    rng = np.random.default_rng(0)
    line = Line((4, 4, 1)).add(Affine, "rescale", scale=np.asarray(2.0), offset=np.asarray(-1.0))
    line.conv("conv", rng.normal(size=(3, 3, 1, 2)), padding=1).neurons("lif", LIF(tau_ref=0.0)).flatten()
    graph = line.dense("out", rng.normal(size=(32, 2))).graph()
    integers = quantize(graph, 16, input=Analog(bits=9, high=1.0), threshold_bits=12)
    assert (integers.input.code.factor, integers.input.code.offset) == (2.0, -1.0)
    assert integers.input.ranges["value"].low == -255
    x = rng.integers(0, 256, (3, 4, 4, 1)) / 255
    expected = reference.run(graph, x, 50, DT, record="lif.rates").rates["lif"]
    np.testing.assert_allclose(run(integers, x, 50, record="lif.rates").rates["lif"], expected, atol=1 / 0.05)


def test_several_outputs_and_shared_pools():
    """An output in the middle, and one pool that feeds two layers."""
    rng = np.random.default_rng(2)
    line = Line((4, 4, 1)).conv("conv", rng.normal(size=(1, 1, 1, 2)) + 2).neurons("lif", LIF()).pool("pool").flatten()
    head = Dense(name="head", inputs=("flat",), shape=(2,), kernel=rng.normal(size=(8, 2)))
    tail = Dense(name="tail", inputs=("flat",), shape=(3,), kernel=rng.normal(size=(8, 3)))
    graph = SpikingGraph((*line.nodes, head, tail), {"a": "head", "b": "tail"})
    integers = quantize(graph)
    assert [node.name for node in integers.nodes] == ["x", "lif", "pool", "a", "b"]
    result = run(integers, rng.random((2, 4, 4, 1)), 20)
    assert {label: output.shape for label, output in result.output.items()} == {"a": (2, 20, 2), "b": (2, 20, 3)}
    assert set(integers.as_float(result.output)) == {"a", "b"}


def test_everything_without_an_integer_form_is_listed_at_once():
    inputs = keras.Input((8, 8, 1), name="image")
    x = kl.Conv2D(2, 3, padding="same", name="conv")(inputs)
    x = kl.MaxPooling2D(2, name="max")(snnconv.layers.LIF(name="lif")(x))
    y = kl.Conv2D(2, 3, padding="same", activation="tanh", name="second")(x)
    x = kl.Flatten(name="flat")(kl.Add(name="sum")([x, y]))
    x = kl.Dense(4, activation="sigmoid", name="hidden")(x)
    graph = snnconv.convert(keras.Model(inputs, kl.Dense(2, name="out")(x)), synapse={"lif": Alpha()}, verbose=False)
    with pytest.raises(ConversionError) as caught:
        quantize(graph)
    message = str(caught.value)
    assert message.startswith("5 parts of the network")
    for part in ("'lif.synapse' (Filter)", "(MaxPool)", "(Tanh)", "(Add)", "(Sigmoid)"):
        assert part in message
    assert "max_to_avg_pool=True" in message
    assert "swap_activations" in message


def sigmoid_line():
    return Line((2,)).dense("d", np.ones((2, 2))).neurons("s", Sigmoid()).dense("out", np.ones((2, 1)))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (sigmoid_line().graph(), r"'s' \(Sigmoid\): only LIF and IF have an integer form"),
        (
            Line((2,)).dense("d", np.ones((2, 2))).neurons("t", Tanh()).graph(),
            r"'t' \(Tanh\): its spikes can be negative; .*swap_activations",
        ),
        (
            Line((5, 5, 1)).pool("p", 2, 2, padding=1).conv("c", np.ones((1, 1, 1, 1))).neurons("n", LIF()).graph(),
            r"'p' \(AveragePool\): windows at the border have other divisors",
        ),
        (
            Line((2,)).dense("d", np.ones((2, 2))).neurons("n", LIF()).synapse("a").synapse("b").graph(),
            r"'b' \(Filter\): a second synapse behind 'a'",
        ),
        (
            Line((2,)).dense("d", np.ones((2, 2)), [1.0, 2.0]).synapse("a").neurons("n", LIF()).graph(),
            r"'a' \(Filter\): it filters the bias of 'd' too; put it right behind neurons",
        ),
        (
            Line((4, 4, 1)).conv("c", np.ones((2, 2, 1, 1))).flatten().dense("d", np.ones((9, 2))).graph(),
            r"'d' \(Dense\): it follows another linear layer",
        ),
        (
            Line((4, 4, 1))
            .conv("c", np.ones((2, 2, 1, 2)))
            .add(Affine, "gain", scale=np.arange(1.0, 19).reshape(3, 3, 2))
            .neurons("n", LIF())
            .graph(),
            r"'gain' \(Affine\): a gain per place behind a convolution",
        ),
        (Line((4, 4, 1)).pad("p", 1, 1).neurons("n", LIF()).graph(), r"'p' \(Pad\): it could not be folded"),
        (
            SpikingGraph(
                (
                    Input(name="a", shape=(2,)),
                    Input(name="b", shape=(2,)),
                    Add(name="sum", inputs=("a", "b"), shape=(2,)),
                ),
                {"y": "sum"},
            ),
            r"\(1\) 'sum' \(Add\): .*\(2\) 'b' \(Input\): an integer graph has one input",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused_with_advice(graph, message):
    with pytest.raises(ConversionError, match=message):
        quantize(graph)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fraction_bits": 4}, "layer 'n1': tau_rc = .* is too long for steps of 0.001 s with fraction_bits=4"),
        ({"threshold_bits": 18}, "layer 'n1': its threshold reaches .* bits .*; int32 has 32. Lower threshold_bits"),
        ({"n_steps": 1 << 24}, "layer 'y': its total reaches .* int32 has 32. Lower n_steps or weight_bits"),
    ],
)
def test_what_int32_does_not_hold_names_the_layer_and_what_to_change(settings, message):
    line = Line((4,)).dense("d1", np.ones((4, 400))).neurons("n1", LIF(tau_rc=0.05))
    graph = line.dense("out", np.random.default_rng(0).normal(size=(400, 2))).graph()
    with pytest.raises(ConversionError, match=message):
        quantize(graph, **settings)


def test_a_deep_floor_that_int32_does_not_hold():
    line = Line((40,)).dense("d", np.full((40, 1), -5.0)).neurons("n", LIF(tau_rc=0.1, min_voltage=-math.inf))
    graph = line.dense("out", [[1.0]]).graph()
    with pytest.raises(ConversionError, match="layer 'n': .* min_voltage nearer to 0"):
        quantize(graph, 16, fraction_bits=16, threshold_bits=12)
    assert quantize(graph).populations["n"].floor.min() < -150 * quantize(graph).populations["n"].threshold.max()


def test_small_weights_get_fewer_bits_rather_than_wider_thresholds():
    """A neuron without weights, or with far smaller ones than its neighbours, does not make the voltage wide."""
    kernel = np.array([[1.0, 0.0, 1e-9], [0.5, 0.0, 2e-9]])
    integers = quantize(Line((2,)).dense("d", kernel).neurons("n", LIF(), 2.0).dense("out", np.eye(3)).graph())
    layer = integers.populations["n"]
    assert layer.threshold[1] == layer.threshold[0]
    assert layer.threshold[2] <= 256 * layer.threshold[0]
    assert any("the weights of 1 of its 3 channels, which are small" in line for line in integers.approximations)
    assert run(integers, [[1.0, 1.0]], 100, record="n.rates").rates["n"].min() > 0


def test_approximations_name_every_layer():
    graph = random_line(1, synapse=True)
    lines = quantize(graph, 6).approximations
    assert [line for line in lines if line.startswith("x: inputs are rounded to 8 bits")]
    for name in ("n1", "n2"):
        assert [
            line for line in lines if line.startswith(f"{name}: weights are rounded to 6 bits, which changes them by")
        ]
        assert [line for line in lines if line.startswith(f"{name}: the refractory period is 2 whole steps")]
        assert [line for line in lines if line.startswith(f"{name}: tau_rc is ")]
    assert [line for line in lines if line.startswith("n2: the lowpass of its input has a time constant of")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight_bits": 1}, "weight_bits must be a whole number from 2 to 16. Received 1"),
        ({"weight_bits": 8.5}, "weight_bits must be a whole number"),
        ({"fraction_bits": 40}, "fraction_bits must be"),
        ({"dt": 0.0}, "dt must be above 0 seconds"),
        ({"scale": "channel"}, "scale must be one of neuron, layer, power_of_two. Received 'channel'"),
        ({"input": 8}, "input must be an Analog, a RateCode or a LatencyCode"),
    ],
)
def test_parameters_are_checked(settings, message):
    with pytest.raises(ParameterError, match=message):
        quantize(quarter_leak_network(), **settings)


def test_runs_check_their_data():
    graph = quantize(quarter_leak_network(), n_steps=100)
    for x, message in [
        ([[0.5, 1.2]], r"inputs reach from 0.5 to 1.2, outside of the 0…1 .*Analog\(low=…, high=…\)"),
        ([[0.5]], r"input 'x' must have shape \(n, 2\) or \(n, 10, 2\). Received \(1, 1\)"),
        ([[np.nan, 1]], "NaN"),
        (np.zeros((0, 2)), "holds no samples"),
        ([["a", "b"]], "must be an array of numbers"),
    ]:
        with pytest.raises(InputError, match=message):
            run(graph, x, 10)
    with pytest.raises(ParameterError, match="proven for 100 steps. Received n_steps=101"):
        run(graph, [[0, 1]], 101)
    with pytest.raises(InputError, match="cannot record 'lof'"):
        run(graph, [[0, 1]], 10, record="lof")


def test_a_graph_that_was_changed_by_hand_leaves_its_proven_ranges():
    graph = quantised_by_hand()
    lif = graph.populations["lif"]
    louder = dataclasses.replace(lif, bias=lif.bias + 100)
    changed = dataclasses.replace(graph, nodes=tuple(louder if node is lif else node for node in graph.nodes))
    with pytest.raises(SnnconvError, match="the drive of 'lif' reaches .* outside of its proven range -5…15"):
        run(changed, [[1, 1]], 5)


def test_nothing_in_an_integer_graph_can_be_changed():
    graph = quantised_by_hand()
    lif = graph.populations["lif"]
    with pytest.raises(ValueError, match="read-only"):
        lif.kernel[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        lif.leak = 3
    with pytest.raises(TypeError):
        lif.ranges["voltage"] = None


def test_a_graph_that_does_not_hang_together_is_refused():
    graph = quantised_by_hand()
    x, lif, out = graph.nodes
    for nodes, outputs, message in [
        ((x, out), {"y": "y"}, "node 'y' is fed by 'lif', which does not come before it"),
        ((lif, out), {"y": "y"}, "node 'lif' is not where it can be"),
        ((x, lif, x, out), {"y": "y"}, "node 'x' is not where it can be"),
        ((x, lif, out), {"y": "lif"}, "output 'y' names 'lif', which is no readout"),
        ((x, lif, out), {}, "has an input and an output"),
    ]:
        with pytest.raises(SnnconvError, match=message):
            dataclasses.replace(graph, nodes=nodes, outputs=outputs)


def test_the_summary_prints_itself(capsys):
    quantize(random_line(3, conv=True, synapse=True)).summary()
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    for word in ("n1", "n2", "pool", "Readout", "LIF", "SumPool", "Analog"):
        assert word in text


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


class TestCodes:
    def test_analog_codes_are_rounded_inputs(self):
        code = Analog(bits=3, high=7.0)
        assert code.quantise(np.array([0.0, 0.4, 0.5, 1.5, 6.6, 7.0])).tolist() == [0, 0, 0, 2, 7, 7]
        signed = Analog(bits=3, low=-6.0, high=3.0)
        assert (signed.codes.low, signed.codes.high, signed.step) == (-3, 3, 2.0)
        assert signed.quantise(np.array([-6.0, 0.0, 3.0])).tolist() == [-3, 0, 2]

    @given(st.integers(1, 12), st.floats(0.05, 1), st.floats(0, 1), st.integers(1, 200))
    def test_a_rate_code_carries_its_error_on(self, bits, spikes_per_step, x, n_steps):
        """After n steps there have been n·q/T spikes, rounded to the nearest: no error ever adds up."""
        code = RateCode(bits=bits, spikes_per_step=spikes_per_step)
        q = code.quantise(np.array([x]))
        spikes = sent(code, q, n_steps)
        assert set(np.unique(spikes)) <= {0, 1}
        assert abs(spikes.sum() - n_steps * q[0] / code.period) <= 0.5
        assert code.unit * q[0] / code.period == pytest.approx(q[0] * code.step)

    def test_a_rate_code_is_even(self):
        spikes = sent(RateCode(bits=2, spikes_per_step=0.5), np.array([1, 3]), 12)  # T = 6
        assert spikes[0].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0]
        assert spikes[1].tolist() == [1, 0] * 6

    @given(st.integers(2, 10), st.integers(2, 50))
    def test_a_latency_code_sends_one_spike_the_earlier_the_larger(self, bits, window):
        code = LatencyCode(bits=bits, window=window)
        q = np.arange(code.codes.high + 1)
        spikes = sent(code, q, 2 * window)
        np.testing.assert_array_equal(spikes[:, :window], spikes[:, window:])
        counts = spikes[:, :window].sum(1)
        assert set(counts.tolist()) <= {0, 1}
        assert counts[0] == 0
        assert counts[q >= code.level(window - 1)].all()
        times = spikes[counts == 1, :window].argmax(1)
        assert (np.diff(times) <= 0).all()
        assert times[-1] == 0

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Analog(bits=0), "Analog: bits must be a whole number from 1 to 16. Received 0"),
            (lambda: Analog(bits=1, low=-1.0), "Analog: bits must be a whole number from 2 to 16"),
            (lambda: Analog(low=1.0, high=0.0), "low must be below high"),
            (lambda: RateCode(low=-1.0), "spikes have no sign, and inputs reach -1. Use Analog"),
            (lambda: RateCode(spikes_per_step=1.5), "spikes_per_step must be above 0 and at most 1"),
            (lambda: LatencyCode(window=1), "window must be a whole number from 2"),
            (lambda: LatencyCode(spike_value=-1.0), "spike_value must be above 0"),
        ],
    )
    def test_parameters_are_checked(self, make, message):
        with pytest.raises(ParameterError, match=message):
            make()

    @pytest.mark.parametrize("code", [RateCode(), LatencyCode(window=20, spike_value=0.5)])
    def test_a_network_takes_coded_spikes(self, code):
        """A rate code brings the mean current of the analog input; a latency code the same current for all."""
        graph = Line((2,)).dense("d", np.diag([4.0, 4.0])).neurons("n", LIF()).dense("out", np.eye(2)).graph()
        rates = run(quantize(graph, input=code), [[0.5, 1.0]], 400, record="n.rates").rates["n"][0]
        analog = run(quantize(graph), [[0.5, 1.0]], 400, record="n.rates").rates["n"][0]
        if isinstance(code, RateCode):
            # spikes of twice the mean current every other step drive a neuron over its threshold a little sooner
            np.testing.assert_allclose(rates, analog, rtol=0.15)
        else:
            assert rates[0] == rates[1] > 0


def sent(code, q, n_steps):
    """(*q, n_steps) values that a code sends."""
    state, values = code.start(q), []
    for step in range(n_steps):
        value, state = code.send(q, state, step)
        values.append(value)
    return np.stack(values, -1)


def test_layers_are_of_the_kinds_that_writers_know():
    graph = quantised_by_hand()
    assert [type(node) for node in graph.nodes[1:]] == [SpikingLayer, ReadoutLayer]
    assert (graph.populations["lif"].connection, graph.dt, graph.bits) == ("dense", DT, 19)


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
    message = r"layer 'n': its leak product reaches .* int32 has 32.*bits of the input"
    with pytest.raises(ConversionError, match=message):
        quantize(graph, 8, fraction_bits=16, threshold_bits=12, input=Analog(bits=16))
