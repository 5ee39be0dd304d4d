"""LIF neurons against Nengo, and their rates under any parameters."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from snnconv.neurons import IF, LIF

from ..helpers.neurons import (
    N_NEURONS,
    REFERENCES,
    SETTINGS,
    currents,
    ifs,
    initial_voltage,
    lifs,
    run,
    run_nengo,
    seconds,
)


class TestAgainstNengo:
    @pytest.mark.sampled(3)
    @pytest.mark.parametrize("kind", ["static", "varying"])
    @pytest.mark.parametrize(("neuron", "dt", "voltage"), SETTINGS, ids=repr)
    def test_spikes_are_the_same_and_voltages_agree(self, neuron, dt, voltage, kind):
        J, v = currents(neuron, dt, kind), initial_voltage(voltage)
        spikes, states = run(neuron, J, dt, v)
        outputs, expected = run_nengo(neuron, J, dt, v)

        assert spikes.sum() > N_NEURONS
        np.testing.assert_array_equal(spikes * neuron.amplitude / dt, outputs)
        # Voltages are of order 1 and are reset within some tens of steps, each of which rounds a few times: 1e-12 is
        # about 100 roundings. The floor -inf lets them reach -10.
        np.testing.assert_allclose(states["voltage"], expected["voltage"], rtol=1e-12, atol=1e-12)

    @pytest.mark.sampled(3)
    @pytest.mark.parametrize("kind", ["static", "varying"])
    @pytest.mark.parametrize(("neuron", "dt", "voltage"), REFERENCES["LIF"]["settings"], ids=repr)
    def test_refractory_time_is_recovered(self, neuron, dt, voltage, kind):
        J, v = currents(neuron, dt, kind), initial_voltage(voltage)
        _, states = run(neuron, J, dt, v)
        _, expected = run_nengo(neuron, J, dt, v)

        remaining = neuron.tau_rc * np.log1p(states["refractory"])
        # Nengo takes dt off at the start of the next step and then counts on below 0.
        expected = np.maximum(expected["refractory_time"] - dt, 0)
        if neuron.tau_ref > dt:
            assert (expected > 0).any()
        # Right after a spike the time comes from the voltage's distance to threshold over J - 1, which loses digits
        # where J is close to 1: with J - 1 above 1e-3 here, 1e-16/1e-3 of tau_rc.
        np.testing.assert_allclose(remaining, expected, rtol=0, atol=1e-12)

    @pytest.mark.parametrize("neuron", [LIF(), LIF(tau_ref=0.0), LIF(tau_rc=0.05, tau_ref=0.004, amplitude=1.0)])
    def test_lif_rate_and_tuning(self, neuron):
        rate = nengo.LIFRate(neuron.tau_rc, neuron.tau_ref, neuron.amplitude)
        self.check_rate_and_tuning(neuron, rate)

    @pytest.mark.parametrize("neuron", [IF(), IF(amplitude=1.0)])
    def test_if_rate_and_tuning(self, neuron):
        self.check_rate_and_tuning(neuron, nengo.RectifiedLinear(neuron.amplitude))

    @staticmethod
    def check_rate_and_tuning(neuron, nengo_neuron):
        rng = np.random.default_rng(3)
        max_rates, intercepts = rng.uniform(5, 240, 50), rng.uniform(-1, 0.95, 50)
        gain, bias = neuron.gain_bias(max_rates, intercepts)
        expected_gain, expected_bias = nengo_neuron.gain_bias(max_rates, intercepts)
        np.testing.assert_allclose(gain, expected_gain, rtol=1e-12)
        np.testing.assert_allclose(bias, expected_bias, rtol=1e-11, atol=1e-12)

        inverse = neuron.max_rates_intercepts(gain, bias)
        np.testing.assert_allclose(inverse, nengo_neuron.max_rates_intercepts(gain, bias), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(inverse, [max_rates, intercepts], rtol=1e-10, atol=1e-12)

        x = np.linspace(-2, 2, 101)
        expected = nengo_neuron.rates(x, gain, bias)
        np.testing.assert_allclose(neuron.rate(x[:, None] * gain + bias), expected, rtol=1e-12)

    def test_gain_is_not_an_identity(self):
        gain, bias = LIF().gain_bias(100.0, 0.0)
        assert gain == pytest.approx(2.0332448, abs=5e-8)
        assert bias == 1

    @pytest.mark.parametrize("n_raised", [1, 2, 3])
    def test_raising_the_input_for_some_steps_moves_the_next_spike(self, n_raised):
        # 100 Hz, raised to 200 Hz for n steps which begin at every phase of the interval between two spikes
        neuron, dt, n_phases = LIF(), 1e-3, 20
        low, high = (float(np.sum(neuron.gain_bias(rate, 0.0))) for rate in (100.0, 200.0))
        J = np.full((200, n_phases + 1), low)
        for phase in range(n_phases):
            J[100 + phase : 100 + phase + n_raised, phase] = high
        spikes, _ = run(neuron, J, dt)
        outputs, _ = run_nengo(neuron, J, dt, np.zeros(n_phases + 1))
        np.testing.assert_array_equal(spikes * neuron.amplitude / dt, outputs)

        n_moved = 0
        usual = np.flatnonzero(spikes[:, -1])
        for phase in range(n_phases):
            start = 100 + phase
            times = np.flatnonzero(spikes[:, phase])
            first = np.sum(usual < start)  # the spike that the rise can move
            np.testing.assert_array_equal(times[:first], usual[:first])
            # At most as many steps earlier as 200 Hz saves: an interval of 5 ms in place of 10.
            assert usual[first] - 5 <= times[first] <= usual[first]
            n_moved += times[first] < usual[first]
            # From there on the intervals are 10 ms again, give or take the step to which a spike belongs.
            assert set(np.diff(times[times >= start + n_raised])) <= {9, 10, 11}
        assert 0 < n_moved <= n_phases


class TestRate:
    @given(neuron=lifs | ifs, J=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
    def test_is_monotone_and_not_negative(self, neuron, J):
        rate = neuron.rate(np.sort(np.array(J)))
        assert np.all(rate >= 0)
        # Equal but for the last digit where J is too large or too close for a difference to show.
        assert np.all(np.diff(rate) >= -1e-14 * rate[1:])

    @given(
        neuron=st.builds(LIF, tau_rc=seconds, tau_ref=st.floats(1e-3, 0.01)),
        J=st.lists(st.floats(0, 50), min_size=1, max_size=20),
    )
    def test_count_of_lif_is_within_one_of_rate_times_time(self, neuron, J):
        # From tau_ref = dt on, the refractory period never ends in the step of its spike, so no time is lost.
        self.check_count(neuron, J, 1e-3)

    @given(J=st.lists(st.floats(0, 5000), min_size=1, max_size=20))
    def test_count_of_if_is_within_one_of_rate_times_time(self, J):
        self.check_count(IF(), J, 1e-3)

    @staticmethod
    def check_count(neuron, J, dt):
        J, n_steps = np.array(J), 300
        spikes, _ = run(neuron, np.broadcast_to(J, (n_steps, len(J))), dt)
        expected = neuron.rate(J) / neuron.amplitude * n_steps * dt
        # The margin is for a spike that falls on the very end of the run and is rounded to the other side.
        assert np.all(np.abs(spikes.sum(0) - expected) <= 1 + 1e-9)

    @given(neuron=st.builds(LIF, tau_rc=seconds, tau_ref=st.floats(0, 1e-3)), J=st.floats(1.01, 50))
    def test_a_refractory_period_below_dt_loses_less_than_a_step_per_spike(self, neuron, J):
        dt, n_steps = 1e-3, 300
        spikes, _ = run(neuron, np.full((n_steps, 1), J), dt)
        interval = float(neuron.amplitude / neuron.rate(J))
        assert n_steps * dt / (interval + dt - neuron.tau_ref) - 1 <= spikes.sum() <= n_steps * dt / interval + 1

    def test_100_hz_is_a_spike_about_every_10_ms(self):
        J = np.full((1000, 1), np.sum(LIF().gain_bias(100.0, 0.0)))
        times = np.flatnonzero(run(LIF(), J, 1e-3)[0]) + 1
        assert times[0] == pytest.approx(8, abs=1)  # there is no refractory period before the first one
        assert set(np.diff(times)) <= {9, 10, 11}
        assert np.diff(times).mean() == pytest.approx(10, abs=0.02)

    def test_soft_lif_tends_to_the_lif(self):
        J = np.linspace(-1, 5, 601)
        away = np.abs(J - 1) > 0.05
        errors = [np.abs(LIF(smoothing=s).rate(J) - LIF().rate(J)) for s in (0.1, 0.03, 0.01, 0.003, 0.001)]
        largest = [error.max() for error in errors]
        assert largest == sorted(largest, reverse=True)
        # There σ·softplus((J - 1)/σ) differs from the ramp by at most σ·exp(-0.05/σ), 2e-25 for the last σ: a rounding
        # above threshold, and too little to fire below it.
        np.testing.assert_allclose(errors[-1][away], 0, atol=1e-12)

    @pytest.mark.parametrize("smoothing", [0.0, 1e-3, 0.02, 0.1, 1.0])
    def test_gradient_is_finite_everywhere(self, smoothing):
        near = np.logspace(-8, 0, 200)
        far = np.logspace(0, 8, 200)
        J = np.concatenate([[1.0, np.nextafter(np.float32(1), 2)], 1 + near, 1 - near, far, -far]).astype("float32")
        gradient = slope(LIF(smoothing=smoothing), J)
        assert np.all(np.isfinite(gradient))
        assert np.all(gradient >= 0)
        assert np.all(gradient[(J > 1.001) & (J < 1e3)] > 0)  # far out float32 saturates

    @pytest.mark.parametrize("smoothing", [0.02, 0.1])
    def test_gradient_of_the_soft_lif_is_its_slope(self, smoothing):
        # J = 1, where an input of 0 puts a new layer, is the point at which max and abs have no derivative
        neuron, J, h = LIF(smoothing=smoothing), np.array([0.9, 1.0, 1.1, 2.0]), 1e-6
        expected = (neuron.rate(J + h) - neuron.rate(J - h)) / (2 * h)
        # Error of the central difference: h² of the third derivative, 1e-12 · 1/σ², and rounding 1e-16/h.
        np.testing.assert_allclose(slope(neuron, J), expected, rtol=1e-6)

    def test_no_current_is_no_rate(self):
        assert LIF().rate(np.array([-np.inf, -1.0, 0.0, 1.0])).tolist() == [0, 0, 0, 0]
        assert LIF().rate(np.array(np.inf)) == pytest.approx(0.01 / 0.002)


def slope(neuron, J):
    J = tf.constant(J)
    with tf.GradientTape() as tape:
        tape.watch(J)
        rate = neuron.rate(J, keras.ops)
    return tape.gradient(rate, J).numpy()
