"""Packed states: only for neurons that are known to fit, and never for those that inherit from them."""

from dataclasses import dataclass

import numpy as np
import pytest

import snnconv
from snnconv.graph import Input, Population, SpikingGraph
from snnconv.neurons import IF, LIF, NEURONS, SignedIF
from snnconv.runtime import reference
from snnconv.runtime.compiled.packing import packing_of


@dataclass(frozen=True)
class RestingLIF(LIF, abstract=True):
    """A LIF whose voltage may be above 1, which a packed state could not tell from a refractory one."""

    def step(self, J, state, dt, xp=np):
        v = state["voltage"] + J * (dt / self.tau_rc)
        spikes = xp.where(v > 3, xp.ones_like(v), xp.zeros_like(v))
        return spikes, {"voltage": v - 3 * spikes, "refractory": xp.zeros_like(v)}


def test_lif_neurons_pack_where_there_is_room():
    assert packing_of(LIF(), "float32") != packing_of(LIF(), "float64")
    assert packing_of(LIF(), "float16") is None
    assert packing_of(LIF(tau_rc=0.005, tau_ref=0.02), "float32") is None
    assert packing_of(IF(), "float32") is None


def test_a_class_that_inherits_from_lif_has_the_spikes_of_its_own_step():
    neuron = RestingLIF()
    assert packing_of(neuron, "float64") is None
    assert "RestingLIF" not in NEURONS
    bias = np.linspace(0.1, 5, 7)
    population = Population(
        name="lif", inputs=("x",), shape=(7,), neuron=neuron, neuron_bias=bias, gain=np.ones(7)
    )  # fmt: skip
    graph = SpikingGraph((Input(name="x", shape=(7,)), population), {"y": "lif"})
    x = np.random.default_rng(0).normal(1, 2, (2, 200, 7))
    expected = reference.run(graph, x, 200, record="lif").spikes["lif"]
    found = snnconv.Simulator(graph, dtype="float64").run(x, 200, record="lif").spikes["lif"]
    assert expected.sum() > 100
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_packed_state_is_one_array_that_unpacks_to_the_same(dtype):
    packing = packing_of(LIF(), dtype)
    state = {"voltage": np.array([0.75, 0, 0, -0.5], dtype), "refractory": np.array([0, 0.0625, 0.09375, 0], dtype)}
    spikes = np.array([0, 0, 1, 0], dtype)
    packed = packing.pack(spikes, state, np)
    assert packed.dtype == dtype
    again, unpacked = packing.unpack(packed, np)
    np.testing.assert_array_equal(again, spikes)
    for name, value in state.items():
        np.testing.assert_array_equal(unpacked[name], value)


def test_a_signed_if_carries_its_spikes_beside_its_state():
    packing = packing_of(SignedIF(), "float32")
    state = {"voltage": np.array([0.25, -3.0], "float32"), "n_sent": np.array([2, 0], "float32")}
    spikes = np.array([-1, 0], "float32")
    again, unpacked = packing.unpack(packing.pack(spikes, state, np), np)
    np.testing.assert_array_equal(again, spikes)
    assert unpacked == state
