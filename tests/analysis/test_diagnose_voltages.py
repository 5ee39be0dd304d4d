"""Initial voltages are found from spikes, also where a neuron's parameters differ between units."""

import numpy as np
import pytest

import snnconv
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF, PiecewiseLinear
from snnconv.runtime import reference

N_UNITS, N_STEPS = 300, 60  # more units than are fitted together

NEURONS = [
    IF(),
    PiecewiseLinear(negative_slope=tuple(np.linspace(0.1, 0.5, N_UNITS).tolist())),
]


@pytest.mark.parametrize("neuron", NEURONS, ids=["alike", "each with its own slope"])
def test_voltages_of_many_units_are_found(neuron):
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 200, (5, N_UNITS))
    population = {"name": "a", "inputs": ("dense",), "shape": (N_UNITS,), "neuron": neuron}
    graph = SpikingGraph(
        (
            Input(name="x", shape=(5,)),
            Dense(name="dense", inputs=("x",), shape=(N_UNITS,), kernel=kernel),
            Population(**population, neuron_bias=np.zeros(()), gain=np.ones(())),
            Dense(name="out", inputs=("a",), shape=(2,), kernel=rng.normal(size=(N_UNITS, 2))),
        ),
        {"y": "out"},
    )
    x = rng.random((3, 5))
    spikes = reference.run(graph, x, N_STEPS, record=["a.spikes"], initial_voltage=0.5).spikes["a"]
    found = snnconv.diagnose(graph, x, spikes)
    assert not found.equal
    assert found.mistakes
    assert all("voltage" in name for names in found.mistakes for name in names)
    assert "voltage" in str(found)
