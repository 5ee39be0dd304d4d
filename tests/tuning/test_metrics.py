"""NeuroBench's metrics, counted by hand; test_neurobench.py has the harness itself."""

import json

import numpy as np
import pytest

import snnconv
from snnconv.errors import ParameterError
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF
from snnconv.runtime import reference

from ..helpers.networks import random_cnn


def network():
    """Two inputs to three neurons, one of which gets nothing, and a readout; sums without rounding."""
    kernel = np.array([[0.5, 0.25, 0.0], [0.0, 0.5, 0.0]])
    neuron = IF(amplitude=1.0)
    nodes = (
        Input(name="x", shape=(2,)),
        Dense(name="in", inputs=("x",), shape=(3,), kernel=kernel),
        Population(name="first", inputs=("in",), shape=(3,), neuron=neuron, neuron_bias=np.zeros(()), gain=np.ones(())),
        Dense(name="out", inputs=("first",), shape=(2,), kernel=np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])),
    )
    return SpikingGraph(nodes, {"y": "out"})


def test_every_number_of_a_network_of_three_neurons():
    found = snnconv.metrics(network(), np.array([[1.0, 0.0], [0.5, 1.0]]), 4, dt=1.0, batch_size=1)
    first, out = found.connections
    # a sample of 0 and 1, which count as spikes, meets two weights; the other one three, once a step
    assert (first.dense, first.effective_acs, first.effective_macs) == (2 * 4 * 6, 4 * 2, 4 * 3)
    assert (first.n_weights, first.n_zero_weights) == (6, 3)
    # voltages grow by (1/2, 1/4) and by (1/4, 5/8): spikes 2, 1 and 1, 2 in four steps, of one and of two weights
    assert (out.dense, out.effective_acs, out.effective_macs) == (2 * 4 * 6, 2 + 2 * 1 + 1 + 2 * 2, 0)
    (neurons,) = found.populations
    assert (neurons.n_activations, neurons.n_zero_activations) == (24, 24 - 6)
    # two neurons change at every step; the third counts at the first alone
    assert neurons.membrane_updates == 2 * (2 * 4 + 1)
    assert found.connection_sparsity == round(4 / 12, 4)
    assert found.activation_sparsity == 0.75
    assert found.synaptic_operations == {"dense": 48, "effective_macs": 6, "effective_acs": 8.5}
    assert found.membrane_updates == 9
    # kernels, the neuron's bias, and its amplitude
    assert found.footprint == 4 * (6 + 6 + 1 + 1)


def test_a_batch_decides_together_what_is_a_spike():
    x = np.array([[1.0, 0.0], [0.5, 1.0]])
    (first, _) = snnconv.metrics(network(), x, 4, dt=1.0, batch_size=2).connections
    assert (first.effective_acs, first.effective_macs) == (0, 4 * 5)


def test_a_run_in_parts_counts_as_a_whole_one(monkeypatch):
    graph = snnconv.convert(random_cnn(), verbose=False)
    x = np.random.default_rng(0).random((7, 12, 12, 2))
    whole = snnconv.metrics(graph, x, 20, batch_size=4)
    monkeypatch.setattr("snnconv.tuning.energy.measure.BYTES", 1)
    assert snnconv.metrics(graph, x, 20, batch_size=4) == whole
    result = reference.run(graph, x, 20, dtype="float32", record="all")
    for each in whole.populations:
        silent = result.spikes[each.name].size - np.count_nonzero(result.spikes[each.name])
        assert each.n_zero_activations == pytest.approx(silent, abs=2)  # in float32 a spike may fall a step off


def test_energy_counts_the_same():
    graph = snnconv.convert(random_cnn(), verbose=False)
    x = np.random.default_rng(0).random((3, 12, 12, 2))
    found, energy = snnconv.metrics(graph, x, 20), snnconv.energy(graph, x, 20)
    behind_spikes = sum(each.effective_macs + each.effective_acs for each in found.connections[1:])
    assert energy.synops == pytest.approx(behind_spikes / 3)
    assert energy.macs * 20 * 3 == sum(each.dense for each in found.connections)


def test_the_report_says_what_the_numbers_are_of_and_json_holds_all():
    found = snnconv.metrics(network(), np.ones((1, 2)), 4, dt=1.0)
    assert "1 sample, 4 steps of 1000 ms, in batches of 32." in str(found)
    assert max(map(len, str(found).splitlines())) <= 80
    written = json.loads(json.dumps(found.to_dict()))
    assert [each["name"] for each in written["connections"]] == ["in", "out"]
    with pytest.raises(ParameterError, match="batch_size must be a whole number above 0. Received 0"):
        snnconv.metrics(network(), np.ones((1, 2)), 4, batch_size=0)
