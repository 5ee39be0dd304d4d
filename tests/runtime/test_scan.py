"""Scans compiled by XLA give what the same scans give without it, for every kind of neuron."""

import numpy as np
import pytest

import snnconv
from snnconv.graph import Dense, Filter, Input, Population, SpikingGraph
from snnconv.neurons import NEURONS, Follower, SteppedLIF
from snnconv.neurons.synapses import Lowpass

from ..helpers.neurons import ACCUMULATING, REFERENCES, SIGNED
from ..helpers.scans import without_xla

pytestmark = pytest.mark.compiled

EACH_KIND = {
    **{kind: reference["settings"][0][0] for kind, reference in REFERENCES.items()},
    **{kind: reference["settings"][0] for kind, reference in ACCUMULATING.items()},
    "SteppedLIF": SteppedLIF(),
    "SignedIF": SIGNED[0],
    "Follower": Follower(max_spikes=1),
}


def network(neuron):
    """Two populations, the second of them behind a synapse, with currents of both signs up to some tens of spikes."""
    rng = np.random.default_rng(0)
    ones, unit = np.ones(20), 1.0 if neuron.rate(np.full(20, 3.0)).max() > 10 else 100.0  # a rate may be its current
    height = unit / neuron.rate(np.full(20, 3.0 * unit)).max() / neuron.amplitude
    first, second = rng.normal(0, 1, (6, 20)), rng.normal(0, height, (20, 20))
    nodes = (
        Input(name="x", shape=(6,)),
        Dense(name="dense", inputs=("x",), shape=(20,), kernel=first, bias=0.5 * ones),
        Population(name="p", inputs=("dense",), shape=(20,), neuron=neuron, neuron_bias=unit * ones, gain=unit * ones),
        Filter(name="filter", inputs=("p",), shape=(20,), synapse=Lowpass(0.005)),
        Dense(name="dense_2", inputs=("filter",), shape=(20,), kernel=second, bias=unit * ones),
        Population(name="q", inputs=("dense_2",), shape=(20,), neuron=neuron, neuron_bias=0 * ones, gain=ones),
    )
    return SpikingGraph(nodes, {"output": "q"})


@pytest.mark.parametrize(
    "varies", [pytest.param(False, id="held", marks=pytest.mark.full), pytest.param(True, id="varying")]
)
@pytest.mark.parametrize("kind", EACH_KIND)
def test_xla_changes_no_spike(kind, varies):
    graph = network(EACH_KIND[kind])
    x = np.random.default_rng(1).normal(0, 1, (5, *([60] if varies else []), 6))
    run = lambda: snnconv.Simulator(graph, dtype="float64", chunk_steps=30).run(x, 60, record="all")  # noqa: E731
    compiled = run()
    with without_xla():
        traced = run()
    for name, spikes in traced.spikes.items():
        assert np.abs(spikes).sum() > 50
        np.testing.assert_array_equal(compiled.spikes[name], spikes)
    for name, variables in traced.state.items():
        for variable, values in variables.items():
            # XLA may round a product or an exponential otherwise, by 1e-16 of it in each of 60 steps
            np.testing.assert_allclose(compiled.state[name][variable], values, rtol=1e-10, atol=1e-10)


def test_every_kind_is_compared():
    assert {name for name, neuron in NEURONS.items() if neuron.__module__.startswith("snnconv.")} == set(EACH_KIND)
