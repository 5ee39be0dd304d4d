"""Populations as the simulator steps them: packed states, and spike trains of constant currents."""

import math
import pickle

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import snnconv
from snnconv.neurons import IF, LIF, numpy_ops
from snnconv.neurons.spike_train import spikes_between
from snnconv.runtime import reference, tensorflow_ops
from snnconv.runtime.compiled.packing import packing_of

from ..helpers.dense import dense_network

NAMESPACES = pytest.mark.parametrize("xp", [numpy_ops, tensorflow_ops], ids=["numpy", "tensorflow"])


# Packed states


@NAMESPACES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data())
def test_packing_loses_nothing(xp, dtype, data):
    width = int(dtype[-2:])
    tau_ref = data.draw(st.sampled_from([0.0, 0.001, 0.002, 0.03]))
    min_voltage = data.draw(st.sampled_from([0.0, -0.5, -math.inf]))
    neuron = LIF(0.02, tau_ref, min_voltage=min_voltage)
    currents = data.draw(st.lists(st.floats(-1e6, 1e6, width=width), min_size=12, max_size=12))
    state = neuron.initial_state((3,), dtype=dtype, xp=xp)
    for step in range(4):
        J = np.array(currents[3 * step : 3 * step + 3], dtype)
        spikes, state = neuron.step(J if xp is numpy_ops else tf.constant(J), state, 0.001, xp)
        packing = packing_of(neuron, dtype)
        again, unpacked = packing.unpack(packing.pack(spikes, state, xp), xp)
        np.testing.assert_array_equal(again, spikes)
        np.testing.assert_array_equal(unpacked["voltage"], state["voltage"])
        # a neuron that has just spiked and is not refractory keeps a trace, which no share of a step is as fine as
        np.testing.assert_allclose(unpacked["refractory"], state["refractory"], rtol=0, atol=1e-18)


def test_neurons_that_do_not_pack_run_all_the_same():
    """A long refractory period leaves no room between the voltages and the lifted states."""
    long = LIF(tau_rc=0.005, tau_ref=0.02)
    assert packing_of(LIF(), "float32") is not None
    assert packing_of(long, "float32") is None
    assert packing_of(IF(), "float32") is None
    graph = dense_network((5, 8, 6, 2), long)
    x = np.random.default_rng(0).normal(0, 3, (2, 60, 5))
    expected = reference.run(graph, x, 60, record="all")
    result = snnconv.Simulator(graph, dtype="float64").run(x, 60, record="all")
    for name, spikes in expected.spikes.items():
        assert spikes.any()
        np.testing.assert_array_equal(result.spikes[name], spikes)


# Spikes under constant current


def loop(neuron, J, state, n_steps, dt):
    spikes = []
    for _ in range(n_steps):
        counted, state = neuron.step(J, state, dt)
        spikes.append(counted)
    return np.stack(spikes), state


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dt", [0.001, 0.0003])
@pytest.mark.parametrize(
    ("tau_rc", "tau_ref", "most"), [(0.02, 0.002, 1), (0.02, 0.001, 1), (0.005, 0.0135, 1), (0.004, 0.0004, 3)]
)
@pytest.mark.parametrize("min_voltage", [0.0, -0.5])
def test_spike_trains_are_those_of_the_loop(dt, tau_rc, tau_ref, most, min_voltage):
    neuron = LIF(tau_rc, tau_ref, min_voltage=min_voltage, max_spikes=most)
    rng = np.random.default_rng(0)
    J = np.concatenate([rng.uniform(-2, 10, 4000), rng.uniform(1, 1.001, 500), [1.0, -0.0, 1e4]])
    state = {"voltage": rng.uniform(min_voltage, 1, J.shape), "refractory": np.zeros_like(J)}
    _, state = loop(neuron, rng.permutation(J), state, 5, dt)  # some neurons are refractory now
    assert neuron.has_spike_train(dt)
    assert (state["refractory"] > 0).any()
    assert neuron.spike_train(J, state, dt).J is J
    expected, last = loop(neuron, J, state, 300, dt)
    train = neuron.spike_train(J, state, dt, numpy_ops)
    spikes = spikes_between(np.arange(301.0), *train.phases(), numpy_ops)
    # rounding of 1e-16 decides only where a crossing falls on the end of a step, which random currents do not hit
    np.testing.assert_array_equal(spikes, expected)
    after = train.state_after(300)
    for variable, value in last.items():
        np.testing.assert_allclose(after[variable], value, atol=1e-9)


def test_there_is_no_spike_train_where_a_step_outlasts_the_refractory_period():
    assert not LIF(tau_ref=0.0005).has_spike_train(0.001)
    assert not LIF(tau_ref=0.0).has_spike_train(0.001)
    with pytest.raises(NotImplementedError, match="IF neurons need a loop"):
        IF().spike_train(np.ones(1), {}, 0.001)


def test_spike_trains_in_float32_are_near_the_truth_as_the_loop_in_float32_is():
    """Both move a few crossings at the end of a step over it; neither loses or adds a spike."""
    neuron = LIF()
    J = np.random.default_rng(1).uniform(0.5, 8, 20_000)
    truth, _ = loop(neuron, J, neuron.initial_state(J.shape), 400, 0.001)
    single = J.astype("float32")
    state = neuron.initial_state(J.shape, dtype="float32")
    looped, _ = loop(neuron, single, state, 400, 0.001)
    train = neuron.spike_train(single, state, 0.001, numpy_ops)
    closed = spikes_between(np.arange(401, dtype="float32"), *train.phases(), numpy_ops)
    assert closed.dtype == "float32"
    assert np.abs(np.cumsum(closed - truth, 0)).max() <= 1
    # measured: 14 and 6 of 1.1 million spikes one step off
    assert max((closed != truth).sum(), (looped != truth).sum()) < 5e-5 * truth.sum()


def test_simulators_use_spike_trains_and_give_the_spikes_of_the_loop(cnn, images):
    """Recorded voltages need the loop over time; without them the first population has none, in float32."""
    names = [f"{name}.spikes" for name in cnn.populations]
    simulator = snnconv.Simulator(cnn)
    result = simulator.run(images, 120, record=names)
    (stepper,) = simulator._engines[0]._steppers.values()
    assert list(stepper._trains) == ["lif1"]
    expected = reference.run(cnn, images, 120, record=names)
    for name, spikes in expected.spikes.items():
        # float32: a spike may come one step off, but none is lost or added
        assert np.abs(np.cumsum(result.spikes[name], 1, int) - np.cumsum(spikes, 1, int)).max() <= 1
        assert (result.spikes[name] != spikes).sum() <= 1e-3 * spikes.sum()
    first = simulator.run(images, 50, record=names)
    second = simulator.run(images, 70, record=names, state=first.state)
    again = np.concatenate([first.spikes["lif1"], second.spikes["lif1"]], 1)
    assert (again != expected.spikes["lif1"]).sum() <= 1e-3 * again.sum()


def test_rates_do_not_count_padding(cnn, images):
    simulator = snnconv.Simulator(cnn, chunk_steps=32)
    result = simulator.run(images, 50, record=["lif1.rates", "lif1.spikes"])
    np.testing.assert_allclose(result.rates["lif1"], result.spikes["lif1"].sum(1) / 0.05)


# The state after a run


def test_the_state_is_computed_when_it_is_looked_at(cnn, images, monkeypatch):
    simulator = snnconv.Simulator(cnn, batch_size=2)
    result = simulator.run(images, 20)
    (stepper,) = simulator._engines[0]._steppers.values()
    after, calls = stepper.after, []
    monkeypatch.setattr(stepper, "after", lambda *arguments: calls.append(1) or after(*arguments))
    assert list(result.state) == [node.name for node in simulator._engines[0].model.stateful]
    assert len(result.state) == len(list(result.state))
    assert "lif1" in result.state
    assert not calls
    voltage = result.state["lif1"]["voltage"]
    assert voltage.shape == (5, *cnn.populations["lif1"].shape)
    assert len(calls) == 3, "one for each batch"
    assert result.state["lif1"]["voltage"] is voltage
    with pytest.raises(KeyError, match="nowhere"):
        result.state["nowhere"]
    again = pickle.loads(pickle.dumps(result.state))
    assert type(again) is dict
    np.testing.assert_array_equal(again["lif1"]["voltage"], voltage)
