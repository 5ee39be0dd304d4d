"""`explain`: its numbers are those of the network, it leaves out no variable, and it fits a screen."""

import h5py
import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.analysis.explain import explain
from snnconv.analysis.explain.equations import filter_numbers, rate_point
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF, NEURONS
from snnconv.neurons.synapses import SYNAPSES, Alpha, Lowpass

from ..helpers.explained import odd_model
from ..helpers.networks import forum_model, random_cnn, randomise


@pytest.fixture(scope="module")
def models():
    return {"forum": forum_model(), "cnn": random_cnn(), "odd": odd_model()}


@pytest.fixture(scope="module")
def graphs(models):
    return {name: snnconv.convert(model, verbose=False) for name, model in models.items()}


NAMES = pytest.mark.parametrize("name", ["forum", "cnn", "odd"])


# --- variables


def value_at(file, place):
    """A dataset or an attribute of an exported file."""
    if place in file:
        return file[place][()]
    group, _, attribute = place.rpartition("/")
    return file[group].attrs[attribute]


@NAMES
def test_every_variable_of_a_keras_model_has_its_place_in_the_export(models, graphs, name, tmp_path):
    model, graph = models[name], graphs[name]
    found = snnconv.explain(model)
    assert [(row["path"], row["shape"], row["is_trainable"]) for row in found.rows] == [
        (variable.path, tuple(variable.shape), variable.trainable) for variable in model.variables
    ]
    graph.save(tmp_path / "graph.snn.h5")
    with h5py.File(tmp_path / "graph.snn.h5") as file:
        for row, variable in zip(found.rows, model.variables, strict=True):
            assert row["places"] or row["role"] == "training only", row
            for place in row["places"]:
                assert np.size(value_at(file, place)), place
            for place in row["trained_places"]:
                stored = value_at(file, place)
                # transposed and separable kernels have other axes
                np.testing.assert_array_equal(np.sort(stored, None), np.sort(np.asarray(variable), None))
    assert {row["path"] for row in found.rows if not row["places"]} == {
        path for path in (row["path"] for row in found.rows) if path.endswith("seed_generator_state")
    }


def test_places_hold_what_is_said_of_them(models, graphs):
    rows = {row["path"]: row for row in snnconv.explain(models["cnn"]).rows}
    assert rows["conv1/kernel"]["places"] == ("populations/lif1/kernel",)
    assert rows["conv1/kernel"]["change"] == "× gain × norm"
    assert rows["norm/moving_mean"]["places"] == ("populations/lif1/dense_bias",)
    assert rows["norm/gamma"]["places"] == ("populations/lif1/kernel", "populations/lif1/dense_bias")
    assert rows["lif2/bias"]["places"] == ("populations/lif2/neuron_bias",)
    assert rows["hidden/bias"]["places"] == ("populations/hidden/dense_bias",)
    assert rows["classes/kernel"]["places"] == ("readout/classes/kernel",)
    assert rows["classes/kernel"]["change"] == "as it is"
    odd = {row["path"]: row for row in snnconv.explain(models["odd"]).rows}
    assert odd["encoder/dense/kernel"]["places"] == ("nodes/encoder.dense/kernel",)
    assert odd["shared/kernel"]["places"] == ("populations/shared/kernel", "populations/shared@2/kernel")
    assert odd["lif/gain"]["places"] == ("nodes/lif.gain/scale",)
    assert odd["separable/depthwise_kernel"]["places"] == ("nodes/separable.depthwise/kernel",)
    assert odd["separable/pointwise_kernel"]["places"] == ("populations/if/kernel",)


@NAMES
def test_an_exported_graph_knows_its_trained_variables(models, graphs, name, tmp_path):
    graphs[name].save(tmp_path / "graph.snn.h5")
    found = snnconv.explain(tmp_path / "graph.snn.h5")
    of_keras = snnconv.explain(models[name])
    assert {row["places"] for row in found.rows} >= {row["places"] for row in of_keras.rows if row["trained_places"]}


# --- layers


@NAMES
def test_what_a_spike_of_a_unit_is_worth(graphs, name):
    """One spike in a run of what lies behind a population adds to each layer what is said."""
    graph = graphs[name]
    for view in graph.populations.values():
        unit = tuple(size // 2 for size in view.shape)
        effects = explain(graph, view.name, unit).unit.effects
        nodes, seen = [], False
        for node in graph.nodes:
            given = Input(name=node.name, shape=node.shape)
            nodes.append(given if isinstance(node, (Population, Input)) else node)
            seen = seen or node.name == view.name
        for target, values in effects.items():
            place = graph[target].inputs[0] if target in graph.populations else graph.outputs[target]
            behind = SpikingGraph(tuple(nodes), {"y": place})
            spike = {node.name: np.zeros((2, *node.shape)) for node in behind.inputs}
            spike[view.name][(1, *unit)] = view.amplitude / 0.001
            result = snnconv.reference.run(behind, spike, 1).output[:, 0]
            np.testing.assert_allclose(values, (result[1] - result[0]).ravel(), atol=1e-9)


def test_weights_times_the_spike_height(graphs):
    (effect,) = explain(graphs["forum"]).layers[0].effects
    kernel = graphs["forum"].readouts["readout"].kernel
    assert (effect.low, effect.high) == (kernel.min(), kernel.max())
    assert effect.factor == 1
    pooled = explain(graphs["cnn"]).layers[0].effects[0]
    assert pooled.layer == "lif2"
    assert pooled.factor == pytest.approx(0.01 / 0.001 / 4)
    assert pooled.notes == ("'pool' averages 2×2 units",)


def test_all_neurons_have_equations_and_rates():
    for kind in NEURONS.values():
        neuron = kind()
        assert "snnconv.neurons" not in neuron.equations.rate
        assert neuron.equations.step
        points = [point for rate in (60.0, 80.0) if (point := rate_point(neuron, rate, 0.001))]
        assert points
        for point in points:
            assert neuron.rate(np.asarray(point.current)) == pytest.approx(neuron.amplitude * point.rate)
            assert point.interval_steps * 0.001 == pytest.approx(1 / point.rate)


def test_all_synapses_have_an_equation_and_coefficients():
    for kind in SYNAPSES.values():
        found = filter_numbers("f", kind(0.004), 0.001)
        assert "snnconv.synapses" not in found.equation
        assert found.a == pytest.approx(np.exp(-0.25))
    assert filter_numbers("f", Lowpass(0.004), 0.001).own_step == pytest.approx(1 - np.exp(-0.25))
    # two lowpasses in series, the first of which has the impulse in its own step
    assert 0 < filter_numbers("f", Alpha(0.004), 0.001).own_step < 1 - np.exp(-0.25)


def test_a_synapse_is_told(models):
    found = snnconv.explain(models["cnn"], synapse=0.005)
    assert found.layers[0].filters[0].a == pytest.approx(np.exp(-0.2))
    assert "Lowpass 5 ms: y += (1 - a)·(x - y), a = exp(-dt/tau) = 0.818731" in " ".join(str(found).split())
    assert {each.name: each.value for each in found.requirements}["synapse"] == "Lowpass 5 ms"


def test_a_graph_that_does_not_say_what_was_folded():
    nodes = (
        Input(name="x", shape=(2,)),
        Dense(name="d", inputs=("x",), shape=(3,), kernel=np.ones((2, 3)), bias=None),
        Population(
            name="p", inputs=("d",), shape=(3,), neuron=NEURONS["LIF"](), neuron_bias=np.ones(3), gain=np.full(3, 2.0)
        ),
    )  # fmt: skip
    text = str(SpikingGraph(nodes, {"p": "p"}).explain())
    assert "gain      2, fixed; already in kernel' and dense_bias'" in text


def test_a_slope_per_channel_is_explained():
    model = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.PReLU(shared_axes=[1, 2], name="p")])
    model.layers[-1].alpha.assign(np.array([0.1, 0.4]).reshape(1, 1, 2))
    graph = snnconv.convert(model, verbose=False)
    assert "negative_slope" in str(snnconv.explain(graph))
    assert "negative_slope" in snnconv.view(graph, n_steps=5).html


@pytest.mark.parametrize("use_bias", [True, False])
def test_biases_of_an_activation_that_were_trained_in_spikes_are_told_from_those_of_its_layer(use_bias):
    keras.utils.set_random_seed(0)
    dense = [kl.Dense(5, activation="relu", use_bias=use_bias, name="hidden"), kl.Dense(3, name="out")]
    graph = snnconv.convert(randomise(keras.Sequential([keras.Input((4,)), *dense])), verbose=False)
    graph = snnconv.calibrate(graph, np.random.default_rng(0).random((40, 4)), 4)
    model = graph.to_keras(4, trainable=("kernels", "dense_biases", "neuron_biases"))
    (bias,) = [weights for weights in model.trainable_variables if weights.path.endswith("neuron_bias")]
    bias.assign(np.arange(5.0))
    found = graph.with_weights_of(model).explain()
    places = {row["path"]: row["places"] for row in found.rows}
    assert places.get("hidden/bias", ("populations/hidden/dense_bias",)) == ("populations/hidden/dense_bias",)
    assert places["hidden/neuron_bias"] == ("populations/hidden/neuron_bias",)
    assert "neuron_bias of their own, trained in spikes" in " ".join(str(found).split())


def test_what_it_takes_names_a_limit_where_steps_use_it():
    class Limited(IF, abstract=True):
        def step(self, J, state, dt, xp=np):
            return super().step(xp.minimum(J, self.rate_limit), state, dt, xp)

    def of(neuron):
        nodes = (
            Input(name="in", shape=(2,)),
            Population(name="n", inputs=("in",), shape=(2,), neuron=neuron, neuron_bias=np.zeros(2), gain=np.ones(2)),
        )
        return {each.name for each in explain(SpikingGraph(nodes, {"y": "n"})).requirements}

    assert "rate_limit" in of(Limited(rate_limit=100.0))
    assert "rate_limit" not in of(IF(rate_limit=100.0))
