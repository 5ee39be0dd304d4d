"""Settings of `SteppedLIF`, and its spikes by their definition."""

import math

import numpy as np
import pytest

from snnconv.neurons import SteppedLIF

SETTINGS = [
    SteppedLIF(),
    SteppedLIF(tau_ref=0.0),
    SteppedLIF(tau_ref=0.0026, min_voltage=-1.0),
    SteppedLIF(tau_rc=0.05, tau_ref=0.0073, amplitude=1.0, dt=5e-4),
    SteppedLIF(tau_rc=0.004, tau_ref=0.001, min_voltage=-math.inf, leak_bits=5),
]


EACH = pytest.mark.parametrize("neuron", SETTINGS, ids=repr)


def run(neuron, J, xp=np, dtype="float64"):
    """Spikes and voltages (n_steps, n_neurons)."""
    state = neuron.initial_state(J.shape[1:], 0.0, dtype, xp)
    spikes, voltages = [], []
    for current in J:
        spiked, state = neuron.step(current, state, neuron.dt, xp)
        spikes.append(np.asarray(spiked))
        voltages.append(np.asarray(state["voltage"]))
    return np.array(spikes), np.array(voltages)


def by_definition(neuron, J):
    """The same, one neuron and one step at a time, with the leak and the whole steps written out."""
    one = 2**neuron.leak_bits
    leak = round((1 - math.exp(-neuron.dt / neuron.tau_rc)) * one) / one
    spikes, voltages = np.zeros(J.shape), np.zeros(J.shape)
    for unit in range(J.shape[1]):
        v, rest = 0.0, 0
        for step, current in enumerate(J[:, unit]):
            if rest:
                rest -= 1
            else:
                v += leak * (current - v)
                if v > 1:
                    spikes[step, unit], v, rest = 1, 0.0, round(neuron.tau_ref / neuron.dt)
                else:
                    v = max(v, neuron.min_voltage)
            voltages[step, unit] = v
    return spikes, voltages
