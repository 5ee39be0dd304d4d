"""IF neurons: their spikes add up to the rate."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snnconv.neurons import IF, LIF

from ..helpers.neurons import run


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
