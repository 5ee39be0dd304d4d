"""The LIF in whole steps against its definition."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from snnconv.errors import ParameterError
from snnconv.neurons import NEURONS, SteppedLIF, numpy_ops
from snnconv.runtime import tensorflow_ops

from ..helpers.stepped_lif import EACH, by_definition, run


class TestNeuron:
    @EACH
    @pytest.mark.parametrize("kind", ["static", "varying"])
    def test_spikes_and_voltages_are_those_of_the_definition(self, neuron, kind):
        rng = np.random.default_rng(3)
        J = np.broadcast_to(rng.uniform(-1, 8, 40), (300, 40)) if kind == "static" else rng.normal(2, 4, (300, 40))
        spikes, voltages = run(neuron, J)
        expected = by_definition(neuron, J)
        assert spikes.sum() > 100
        np.testing.assert_array_equal(spikes, expected[0])
        np.testing.assert_array_equal(voltages, expected[1])

    @EACH
    def test_at_constant_current_every_interval_is_that_of_the_rate(self, neuron):
        J = np.random.default_rng(4).uniform(1.02, 40, 60)
        spikes, _ = run(neuron, np.broadcast_to(J, (600, 60)))
        n_steps = np.rint(neuron.amplitude / neuron.dt / neuron.rate(J))
        for unit in range(60):
            times = np.flatnonzero(spikes[:, unit]) + 1
            assert times[0] == n_steps[unit] - neuron.refractory_steps  # nothing to rest from before the first one
            assert set(np.diff(times)) == {n_steps[unit]}
        np.testing.assert_allclose(neuron.amplitude / neuron.dt / n_steps, neuron.rate(J), rtol=1e-12)

    @given(
        neuron=st.builds(
            SteppedLIF, tau_rc=st.floats(3e-3, 0.1), tau_ref=st.floats(0, 0.01), leak_bits=st.integers(9, 16)
        ),
        J=st.lists(st.floats(-5, 50), min_size=1, max_size=20),
    )
    def test_the_rate_is_a_staircase_around_its_smooth_curve(self, neuron, J):
        J = np.sort(np.array(J))
        rate = neuron.rate(J)
        assert np.all(np.diff(rate) >= 0)
        assert np.all((rate > 0) == (J > 1))
        assert np.all(rate <= neuron.amplitude * neuron.highest_rate * (1 + 1e-12))
        # Rounding a time up moves an interval by 0 to 1 step from its length, half a step to either side of the middle;
        # 1e-6 of a step is for the rounding of logarithms of currents just above 1.
        fires = J > 1 + 1e-9
        intervals = neuron.amplitude / rate[fires] - neuron.amplitude / neuron.smooth().rate(J[fires])
        assert np.all(np.abs(intervals) <= 0.5 * neuron.dt * (1 + 1e-6))

    def test_the_smooth_curve_goes_through_the_middle(self):
        neuron = SteppedLIF()
        J = np.linspace(1.5, 6, 100_001)
        shift = neuron.amplitude / neuron.rate(J) - neuron.amplitude / neuron.smooth().rate(J)
        assert abs(shift.mean()) < 0.1 * neuron.dt  # half a step without the shift of tau_ref

    @pytest.mark.sampled(4)
    @EACH
    @pytest.mark.parametrize("xp", [numpy_ops, ops, tensorflow_ops], ids=["numpy_ops", "keras.ops", "tensorflow_ops"])
    def test_is_the_same_in_every_namespace(self, neuron, xp):
        J = np.random.default_rng(5).normal(2, 4, (200, 50)).astype("float32")
        spikes, voltages = run(neuron, J, dtype="float32")
        same = run(neuron, J if xp is numpy_ops else tf.constant(J), xp, "float32")
        np.testing.assert_array_equal(same[0], spikes)
        np.testing.assert_array_equal(same[1], voltages)
        rates = np.asarray(neuron.rate(tf.constant(J.astype("float64")), xp)) if xp is not numpy_ops else None
        if rates is not None:
            np.testing.assert_array_equal(rates, neuron.rate(J.astype("float64")))

    @pytest.mark.parametrize("intercept", [-0.5, 0.0, 0.7])
    def test_tuning_is_that_of_the_smooth_curve(self, intercept):
        neuron = SteppedLIF()
        gain, bias = neuron.gain_bias([50.0, 200.0, 330.0], intercept)
        np.testing.assert_allclose(neuron.smooth().rate(gain + bias) / neuron.amplitude, [50, 200, 330], rtol=1e-9)
        rates, intercepts = neuron.max_rates_intercepts(gain, bias)
        np.testing.assert_allclose(rates, [50, 200, 330], rtol=1e-9)
        np.testing.assert_allclose(intercepts, intercept, atol=1e-9)
        assert np.all(neuron.rate(gain * (intercept - 1e-6) + bias) == 0)

    @pytest.mark.parametrize("factor", [0.5, 4.0])  # powers of 2, which round nothing
    def test_scaled_rates_are_the_same_neuron_in_shorter_steps(self, factor):
        neuron = SteppedLIF(min_voltage=-1.0)
        fast, current = neuron.scale_rates(factor)
        J = np.random.default_rng(6).normal(2, 4, (300, 40))
        assert (current, fast.dt) == (1, neuron.dt / factor)
        np.testing.assert_array_equal(fast.rate(J), neuron.rate(J))
        np.testing.assert_array_equal(run(fast, J)[0], run(neuron, J)[0])

    @EACH
    def test_kind_and_parameters_are_enough_to_rebuild_it(self, neuron):
        assert NEURONS[neuron.kind](**neuron.parameters()) == neuron
        assert neuron.max_spikes_per_step == 1

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"tau_rc": 0.0}, r"SteppedLIF: tau_rc must be a finite number above 0"),
            ({"tau_ref": -1.0}, r"SteppedLIF: tau_ref must be 0 or more\. Received -1"),
            ({"min_voltage": 0.5}, r"SteppedLIF: min_voltage must be 0 or less\. Received 0\.5"),
            ({"leak_bits": 3}, r"SteppedLIF: leak_bits must be a whole number from 4 to 20\. Received 3"),
            ({"leak_bits": 4.5}, r"leak_bits must be a whole number"),
            ({"leak_bits": 4, "tau_rc": 0.1}, r"the leak of tau_rc = 0\.1 s in steps of 0\.001 s is 0"),
            ({"dt": 1.0}, r"in steps of 1 s is 1\. Choose dt below tau_rc"),
        ],
    )
    def test_errors(self, parameters, message):
        with pytest.raises(ParameterError, match=message):
            SteppedLIF(**parameters)

    def test_max_rates_end_at_a_spike_every_refractory_period_and_step(self):
        with pytest.raises(ParameterError, match=r"max_rates must be below 333\.333 Hz, a spike every 3 steps of 1 ms"):
            SteppedLIF().gain_bias([100.0, 340.0], 0.0)

    def test_other_steps_are_refused(self):
        with pytest.raises(ParameterError, match=r"made for, dt=0\.001 s\. Received dt=0\.002 s"):
            SteppedLIF().step(np.ones(1), SteppedLIF().initial_state((1,)), 0.002)
