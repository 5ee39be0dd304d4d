"""Integer graphs as data: checked, frozen, run, and shown."""

import dataclasses

import numpy as np
import pytest

from snnconv.errors import ConversionError, InputError, ParameterError, SnnconvError
from snnconv.neurons import LIF
from snnconv.quantize import ReadoutLayer, SpikingLayer, quantize, run

from ..helpers.branched_networks import random_branches
from ..helpers.integer_networks import DT, Line, quantised_by_hand, quarter_leak_network, random_line


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight_bits": 1}, "weight_bits must be a whole number from 2 to 16. Received 1"),
        ({"weight_bits": 8.5}, "weight_bits must be a whole number"),
        ({"fraction_bits": 40}, "fraction_bits must be"),
        ({"dt": 0.0}, "dt must be above 0 seconds"),
        ({"scale": "channel"}, "scale must be one of neuron, layer, power_of_two. Received 'channel'"),
        ({"input": 8}, "input must be an Analog, a RateCode or a LatencyCode"),
    ],
)
def test_parameters_are_checked(settings, message):
    with pytest.raises(ParameterError, match=message):
        quantize(quarter_leak_network(), **settings)


def test_runs_check_their_data():
    graph = quantize(quarter_leak_network(), n_steps=100)
    for x, message in [
        ([[0.5, 1.2]], r"inputs reach from 0.5 to 1.2, outside of the 0…1 .*Analog\(low=…, high=…\)"),
        ([[0.5]], r"input 'x' must have shape \(n, 2\) or \(n, 10, 2\). Received \(1, 1\)"),
        ([[np.nan, 1]], "NaN"),
        (np.zeros((0, 2)), "holds no samples"),
        ([["a", "b"]], "must be an array of numbers"),
    ]:
        with pytest.raises(InputError, match=message):
            run(graph, x, 10)
    with pytest.raises(ParameterError, match="proven for 100 steps. Received n_steps=101"):
        run(graph, [[0, 1]], 101)
    with pytest.raises(InputError, match="cannot record 'lof'"):
        run(graph, [[0, 1]], 10, record="lof")


def test_a_graph_that_was_changed_by_hand_leaves_its_proven_ranges():
    graph = quantised_by_hand()
    lif = graph.populations["lif"]
    louder = dataclasses.replace(lif, bias=lif.bias + 100)
    changed = dataclasses.replace(graph, nodes=tuple(louder if node is lif else node for node in graph.nodes))
    with pytest.raises(SnnconvError, match="the drive of 'lif' reaches .* outside of its proven range -5…15"):
        run(changed, [[1, 1]], 5)


def test_nothing_in_an_integer_graph_can_be_changed():
    graph = quantised_by_hand()
    lif = graph.populations["lif"]
    with pytest.raises(ValueError, match="read-only"):
        lif.kernel[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        lif.leak = 3
    with pytest.raises(TypeError):
        lif.ranges["voltage"] = None


def test_a_graph_that_does_not_hang_together_is_refused():
    graph = quantised_by_hand()
    x, lif, out = graph.nodes
    for nodes, outputs, message in [
        ((x, out), {"y": "y"}, "node 'y' is fed by 'lif', which does not come before it"),
        ((lif, out), {"y": "y"}, "node 'lif' is not where it can be"),
        ((x, lif, x, out), {"y": "y"}, "node 'x' is not where it can be"),
        ((x, lif, dataclasses.replace(out, inputs=("lif", "x"))), {"y": "y"}, "cannot be fed by \\['lif', 'x'\\]"),
        ((x, lif, dataclasses.replace(out, inputs=())), {"y": "y"}, "node 'y' .* cannot be fed by \\[\\]"),
        ((x, lif, out), {"y": "lif"}, "output 'y' names 'lif', which is no readout"),
        ((x, lif, out), {}, "has an input and an output"),
    ]:
        with pytest.raises(SnnconvError, match=message):
            dataclasses.replace(graph, nodes=nodes, outputs=outputs)


def test_the_summary_prints_itself(capsys):
    quantize(random_line(3, conv=True, synapse=True)).summary()
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    for word in ("n1", "n2", "pool", "Readout", "LIF", "SumPool", "Analog"):
        assert word in text


def test_layers_are_of_the_kinds_that_writers_know():
    graph = quantised_by_hand()
    assert [type(node) for node in graph.nodes[1:]] == [SpikingLayer, ReadoutLayer]
    assert (graph.populations["lif"].connection, graph.dt, graph.bits) == ("dense", DT, 19)


def test_a_branch_has_one_layer_that_adds_it():
    graph = quantize(random_branches(0, "dense"))
    twice = dataclasses.replace(graph["n2"], inputs=("n1", "n2.branch1", "n2.branch1"))
    nodes = tuple(twice if node.name == "n2" else node for node in graph.nodes)
    with pytest.raises(SnnconvError, match="branch 'n2.branch1' is added more than once"):
        dataclasses.replace(graph, nodes=nodes)


def test_a_branch_and_a_layer_of_one_name_are_refused():
    line = Line((3,)).dense("d", np.eye(3)).neurons("n.branch1", LIF(), 1.0)
    spikes = line.last
    line.dense("e", np.eye(3)).plus("sum", spikes).neurons("n", LIF(), 1.0)
    with pytest.raises(ConversionError, match=r"are called 'n\.branch1'. Rename the layer"):
        quantize(line.graph())
