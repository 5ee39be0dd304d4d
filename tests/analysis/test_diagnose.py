"""How a run starts, what is reported of the first difference, and what cannot be compared."""

import dataclasses

import numpy as np
import pytest

import snnconv
from snnconv.errors import InputError, ParameterError
from snnconv.graph import Add, Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF, NEURONS

from ..helpers.by_hand import LIF_NEURON, Layer, as_graph, random_layers, run_by_hand
from ..helpers.diagnosed import N_STEPS, N, changing_inputs


@pytest.fixture(scope="module")
def layers():
    return random_layers()


@pytest.fixture(scope="module")
def x():
    return changing_inputs()


def test_a_voltage_of_exactly_1():
    """Spikes at v ≥ 1 and at v > 1 differ only there, so the current is one that brings v to 1 in one step."""
    share = -np.expm1(-0.001 / 0.02)
    J = next(J for J in np.nextafter(1 / share, [0, 1e3, 1 / share]) if J * share == 1)
    layer = Layer(np.eye(2), np.zeros(2), np.ones(2), np.zeros(2))
    x = np.stack([np.where(np.arange(40) == 0, J, 0.0), np.full(40, 3.0)], 1)[None]
    graph, right = as_graph([layer], LIF_NEURON), run_by_hand([layer], x, 40, LIF_NEURON)["n1"]
    assert right[0, :, 0].sum() == 0
    assert snnconv.diagnose(graph, x, right).equal
    right[0, 0, 0] = 1
    assert ("spike at v ≥ 1",) in snnconv.diagnose(graph, x, right).mistakes
    layer = Layer(np.ones((1, 1)), np.zeros(1), np.ones(1), np.zeros(1))
    graph = as_graph([layer], IF(amplitude=0.01))
    x = np.full((1, 1), 250.0)  # a quarter of the threshold per step, without rounding
    spikes = (np.arange(1, 41) % 4 == 0).reshape(1, 40, 1)
    assert snnconv.diagnose(graph, x, spikes).equal
    late = (np.arange(40) % 4 == 0).reshape(1, 40, 1)
    late[0, 0] = False
    assert {("spike only at v > 1",), ("written down one step late",)} <= set(snnconv.diagnose(graph, x, late).mistakes)


def test_float32_where_it_makes_a_difference():
    """Currents that bring a voltage to the threshold in one step, up to less than float32 can tell."""
    share = -np.expm1(-0.001 / 0.02)
    layer = Layer(np.eye(40), np.zeros(40), np.ones(40), np.zeros(40))
    graph, x = as_graph([layer], LIF_NEURON), np.linspace(1 - 3e-8, 1 + 3e-8, 40)[None] / share
    spikes = snnconv.reference.run(graph, x, 60, dtype="float32", record="n1").spikes
    assert ("computed in float32",) in snnconv.diagnose(graph, x, spikes).mistakes


# --- how a run starts


@pytest.mark.parametrize("wrong", [(), ("gain left out",)])
def test_an_initial_voltage_is_fitted(layers, x, wrong):
    graph = as_graph(layers, LIF_NEURON)
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n1": set(wrong)}, voltage={"n1": 0.37})
    found = snnconv.diagnose(graph, x, spikes["n1"], layer="n1")
    assert found.mistakes == ((*wrong, "another initial voltage"),)
    # the spikes of so many neurons leave little room
    assert found.matches[0].voltage == pytest.approx(0.37, abs=0.02)


def test_the_populations_own_initial_voltage_is_right(layers, x):
    graph = as_graph(layers, LIF_NEURON)
    nodes = (dataclasses.replace(node, initial_voltage=0.5) if node.name == "n1" else node for node in graph.nodes)
    graph = dataclasses.replace(graph, nodes=tuple(nodes))
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, voltage={"n1": 0.5})
    assert snnconv.diagnose(graph, x, spikes).equal
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON)
    found = snnconv.diagnose(graph, x, spikes)
    assert found.mistakes == (("another initial voltage",),)
    assert found.matches[0].voltage == pytest.approx(0, abs=0.02)


def test_one_initial_voltage_per_neuron_is_fitted(layers, x):
    voltage = np.random.default_rng(5).random(9)
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, voltage={"n1": voltage})
    found = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, spikes["n1"], layer="n1")
    assert found.mistakes == (("another initial voltage in each neuron",),)
    busy = spikes["n1"].sum((0, 1)) > 30
    assert busy.sum() > 3
    # a spike's step tells the voltage to about J·dt/tau_rc; many spikes tell more
    np.testing.assert_allclose(found.matches[0].voltage[busy], voltage[busy], atol=0.05)


def nengo_spikes(layers, x, n_steps, **defaults):
    """Outputs of the layers in Nengo, which applies the gains itself; `defaults` are arguments of the connection."""
    import nengo

    given = {} if "synapse" not in defaults else {"initial_state": {"voltage": nengo.dists.Choice([0])}}
    probed = {f"n{number}": [] for number in range(1, len(layers) + 1)}
    parameters = {name: getattr(LIF_NEURON, name) for name in ("tau_rc", "tau_ref", "amplitude")}
    for sample in x:
        with nengo.Network(seed=1) as network:
            probes, before = [], None
            for layer in layers:
                neuron = nengo.LIF(**parameters, **given)
                ensemble = nengo.Ensemble(len(layer.b), 1, gain=layer.g, bias=layer.beta, neuron_type=neuron)
                data = layer.b if before else sample @ layer.W + layer.b
                nengo.Connection(nengo.Node(data), ensemble.neurons, synapse=None)
                if before:
                    nengo.Connection(before.neurons, ensemble.neurons, transform=layer.W.T, **defaults)
                probes.append(nengo.Probe(ensemble.neurons))
                before = ensemble
        with nengo.Simulator(network, dt=0.001, progress_bar=False, optimize=False) as sim:
            sim.run_steps(n_steps)
        for name, probe in zip(probed, probes, strict=True):
            probed[name].append(sim.data[probe])
    return {name: np.array(arrays) for name, arrays in probed.items()}


@pytest.fixture(scope="module")
def for_nengo():
    return random_layers((3, 10, 6), seed=4), np.random.default_rng(2).normal(0.8, 0.4, (3, 3))


def test_nengos_initial_voltages(for_nengo):
    """Nengo draws a voltage for each neuron unless told otherwise."""
    layers, x = for_nengo
    spikes = nengo_spikes(layers[:1], x, 100)
    found = snnconv.diagnose(as_graph(layers[:1], LIF_NEURON), x, spikes)
    assert found.mistakes == (("another initial voltage in each neuron",),)
    assert found.layers[0].notes == ("your array holds outputs (amplitude/dt = 4 per spike); they were divided by it",)


def test_nengos_connections(for_nengo):
    """They filter unless told otherwise, and the filter's output holds no input of its own step."""
    layers, x = for_nengo
    graph = as_graph(layers, LIF_NEURON)
    assert snnconv.diagnose(graph, x, nengo_spikes(layers, x, 150, synapse=None)).equal
    found = snnconv.diagnose(graph, x, nengo_spikes(layers, x, 150, synapse=0.005))
    assert found.mistakes == (("a lowpass of 5 ms that is not there", "spikes arrive one step late"),)
    assert found.layers[0].is_equal


def test_a_state_that_is_not_reset_between_samples(layers, x):
    graph, flat = as_graph(layers, LIF_NEURON), x.reshape(1, -1, 6)
    spikes = run_by_hand(layers, flat, N * N_STEPS, LIF_NEURON)["n1"].reshape(N, N_STEPS, 9)
    found = snnconv.diagnose(graph, x, spikes, layer="n1")
    assert found.mistakes == (("state carried over from the sample before",),)
    assert found.first.comparison.first.sample > 0


def test_a_few_spikes_moved_by_rounding_do_not_hide_a_mistake(layers, x):
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n1": {"gain left out"}})["n1"]
    sample, step, unit = (int(place[20]) for place in np.nonzero(spikes))
    spikes[sample, step : step + 2, unit] = [0, 1]
    found = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, spikes, layer="n1")
    assert not found.mistakes
    assert found.closest[0].name == "gain left out"
    assert found.nearly is found.closest[0]
    assert "gain left out, up to" in str(found)


def test_spikes_that_come_from_nothing_known(layers, x):
    spikes = np.random.default_rng(0).random((N, N_STEPS, 9)) < 0.1
    found = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, spikes, layer="n1")
    assert not found.mistakes
    assert found.nearly is None
    assert len(found.closest) == 3
    assert str(found).endswith("Different in 'n1': by no mistake that is known, nor by two of them.")


# --- what is reported


def test_the_first_difference(layers, x):
    graph = as_graph(layers, LIF_NEURON)
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON)["n1"]
    spikes[2, 70, 3] ^= 1
    spikes[1, 90, 5] ^= 1
    comparison = snnconv.diagnose(graph, x, spikes, layer="n1").first.comparison
    first = comparison.first
    assert (first.sample, first.step, first.unit) == (2, 71, (3,))
    assert (first.received, first.expected) == (int(spikes[2, 70, 3]), 1 - int(spikes[2, 70, 3]))
    assert (comparison.n_differing, comparison.n_entries) == (2, N * N_STEPS * 9)
    assert (comparison.n_counts_differing, comparison.n_counts) == (2, N * 9)


def test_current_and_voltage_at_the_first_difference(layers, x):
    graph = as_graph(layers, LIF_NEURON)
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n1": {"gain left out"}})
    first = snnconv.diagnose(graph, x, spikes).first
    at = first.comparison.first
    result = snnconv.reference.run(graph, x, N_STEPS, record="n1")
    layer = layers[0]
    J = x[at.sample, at.step - 1] @ (layer.W * layer.g) + layer.b * layer.g + layer.beta
    assert first.current == pytest.approx(J[at.unit])
    assert first.voltage == pytest.approx(result.voltages["n1"][at.sample, at.step - 2][at.unit])


def test_several_inputs_and_a_population_that_takes_two_others():
    rng = np.random.default_rng(0)

    def population(name, source):
        arrays = {"neuron_bias": np.full(5, 1.1), "gain": np.full(5, 2.0)}
        return Population(name=name, inputs=(source,), shape=(5,), neuron=LIF_NEURON, **arrays)

    def dense(name, source):
        arrays = {"kernel": rng.normal(0, 0.8, (5, 5)), "bias": rng.normal(0, 0.3, 5)}
        return Dense(name=name, inputs=(source,), shape=(5,), **arrays)

    nodes = (
        *(Input(name=name, shape=(5,)) for name in ("left", "right")),
        *(dense("d1", "left"), population("n1", "d1"), dense("d2", "right"), population("n2", "d2")),
        *(Add(name="sum", inputs=("n1", "n2"), shape=(5,)), dense("d3", "sum"), population("n3", "d3")),
    )
    graph = SpikingGraph(nodes, {"out": "n3"})
    x = {name: rng.normal(0, 1, (3, 5)) for name in ("left", "right")}
    spikes = dict(snnconv.reference.run(graph, x, 80, record="all").spikes)
    assert snnconv.diagnose(graph, x, spikes).equal
    assert snnconv.diagnose(graph, [x["left"], x["right"]], spikes).equal
    halves = {**x, "right": x["right"] / 255}
    spikes = dict(snnconv.reference.run(graph, halves, 80, record="all").spikes)
    found = snnconv.diagnose(graph, x, spikes)
    assert (found.first.name, found.mistakes) == ("n2", (("input divided by 255 once more",),))
    assert [layer.is_right for layer in found.layers] == [True, False, True]


def test_silence_is_not_called_a_comparison(layers):
    graph = as_graph(layers, LIF_NEURON)
    x = np.zeros((2, 6))
    quiet = SpikingGraph(tuple(node for node in graph.nodes if node.name in ("x", "d1", "n1")), {"out": "n1"})
    quiet = quiet.replace(
        Population(
            name="n1", inputs=("d1",), shape=(9,), neuron=LIF_NEURON, neuron_bias=np.full(9, -9.0), gain=np.ones(9)
        ) if node.name == "n1" else node
        for node in quiet.nodes
    )  # fmt: skip
    assert "nothing was compared" in str(snnconv.diagnose(quiet, x, np.zeros((2, 30, 9))))


def test_private_neurons_are_not_registered():
    assert not [name for name in NEURONS if "Hand" in name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spikes": np.zeros((4, 120, 9))}, "say which population the spikes are of.*n1, n2"),
        ({"spikes": np.zeros((4, 120, 9)), "layer": "lif"}, "'lif' is no population.*There are: n1, n2"),
        ({"spikes": {"n1": np.zeros((4, 120, 9))}, "layer": "n2"}, "there are no spikes of 'n2' among those given: n1"),
        (
            {"spikes": np.zeros((4, 119, 7)), "layer": "n1"},
            r"'n1' must have shape \(4, n_steps, 9\).*Received \(4, 119, 7\)",
        ),
        ({"spikes": np.zeros((4, 9, 120, 1)), "layer": "n1"}, r"must have shape \(4, 120, 9\).*steps first or last"),
        (
            {"spikes": np.full((4, 120, 9), 0.3) + np.eye(120, 9) * 0.2, "layer": "n1"},
            "whole numbers per step.*0.5.*voltages",
        ),
        ({"spikes": np.full((4, 120, 9), np.nan), "layer": "n1"}, "NaN"),
        ({"spikes": np.full((4, 120, 9), "a"), "layer": "n1"}, "must be numbers"),
        ({"spikes": {"n1": np.zeros((4, 120, 9)), "n2": np.zeros((4, 60, 8))}}, "same number of steps"),
        ({"spikes": np.zeros((4, 120, 9)), "layer": "n1", "dt": 0.0}, "dt must be above 0"),
        ({"spikes": np.zeros((4, 120, 9)), "layer": "n1", "x": 3.0}, "x must be an array of samples"),
    ],
)
def test_what_cannot_be_compared(layers, x, arguments, message):
    with pytest.raises((InputError, ParameterError), match=message):
        snnconv.diagnose(as_graph(layers, LIF_NEURON), **{"x": x, **arguments})
