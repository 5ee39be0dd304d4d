"""Neurons with settings, each beside the same neuron in Nengo or its definition, and runs of one neuron."""

import math

import nengo
import numpy as np
from hypothesis import strategies as st

from snnconv.neurons import IF, LIF, PiecewiseLinear, Sigmoid, SignedIF, Softplus, Softsign, Tanh

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


# Neurons whose sums of spikes are known, and the settings that every runtime is compared in.
SIGNED = [SignedIF(), SignedIF(amplitude=0.001, negative_threshold=0.5)]


ACCOUNTS = [neuron for reference in ACCUMULATING.values() for neuron in reference["settings"]]


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


seconds = st.floats(1e-3, 0.1)


lifs = st.builds(LIF, tau_rc=seconds, tau_ref=st.floats(0, 0.01), smoothing=st.sampled_from([0.0, 0.01, 0.2]))


ifs = st.builds(IF, amplitude=st.floats(1e-3, 10))
