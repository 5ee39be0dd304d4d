"""Signed IF neurons: their spikes add up to the relu of the summed current."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnconv.errors import ParameterError
from snnconv.neurons import IF, SignedIF

from ..helpers.neurons import run


def spikes_of(neuron, J, voltage=0.0):
    """Spikes per step, the voltages and the counts of one neuron with dt = 1."""
    spikes, states = run(neuron, np.array(J, "float64")[:, None], 1.0, voltage)
    return spikes[:, 0], states["voltage"][:, 0], states["n_sent"][:, 0]


def test_a_spike_is_taken_back_below_the_negative_threshold():
    neuron = SignedIF(negative_threshold=0.25)
    assert spikes_of(neuron, [1, -0.125, -0.125, 0])[0].tolist() == [1, 0, -1, 0]
    assert spikes_of(neuron, [1, -0.5, 0])[0].tolist() == [1, -1, 0]


def test_nothing_is_taken_back_that_was_not_sent():
    spikes, voltages, counts = spikes_of(SignedIF(), [-3, 1, 1.5, 1.5, -9, 0, 0])
    assert spikes.tolist() == [0, 0, 0, 1, -1, 0, 0]
    assert counts.tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert voltages[-1] == -8


@given(
    st.lists(st.integers(-24, 24), min_size=1, max_size=60),
    st.sampled_from([0.125, 0.25, 0.5, 1.0]),
    st.sampled_from([0.0, 0.5]),
)
def test_the_sum_of_spikes_is_the_relu_of_the_sum_of_currents(eighths, negative_threshold, start):
    """Up to one spike, once there were as many steps without current as spikes may be late."""
    J = np.concatenate([np.array(eighths) / 8, np.zeros(3 * len(eighths))])  # eighths are exact in binary
    spikes, voltages, counts = spikes_of(SignedIF(negative_threshold=negative_threshold), J, start)
    assert set(spikes.tolist()) <= {-1.0, 0.0, 1.0}
    assert spikes.sum() == counts[-1] == J.sum() + start - voltages[-1]
    assert (np.cumsum(spikes) >= 0).all()
    assert abs(spikes.sum() - max(0.0, J.sum() + start)) <= 1


@given(st.lists(st.integers(0, 8), min_size=1, max_size=60))
def test_currents_that_are_never_negative_give_the_spikes_of_an_if(eighths):
    J = np.array(eighths) / 8
    expected = run(IF(max_spikes=1, min_voltage=-np.inf), J[:, None], 1.0)[0][:, 0]
    np.testing.assert_array_equal(spikes_of(SignedIF(), J)[0], expected)


def test_the_rate_is_a_relu_with_an_optional_limit_per_unit():
    J = np.array([-50.0, 20.0, 80.0])
    assert SignedIF(amplitude=0.1).rate(J).tolist() == [0, 2, 8]
    assert SignedIF(amplitude=0.1, rate_limit=(10.0, 10.0, 90.0)).rate(J).tolist() == [0, 1, 8]
    faster, current = SignedIF(amplitude=0.1, rate_limit=50.0).scale_rates(4.0)
    np.testing.assert_allclose(faster.rate(J * current), SignedIF(amplitude=0.1, rate_limit=50.0).rate(J))


def test_spikes_are_of_both_signs_and_one_per_step():
    assert SignedIF().fires_negative
    assert SignedIF().max_spikes_per_step == 1
    assert not IF().fires_negative


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"negative_threshold": 0.0}, "negative_threshold must be a finite number above 0"),
        ({"amplitude": -1.0}, "amplitude must be a finite number above 0"),
        ({"rate_limit": (1.0, 0.0)}, "rate_limit must be finite and above 0"),
    ],
)
def test_parameters_out_of_range_are_refused(setting, message):
    with pytest.raises(ParameterError, match=message):
        SignedIF(**setting)
