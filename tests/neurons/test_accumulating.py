"""Neurons that carry what they still have to send, against their definition."""

import dataclasses
import math

import nengo
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from snnconv.errors import ParameterError
from snnconv.neurons import NEURONS, Follower, PiecewiseLinear, Sigmoid, Softplus, Softsign, Tanh, numpy_ops
from snnconv.runtime import tensorflow_ops

from ..helpers.neurons import ACCOUNTS, ACCUMULATING, run


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

    @pytest.mark.sampled(3)
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

    @pytest.mark.sampled(4)
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


@pytest.mark.parametrize(
    ("neuron", "unit"),
    [(Sigmoid(max_rate=500.0), 2.0), (Tanh(max_rate=500.0), 1.0), (PiecewiseLinear(negative_slope=0.5), 400.0)],
)
def test_with_a_limit_of_spikes_in_a_step_the_rest_is_sent_later(neuron, unit):
    """A jump of the current makes several spikes due at once."""
    dt = 0.001
    J = unit * np.repeat([-6.0, 6.0, 1.0], [20, 40, 440])[:, None]
    limited = dataclasses.replace(neuron, max_spikes=1)
    free, few = (run(each, J, dt)[0].sum(1) for each in (neuron, limited))
    assert np.abs(free).max() > 1
    assert np.abs(few).max() == 1
    assert abs(free.sum() - few.sum()) <= 1
    assert limited.max_spikes_per_step == 1
    with pytest.raises(ParameterError, match=r"max_spikes must be None or a whole number above 0\. Received 0"):
        dataclasses.replace(neuron, max_spikes=0)


@pytest.mark.parametrize("neuron", [Follower(max_spikes=1), Follower(window=0.01), *ACCOUNTS])
def test_loops_can_carry_one_count_and_nothing_derived(neuron):
    rng = np.random.default_rng(0)
    whole = neuron.initial_state((2, 3, 4), 0.3)
    least = {
        name: value[:, :1, :1] if name in neuron.uniform else value
        for name, value in whole.items()
        if name not in neuron.derived
    }
    assert neuron.uniform == ("n_steps",)
    for _ in range(30):
        J = rng.normal(0, 300, (2, 3, 4))
        spikes, whole = neuron.step(J, whole, 0.001)
        found, least = neuron.step(J, least, 0.001)
        np.testing.assert_array_equal(found, spikes)
        np.testing.assert_array_equal(np.broadcast_to(least["n_steps"], whole["n_steps"].shape), whole["n_steps"])
        np.testing.assert_array_equal(least["voltage"], whole["voltage"])
        least = {name: value for name, value in least.items() if name not in neuron.derived}


def test_a_step_of_its_own_reads_what_it_likes():
    class Leaky(Follower):
        def step(self, J, state, dt, xp=np):
            spikes, after = super().step(J - state["voltage"], state, dt, xp)
            return spikes, after

    try:
        assert (Leaky.uniform, Leaky.derived) == ((), ())
    finally:
        NEURONS.pop("Leaky")
