"""Nengo scripts: run in Nengo they give exactly the network's spikes, and nothing in a model's names is executed."""

import dataclasses
import importlib.util
import math
import subprocess
import sys

import nengo
import numpy as np
import pytest

from snnconv import export
from snnconv.errors import ExportError
from snnconv.files.manifest import changed_files
from snnconv.graph import Affine, Dense, Filter, Input, MaxPool, SpikingGraph
from snnconv.neurons import IF, LIF, Tanh
from snnconv.neurons.synapses import Alpha, Lowpass
from snnconv.runtime import reference

from ..helpers.small_graphs import OPERATIONS, graph_of, inputs_of, network, normal, op, population, with_neurons

N_STEPS = 60
FIRST, SECOND = LIF(amplitude=0.004), LIF(tau_rc=0.015, tau_ref=0.0013, min_voltage=-0.5, amplitude=0.003)

pytestmark = pytest.mark.filterwarnings("error")


def script_in(folder):
    """The exported script as a module."""
    spec = importlib.util.spec_from_file_location("exported", folder / "network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_exact_in_nengo(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # as it is for most users
    graph = graph_of(name, first=FIRST, second=SECOND)
    verdict = export.export(graph, tmp_path / "x", "nengo", x=inputs_of(graph, 3), n_steps=N_STEPS)
    assert verdict.exact, verdict
    assert all(layer.n_spikes for layer in verdict.measured.layers)
    assert verdict.measured.output_difference < 1e-9  # rounding of sums in another order
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["MANIFEST.json", "network.py", "weights.npz"]
    assert changed_files(tmp_path / "x") == {}


@pytest.mark.parametrize(
    "neuron",
    [
        IF(0.004),
        IF(0.004, min_voltage=-math.inf),
        IF(0.004, min_voltage=-0.5),
        IF(0.004, max_spikes=1),
        LIF(tau_ref=0.0, min_voltage=-math.inf),
    ],
    ids=str,
)
def test_every_neuron_is_exact_in_nengo(neuron, tmp_path):
    graph = graph_of("dense", first=neuron, second=FIRST)
    x = np.random.default_rng(0).normal(100, 500, (3, 200, 5))  # changes sign, and gives several spikes a step
    verdict = export.export(graph, tmp_path / "x", "nengo", x=x, n_steps=200)
    assert verdict.exact, verdict
    assert verdict.measured.layers[0].n_spikes > 100
    is_native = neuron in (IF(0.004), LIF(tau_ref=0.0, min_voltage=-math.inf))
    assert ("class IF" in (tmp_path / "x/network.py").read_text()) != is_native
    assert any("class IF" in note for note in verdict.notes) != is_native


@pytest.mark.parametrize("synapse", [Lowpass(0.005), Lowpass(1e-5), Alpha(0.004)], ids=str)
def test_synapses_in_nodes_have_no_delay(synapse, tmp_path):
    nodes = [
        Filter(name="filter", inputs=("first",), shape=(5,), synapse=synapse),
        op(Dense, (4,), kernel=normal(5, 4) + 1),
    ]
    nodes[1] = dataclasses.replace(nodes[1], inputs=("filter",))
    graph = with_neurons(network(nodes, (5,), "op", (4,)), first=FIRST, second=SECOND)
    x = inputs_of(graph)
    verdict = export.export(graph, tmp_path / "nodes", "nengo", x=x, n_steps=200)
    assert verdict.exact, verdict
    assert all(layer.n_spikes for layer in verdict.measured.layers)
    delayed = export.export(graph, tmp_path / "late", "nengo", x=x, n_steps=200, synapse_delay=True)
    assert not delayed.exact
    assert str(delayed).endswith("Changed: one step of delay in 'filter', as Nengo's synapses have.")


def test_synapses_of_connections_are_late_by_one_step(tmp_path):
    nodes = (
        Input(name="x", shape=(5,)),
        population("first", "x", (5,), FIRST),
        Filter(name="filter", inputs=("first",), shape=(5,), synapse=Lowpass(0.005)),
    )
    graph = SpikingGraph(nodes, {"y": "filter"})
    x = np.random.default_rng(0).random((2, 5)) * 5
    export.export(graph, tmp_path / "x", "nengo", x=x, synapse_delay=True)
    _, outputs = script_in(tmp_path / "x").run({"x": x}, N_STEPS)
    expected = reference.run(graph, x, N_STEPS).output
    assert expected.any()
    np.testing.assert_allclose(outputs["y"][:, 1:], expected[:, :-1], rtol=1e-12)
    assert not outputs["y"][:, 0].any()


def test_an_input_that_varies_and_several_inputs(tmp_path):
    nodes = (
        Input(name="a", shape=(5,)),
        Input(name="b c", shape=(2, 2)),
        op(Dense, (4,), kernel=normal(5, 4)),
        population("b", "b c", (2, 2), FIRST),
        population("second", "op", (4,), SECOND),
    )
    nodes = (nodes[0], nodes[1], dataclasses.replace(nodes[2], inputs=("a",)), *nodes[3:])
    graph = SpikingGraph(nodes, {"one": "second", "two": "b"})
    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=(3, N_STEPS, 5)) * 3, "b c": rng.random((3, 2, 2))}
    verdict = export.export(graph, tmp_path / "x", "nengo", x=x, n_steps=N_STEPS)
    assert verdict.exact, verdict
    assert all(layer.n_spikes for layer in verdict.measured.layers)


def test_build_gives_a_network_for_any_backend(tmp_path):
    graph = graph_of("conv2d same", first=FIRST, second=SECOND)
    x = inputs_of(graph, 1)
    export.export(graph, tmp_path / "x", "nengo", x=x)
    built, layers = script_in(tmp_path / "x").build({"x": x[0]})
    assert [type(ensemble.neuron_type) for ensemble in built.all_ensembles] == [nengo.LIF, nengo.LIF]
    assert any(isinstance(each.transform, nengo.Convolution) for each in built.all_connections)
    with built:
        probe = nengo.Probe(layers["output.y"])
    with nengo.Simulator(built, progress_bar=False) as simulator:
        simulator.run_steps(N_STEPS, progress_bar=False)
    expected = reference.run(graph, x, N_STEPS).output[0]
    np.testing.assert_allclose(simulator.data[probe], expected, rtol=1e-9, atol=1e-9)


def test_the_script_runs_on_its_own(tmp_path):
    graph = graph_of("conv2d same", first=FIRST, second=SECOND)
    x = inputs_of(graph, 2)
    export.export(graph, tmp_path / "x", "nengo", x=x)
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "-W", "error", tmp_path / "x" / "network.py", tmp_path / "x.npy", "--steps", "40"]
    # Nengo itself imports what NumPy has deprecated
    command[2:3] = ["ignore::DeprecationWarning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    spikes = reference.run(graph, x, 40, record="all").spikes
    assert f"first: {spikes['first'].mean() * 1000:.1f} Hz, {spikes['first'].sum():,} spikes" in done.stdout
    assert "y: [[" in done.stdout


EVIL = [
    '"""\nimport nowhere\n"""',
    "'\nimport nowhere\n'",
    "a\nimport nowhere",
    "W",
    "class",
    "1",
    "{x}",
    "a/../b",
    "é",
]


@pytest.mark.parametrize("name", EVIL)
def test_names_are_data_and_never_code(name, tmp_path):
    graph = graph_of("conv2d even and odd", first=FIRST, second=SECOND)
    renamed = {"x": f"{name}0", "first": f"{name}1", "op": f"{name}2", "second": f"{name}3", "out": f"{name}4"}
    nodes = tuple(
        dataclasses.replace(
            node, name=renamed.get(node.name, node.name), inputs=tuple(renamed.get(each, each) for each in node.inputs)
        )
        for node in graph.nodes
    )
    graph = SpikingGraph(nodes, {name: nodes[-1].name}, name)
    verdict = export.export(graph, tmp_path / "x", "nengo", x=inputs_of(graph, 2), n_steps=30)
    assert verdict.exact, verdict


def test_what_nengo_does_not_have_is_named(tmp_path):
    nodes = [
        op(MaxPool, (2, 2, 3), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0))),
        Affine(name="more", inputs=("op",), shape=(2, 2, 3), scale=np.ones(())),
    ]
    graph = with_neurons(network(nodes, (4, 4, 3), "more", (2, 2, 3)), second=Tanh())
    with pytest.raises(ExportError, match=r"target 'nengo' cannot hold the max pooling of 'op'; the Tanh neurons of"):
        export.export(graph, tmp_path / "x", "nengo", approximate=True)


def test_without_nengo_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr("snnconv.export.nengo.importlib.util.find_spec", lambda name: None)
    verdict = export.export(graph_of("dense"), tmp_path / "x", "nengo")
    assert not verdict.exact
    assert str(verdict).startswith("not measured: Nengo is not installed here")
