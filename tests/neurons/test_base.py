"""Every neuron: a reference, the same numbers in every array namespace, scales, tuning curves, and parameters."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from snnconv.errors import ParameterError
from snnconv.neurons import IF, LIF, NEURONS, SignedIF, numpy_ops
from snnconv.runtime import tensorflow_ops

from ..helpers.neurons import ACCUMULATING, REFERENCES, SETTINGS, currents, ifs, initial_voltage, lifs, run


def test_every_neuron_has_a_reference():
    ours = {name for name, neuron in NEURONS.items() if neuron.__module__.startswith("snnconv.")}
    elsewhere = {"SteppedLIF", "SignedIF", "Follower"}  # in test_stepped_lif.py, test_signed.py, test_follower.py
    assert ours == set(REFERENCES) | set(ACCUMULATING) | elsewhere, (
        "a neuron without a reference: add it to REFERENCES with its Nengo equivalent, or to ACCUMULATING"
    )


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", ["static", "varying"])
@pytest.mark.parametrize(("neuron", "dt", "voltage"), SETTINGS, ids=repr)
def test_float32_moves_few_spikes_by_one_step(neuron, dt, voltage, kind):
    J, v = currents(neuron, dt, kind).astype("float32"), initial_voltage(voltage).astype("float32")
    exact, _ = run(neuron, J.astype("float64"), dt, v.astype("float64"))
    single, states = run(neuron, J, dt, v, dtype="float32")
    assert single.dtype == states["voltage"].dtype == "float32"

    exact, single = np.cumsum(exact, 0), np.cumsum(single.astype("float64"), 0)
    # Spikes that float32 puts into a neighbouring step make the two counts differ for that one step: at most by 1.
    assert np.abs(single - exact).max() <= 1
    if kind == "static":
        assert np.all(exact[:-2] <= single[1:-1])
        assert np.all(single[1:-1] <= exact[2:])
    # A voltage has to come within about 1e-6 of the threshold at the end of a step: some ten in a million here.
    assert np.mean(single != exact) < 1e-4


@pytest.mark.parametrize("neuron", [LIF(), LIF(min_voltage=-1.0, tau_ref=0.0035), IF(), IF(min_voltage=0.0)])
@pytest.mark.parametrize("xp", [numpy_ops, ops, tensorflow_ops], ids=["numpy_ops", "keras.ops", "tensorflow_ops"])
def test_step_is_the_same_in_every_namespace(neuron, xp):
    # Only + - * / max and comparisons, one at a time: the same bits.
    J = currents(neuron, 1e-3, "varying", (200, 64)).astype("float32")
    spikes, states = run(neuron, J, 1e-3, dtype="float32")
    same_spikes, same_states = run(neuron, ops.convert_to_tensor(J) if xp is ops else J, 1e-3, 0.0, xp, "float32")
    np.testing.assert_array_equal(same_spikes, spikes)
    for name in neuron.state:
        np.testing.assert_array_equal(same_states[name], states[name])


@pytest.mark.parametrize("neuron", [LIF(), LIF(smoothing=0.05), IF()])
@pytest.mark.parametrize("xp", [ops, tensorflow_ops], ids=["keras.ops", "tensorflow_ops"])
def test_rate_is_the_same_in_every_namespace(neuron, xp):
    J = np.linspace(-5, 30, 1001).astype("float32")
    # log1p and exp differ in their last digits from library to library: some float32 roundings.
    np.testing.assert_allclose(np.asarray(neuron.rate(tf.constant(J), xp)), neuron.rate(J), rtol=2e-6)


class TestScaleRates:
    # Powers of 2, so that scaling rounds nothing and equal means equal
    @pytest.mark.parametrize("factor", [0.5, 4.0])
    def test_lif_is_the_same_neuron_in_a_faster_time(self, factor):
        neuron = LIF(min_voltage=-1.0)
        fast, current = neuron.scale_rates(factor)
        J = currents(neuron, 1e-3, "varying", (500, 50))
        assert current == 1
        np.testing.assert_array_equal(fast.rate(J), neuron.rate(J))
        np.testing.assert_array_equal(run(fast, J, 1e-3 / factor)[0], run(neuron, J, 1e-3)[0])
        assert np.all(fast.rate(J) / fast.amplitude == factor * neuron.rate(J) / neuron.amplitude)

    @pytest.mark.parametrize("factor", [0.5, 4.0])
    def test_if_needs_more_current(self, factor):
        neuron = IF(max_spikes=1)
        fast, current = neuron.scale_rates(factor)
        J = currents(neuron, 1e-3, "static", (2, 50))
        assert (fast.max_spikes, current) == (1, factor)
        np.testing.assert_array_equal(fast.rate(current * J), neuron.rate(J))

    @given(neuron=lifs | ifs, factor=st.floats(0.1, 100))
    def test_keeps_the_output_for_any_factor(self, neuron, factor):
        neuron = dataclasses.replace(neuron, smoothing=0.0) if isinstance(neuron, LIF) else neuron
        J = np.linspace(-2, 50, 200)
        fast, current = neuron.scale_rates(factor)
        np.testing.assert_allclose(fast.rate(current * J), neuron.rate(J), rtol=1e-12)
        np.testing.assert_allclose(fast.amplitude * factor, neuron.amplitude, rtol=1e-12)


class TestTuning:
    @given(
        neuron=st.builds(LIF, tau_rc=st.floats(0.01, 0.1), tau_ref=st.floats(0, 0.004)) | ifs,
        max_rate=st.floats(20, 240),
        intercept=st.floats(-1, 0.9),
    )
    def test_firing_starts_at_the_intercept_and_reaches_max_rate_at_1(self, neuron, max_rate, intercept):
        gain, bias = neuron.gain_bias(max_rate, intercept)
        # J - 1 is down to exp(-1/(max_rate tau_rc)) = exp(-5), so that J has two digits fewer than float64.
        assert neuron.rate(gain + bias) == pytest.approx(neuron.amplitude * max_rate, rel=1e-9)
        assert neuron.rate(gain * (intercept - 1e-6) + bias) == 0
        assert neuron.rate(gain * (intercept + 1e-6) + bias) > 0
        assert neuron.max_rates_intercepts(gain, bias) == pytest.approx((max_rate, intercept), rel=1e-9, abs=1e-9)

    def test_values_broadcast(self):
        gain, bias = LIF().gain_bias([100.0, 200.0], [[0.0], [0.5]])
        assert gain.shape == bias.shape == (2, 2)

    @pytest.mark.parametrize(
        ("neuron", "max_rates", "intercepts", "message"),
        [
            (LIF(), 500.0, 0.0, r"max_rates must be below 1/tau_ref = 500 Hz.*Received 500 Hz"),
            (LIF(), [100.0, 600.0], 0.0, r"Received 600 Hz\. Lower max_rates or shorten tau_ref"),
            (LIF(), [100.0, np.nan], 0.0, r"max_rates must be above 0 Hz\. Received nan Hz"),
            (LIF(), 0.0, 0.0, r"max_rates must be above 0 Hz\. Received 0 Hz"),
            (LIF(), 100.0, 1.0, r"intercepts must be below 1.*Received 1\."),
            (LIF(), 100.0, np.nan, r"intercepts must be below 1.*Received nan\."),
            (LIF(tau_ref=0.0), -1.0, 0.0, r"max_rates must be above 0 Hz\. Received -1 Hz"),
            (IF(), -5.0, 0.0, r"max_rates must be above 0 Hz\. Received -5 Hz"),
            (IF(), 100.0, [0.0, 1.5], r"intercepts must be below 1.*Received 1\.5\."),
        ],
    )
    def test_errors(self, neuron, max_rates, intercepts, message):
        with pytest.raises(ParameterError, match=message):
            neuron.gain_bias(max_rates, intercepts)


class TestParameters:
    @pytest.mark.parametrize(
        ("neuron", "parameters", "message"),
        [
            (LIF, {"tau_rc": 0.0}, r"LIF: tau_rc must be a finite number above 0\. Received 0\.0"),
            (LIF, {"tau_rc": math.nan}, r"LIF: tau_rc must be .* Received nan"),
            (LIF, {"amplitude": -1.0}, r"LIF: amplitude must be .* Received -1\.0"),
            (LIF, {"amplitude": math.inf}, r"LIF: amplitude must be .* Received inf"),
            (LIF, {"tau_ref": -0.001}, r"LIF: tau_ref must lie between 0 and 80 tau_rc = 1\.6 s.*Received -0\.001"),
            (LIF, {"tau_ref": 1.7}, r"fits a float32\. Received 1\.7"),
            (LIF, {"tau_ref": math.nan}, r"tau_ref must lie .* Received nan"),
            (LIF, {"min_voltage": 0.5}, r"LIF: min_voltage must be 0 or less\. Received 0\.5"),
            (LIF, {"smoothing": -0.1}, r"LIF: smoothing must be 0 or more\. Received -0\.1"),
            (LIF, {"smoothing": math.inf}, r"LIF: smoothing must be 0 or more\. Received inf"),
            (IF, {"amplitude": 0.0}, r"IF: amplitude must be a finite number above 0\. Received 0\.0"),
            (IF, {"min_voltage": 1.0}, r"IF: min_voltage must be None, 0 or less\. Received 1\.0"),
            (IF, {"max_spikes": 0}, r"IF: max_spikes must be None or a whole number above 0\. Received 0"),
            (IF, {"max_spikes": 1.5}, r"IF: max_spikes must be None or a whole number above 0\. Received 1\.5"),
        ],
    )
    def test_errors(self, neuron, parameters, message):
        with pytest.raises(ParameterError, match=message):
            neuron(**parameters)

    @pytest.mark.parametrize("neuron", [neuron for neuron, _, _ in SETTINGS], ids=repr)
    def test_kind_and_parameters_are_enough_to_rebuild_it(self, neuron):
        assert NEURONS[neuron.kind](**neuron.parameters()) == neuron

    @pytest.mark.parametrize(
        ("neuron", "current"),
        [
            (LIF(amplitude=0.3, smoothing=0.02), 2.0),
            (IF(rate_limit=300.0), 300.0),
            (SignedIF(amplitude=0.5, rate_limit=300.0), 300.0),
            *((neuron, 300.0) for each in ACCUMULATING.values() for neuron in each["settings"]),
        ],
        ids=repr,
    )
    def test_the_neuron_of_its_steps_has_the_same_spikes(self, neuron, current):
        J = current * np.random.default_rng(7).normal(1.0, 1.0, (1000, 20))
        spikes, states = run(neuron, J, 1e-3)
        found, after = run(neuron.of_steps(1e-3), J, 1e-3)
        assert spikes.any()
        np.testing.assert_array_equal(found, spikes)
        for name, value in states.items():
            np.testing.assert_array_equal(after[name], value)

    def test_neurons_of_other_rates_have_one_neuron_of_their_steps(self):
        ends = SignedIF(amplitude=0.01, rate_limit=(200.0, 300.0)), SignedIF(amplitude=0.02)
        assert ends[0].of_steps(1e-3) == ends[1].of_steps(1e-3) == SignedIF(amplitude=1e-3)
        assert LIF(smoothing=0.1).of_steps(1e-3) == LIF(amplitude=1e-3)

    def test_a_step_of_its_own_may_use_what_the_parent_needs_for_rates_alone(self):
        class Limited(IF, abstract=True):
            def step(self, J, state, dt, xp=np):
                return super().step(xp.minimum(J, self.rate_limit), state, dt, xp)

        assert Limited(rate_limit=100.0).of_steps(1e-3).rate_limit == 100

    def test_neurons_are_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            LIF().tau_rc = 0.01

    def test_longest_refractory_period_fits_a_float32(self):
        neuron = LIF(tau_rc=0.02, tau_ref=1.6)
        spikes, states = run(neuron, np.full((4000, 1), 2.0, "float32"), 1e-3, dtype="float32")
        assert np.isfinite(states["refractory"]).all()
        # at 14 ms, and again after 1.6 s of silence and another 14 ms
        np.testing.assert_allclose(np.flatnonzero(spikes) + 1, [14, 1628, 3242], atol=1)

    def test_initial_state(self):
        state = LIF().initial_state((2, 3), np.array([0.1, 0.2, 0.3]), "float32")
        assert {name: (value.shape, value.dtype.name) for name, value in state.items()} == {
            "voltage": ((2, 3), "float32"),
            "refractory": ((2, 3), "float32"),
        }
        assert not state["refractory"].any()
        np.testing.assert_array_equal(state["voltage"][1], np.float32([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("name", ["gain", "shape", "initial_voltage"])
def test_a_parameter_cannot_have_the_name_of_a_field_in_files(name):
    with pytest.raises(ParameterError, match=f"a parameter cannot be named '{name}'"):
        type("Clash", (LIF,), {"__annotations__": {name: "float"}, name: 1.0}, abstract=True)
