"""Codes of inputs: what they send, and that it is what was meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnconv.errors import ParameterError
from snnconv.neurons import LIF
from snnconv.quantize import Analog, LatencyCode, RateCode, quantize, run

from ..helpers.integer_networks import Line


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
