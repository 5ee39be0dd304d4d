"""A unit over time: its products, current, voltage and spikes, as numbers, text and drawing."""

import dataclasses
import json

import numpy as np
import pytest

import snnconv
from snnconv.errors import InputError, ParameterError
from snnconv.graph import Affine, Conv, ConvTranspose, Dense, Filter, Input, Population, SpikingGraph
from snnconv.neurons import NEURONS
from snnconv.neurons.synapses import Lowpass

from ..helpers.explained import inputs_of, odd_model
from ..helpers.networks import forum_model, random_cnn


@pytest.fixture(scope="module")
def models():
    return {"forum": forum_model(), "cnn": random_cnn(), "odd": odd_model()}


@pytest.fixture(scope="module")
def graphs(models):
    return {name: snnconv.convert(model, verbose=False) for name, model in models.items()}


NAMES = pytest.mark.parametrize("name", ["forum", "cnn", "odd"])


# --- units


def around(node, shape):
    """A graph of a linear node between an input of this shape and a population."""
    nodes = (
        Input(name="x", shape=shape),
        node,
        Affine(name="p.gain", inputs=(node.name,), shape=node.shape, scale=np.asarray(1.0)),
        Population(
            name="p", inputs=(node.name,), shape=node.shape,
            neuron=NEURONS["IF"](), neuron_bias=np.full(node.shape[-1:], 0.25), gain=np.ones(()),
        ),
    )  # fmt: skip
    return SpikingGraph(nodes, {"p": "p"})


def kernel(*shape):
    return np.random.default_rng(0).normal(size=shape)


LINEAR = {
    "dense": (Dense(name="l", inputs=("x",), shape=(5, 3), kernel=kernel(4, 3), bias=kernel(3)), (5, 4)),
    "conv": (
        Conv(
            name="l", inputs=("x",), shape=(4, 3, 6), kernel=kernel(3, 2, 2, 6), bias=kernel(6),
            strides=(2, 1), padding=((1, 2), (0, 1)), dilation=(1, 2), groups=2,
        ),
        (7, 4, 4),
    ),
    "transposed": (
        ConvTranspose(
            name="l", inputs=("x",), shape=(9, 3), kernel=kernel(3, 2, 3), bias=None,
            strides=(2,), padding=((0, 0),), dilation=(1,),
        ),
        (4, 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LINEAR)
def test_a_units_products_add_up_to_its_current(case):
    node, shape = LINEAR[case]
    graph = around(node, shape)
    x = np.random.default_rng(1).normal(size=(2, *shape))
    currents = graph.rate_values(x)["l"][1] + 0.25
    for unit in np.ndindex(*node.shape):
        found = graph.explain("p", unit, x, sample=1).unit
        products = sum(term.product for term in found.terms)
        assert products + found.dense_bias + found.neuron_bias == pytest.approx(currents[unit])
        assert found.at.current == pytest.approx(currents[unit])
        assert all(term.x == x[1][term.place] for term in found.terms)


def test_a_unit_can_be_counted_or_placed(graphs):
    graph = graphs["cnn"]
    assert graph.explain("lif2", 17).unit == graph.explain("lif2", (0, 1, 5)).unit
    assert graph.explain("lif2", 17).unit.unit == (0, 1, 5)


def test_without_a_unit_the_busiest_one_is_taken(graphs):
    x = inputs_of(graphs["forum"])
    rates = graphs["forum"].rate_values(x)["lif"]
    found = graphs["forum"].explain(x=x, sample=2)
    assert found.unit.unit == (int(rates[2].argmax()),)
    assert found.unit.at.rate == pytest.approx(rates[2].max() / 0.001)


# --- over time


@NAMES
def test_current_voltage_and_spikes_are_those_of_the_reference(graphs, name):
    graph, x = graphs[name], inputs_of(graphs[name])
    result = snnconv.reference.run(graph, x, 40, record="all")
    for layer, view in graph.populations.items():
        trace = snnconv.explain(graph, layer, x=x, sample=1, n_steps=40).trace
        at = (1, slice(None), *trace.unit)
        np.testing.assert_array_equal(trace.spikes, result.spikes[layer][at])
        # one sample alone is multiplied in another order than three
        np.testing.assert_allclose(trace.voltage, result.voltages[layer][at], atol=1e-9)
        state = view.neuron.initial_state(view.shape)
        for current, count in zip(trace.current, trace.spikes, strict=True):
            spikes, state = view.neuron.step(np.full(view.shape, current), state, 0.001)
            assert spikes[trace.unit] == count


def test_an_input_that_varies_in_time(graphs):
    x = np.random.default_rng(0).normal(size=(2, 30, 16))
    found = snnconv.explain(graphs["forum"], "lif", 3, x, n_steps=30, sample=1)
    lif = graphs["forum"].populations["lif"]
    J = x[1] @ lif.kernel[:, 3] + lif.dense_bias[3] + lif.neuron_bias[3]
    np.testing.assert_allclose(found.trace.current, J)
    assert found.unit.at.current == pytest.approx(J.mean())


def test_the_drawing_has_a_column_per_step(graphs):
    x = inputs_of(graphs["forum"])
    found = snnconv.explain(graphs["forum"], x=x, n_steps=130)
    lines = str(found).splitlines()
    marks = [lines[number + 1] for number, line in enumerate(lines) if line.startswith("  steps ")]
    assert len(marks) == 3
    assert sum(line.count("|") for line in marks) == sum(found.trace.spikes) > 0
    assert lines[-1].split()[0] == "12"


# --- what is printed


@NAMES
def test_the_text_fits_80_columns(models, graphs, name):
    texts = [str(snnconv.explain(models[name])), str(graphs[name].explain())]
    for layer in [*graphs[name].populations, *graphs[name].readouts]:
        texts.append(str(graphs[name].explain(layer)))
    for layer in graphs[name].populations:
        texts.append(str(snnconv.explain(graphs[name], layer, x=inputs_of(graphs[name]), n_steps=70)))
    too_wide = [line for text in texts for line in text.splitlines() if len(line) > 80]
    assert not too_wide


@NAMES
def test_the_data_can_be_written_as_json(graphs, name):
    graph = graphs[name]
    found = snnconv.explain(graph, x=inputs_of(graph), n_steps=5)
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["unit"]["at"]["current"] == found.unit.at.current
    assert data["layers"][0]["name"] == next(iter(graph.populations))
    assert len(data["trace"]["spikes"]) == 5


def test_variables_of_training_stand_below_the_table(models):
    text = str(snnconv.explain(models["cnn"]))
    assert "for training only, not exported: seed_generator" in text


def test_more_layers_than_a_screen_holds_are_named(graphs):
    graph = graphs["cnn"]
    population = graph["hidden"]
    nodes, source = list(graph.nodes[:-2]), "hidden"
    for number in range(3):
        new = dataclasses.replace(population, name=f"more{number}", inputs=(source,))
        nodes += [new, Filter(name=f"f{number}", inputs=(new.name,), shape=new.shape, synapse=Lowpass(0.005))]
        source = f"f{number}"
    text = str(SpikingGraph(tuple(nodes), {"out": source}).explain())
    assert "'more0', 'more1', 'more2': likewise; name a layer to see it." in text


# --- errors and the command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": "lfi"}, "'lfi' is no population or output of 'forum'. There are: lif, readout"),
        ({"layer": "lif", "unit": 8}, "layer 'lif' has 8 units: name one by a number from 0 to 7. Received 8"),
        ({"layer": "lif", "unit": (0, 1)}, r"Received \(0, 1\)"),
        ({"layer": "readout", "unit": 0}, "units and samples are explained for populations. Received 'readout'"),
        ({"layer": "lif", "x": np.zeros((2, 16)), "sample": 2}, "from 0 to 1, as there are 2 samples. Received 2"),
        ({"layer": "lif", "x": np.zeros((2, 15))}, r"must have shape \(n, 16\).*Received \(2, 15\)"),
        ({"dt": 0.0}, "dt must be above 0"),
    ],
)
def test_what_cannot_be_explained(graphs, arguments, message):
    with pytest.raises((InputError, ParameterError), match=message):
        snnconv.explain(graphs["forum"], **arguments)
