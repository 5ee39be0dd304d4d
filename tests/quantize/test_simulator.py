"""The integer runtimes: NumPy and TensorFlow give the same integers, and none leaves its proven range."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnconv.errors import InputError, ParameterError
from snnconv.neurons import IF, LIF
from snnconv.quantize import Analog, LatencyCode, RateCode, quantize, run
from snnconv.quantize.ranges import Range
from snnconv.quantize.simulator import IntegerSimulator

from ..helpers.branched_networks import SHAPES, random_network
from ..helpers.examples import at_most
from ..helpers.integer_networks import Line, random_line

CODES = [Analog(bits=4), Analog(bits=6, low=-1.0), RateCode(spikes_per_step=0.6), LatencyCode(bits=5, window=9)]


def assert_same(result, expected):
    """Every integer of two runs is the same."""
    np.testing.assert_array_equal(result.output, expected.output)
    for kind in ("spikes", "voltages", "rates"):
        ours, theirs = getattr(result, kind), getattr(expected, kind)
        assert set(ours) == set(theirs)
        for name, values in theirs.items():
            assert ours[name].dtype == values.dtype
            np.testing.assert_array_equal(ours[name], values, err_msg=f"{kind} of {name}")
    for name, variables in expected.state.items():
        for variable, values in variables.items():
            np.testing.assert_array_equal(result.state[name][variable], values, err_msg=f"{variable} of {name}")


@at_most(16)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from(SHAPES),
    neuron=st.sampled_from(["LIF", "LIF", "IF"]),
    synapse=st.booleans(),
    refractory=st.sampled_from([0.0, 0.001, 0.003]),
    min_voltage=st.sampled_from([0.0, -0.7, -math.inf]),
    weight_bits=st.integers(2, 16),
    code=st.sampled_from(CODES),
    varies=st.booleans(),
)
def test_tensorflow_gives_the_integers_of_numpy(
    seed, shape, neuron, synapse, refractory, min_voltage, weight_bits, code, varies
):
    """The NumPy loop checks every integer against its proven range, so that the ranges hold here as well."""
    graph = random_network(seed, shape, neuron=neuron, synapse=synapse, tau_ref=refractory, min_voltage=min_voltage)
    integers = quantize(graph, weight_bits, input=code, n_steps=40)
    rng = np.random.default_rng(seed)
    varies = varies and not isinstance(code, LatencyCode)
    x = rng.uniform(code.low, code.high, (3, *([25] if varies else []), *graph.inputs[0].shape))
    expected = run(integers, x, 25, record="all")
    simulator = IntegerSimulator(integers, batch_size=2, chunk_steps=10, jit=False)
    assert_same(simulator.run(x, 25, record="all"), expected)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ("convolution line", {"synapse": True}),
        ("dense line", {"neuron": "IF", "min_voltage": -math.inf}),
        ("input", {}),
    ],
)
def test_compiled_by_xla_it_gives_the_integers_of_numpy(shape, settings):
    """Voltages below 0 as well, whose shift to the right has to round down."""
    graph = random_network(4, shape, **settings)
    integers = quantize(graph, 8, input=Analog() if shape == "input" else RateCode())
    x = np.random.default_rng(0).random((6, *graph.inputs[0].shape))
    expected = run(integers, x, 60, record="all")
    assert all(0 < spikes.mean() < 1 for spikes in expected.spikes.values())
    simulator = IntegerSimulator(integers)
    assert_same(simulator.run(x, 60, record="all"), expected)
    np.testing.assert_array_equal(simulator.predict(x, 60), expected.output.sum(1))


def test_negative_voltages_shift_down():
    graph = random_line(8, min_voltage=-math.inf, synapse=True)
    integers = quantize(graph, 8)
    x = np.random.default_rng(0).random((6, 7))
    expected = run(integers, x, 80, record="all")
    assert min(voltages.min() for voltages in expected.voltages.values()) < 0
    assert_same(IntegerSimulator(integers).run(x, 80, record="all"), expected)


def test_sums_that_float32_does_not_hold_are_exact():
    """16-bit weights times 16-bit inputs: sums beyond 2^24."""
    rng = np.random.default_rng(0)
    line = Line((3,)).dense("d", 20 * rng.normal(size=(3, 4))).neurons("n", LIF())
    integers = quantize(
        line.dense("out", rng.normal(size=(4, 2))).graph(), 14, input=Analog(bits=16), threshold_bits=4, fraction_bits=8
    )
    assert integers.populations["n"].ranges["total_input"].high > 1 << 25
    x = rng.random((20, 3))
    assert_same(IntegerSimulator(integers, jit=False).run(x, 30, record="all"), run(integers, x, 30, record="all"))


def two_signs(synapse=0.0, neuron=None, bias=0.0):
    """Eight inputs, four with positive and four with negative weights, to one neuron."""
    line = Line((8,))
    if synapse:
        line.synapse("synapse", synapse)
    kernel = np.array([[0.9], [0.5], [0.7], [0.1], [-0.8], [-0.3], [-1.0], [-0.2]])
    line.dense("d", kernel).neurons("n", neuron or LIF(tau_ref=0.0, min_voltage=-math.inf), bias)
    return line.dense("out", [[1.0, -1.0]]).graph()


POSITIVE = np.array([[1.0] * 4 + [0.0] * 4])


@pytest.mark.parametrize("synapse", [0.0, 0.005])
def test_the_worst_inputs_reach_the_proven_ranges(synapse):
    """All positive weights at once, or all negative ones, for as long as it takes: sums, the current of a synapse and
    the floor of a voltage come to the very ends of their ranges."""
    integers = quantize(two_signs(synapse, bias=-0.5), input=Analog(bits=1))
    ranges = integers.populations["n"].ranges
    ends = {}
    for name, x in (("high", POSITIVE), ("low", 1 - POSITIVE)):
        result = run(integers, x, 600, record="n.voltages")
        layer = integers.populations["n"]
        total = int((x.astype(int) @ layer.kernel)[0, 0]) << layer.shift
        current = int(result.state["n"]["current"].item()) if synapse else total
        ends[name] = total, current, current + int(layer.bias[0]), int(result.voltages["n"].min())
    for name, place in (("total_input", 0), *([("synapse", 1)] if synapse else []), ("drive", 2)):
        assert (ends["low"][place], ends["high"][place]) == (ranges[name].low, ranges[name].high), name
    assert ends["low"][3] == ranges["voltage"].low


def test_the_worst_inputs_reach_the_readouts_range():
    integers = quantize(two_signs(neuron=IF(min_voltage=0.0, max_spikes=1), bias=1e4), n_steps=50)
    result = run(integers, POSITIVE, 50, record="all")
    assert result.spikes["n"].all()
    total = integers.readouts["y"].ranges["total"]
    assert (result.output.sum(1).min(), result.output.sum(1).max()) == (total.low, total.high)


def test_voltages_without_bound_end_at_the_proven_steps():
    """An IF neuron with no floor falls by the same in every step; one that is owed spikes rises."""
    neuron = IF(min_voltage=-math.inf, max_spikes=1)
    integers = quantize(two_signs(neuron=neuron, bias=0.0), input=Analog(bits=1, high=3000.0), n_steps=40)
    layer = integers.populations["n"]
    assert run(integers, 3000 * (1 - POSITIVE), 40, record="all").voltages["n"].min() == layer.floor[0]
    result = run(integers, 3000 * POSITIVE, 40, record="all")
    assert result.spikes["n"].all()
    assert layer.ceiling[0] - layer.threshold[0] < result.voltages["n"].max() <= layer.ceiling[0]


@given(st.integers(0, 10**6), st.sampled_from(["dense line", "dense"]), st.booleans())
def test_no_input_leaves_the_ranges(seed, shape, synapse):
    """Inputs that follow the sign of a weight at random, which the loop checks at every step."""
    rng = np.random.default_rng(seed)
    graph = random_network(seed, shape, synapse=synapse, min_voltage=float(rng.choice([0.0, -2.0, -np.inf])))
    integers = quantize(graph, int(rng.integers(2, 12)), input=Analog(bits=3, low=-1.0))
    signs = np.sign(integers.populations["n1"].kernel[:, rng.integers(6)]).astype(float)
    lead = (4, 60, len(signs))
    x = np.where(rng.random(lead) < 0.8, signs, rng.uniform(-1, 1, lead)) * rng.choice([-1, 1], (4, 60, 1))
    for name, voltages in run(integers, x, 60, record="all").voltages.items():
        proven = integers.populations[name].ranges["voltage"]
        assert proven.low <= voltages.min() <= voltages.max() <= proven.high


def test_widths():
    for low, high, bits, signed in [(0, 1, 1, False), (0, 255, 8, False), (-128, 127, 8, True), (-1, 128, 9, True)]:
        found = Range(low, high)
        assert (found.bits, found.is_signed) == (bits, signed)
    assert Range(-(2**31), 2**31 - 1).is_int32
    assert not Range(0, 2**31).is_int32
    assert Range(0, 0).bits == 1


def test_batches_and_chunks_do_not_matter():
    graph = random_line(2, synapse=True)
    integers = quantize(graph, 6, input=RateCode())
    x = np.random.default_rng(1).random((9, 7))
    whole = IntegerSimulator(integers, batch_size=16, chunk_steps=31, jit=False).run(x, 31, record="all")
    parts = IntegerSimulator(integers, batch_size=4, chunk_steps=8, jit=False).run(x, 31, record="all")
    assert_same(parts, whole)


def test_records_are_those_asked_for():
    simulator = IntegerSimulator(quantize(random_line(0)), jit=False)
    result = simulator.run(np.ones((2, 7)), 5, record=["n1.spikes", "n2.rates"])
    assert (set(result.spikes), set(result.voltages), set(result.rates)) == ({"n1"}, set(), {"n2"})


def test_the_simulator_checks_what_it_is_given():
    integers = quantize(random_line(0), n_steps=50)
    with pytest.raises(ParameterError, match="batch_size must be a whole number above 0. Received 0"):
        IntegerSimulator(integers, batch_size=0)
    with pytest.raises(ParameterError, match="chunk_steps must be"):
        IntegerSimulator(integers, chunk_steps=-3)
    simulator = IntegerSimulator(integers, jit=False)
    with pytest.raises(ParameterError, match="proven for 50 steps"):
        simulator.run(np.ones((1, 7)), 51)
    with pytest.raises(InputError, match="outside of the 0…1"):
        simulator.predict(2 * np.ones((1, 7)), 5)


@pytest.mark.parametrize("call", [IntegerSimulator, lambda graph: run(graph, np.ones((1, 7)), 5)])
def test_a_float_graph_is_no_integer_graph(call):
    with pytest.raises(ParameterError, match=r"takes an IntegerGraph. Received SpikingGraph. Quantise it first: \w+\("):
        call(random_line(0))
    with pytest.raises(ParameterError, match="takes an IntegerGraph. Received str.$"):
        call("model.int.h5")


def test_quantize_takes_a_graph():
    with pytest.raises(ParameterError, match=r"Received str. Pass quantize\(snnconv.load\(path\)\)"):
        quantize("model.snn.h5")


def test_latency_codes_take_inputs_that_are_held():
    graph = quantize(random_line(0), input=LatencyCode(window=5))
    with pytest.raises(InputError, match=r"input 'x' must have shape \(n, 7\). Received \(1, 10, 7\)"):
        run(graph, np.ones((1, 10, 7)), 10)
