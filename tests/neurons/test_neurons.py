"""The neuron models against Nengo or their definition, and what has to hold for any parameters."""

import dataclasses
import math

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from snnconv.errors import ParameterError
from snnconv.neurons import IF, LIF, NEURONS, PiecewiseLinear, Sigmoid, Softplus, Softsign, Tanh, numpy_ops
from snnconv.runtime import tensorflow_ops

N_STEPS = 1000
N_NEURONS = 1000

# Each neuron with its dt and its initial voltage, next to the same neuron in Nengo.
REFERENCES = {
    "LIF": {
        "nengo": lambda neuron: nengo.LIF(neuron.tau_rc, neuron.tau_ref, neuron.min_voltage, neuron.amplitude),
        "currents": lambda dt: (-1.0, 8.0),
        "settings": [
            (LIF(), 1e-3, "zero"),
            (LIF(), 1e-3, "uniform"),
            (LIF(tau_ref=0.0), 1e-3, "uniform"),
            (LIF(tau_ref=0.0004), 1e-3, "zero"),
            (LIF(tau_ref=0.001, min_voltage=-1.0), 1e-3, "zero"),
            (LIF(tau_ref=0.0035, min_voltage=-1.0), 1e-3, "uniform"),
            (LIF(tau_rc=0.05, tau_ref=0.0073, amplitude=1.0), 5e-4, "zero"),
            (LIF(tau_rc=0.005, tau_ref=0.002, min_voltage=-1.0), 2e-3, "uniform"),
            (LIF(tau_rc=0.02, tau_ref=0.0025), 1e-4, "uniform"),
            (LIF(tau_rc=0.1, tau_ref=0.01, min_voltage=-math.inf), 1e-3, "zero"),
        ],
    },
    "IF": {
        "nengo": lambda neuron: nengo.SpikingRectifiedLinear(neuron.amplitude),
        "currents": lambda dt: (-0.5 / dt, 2.5 / dt),  # several spikes in a step
        "settings": [
            (IF(), 1e-3, "zero"),
            (IF(), 1e-3, "uniform"),
            (IF(amplitude=1.0), 5e-4, "uniform"),
        ],
    },
}
SETTINGS = [setting for reference in REFERENCES.values() for setting in reference["settings"]]

# Neurons that keep account of what they owe: their rate as a plain function of one number, and settings.
ACCUMULATING = {
    "Sigmoid": {
        "rate": lambda neuron, J: neuron.max_rate / (1 + math.exp(-J)),
        "settings": [Sigmoid(), Sigmoid(amplitude=1.0, max_rate=1500.0)],
    },
    "Tanh": {
        "rate": lambda neuron, J: neuron.max_rate * math.tanh(J),
        "settings": [Tanh(), Tanh(amplitude=1.0, max_rate=1500.0)],
    },
    "Softsign": {
        "rate": lambda neuron, J: neuron.max_rate * J / (1 + abs(J)),
        "settings": [Softsign(), Softsign(max_rate=300.0)],
    },
    "Softplus": {
        "rate": lambda neuron, J: neuron.unit_rate * math.log1p(math.exp(J)),
        "settings": [Softplus(), Softplus(amplitude=0.1, unit_rate=30.0)],
    },
    "PiecewiseLinear": {
        "rate": lambda neuron, J: (
            0.0 if neuron.threshold >= J else J if neuron.max_rate is None else min(J, neuron.max_rate)
        ) - np.asarray(neuron.negative_slope).flat[0] * max(neuron.threshold - J, 0.0),
        "settings": [
            PiecewiseLinear(),
            PiecewiseLinear(max_rate=1.5),
            PiecewiseLinear(negative_slope=0.3),
            PiecewiseLinear(negative_slope=(-0.2,), threshold=0.5),
            PiecewiseLinear(amplitude=1.0, negative_slope=0.01, threshold=1.0, max_rate=2.0),
        ],
    },
}  # fmt: skip
ACCOUNTS = [neuron for reference in ACCUMULATING.values() for neuron in reference["settings"]]


def test_every_neuron_has_a_reference():
    ours = {name for name, neuron in NEURONS.items() if neuron.__module__.startswith("snnconv.")}
    assert ours == set(REFERENCES) | set(ACCUMULATING) | {
        "SteppedLIF"
    }, (  # which has tests/neurons/test_stepped_lif.py
        "a neuron without a reference: add it to REFERENCES with its Nengo equivalent, or to ACCUMULATING"
    )


def currents(neuron, dt, kind, shape=(N_STEPS, N_NEURONS)):
    """Random currents, (n_steps, n_neurons): one value for each neuron, or a new one at every step."""
    low, high = REFERENCES[neuron.kind]["currents"](dt)
    rng = np.random.default_rng(7)
    if kind == "static":
        return np.broadcast_to(rng.uniform(low, high, shape[1:]), shape)
    return rng.normal((low + high) / 2, (high - low) / 2, shape)


def initial_voltage(kind, n_neurons=N_NEURONS):
    return np.random.default_rng(8).uniform(0, 1, n_neurons) if kind == "uniform" else np.zeros(n_neurons)


def run(neuron, J, dt, voltage=0.0, xp=np, dtype="float64"):
    """Spikes and the states after every step, each (n_steps, n_neurons)."""
    state = neuron.initial_state(J.shape[1:], xp.zeros(J.shape[1:], dtype) + voltage, dtype, xp)
    spikes, states = [], []
    for current in J:
        spiked, state = neuron.step(current, state, dt, xp)
        spikes.append(np.asarray(spiked))
        states.append({name: np.asarray(value) for name, value in state.items()})
    return np.array(spikes), {name: np.array([state[name] for state in states]) for name in neuron.state}


def run_nengo(neuron, J, dt, voltage):
    """The same from Nengo's step function; its output is spikes * amplitude / dt."""
    reference = REFERENCES[neuron.kind]["nengo"](neuron)
    state = {name: np.zeros(J.shape[1:]) for name in reference.state}
    state["voltage"] = np.array(voltage)
    outputs, states = [], []
    for current in J:
        output = np.zeros(J.shape[1:])
        reference.step(dt, current, output, **state)
        outputs.append(output)
        states.append({name: value.copy() for name, value in state.items()})
    return np.array(outputs), {name: np.array([state[name] for state in states]) for name in state}


class TestAgainstNengo:
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


seconds = st.floats(1e-3, 0.1)
lifs = st.builds(LIF, tau_rc=seconds, tau_ref=st.floats(0, 0.01), smoothing=st.sampled_from([0.0, 0.01, 0.2]))
ifs = st.builds(IF, amplitude=st.floats(1e-3, 10))


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
    def check_count(neuron, J, dt, n_steps=300):
        J = np.array(J)
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


class TestIF:
    def run(self, neuron, J):
        """Spikes per step and the voltages, for one neuron with dt = 1."""
        spikes, states = run(neuron, np.array(J, "float64")[:, None], 1.0)
        return spikes[:, 0].tolist(), states["voltage"][:, 0].tolist()

    def test_negative_current_is_ignored_without_a_min_voltage(self):
        assert self.run(IF(), [0.5, -3, 0.5, -3, 1.5]) == ([0, 0, 1, 0, 1], [0.5, 0.5, 0, 0, 0.5])

    def test_negative_current_lowers_the_voltage_to_the_floor(self):
        assert self.run(IF(min_voltage=0.0), [0.5, -3, 0.5, 0.5]) == ([0, 0, 0, 1], [0.5, 0, 0.5, 0])
        assert self.run(IF(min_voltage=-1.0), [0.5, -3, 0.5, 1.5]) == ([0, 0, 0, 1], [0.5, -1, -0.5, 0])

    def test_without_a_floor_the_debt_is_paid_back(self):
        assert self.run(IF(min_voltage=-math.inf), [0.5, -3, 2.5, 1.5]) == ([0, 0, 0, 1], [0.5, -2.5, 0, 0.5])

    @given(st.lists(st.integers(-40, 40), min_size=1, max_size=60))
    def test_without_a_floor_the_spikes_are_those_of_the_summed_current(self, eighths):
        J = np.array(eighths) / 8  # exact in binary
        spikes, voltages = self.run(IF(min_voltage=-math.inf), J)
        assert sum(spikes) + voltages[-1] == J.sum()
        assert sum(spikes) == max(0, np.floor(np.cumsum(J)).max())

    def test_max_spikes_holds_the_rest_back(self):
        assert self.run(IF(), [2.5, 0, 0, 0]) == ([2, 0, 0, 0], [0.5, 0.5, 0.5, 0.5])
        assert self.run(IF(max_spikes=1), [2.5, 0, 0, 0]) == ([1, 1, 0, 0], [1.5, 0.5, 0.5, 0.5])
        assert self.run(IF(max_spikes=2), [3.5, 0, 0, 0]) == ([2, 1, 0, 0], [1.5, 0.5, 0.5, 0.5])

    def test_max_spikes_per_step(self):
        assert (IF().max_spikes_per_step, IF(max_spikes=1).max_spikes_per_step) == (None, 1)
        assert LIF().max_spikes_per_step == 1


class TestAccumulating:
    """Neurons that are a function of their mean current."""

    @staticmethod
    def currents(kind, dt, n_steps=400, n_neurons=50):
        """Currents of order 1 at rates in Hz and functions alike; as spikes they come in lumps of 1/dt."""
        rng = np.random.default_rng(7)
        mean = rng.uniform(-4, 4, n_neurons)
        if kind == "static":
            return np.broadcast_to(mean, (n_steps, n_neurons))
        lumps = rng.random((n_steps, n_neurons)) < 0.02
        return mean + (lumps - 0.02) * rng.normal(size=(n_steps, n_neurons)) / dt

    @staticmethod
    def account(neuron, J, dt):
        """Spikes by the definition, one neuron and one step at a time."""
        spikes = np.zeros(J.shape)
        for unit, currents in enumerate(J.T):
            sent = 0
            for step in range(len(currents)):
                mean = math.fsum(currents[: step + 1]) / (step + 1)
                owed = (step + 1) * dt * ACCUMULATING[neuron.kind]["rate"](neuron, mean) - sent
                while owed >= 1 - 1e-6:
                    owed, sent, spikes[step, unit] = owed - 1, sent + 1, spikes[step, unit] + 1
                while owed <= -1 + 1e-6 and neuron.fires_negative:
                    owed, sent, spikes[step, unit] = owed + 1, sent - 1, spikes[step, unit] - 1
        return spikes

    @pytest.mark.parametrize("kind", ["static", "lumpy"])
    @pytest.mark.parametrize("neuron", ACCOUNTS, ids=repr)
    def test_spikes_are_those_of_the_definition(self, neuron, kind):
        dt = 1e-3 if neuron.kind != "PiecewiseLinear" else 0.1  # its rates are of order 1 Hz
        J = self.currents(kind, dt)
        spikes, states = run(neuron, J, dt)
        np.testing.assert_array_equal(spikes, self.account(neuron, J, dt))
        assert np.any(spikes)
        assert np.any(spikes < 0) == neuron.fires_negative or neuron.negative_slope == (-0.2,)
        # what is owed lies below one spike; a neuron that cannot take back may have sent more than it ought to
        assert states["voltage"].max() < 1
        if neuron.fires_negative or kind == "static":
            assert states["voltage"].min() > -1

    @pytest.mark.parametrize("neuron", ACCOUNTS, ids=repr)
    def test_count_is_within_one_of_rate_times_time(self, neuron):
        J = self.currents("static", 1e-3)
        spikes, _ = run(neuron, J, 1e-3)
        expected = neuron.rate(J[0]) / neuron.amplitude * 1e-3 * np.arange(1, len(J) + 1)[:, None]
        assert np.all(np.abs(np.cumsum(spikes, 0) - expected) <= 1)

    @pytest.mark.parametrize("neuron", [Sigmoid(), Sigmoid(max_rate=700.0)])
    def test_sigmoid_is_that_of_nengo(self, neuron):
        self.check_with_nengo(neuron, nengo.Sigmoid(tau_ref=1 / neuron.max_rate), 0.51)

    @pytest.mark.parametrize("neuron", [Tanh(), Tanh(max_rate=700.0)])
    def test_tanh_is_that_of_nengo(self, neuron):
        self.check_with_nengo(neuron, nengo.Tanh(tau_ref=1 / neuron.max_rate), 0.01)

    @staticmethod
    def check_with_nengo(neuron, reference, lowest):
        rng = np.random.default_rng(3)
        max_rates, intercepts = rng.uniform(lowest, 0.99, 50) * neuron.max_rate, rng.uniform(-1, 0.95, 50)
        gain, bias = neuron.gain_bias(max_rates, intercepts)
        np.testing.assert_allclose((gain, bias), reference.gain_bias(max_rates, intercepts), rtol=1e-10, atol=1e-12)
        inverse = neuron.max_rates_intercepts(gain, bias)
        np.testing.assert_allclose(inverse, [max_rates, intercepts], rtol=1e-10, atol=1e-12)
        x = np.linspace(-2, 2, 101)
        ours = neuron.rate(x[:, None] * gain + bias) / neuron.amplitude
        np.testing.assert_allclose(ours, reference.rates(x, gain, bias), rtol=1e-12, atol=1e-12 * neuron.max_rate)

    def test_at_constant_current_a_sigmoid_fires_like_nengos_regular_spiking(self):
        neuron, dt = Sigmoid(max_rate=150.0), 1e-3
        J = self.currents("static", dt)
        spikes, _ = run(neuron, J, dt)
        rates = neuron.rate(J[0]) / neuron.amplitude
        reference, voltage, counts = nengo.RegularSpiking(nengo.Sigmoid()), np.zeros(J.shape[1]), np.zeros(J.shape)
        for step in range(len(J)):
            reference.step(dt, rates, counts[step], voltage=voltage)
        counts = counts * dt
        np.testing.assert_array_equal(np.round(counts), spikes)

    @pytest.mark.parametrize("neuron", ACCOUNTS, ids=repr)
    def test_tuning_comes_back(self, neuron):
        low, high = neuron.rate_range
        high = min(high, low + 2.5)
        max_rates, intercepts = low + np.array([0.1, 0.5, 0.9]) * (high - low), np.array([-1.0, 0.0, 0.8])
        gain, bias = neuron.gain_bias(max_rates, intercepts)
        np.testing.assert_allclose(neuron.max_rates_intercepts(gain, bias), [max_rates, intercepts], atol=1e-9)
        with pytest.raises(ParameterError, match=rf"max_rates of a {neuron.kind} neuron must lie above"):
            neuron.gain_bias([low, high], 0.0)
        with pytest.raises(ParameterError, match=r"intercepts must be below 1"):
            neuron.gain_bias(max_rates, 1.0)

    @pytest.mark.parametrize("factor", [0.5, 4.0])
    @pytest.mark.parametrize("neuron", ACCOUNTS, ids=repr)
    def test_scaled_rates_are_the_same_neuron_in_a_faster_time(self, neuron, factor):
        fast, current = neuron.scale_rates(factor)
        J = self.currents("lumpy", 1e-3)
        np.testing.assert_array_equal(fast.rate(current * J), neuron.rate(J))
        np.testing.assert_array_equal(run(fast, current * J, 1e-3 / factor)[0], run(neuron, J, 1e-3)[0])

    @pytest.mark.parametrize("neuron", ACCOUNTS, ids=repr)
    @pytest.mark.parametrize("xp", [numpy_ops, ops, tensorflow_ops], ids=["numpy_ops", "keras.ops", "tensorflow_ops"])
    def test_spikes_are_the_same_in_every_namespace(self, neuron, xp):
        J = self.currents("lumpy", 1e-3, 100, 20)
        spikes, _ = run(neuron, J, 1e-3)
        tensor = (lambda array: array) if xp is numpy_ops else tf.constant
        np.testing.assert_array_equal(run(neuron, tensor(J), 1e-3, 0.0, xp)[0], spikes)
        single, states = run(neuron, tensor(J.astype("float32")), 1e-3, 0.0, xp, "float32")
        assert single.dtype == states["voltage"].dtype == "float32"
        # tanh, exp and log1p differ in their last digits from library to library
        rates = neuron.rate(tensor(J), xp)
        np.testing.assert_allclose(np.asarray(rates), neuron.rate(J), rtol=1e-12, atol=1e-12)

    def test_a_voltage_to_start_from_is_owed_at_once(self):
        spikes, states = run(Tanh(), np.zeros((3, 2)), 1e-3, np.array([0.5, 1.0]))
        np.testing.assert_array_equal(spikes, [[0, 1], [0, 0], [0, 0]])
        np.testing.assert_array_equal(states["voltage"], [[0.5, 0]] * 3)

    @pytest.mark.parametrize("neuron", ACCOUNTS, ids=repr)
    def test_kind_and_parameters_are_enough_to_rebuild_it(self, neuron):
        assert NEURONS[neuron.kind](**neuron.parameters()) == neuron
        assert neuron.max_spikes_per_step is None

    @pytest.mark.parametrize(
        ("neuron", "parameters", "message"),
        [
            (Sigmoid, {"max_rate": 0.0}, r"Sigmoid: max_rate must be a finite number above 0\. Received 0\.0"),
            (Tanh, {"amplitude": -1.0}, r"Tanh: amplitude must be .* Received -1\.0"),
            (Softsign, {"max_rate": math.inf}, r"Softsign: max_rate must be .* Received inf"),
            (Softplus, {"unit_rate": -1.0}, r"Softplus: unit_rate must be .* Received -1\.0"),
            (PiecewiseLinear, {"threshold": -1.0}, r"PiecewiseLinear: threshold must be 0 or more\. Received -1\.0"),
            (PiecewiseLinear, {"max_rate": -1.0}, r"PiecewiseLinear: max_rate must be None, 0 or more\. Received -1"),
            (PiecewiseLinear, {"negative_slope": [0.1, math.nan]}, r"must be finite\. Received \(0\.1, nan"),
        ],
    )
    def test_errors(self, neuron, parameters, message):
        with pytest.raises(ParameterError, match=message):
            neuron(**parameters)


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
