"""`explain`: its numbers are those of the network, it leaves out no variable, and it fits a screen."""

import dataclasses
import json
import re
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers as kl
from typer.testing import CliRunner

import snnconv
from snnconv.analysis.explain import explain
from snnconv.analysis.explain.equations import filter_numbers, rate_equation, rate_point, step_equation
from snnconv.cli import app
from snnconv.errors import InputError, ParameterError
from snnconv.graph import Affine, Conv, ConvTranspose, Dense, Filter, Input, Population, SpikingGraph
from snnconv.neurons import NEURONS
from snnconv.neurons.synapses import SYNAPSES, Alpha, Lowpass

from ..helpers.networks import forum_model, random_cnn, randomise


def odd_model() -> keras.Model:
    """What is rare: a nested model, a shared layer, slopes per unit, a separable kernel, a norm that does not fold."""
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((4,)), kl.Dense(4, name="dense"), kl.Dropout(0.5)], name="encoder")
    inputs = keras.Input((4,), name="x")
    shared = kl.Dense(4, activation=kl.PReLU(alpha_initializer=keras.initializers.Constant(0.2)), name="shared")
    x = shared(inner(inputs))
    x = snnconv.layers.LIF((100, 200), seed=1, name="lif")(shared(x))
    x = kl.BatchNormalization(name="norm")(x)
    x = kl.TimeDistributed(kl.Dense(3, name="inside"), name="distributed")(kl.Reshape((2, 2), name="reshape")(x))
    x = kl.SeparableConv1D(3, 2, padding="same", name="separable")(x)
    x = snnconv.layers.IF(name="if")(x)
    x = kl.Conv1DTranspose(2, 3, strides=2, name="transposed")(x)
    model = keras.Model(inputs, kl.Flatten(name="flatten")(x), name="odd")
    model(np.zeros((1, 4)))
    return randomise(model)


@pytest.fixture(scope="module")
def models():
    return {"forum": forum_model(), "cnn": random_cnn(), "odd": odd_model()}


@pytest.fixture(scope="module")
def graphs(models):
    return {name: snnconv.convert(model, verbose=False) for name, model in models.items()}


NAMES = pytest.mark.parametrize("name", ["forum", "cnn", "odd"])


def inputs_of(graph, n=3):
    rng = np.random.default_rng(0)
    return {node.name: rng.random((n, *node.shape)) for node in graph.inputs}


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
        assert "snnconv.neurons" not in rate_equation(neuron)
        assert step_equation(neuron)
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


@pytest.fixture(scope="module")
def folder(graphs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    graphs["forum"].save(folder / "forum.snn.h5")
    np.save(folder / "x.npy", next(iter(inputs_of(graphs["forum"]).values())))
    return folder


def run(*arguments):
    result = CliRunner().invoke(app, ["explain", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_prints_the_same_as_the_object(graphs, folder):
    result = run(folder / "forum.snn.h5")
    assert result.exit_code == 0
    assert result.stdout.strip() == str(graphs["forum"].explain()).strip()


def test_the_command_draws_a_unit(folder):
    result = run(folder / "forum.snn.h5", "lif", "2", "-i", folder / "x.npy", "--plot", folder / "unit.png")
    assert result.exit_code == 0
    assert f"Wrote {folder / 'unit.png'}." in result.stdout
    assert (folder / "unit.png").read_bytes()[1:4] == b"PNG"


def test_the_command_gives_json(graphs, folder):
    found = json.loads(run(folder / "forum.snn.h5", "lif", "2", "--json", "--dt", "0.0005").stdout)
    assert found["dt"] == 0.0005
    kernel = graphs["forum"].populations["lif"].kernel
    assert [term["kernel"] for term in found["unit"]["terms"]] == kernel[:, 2].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lif", "one"), "UNIT is a number, or a place as in 3,4,0. Received 'one'"),
        (("lif", "0", "--plot", "u.png"), "--plot shows a unit at a sample"),
        (("lif", "0", "-i", "x.npy", "--plot", "u.tiger"), "Name a file with .png, .svg or .pdf"),
        (("lif", "0", "-i", "x.npy", "--steps", "0"), "n_steps must be a whole number above 0"),
    ],
)
def test_the_command_fails_in_one_line(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    result = run("forum.snn.h5", *arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert not list(folder.glob("u.*"))


# --- the page


def test_the_page_on_understanding_shows_what_the_commands_print(tmp_path, monkeypatch):
    """Its programs run, and its texts are those of the commands up to the digits, which the platform may change."""
    page = (Path(__file__).parents[2] / "docs" / "understanding.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)), {})
    shown = re.findall(r"```text\n\$ snnconv (.*?)\n(.*?)\n```", page, re.S)
    assert [command.split()[0] for command, _ in shown] == ["explain", "explain", "diagnose"]
    for command, text in shown:
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == (1 if command.startswith("diagnose") else 0)
        assert words(result.stdout) == words(text)


def words(text):
    """A text without numbers, bars and the blanks that align them."""
    return re.sub(r"-?\d[\d.,e%-]*|[▁-█|─]", "", text).split()
