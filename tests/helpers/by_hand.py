"""Networks of spiking neurons as people write them by hand: one NumPy loop, with every mistake as a switch.

It shares nothing with the package: refractory times are in seconds, logarithms and exponentials are written out, and
currents are computed from the trained numbers. The mistakes have the names under which a diagnosis tells of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from snnconv.graph import Dense, Filter, Input, Population, SpikingGraph
from snnconv.neurons import IF, LIF
from snnconv.neurons.synapses import Lowpass


@dataclass(frozen=True)
class Layer:
    """Trained numbers of a layer: kernel W, its bias b, gain g and bias β of the neurons."""

    W: np.ndarray
    b: np.ndarray
    g: np.ndarray
    beta: np.ndarray


def random_layers(sizes=(6, 9, 8), seed=0, gains=(1.5, 2.5)):
    """Layers whose currents are above and below the threshold, and below 0, in turn."""
    rng = np.random.default_rng(seed)
    layers = []
    for n_in, n_out in pairwise(sizes):
        W = rng.normal(0, 1.6 / np.sqrt(n_in), (n_in, n_out))
        b, beta = rng.normal(0.25, 0.3, n_out), rng.normal(1.1, 0.3, n_out)
        layers.append(Layer(W, b, rng.uniform(*gains, n_out), beta))
    return layers


def as_graph(layers, neuron, synapse=None):
    """The layers as the package has them: populations n1, n2, …, with the gains folded."""
    nodes, source = [Input(name="x", shape=(len(layers[0].W),))], "x"
    for number, layer in enumerate(layers, 1):
        shape, name = layer.b.shape, f"n{number}"
        kernel, bias = layer.W * layer.g, layer.b * layer.g
        trained = {"kernel": layer.W, "bias": layer.b}
        nodes += [
            Dense(
                name=f"d{number}", inputs=(source,), shape=shape,
                kernel=kernel, bias=bias, trained=trained, folded=(f"{name}.gain",),
            ),
            Population(
                name=name, inputs=(f"d{number}",), shape=shape,
                neuron=neuron, neuron_bias=layer.beta, gain=layer.g, trained={"bias": layer.beta},
            ),
        ]  # fmt: skip
        source = name
        if synapse is not None:
            source = f"{name}.synapse"
            nodes.append(Filter(name=source, inputs=(name,), shape=shape, synapse=Lowpass(synapse)))
    return SpikingGraph(tuple(nodes), {"out": source})


def run_by_hand(layers, x, n_steps, neuron, wrong=None, *, dt=0.001, synapse=None, voltage=None):
    """Spikes (n, n_steps, units) of every population, by name.

    Parameters
    ----------
    x : (n, n_steps, inputs) array
    neuron : LIF or IF
        Its parameters only.
    wrong : dict of str to set of str
        Mistakes by population.
    voltage : dict of str to array
        Initial voltages by population.
    """
    wrong, voltage = wrong or {}, voltage or {}
    n, spikes = len(x), {f"n{number}": [] for number in range(1, len(layers) + 1)}
    v = {name: np.zeros((n, len(layer.b))) + voltage.get(name, 0.0) for name, layer in zip(spikes, layers, strict=True)}
    rest = {name: np.zeros_like(array) for name, array in v.items()}
    before = {name: np.zeros((n, len(layer.W))) for name, layer in zip(spikes, layers, strict=True)}
    filtered = {name: np.zeros((n, len(layer.W))) for name, layer in zip(spikes, layers, strict=True)}
    step_of = _lif_step if isinstance(neuron, LIF) else _if_step
    for step in range(n_steps):
        sent = x[:, step]
        for number, (name, layer) in enumerate(zip(spikes, layers, strict=True)):
            made = wrong.get(name, set())
            received = _sent(sent, neuron, made, dt) if number else _data(sent, made)
            if number:
                received = filtered[name] = _filtered(received, filtered[name], synapse, made, dt)
            if {"spikes arrive one step late", "input one step late"} & made:
                received, before[name] = before[name], received
            J = _current(layer, received, made)
            fired, v[name], rest[name] = step_of(J, v[name], rest[name], neuron, made, dt)
            spikes[name].append(fired)
            sent = fired
    return {name: np.stack(steps, 1) for name, steps in spikes.items()}


def _data(x, made):
    if "input in 0…255" in made:
        return x * 255
    return x / 255 if "input divided by 255 once more" in made else x


def _sent(spikes, neuron, made, dt):
    if "spike height 1" in made:
        return spikes * 1.0
    if "amplitude left out (spike height 1/dt)" in made:
        return spikes / dt
    if "dt left out of the spike height (height amplitude)" in made:
        return spikes * neuron.amplitude
    return spikes * neuron.amplitude / dt


def _filtered(received, y, tau, made, dt):
    if "a lowpass of 5 ms that is not there" in made:
        tau = 0.005
    if tau is None or "synapse left out" in made:
        return received
    share = dt / tau if "synapse by Euler" in made else 1 - np.exp(-dt / tau)
    return y + share * (received - y)


def _current(layer, received, made):
    W, b, g, beta = layer.W, layer.b, layer.g, layer.beta
    kernel, bias = W * g, b * g
    if "kernel transposed" in made:
        kernel = kernel.reshape(kernel.shape[::-1]).T
    if "trained kernel transposed" in made:
        kernel = W.reshape(W.shape[::-1]).T * g
    if "gain left out of the kernel" in made:
        kernel = W
    if "gain left out of the dense bias" in made:
        bias = b
    if "dense bias left out" in made:
        bias = 0
    J = received @ kernel + bias
    if "gain left out" in made:
        J = J / g
    if "gain applied twice" in made:
        J = J * g
    if "ReLU before the neurons" in made:
        J = np.maximum(J, 0)
    if "neuron bias left out" in made:
        return J
    if "neuron bias multiplied instead of added" in made:
        return J * beta
    return J + beta * (g if "neuron bias multiplied by the gain" in made else 1)


def _lif_step(J, v, rest, neuron, made, dt):
    tau_rc, tau_ref = neuron.tau_rc, neuron.tau_ref
    whole = {
        "refractory period in whole steps, one fewer": -1,
        "refractory period in whole steps": 0,
        "refractory period in whole steps, one more": 1,
    }
    steps = next((int(np.ceil(tau_ref / dt - 1e-9)) + more for name, more in whole.items() if name in made), 0)
    if "no refractory period" in made:
        tau_ref = 0.0
    if "refractory period one step too long" in made:
        free = np.clip(dt - rest, 0, dt)
        rest = rest - dt
    elif steps:
        free = np.where(rest > 0, 0.0, dt)
        rest = rest - 1
    else:
        rest = rest - dt
        free = np.clip(dt - rest, 0, dt)
    if "Euler instead of exact decay" in made:
        v = v + free / tau_rc * (J - v)
    elif "leak left out" in made:
        v = v + free / tau_rc * J
    elif "input current not multiplied by 1 - exp(-dt/tau_rc)" in made:
        v = np.exp(-free / tau_rc) * v + J * free / dt
    else:
        v = J + (v - J) * np.exp(-free / tau_rc)
    fired = v >= 1 if "spike at v ≥ 1" in made else v > 1
    if steps:
        fired = fired & (free > 0)
        rest = np.where(fired, steps, rest)
    else:
        late = np.zeros_like(v)  # the part of the step behind the crossing
        crossed = fired & (J > 1) & (v < J)
        if "input current not multiplied by 1 - exp(-dt/tau_rc)" in made:
            crossed[:] = False  # v passes J at once: its way there says nothing about the time
        late[crossed] = -tau_rc * np.log(1 - (v[crossed] - 1) / (J[crossed] - 1))
        rest = np.where(fired, tau_ref - late + dt, rest)  # from the beginning of this step on
    kept = v if "no voltage floor" in made else np.maximum(v, neuron.min_voltage)
    return fired * 1, np.where(fired, v - 1 if "reset by subtraction" in made else 0.0, kept), rest


def _if_step(J, v, rest, neuron, made, dt):
    change = J if "dt left out of the integration" in made else J * dt
    ignores = neuron.min_voltage is None or "negative currents ignored" in made
    floor = 0.0 if "voltage floor at 0" in made else neuron.min_voltage
    if "no voltage floor" in made:
        ignores, floor = False, None
    if "voltage floor at 0" in made:
        ignores = False
    v = v + (np.maximum(change, 0) if ignores else change)
    count = np.maximum(np.ceil(v) - 1 if "spike only at v > 1" in made else np.floor(v), 0)
    if neuron.max_spikes is not None and "several spikes in a step" not in made:
        count = np.minimum(count, neuron.max_spikes)
    if "at most one spike in a step" in made:
        count = np.minimum(count, 1)
    v = np.where(count > 0, 0.0, v) if "reset to 0" in made else v - count
    if floor is not None and np.isfinite(floor) and not ignores:
        v = np.maximum(v, floor)
    return count.astype(int), v, rest


LIF_NEURON = LIF(tau_rc=0.02, tau_ref=0.0024, amplitude=0.004)
IF_NEURON = IF(amplitude=0.004, min_voltage=-0.5)
