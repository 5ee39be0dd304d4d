"""What NIR cannot hold: approximated and measured, or refused by name."""

import dataclasses
import math
import sys

import nir
import numpy as np
import pytest

import snnconv
from snnconv import export
from snnconv.errors import ExportError, ParameterError
from snnconv.export.nir.file import read_file
from snnconv.graph import Add, Affine, Dense, Filter, MaxPool, SpikingGraph
from snnconv.neurons import IF, LIF, Tanh
from snnconv.neurons.synapses import Alpha, Lowpass
from snnconv.runtime import reference

from ..helpers.small_graphs import graph_of, inputs_of, network, normal, op, with_neurons

N_STEPS = 60


PROFILES = [{}, {"resistance": "tau/dt"}, {"importer_dt": 0.002}]


# --- what is not held


def test_what_nir_cannot_hold_is_refused_by_name_and_measured_if_allowed(tmp_path):
    graph = graph_of("dense", first=LIF(tau_ref=0.002, min_voltage=0.0))
    message = (
        r"target 'nir' cannot hold the refractory period of 'first'; the voltage floor of 'first'\. "
        r"Train with a tau_ref of 0 and a min_voltage of -inf\. Or write it with approximate=True"
    )
    with pytest.raises(ExportError, match=message):
        export.export(graph, tmp_path / "x.nir", "nir")
    assert not list(tmp_path.iterdir())
    verdict = export.export(graph, tmp_path / "x.nir", "nir", approximate=True, x=inputs_of(graph), n_steps=100)
    assert not verdict.exact
    first, second = verdict.measured.layers
    assert first.n_written > first.n_spikes
    assert 0 < first.share < 1
    assert 0 < second.share < 1
    assert read_file(tmp_path / "x.nir").metadata["not_held"] == "; ".join(map(str, verdict.approximated))
    assert "the refractory period of 'first' (left out)" in str(verdict)


@pytest.mark.parametrize("min_voltage", [None, 0.0, -math.inf])
def test_if_neurons_are_approximated_by_leaks_too_small_to_see(tmp_path, min_voltage):
    graph = graph_of("dense", first=IF(0.004, min_voltage=min_voltage))
    # 30 Hz and more, and never more than one spike in a step, so that only the reset differs
    x = np.random.default_rng(0).uniform(30, 400, (4, 5))
    with pytest.raises(ExportError, match="the IF neurons of 'first'"):
        export.export(graph, tmp_path / "x.nir", "nir")
    for settings in PROFILES:
        verdict = export.export(graph, tmp_path / "x.nir", "nir", approximate=True, x=x, n_steps=50, **settings)
        first = verdict.measured.layers[0]
        spikes = reference.run(graph, x, 50, record="first").spikes["first"]
        # resetting to 0 loses less than one step's current per spike; the first spike of each neuron is the same
        v, reset_to_zero = np.zeros_like(x), np.zeros_like(spikes)
        for step in range(50):
            v = v + (x + graph["first"].neuron_bias) * 0.001
            reset_to_zero[:, step] = v > 1
            v = np.where(v > 1, 0, v)
        assert first.n_spikes == spikes.sum()
        assert first.n_written == reset_to_zero.sum()


def test_an_alpha_synapse_is_two_lowpasses(tmp_path):
    nodes = [
        Filter(name="filter", inputs=("first",), shape=(5,), synapse=Alpha(0.005)),
        Dense(name="op", inputs=("filter",), shape=(4,), kernel=normal(5, 4)),
    ]
    graph = network(nodes, (5,), "op", (4,))
    with pytest.raises(ExportError, match="the Alpha synapse of 'filter'"):
        export.export(graph, tmp_path / "x.nir", "nir")
    verdict = export.export(graph, tmp_path / "x.nir", "nir", approximate=True, x=inputs_of(graph))
    assert verdict.measured.layers[0].share == 0
    assert verdict.measured.output_difference < 0.1


def synapse_graph(bias):
    """Neurons behind a synapse, with and without a constant current, and no synapse before the output."""
    nodes = [
        Filter(name="filter", inputs=("first",), shape=(5,), synapse=Lowpass(0.005)),
        Dense(name="op", inputs=("filter",), shape=(4,), kernel=normal(5, 4) * 2, bias=normal(4) * bias),
    ]
    graph = network(nodes, (5,), "op", (4,))
    nodes = [
        dataclasses.replace(node, neuron_bias=node.neuron_bias * bias) if node.name == "second" else node
        for node in graph.nodes
    ]
    return graph.replace(nodes)


@pytest.mark.parametrize("settings", PROFILES, ids=str)
def test_synapses_in_the_neurons_are_exact_without_biases(settings, tmp_path):
    graph = synapse_graph(bias=0)
    x = inputs_of(graph)
    verdict = export.export(graph, tmp_path / "x.nir", "nir", x=x, n_steps=N_STEPS, synapse_node="CubaLIF", **settings)
    assert verdict.exact, verdict
    assert all(layer.n_spikes for layer in verdict.measured.layers)
    written = nir.read(tmp_path / "x.nir")
    assert not any(isinstance(node, nir.LI) for node in written.nodes.values())
    neurons, dt = written.nodes["second"], settings.get("importer_dt", 1e-4)
    assert isinstance(neurons, nir.CubaLIF)
    np.testing.assert_allclose(neurons.r, neurons.tau_mem / dt)  # its readers insist on both
    np.testing.assert_allclose(neurons.w_in, neurons.tau_syn / dt)
    read = snnconv.read_nir(tmp_path / "x.nir")
    expected, received = (reference.run(each, x, N_STEPS, record="all") for each in (graph, read))
    for name, spikes in expected.spikes.items():
        np.testing.assert_array_equal(received.spikes[name], spikes)


def test_biases_behind_a_synapse_in_the_neurons_are_an_approximation(tmp_path):
    graph = synapse_graph(bias=1)
    x = inputs_of(graph)
    message = r"the biases behind a synapse of 'second'\. Write it with --synapse-node LI\."
    with pytest.raises(ExportError, match=message):
        export.export(graph, tmp_path / "x.nir", "nir", synapse_node="CubaLIF")
    verdict = export.export(graph, tmp_path / "x.nir", "nir", x=x, synapse_node="CubaLIF", approximate=True)
    assert not verdict.exact
    # exactly this: the synapse filters the biases too
    nodes = {node.name: node for node in graph.nodes}
    bias = nodes["op"].bias + nodes["second"].neuron_bias
    changed = [
        *(nodes[name] for name in ("x", "first")),
        dataclasses.replace(nodes["op"], inputs=("first",), bias=bias),
        dataclasses.replace(nodes["filter"], inputs=("op",), shape=(4,)),
        dataclasses.replace(nodes["second"], inputs=("filter",), neuron_bias=np.zeros(4)),
        *(nodes[name] for name in ("flat", "out", "soft")),
    ]
    late, read = graph.replace(changed), snnconv.read_nir(tmp_path / "x.nir")
    expected, received = (reference.run(each, x, 100, record="second").spikes["second"] for each in (late, read))
    np.testing.assert_array_equal(received, expected)
    assert verdict.measured.layers[1].n_written == expected.sum() > 0


def test_a_synapse_before_an_output_or_a_mixture_needs_nodes_of_its_own(tmp_path):
    graph = synapse_graph(bias=0)
    last = Filter(name="last", inputs=("second",), shape=(4,), synapse=Lowpass(0.01))
    out = dataclasses.replace(graph["out"], inputs=("last",))
    behind = SpikingGraph((*graph.nodes[:-3], last, out), {"y": "out"})
    with pytest.raises(ExportError, match=r"the synapse before an output of 'last'.*left out"):
        export.export(behind, tmp_path / "x.nir", "nir", synapse_node="CubaLIF")
    both = Add(name="both", inputs=("filter", "first"), shape=(5,))
    mixed = [dataclasses.replace(node, inputs=("both",)) if node.name == "op" else node for node in graph.nodes]
    mixed = SpikingGraph((*mixed[:3], both, *mixed[3:]), {"y": "out"})
    assert export.export(mixed, tmp_path / "x.nir", "nir", x=inputs_of(graph)).exact
    with pytest.raises(ExportError, match="the different synapses before one CubaLIF of 'second'"):
        export.export(mixed, tmp_path / "x.nir", "nir", synapse_node="CubaLIF", approximate=True)


def test_max_pooling_and_other_neurons_have_no_approximation(tmp_path):
    nodes = [
        op(MaxPool, (2, 2, 3), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0))),
        Affine(name="more", inputs=("op",), shape=(2, 2, 3), scale=np.ones(())),
    ]
    graph = with_neurons(network(nodes, (4, 4, 3), "more", (2, 2, 3)), second=Tanh())
    message = r"the max pooling of 'op'; the Tanh neurons of 'second'\. Convert with max_to_avg_pool=True"
    with pytest.raises(ExportError, match=message):
        export.export(graph, tmp_path / "x.nir", "nir", approximate=True)


def test_a_matrix_that_would_be_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["snnconv.export.nir.lower"], "MAX_MATRIX", 100)
    with pytest.raises(ExportError, match=r"the ConvTranspose of 'op'\. As a matrix it would have 1,944 weights"):
        export.export(graph_of("transposed"), tmp_path / "x.nir", "nir")


def test_options_are_checked(tmp_path):
    graph = graph_of("dense")
    for value in (0, -1, math.nan, math.inf):
        with pytest.raises(ParameterError, match="--importer-dt must be above 0 seconds"):
            export.export(graph, tmp_path / "x.nir", "nir", importer_dt=value)
    with pytest.raises(ParameterError, match="--resistance must be one of 1, tau/dt"):
        export.export(graph, tmp_path / "x.nir", "nir", resistance="2")
