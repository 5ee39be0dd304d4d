"""Integer neurons: one step for both array namespaces, equal to the integer, and the numbers of HARDWARE by hand."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

from snnconv.errors import ExportError
from snnconv.export.params.report import report
from snnconv.export.verilog.stages import stages
from snnconv.neurons import IF
from snnconv.quantize import quantize
from snnconv.quantize.neurons import INTEGER_NEURONS, IntegerIF, IntegerLIF, IntegerSignedIF, leaked, start_voltage
from snnconv.quantize.rounding.forms import FORMS
from snnconv.runtime import tensorflow_ops

from ..helpers.integer_networks import Line

N, SHAPE = 200, (3, 5)


def int32(low, high, shape, rng):
    return rng.integers(low, high, shape, dtype="int32", endpoint=True)


def random_neurons(kind, rng):
    """Neurons with numbers of random sizes, a threshold each or one per channel."""
    shape = SHAPE if rng.random() < 0.5 else SHAPE[-1:]
    threshold = int32(200, 1 << rng.integers(9, 18), shape, rng)
    arrays = {"threshold": threshold, "start": start_voltage(rng.random(), threshold)}
    if kind == "LIF":
        K = int(rng.integers(6, 13))
        leak, steps = int(rng.integers(1, (1 << K) + 1)), int(rng.choice([0, 1, 5]))
        floor = -int32(0, 1 << 15, shape, rng) * rng.integers(2, dtype="int32")
        return IntegerLIF(floor=floor, leak=leak, fraction_bits=K, refractory_steps=steps, **arrays)
    if kind == "SignedIF":
        ceiling = threshold + int32(-1, 1 << 10, shape, rng)
        floor = -int32(0, 1 << 17, shape, rng)
        return IntegerSignedIF(floor=floor, ceiling=ceiling, negative_threshold=int(rng.integers(1, 257)), **arrays)
    is_rectified = bool(rng.integers(2))
    floor = np.zeros_like(threshold) if is_rectified else -int32(0, 1 << 17, shape, rng)
    return IntegerIF(
        floor=floor, ceiling=threshold + int32(-1, 1 << 10, shape, rng), is_rectified=is_rectified, **arrays
    )


def random_state(neuron, rng):
    """States of which each lies in its proven range."""
    shape = (N, *SHAPE)
    state = {"voltage": rng.integers(neuron.floor, neuron.ceiling, shape, dtype="int32", endpoint=True)}
    if "refractory" in neuron.state:
        state["refractory"] = int32(0, neuron.refractory_steps, shape, rng)
    if "n_sent" in neuron.state:
        state["n_sent"] = int32(0, 3, shape, rng)
    return state


@pytest.mark.parametrize("kind", INTEGER_NEURONS)
@pytest.mark.parametrize("seed", range(12))
def test_numpy_and_tensorflow_take_the_same_step(kind, seed):
    rng = np.random.default_rng(seed)
    neuron = random_neurons(kind, rng)
    state, most = random_state(neuron, rng), 2 * int(neuron.threshold.max())
    tensors = {name: tf.constant(values) for name, values in state.items()}
    limits = neuron.ranges(np.full(SHAPE, -most), np.full(SHAPE, most))
    assert all(limit.is_int32 for limit in limits.values())
    n_spikes = 0
    for _ in range(20):
        drive = int32(-most, most, (N, *SHAPE), rng)
        assert limits["potential"].holds(neuron.potential(drive.astype("int64"), state))
        spikes, state = neuron.step(drive, state)
        tensor_spikes, tensors = neuron.step(tf.constant(drive), tensors, tensorflow_ops)
        np.testing.assert_array_equal(tensor_spikes, spikes)
        assert set(state) == set(tensors) == set(neuron.state)
        for name, values in state.items():
            assert tensors[name].dtype == tf.int32
            np.testing.assert_array_equal(tensors[name], values, err_msg=name)
            assert limits[name].holds(values), name
        assert neuron.spikes.holds(spikes)
        n_spikes += np.abs(spikes).sum()
    assert n_spikes > 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", INTEGER_NEURONS)
def test_both_namespaces_start_alike(kind, seed):
    neuron = random_neurons(kind, np.random.default_rng(seed))
    ours = neuron.initial_state((2, *SHAPE))
    theirs = neuron.initial_state((2, *SHAPE), tensorflow_ops, "int32")
    assert set(ours) == set(theirs) == set(neuron.state)
    for name, values in ours.items():
        np.testing.assert_array_equal(theirs[name], values)
    np.testing.assert_array_equal(ours["voltage"][1], np.broadcast_to(neuron.start, SHAPE))
    assert (neuron.start < neuron.threshold).all()


def one(**arrays):
    return {name: np.array([value], "int32") for name, value in arrays.items()}


def trace(neuron, drives):
    """Spikes and voltages of one neuron."""
    state, found = neuron.initial_state((1, 1)), []
    for drive in drives:
        spikes, state = neuron.step(np.array([[drive]]), state)
        found.append((int(spikes.item()), int(state["voltage"].item())))
    return found


def test_ilif_by_hand():
    """K = 4 and D = 4: a quarter of V leaks, rounded to the nearest. V rises to 10, 18, 24 and crosses 20."""
    neuron = IntegerLIF(**one(threshold=20, floor=0, start=0), leak=4, fraction_bits=4, refractory_steps=2)
    # 10 - ((40 + 8) >> 4) = 7, and 7 + 10 = 17; 17 - ((68 + 8) >> 4) = 13, and 23 > 20
    assert trace(neuron, [10] * 6) == [(0, 10), (0, 17), (1, 0), (0, 0), (0, 0), (0, 10)]
    assert trace(neuron, [20, 0, 6, -50]) == [(0, 20), (0, 15), (0, 17), (0, 0)]  # at the threshold: no spike


def test_ilif_leaks_below_zero_with_a_shift_that_rounds_down():
    neuron = IntegerLIF(**one(threshold=20, floor=-30, start=0), leak=4, fraction_bits=4, refractory_steps=0)
    # -9: (-36 + 8) >> 4 = -28 >> 4 = -2, so -7; toward 0 it would be -8
    assert trace(neuron, [-9, 0, -99]) == [(0, -9), (0, -7), (0, -30)]
    assert leaked(np.array(-9), 4, 4) == -7


@pytest.mark.parametrize("leak", [1, 40, 63, 64, 201, 200, 4095, 3072])
@pytest.mark.parametrize("K", [6, 12])
def test_a_short_leak_leaves_of_every_voltage_the_same(leak, K):
    leak = min(leak, 1 << K)
    top = 5000
    neuron = IntegerLIF(**one(threshold=top, floor=0, start=0), leak=leak, fraction_bits=K, refractory_steps=2)
    short = neuron.shortened()
    assert short.is_short == (leak < 1 << K)
    assert not short.is_short or short.leak % 2
    V = np.arange(top + 1, dtype="int32")
    np.testing.assert_array_equal(short.potential(7, {"voltage": V}), neuron.potential(7, {"voltage": V}))


@pytest.mark.parametrize(("leak", "most"), [(200, (2**31 - 256) // 487), (201, (2**31 - 2048) // 3895)])
def test_a_leak_is_short_as_long_as_32_bits_hold_its_product(leak, most):
    numbers = {"leak": leak, "fraction_bits": 12, "refractory_steps": 0}
    highest = IntegerLIF(**one(threshold=most, floor=0, start=0), **numbers)
    V = np.array([most], "int32")
    assert highest.shortened().is_short
    product = V.astype("int64") * ((1 << highest.shortened().fraction_bits) - highest.shortened().leak)
    assert product + (1 << highest.shortened().fraction_bits - 1) - 1 < 1 << 31
    assert highest.shortened().potential(0, {"voltage": V}) == highest.potential(0, {"voltage": V.astype("int64")})
    above = IntegerLIF(**one(threshold=most + 1, floor=0, start=0), **numbers)
    assert above.shortened() is above
    below_zero = IntegerLIF(**one(threshold=20, floor=-1, start=0), **numbers)
    assert below_zero.shortened() is below_zero
    assert not dataclasses.replace(above, is_short=True).fits()


def test_an_integer_if_by_hand():
    numbers = one(threshold=10, floor=-5, ceiling=12, start=4)
    neuron = IntegerIF(**numbers, is_rectified=False)
    assert trace(neuron, [5, 1, 40, -30, 10]) == [(0, 9), (1, 0), (1, 12), (0, -5), (0, 5)]
    assert trace(IntegerIF(**numbers, is_rectified=True), [-9, 6, -9]) == [(0, 4), (1, 0), (0, 0)]


def test_an_integer_neuron_takes_back_what_it_sent_by_hand():
    numbers = one(threshold=1024, floor=-5000, ceiling=2000, start=512)
    neuron = IntegerSignedIF(**numbers, negative_threshold=64)  # a quarter: 256
    drives = [512, -255, -1, -2000, 1300]
    assert trace(neuron, drives) == [(1, 0), (0, -255), (-1, 768), (0, -1232), (0, 68)]


@pytest.mark.parametrize("float_kind", FORMS)
def test_every_form_gives_a_registered_neuron(float_kind):
    line = Line((2,)).dense("d", 50 * np.eye(2)).neurons("n", float_kind()).dense("out", np.eye(2))
    layer = quantize(line.graph()).populations["n"]
    assert type(layer.neuron) is INTEGER_NEURONS[layer.neuron.kind]
    assert layer.threshold is layer.neuron.threshold
    assert layer.amplitude == layer.float_neuron.amplitude == float_kind().amplitude


def test_the_registry_is_complete():
    """A kind that no float neuron becomes, or that the tests above have no random numbers for, is listed here."""
    assert {"LIF": IntegerLIF, "IF": IntegerIF, "SignedIF": IntegerSignedIF} == INTEGER_NEURONS
    assert {form.__name__ for form in FORMS} == {"LIF", "SteppedLIF", "IF", "SignedIF"}


@pytest.fixture
def odd_network():
    """A network whose neurons are of a kind that circuits do not know."""

    @dataclass(frozen=True, eq=False, kw_only=True)
    class Odd(IntegerIF):
        kind: ClassVar[str] = "Odd"

        def equations(self):
            return ["V = an odd sum"]

    del INTEGER_NEURONS["Odd"]  # which all other tests go through
    graph = quantize(Line((2,)).dense("d", 50 * np.eye(2)).neurons("n", IF()).dense("out", np.eye(2)).graph())
    neuron = graph.populations["n"].neuron
    odd = Odd(**neuron.arrays(), is_rectified=neuron.is_rectified)
    nodes = tuple(dataclasses.replace(node, neuron=odd) if node.name == "n" else node for node in graph.nodes)
    return dataclasses.replace(graph, nodes=nodes)


def test_an_unknown_neuron_is_described_by_its_own_words_alone(odd_network):
    text = report(odd_network)
    assert "2 Odd neurons, dense of x" in text
    assert "V = an odd sum" in text
    assert "threshold:" not in text


def test_the_circuit_has_no_place_for_an_unknown_neuron(odd_network):
    with pytest.raises(ExportError, match=r"no place for 'n' \(SpikingLayer\)"):
        stages(odd_network, 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", INTEGER_NEURONS)
def test_a_neuron_has_words_and_numbers_for_all_that_it_is(kind, seed):
    neuron = random_neurons(kind, np.random.default_rng(seed))
    text = "\n".join(neuron.equations())
    assert set(neuron.state) <= set(neuron.meanings)
    for number in neuron.constants().values():
        assert not number or str(number) in text
    for array in neuron.arrays().values():
        assert not array.flags.writeable
        assert not array.any() or str(array.max()) in text
