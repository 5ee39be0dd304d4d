"""Pages show the numbers of the graph and of the run, and load nothing."""

import base64
import re

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.analysis.view import activity
from snnconv.api import view
from snnconv.errors import InputError, ParameterError
from snnconv.graph.show import HEADINGS, nodes_table
from snnconv.neurons import IF, Tanh
from snnconv.text.plain import number

from ..helpers.graphs import ODD, by_hand
from ..helpers.html_page import Page
from ..helpers.networks import random_cnn

N_STEPS = 47  # no multiple of the steps that are run at a time


@pytest.fixture(scope="module")
def model():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(model):
    return snnconv.convert(model, synapse=0.002, verbose=False)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((3, 12, 12, 2))


@pytest.fixture(scope="module")
def made(graph, x):
    return view(graph, x, sample=2, n_steps=N_STEPS)


@pytest.fixture(scope="module")
def page(made):
    return Page(made.html)


def test_the_page_loads_nothing(made, page):
    loads = {"src", "href", "data", "action", "srcset", "poster", "xlink:href", "background"}
    targets = {value for _, name, value in page.attributes if name in loads}
    assert all(target.startswith("#") for target in targets)
    identities = {value for _, name, value in page.attributes if name == "id"}
    assert {target.removeprefix("#") for target in targets} <= identities
    assert not [tag for tag, _, _ in page.attributes if tag in ("link", "iframe", "img", "object", "embed", "base")]
    assert not re.search(r"https?:|@import|fetch\(|XMLHttpRequest|import\(|WebSocket", made.html)
    assert set(re.findall(r"url\(([^)]*)\)", made.html)) == {"#head"}


def test_the_page_names_every_node_and_tells_every_layer(graph, page):
    text = "".join(page.texts)
    for node in graph.nodes:
        assert node.name in text
    titles = page.elements["summary"]
    for name in (*graph.populations, *graph.readouts):
        assert sum(f"'{name}':" in title for title in titles) == 1
    cells = [[cell.replace("\n", "") for cell in row] for row in nodes_table(graph.nodes).rows]
    assert [list(HEADINGS), *cells] in page.tables


def test_the_numbers_are_those_of_the_graph(graph, page):
    kernels = [row for row in page.rows("kernel'") if len(row) == 7]
    views = [*graph.populations.values(), *graph.readouts.values()]
    assert len(kernels) == len(views)
    for row, each in zip(kernels, views, strict=True):
        low, mean, high = (number(function(each.kernel), 3) for function in (np.min, np.mean, np.max))
        assert row[2:] == ["×".join(map(str, each.kernel.shape)), low, mean, high, row[-1]]
    variables = {row[0]: row for row in page.tables[-2]}
    assert variables["lif1/gain"] == [
        "lif1/gain",
        "8",
        "no",
        "gain",
        "J per u",
        "populations/lif1/gain: for the record",
    ]
    explained = graph.explain()
    assert [row[0] for row in page.tables[-2][1:]] == [variable.path for variable in explained.variables]
    assert [row[4] for row in page.tables[-2][1:]] == [variable.unit for variable in explained.variables]
    assert [row[1:3] for row in page.tables[-1][1:]] == [[each.name, each.value] for each in explained.requirements]


def test_histograms_count_every_weight(graph, page):
    pictures = "".join(page.texts)
    bars = [int(text.rpartition(": ")[2].replace(",", "")) for text in page.elements["title"][1:] if "J per x" in text]
    sizes = [each.kernel.size for each in graph.populations.values()]
    assert sum(bars) == sum(sizes)
    assert "rates in spikes: mean" in pictures


def test_the_spikes_are_those_of_the_run(graph, x, page, made):
    data = page.data
    assert (data["n_steps"], data["dt"]) == (N_STEPS, 0.001)
    assert data == made.to_dict()
    whole = snnconv.reference.run(graph, x[2:], N_STEPS, record="all")
    rates = graph.rate_values(x[2:])
    assert [layer["name"] for layer in data["layers"]] == list(graph.populations)
    for layer in data["layers"]:
        spikes = whole.spikes[layer["name"]][0].reshape(N_STEPS, -1)
        assert layer["n_neurons"] == spikes.shape[1]
        assert len(layer["shown"]) == min(60, layer["n_neurons"])
        steps = [(np.nonzero(spikes[:, unit])[0] + 1).tolist() for unit in layer["shown"]]
        assert layer["steps"] == steps
        counts = [spikes[spikes[:, unit] > 0, unit].tolist() for unit in layer["shown"]]
        assert layer["counts"] == [each if any(n > 1 for n in each) else None for each in counts]
        assert layer["per_step"] == spikes.sum(1).tolist()
        expected = rates[layer["name"]].mean() / graph.populations[layer["name"]].amplitude
        assert layer["expected"] == pytest.approx(expected, rel=1e-5)  # six digits are written
    (output,) = data["outputs"]
    np.testing.assert_allclose(np.transpose(output["values"]), whole.output[0], rtol=1e-5, atol=1e-12)
    assert output["shown"] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(output["expected"], rates[graph["classes"].inputs[0]][0], rtol=1e-5)


def test_inputs_that_vary_in_time_are_run_as_such(graph, x):
    varying = np.random.default_rng(1).random((1, 25, 12, 12, 2))
    data = view(graph, varying, n_steps=25).to_dict()
    spikes = snnconv.reference.run(graph, varying, 25, record="lif2.spikes").spikes["lif2"]
    assert data["layers"][1]["per_step"] == spikes[0].reshape(25, -1).sum(1).tolist()
    expected = graph.rate_values(varying.mean(1))["lif1"].mean() / graph.populations["lif1"].amplitude
    assert data["layers"][0]["expected"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("neuron", [IF(), Tanh()])
def test_several_and_negative_spikes_are_counted(neuron):
    graph = by_hand(neuron)
    x = np.array([[2.0]])
    layer = view(graph, x, n_steps=30).to_dict()["layers"][0]
    spikes = snnconv.reference.run(graph, x, 30, record="all").spikes["p"][0]
    assert np.any((spikes != 0) & (spikes != 1))
    for steps, counts, row in zip(layer["steps"], layer["counts"], spikes.T, strict=True):
        rebuilt = np.zeros(30, int)
        rebuilt[np.array(steps, int) - 1] = 1 if counts is None else counts
        np.testing.assert_array_equal(rebuilt, row)


def test_pages_of_large_networks_stay_small(monkeypatch):
    made = view(by_hand(IF(), n=30_000), np.array([[1.0]]), n_steps=300)
    layer = made.to_dict()["layers"][0]
    assert (layer["n_neurons"], len(layer["shown"])) == (30_000, 60)
    assert len(made.to_dict()["outputs"][0]["shown"]) == 20
    assert len(made.html) < 300_000
    assert (
        len(view(by_hand(IF(), n=50), np.array([[1.0]]), n_steps=20, max_neurons=7).to_dict()["layers"][0]["shown"])
        == 7
    )
    monkeypatch.setattr(activity, "MOST_CELLS", 1000)
    long = view(by_hand(IF(), n=100), np.array([[0.1]]), n_steps=50).to_dict()
    assert len(long["layers"][0]["shown"]) == 20


def test_names_cannot_end_the_script(tmp_path):
    made = view(by_hand(IF(), name=ODD), np.array([[1.0]]), n_steps=5)
    page = Page(made.html)
    assert page.data["layers"][0]["name"] == ODD
    assert sum(tag == "script" for tag, name, _ in page.attributes if name == "id") == 1
    made.save(tmp_path / "odd.html")
    assert (tmp_path / "odd.html").read_text("utf-8") == made.html


def test_a_keras_model_gives_all_its_variables(model, x):
    made = view(model, x, n_steps=2)
    table = next(table for table in Page(made.html).tables if table and table[0][0] == "variable")
    assert [row[0] for row in table[1:]] == [variable.path for variable in model.variables]
    assert "srcdoc=" in made._repr_html_()
    assert "save('report.html')" in repr(made)


def test_without_inputs_it_says_that_they_are_random(graph):
    text = "".join(Page(view(graph, n_steps=2).html).texts)
    assert "Sample 0 of random numbers in 0…1, as no inputs were given, 2 steps of 1 ms" in text


def test_wrong_arguments(graph, x):
    with pytest.raises(InputError, match="sample must be a number from 0 to 2"):
        view(graph, x, sample=3)
    with pytest.raises(ParameterError, match="max_neurons must be a whole number above 0. Received 0"):
        view(graph, x, max_neurons=0)
    with pytest.raises(ParameterError, match="n_steps must be a whole number"):
        view(graph, x, n_steps=0)


def test_samples_to_pick_from_with_labels_pictures_and_maps(x):
    graph = snnconv.convert(random_cnn(), verbose=False)
    made = view(graph, x, sample=[2, 0], labels=["cat", "dog", "owl"], n_steps=9)
    first, second = Page(made.html).samples
    assert [first["about"], second["about"]] == ["Sample 2, label owl", "Sample 0, label cat"]
    assert first["run"] == made.to_dict()
    assert first["pictures"] == [], "two channels are no picture"
    rates = snnconv.reference.run(graph, x[:1], 9, record="all").rates["lif1"][0]
    maps = second["neurons"][0]["maps"]
    assert maps["shape"] == list(rates.shape)
    np.testing.assert_allclose(unpacked(maps), rates, atol=(maps["high"] - maps["low"]) / 500)
    assert second["neurons"][2]["maps"] is None, "a dense layer has none"
    with pytest.raises(InputError, match="labels must have one entry for each of the 3 samples. Received 2"):
        view(graph, x, labels=[0, 1])
    with pytest.raises(ParameterError, match="sample must be the number of a sample, or several"):
        view(graph, x, sample=[])


def test_neurons_have_their_current_and_voltage(graph, x, made):
    whole = snnconv.reference.run(graph, x[2:], N_STEPS, record="all")
    values = graph.rate_values(x[2:])
    for layer, told in zip(made.to_dict()["layers"], Page(made.html).samples[0]["neurons"], strict=True):
        shown, packed = layer["shown"], told["voltages"]
        voltages = whole.voltages[layer["name"]][0].reshape(N_STEPS, -1)[:, shown].T
        np.testing.assert_allclose(unpacked(packed), voltages, atol=(packed["high"] - packed["low"]) / 500)
        node = graph[layer["name"]]
        J = np.broadcast_to(values[node.inputs[0]] + node.neuron_bias, (1, *node.shape)).reshape(-1)[shown]
        np.testing.assert_allclose(told["currents"], J, rtol=1e-5)
        rates = whole.rates[layer["name"]].reshape(-1)[shown]
        np.testing.assert_allclose(told["rates"], rates, rtol=1e-5)


@pytest.mark.parametrize(("shape", "expected"), [((6, 5, 3), (6, 5, 3)), ((6, 5), (6, 5, 1)), ((6,), None)])
def test_an_input_that_is_a_picture_is_shown(shape, expected):
    layers = [kl.Flatten(), kl.Dense(3), snnconv.layers.LIF()]
    graph = snnconv.convert(keras.Sequential([keras.Input(shape), *layers]), verbose=False)
    x = np.random.default_rng(0).random((1, *shape))
    pictures = Page(view(graph, x, n_steps=2).html).samples[0]["pictures"]
    assert [tuple(picture["shape"]) for picture in pictures] == ([] if expected is None else [expected])
    for picture in pictures:
        np.testing.assert_allclose(unpacked(picture), x[0].reshape(expected), atol=1 / 500)


def unpacked(packed):
    """The array that a page holds in bytes."""
    levels = np.frombuffer(base64.b64decode(packed["bytes"]), "uint8").reshape(packed["shape"])
    return packed["low"] + levels / 255 * (packed["high"] - packed["low"])
