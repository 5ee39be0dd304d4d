"""Integer networks compute what they should: hand calculations, and the definition of each step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnconv.graph import Affine, Dense, SpikingGraph
from snnconv.neurons import IF, LIF
from snnconv.quantize import Analog, quantize, run
from snnconv.runtime import reference

from ..helpers.examples import at_most
from ..helpers.integer_networks import DT, SPIKES, Line, quantised_by_hand


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


def test_branches_have_one_threshold_and_shifts_of_their_own():
    """w = 0.25 · (2.8, -1.2) = (0.7, -0.3) and 0.25 · (0.2, 0.7) = (0.05, 0.175), of two layers that read the input.

    S = 7/0.7 = 10, s = 1 and θ = 20, as for the first alone. The second's weights are smaller by 4; s leaves a factor
    of 2: S = 20, s = 0, W = (1, 3.5 → 4, to even). Its bias, 0.25 · 0.4 = 0.1, is the neuron's: B = (0.05 + 0.1) · 20.
    """
    line = Line((2,)).dense("a", [[2.8], [-1.2]], [0.1])
    a = line.last
    b = line.back_to(line.nodes[0]).dense("b", [[0.2], [0.7]], [0.4]).last
    neuron = LIF(tau_rc=-DT / math.log(0.75), tau_ref=0.002, amplitude=DT)
    graph = line.back_to(a).plus("sum", b).neurons("lif", neuron, 0.1).dense("out", [[1.0]]).graph()
    integers = quantize(graph, 4, dt=DT, fraction_bits=4, threshold_bits=2, input=SPIKES)
    lif, branch = integers.populations["lif"], integers["lif.branch1"]
    assert (lif.kernel.tolist(), lif.shift, lif.threshold.tolist(), lif.bias.tolist()) == ([[7], [-3]], 1, [20], [3])
    assert (branch.kernel.tolist(), branch.shift, branch.scale.tolist()) == ([[1], [4]], 0, [20])
    assert (branch.ranges["value"].low, branch.ranges["value"].high) == (0, 5)
    assert (lif.ranges["drive"].low, lif.ranges["drive"].high) == (-6 + 3, 14 + 5 + 3)
    voltages = run(integers, [[1, 0], [1, 1], [0, 1]], 1, record="all").voltages["lif"].ravel()
    assert voltages.tolist() == [14 + 1 + 3, 8 + 5 + 3, -6 + 4 + 3]


def test_few_bits_do_not_cut_spikes_off_beside_many_small_weights():
    """A weight of 1 beside 576 small ones, whose branch has a finer scale: it loses little, and not its half."""
    rng = np.random.default_rng(0)
    line = Line((4, 4, 64)).conv("c1", rng.normal(0, 0.3, (1, 1, 64, 64))).neurons("n1", LIF(), 1.0)
    spikes = line.last
    line.conv("c2", rng.normal(0, 0.05, (3, 3, 64, 64)), padding=1).plus("sum", spikes).neurons("n2", LIF(), 1.0)
    integers = quantize(line.flatten().dense("out", rng.normal(size=(1024, 3))).graph(), 4)
    assert integers["n2"].weight_error < 0.2
    assert integers["n2.branch1"].weight_error < 0.1  # all of its weights are the same


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


@at_most(15)
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


def test_if_neurons_send_one_spike_a_step_and_keep_what_is_left():
    """v += 0.6 a step is 3 spikes in 5 steps; 2.5 a step is more than one can send, and the rest waits."""
    graph = Line((1,)).dense("dense", [[600.0, 2500.0]]).neurons("if", IF(amplitude=DT)).dense("out", np.eye(2)).graph()
    integers = quantize(graph, 16)
    result = run(integers, [[1.0]], 10, record="all")
    assert result.spikes["if"][0].sum(0).tolist() == [6, 10]
    threshold = integers.populations["if"].threshold
    np.testing.assert_allclose(result.voltages["if"][0, -1] / threshold, [0, 15], atol=0.01)
    said = "if: at most one spike per step; the float network allows several, a calibrated one does not."
    assert said in integers.approximations


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
