"""Every mistake of a hand-written loop is found, alone and in pairs."""

import dataclasses
import itertools

import numpy as np
import pytest

import snnconv
from snnconv.neurons import IF

from ..helpers.by_hand import IF_NEURON, LIF_NEURON, Layer, as_graph, random_layers, run_by_hand
from ..helpers.diagnosed import BY_NAME, IF_GAINS, N_STEPS, SYNAPSE, WRITTEN, changing_inputs, diagnosed

IN_ANY_LAYER = [
    *("gain left out", "gain applied twice", "gain left out of the dense bias", "gain left out of the kernel"),
    *("neuron bias left out", "neuron bias multiplied by the gain", "neuron bias multiplied instead of added"),
    *("dense bias left out", "kernel transposed", "trained kernel transposed", "ReLU before the neurons"),
]


OF_SIGNALS = [
    *("spike height 1", "amplitude left out (spike height 1/dt)"),
    *("dt left out of the spike height (height amplitude)", "spikes arrive one step late"),
    "a lowpass of 5 ms that is not there",
]


OF_SYNAPSES = ["synapse left out", "synapse by Euler"]


OF_LIF = [
    *("Euler instead of exact decay", "leak left out", "input current not multiplied by 1 - exp(-dt/tau_rc)"),
    *("refractory period in whole steps", "refractory period in whole steps, one fewer"),
    *("refractory period in whole steps, one more", "no refractory period"),
    *("refractory period one step too long", "no voltage floor", "reset by subtraction"),
]


OF_IF = [
    *("dt left out of the integration", "reset to 0", "no voltage floor", "voltage floor at 0"),
    *("negative currents ignored", "at most one spike in a step"),
]


OF_INPUTS = ["input in 0…255", "input divided by 255 once more", "input one step late"]


@pytest.fixture(scope="module")
def layers():
    return random_layers()


@pytest.fixture(scope="module")
def x():
    return changing_inputs()


@pytest.mark.parametrize("synapse", [None, SYNAPSE])
@pytest.mark.parametrize(("neuron", "gains"), [(LIF_NEURON, (1.5, 2.5)), (IF_NEURON, IF_GAINS)], ids=["LIF", "IF"])
def test_the_hand_written_loop_without_mistakes_is_the_reference(x, neuron, gains, synapse):
    layers = random_layers(gains=gains)
    spikes = run_by_hand(layers, x, N_STEPS, neuron, synapse=synapse)
    found = snnconv.diagnose(as_graph(layers, neuron, synapse), x, spikes)
    assert found.equal
    assert found.first is None
    assert sum(layer.comparison.n_expected for layer in found.layers) > 200
    assert str(found).endswith("spikes are the reference's.")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("layer", ["n1", "n2"])
@pytest.mark.parametrize("name", [*IN_ANY_LAYER, *OF_LIF])
def test_one_mistake_in_a_layer_of_lif_neurons(layers, x, name, layer):
    found = diagnosed(layers, x, LIF_NEURON, [name], layer=layer)
    assert (found.first.name, found.mistakes) == (layer, ((name,),))
    others = [each for each in found.layers if each.name != layer]
    assert all(each.is_right for each in others), "the other layer was computed without mistakes from what it got"
    assert not found.equal


@pytest.mark.parametrize("name", OF_SIGNALS)
def test_one_mistake_on_the_way_to_a_layer(layers, x, name):
    found = diagnosed(layers, x, LIF_NEURON, [name])
    assert (found.first.name, found.mistakes) == ("n2", ((name,),))


@pytest.mark.parametrize("name", OF_SYNAPSES)
def test_one_mistake_in_a_synapse(layers, x, name):
    assert diagnosed(layers, x, LIF_NEURON, [name], SYNAPSE).mistakes == ((name,),)


@pytest.mark.parametrize("name", OF_INPUTS)
def test_one_mistake_in_the_input(layers, x, name):
    assert diagnosed(layers, x, LIF_NEURON, [name], layer="n1").mistakes == ((name,),)


@pytest.mark.parametrize("name", OF_IF)
def test_one_mistake_in_a_layer_of_if_neurons(x, name):
    layers = random_layers(gains=IF_GAINS)
    assert (name,) in diagnosed(layers, x, IF_NEURON, [name], layer="n1").mistakes


def test_several_spikes_in_a_step(x):
    layers, neuron = random_layers(gains=IF_GAINS), IF(amplitude=0.004, min_voltage=-0.5, max_spikes=1)
    found = diagnosed(layers, x, neuron, ["several spikes in a step"], layer="n1")
    assert found.mistakes == (("several spikes in a step",),)


def test_a_normalisation_left_out(layers, x):
    rng = np.random.default_rng(8)
    plain, scale, shift = layers[0], rng.uniform(0.5, 1.5, 9), rng.normal(0, 0.3, 9)
    normalised = dataclasses.replace(plain, W=plain.W * scale, b=plain.b * scale + shift)
    graph = as_graph([normalised], LIF_NEURON)
    trained = {"kernel": plain.W, "bias": plain.b}
    nodes = (
        dataclasses.replace(node, trained=trained, folded=("norm", "n1.gain")) if node.name == "d1" else node
        for node in graph.nodes
    )
    graph = dataclasses.replace(graph, nodes=tuple(nodes))
    assert snnconv.diagnose(graph, x, run_by_hand([normalised], x, N_STEPS, LIF_NEURON)).equal
    spikes = run_by_hand([plain], x, N_STEPS, LIF_NEURON)
    assert snnconv.diagnose(graph, x, spikes).mistakes == (("normalisation left out",),)


def test_every_mistake_has_a_test():
    with_tests_of_their_own = {
        *("normalisation left out", "several spikes in a step", "spike at v ≥ 1", "spike only at v > 1"),
        *("another initial voltage", "another initial voltage in each neuron", "computed in float32"),
        *("state carried over from the sample before", "kernel of the convolution flipped"),
        "flatten in channels-first order",
    }
    listed = {*IN_ANY_LAYER, *OF_SIGNALS, *OF_SYNAPSES, *OF_LIF, *OF_IF, *OF_INPUTS, *WRITTEN}
    assert listed | with_tests_of_their_own == set(BY_NAME)


def pairs():
    """Two mistakes in different places of one layer of LIF neurons."""
    both = itertools.combinations([*IN_ANY_LAYER, *OF_SIGNALS, *OF_LIF], 2)
    return [pair for pair in both if BY_NAME[pair[0]].slot != BY_NAME[pair[1]].slot]


def check_pair(layers, x, pair):
    """The two are named, or mistakes that make the same spikes.

    These are a single one where the other of the two makes no difference beside it: what reaches no threshold has no
    refractory period. Or it is called otherwise: once the dense bias is left out, a gain left out of the kernel is one
    left out.
    """
    matches = diagnosed(layers, x, LIF_NEURON, pair).mistakes
    made = [names for names in matches if set(names) <= {*IN_ANY_LAYER, *OF_SIGNALS, *OF_LIF}]
    assert made
    expected, *others = (
        run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n2": set(names)})["n2"] for names in (pair, *made)
    )
    assert all(np.array_equal(spikes, expected) for spikes in others)
    is_alone = any(len(names) == 1 for names in made)
    assert is_alone or set(pair) in map(set, made) or "dense bias left out" in pair


@pytest.mark.sampled(5)
@pytest.mark.parametrize("pair", pairs()[7::23], ids=" + ".join)
def test_two_mistakes_at_once(layers, x, pair):
    check_pair(layers, x, pair)


@pytest.mark.slow
@pytest.mark.parametrize("pair", pairs(), ids=" + ".join)
def test_any_two_mistakes_at_once(layers, x, pair):
    check_pair(layers, x, pair)


def test_mistakes_that_make_the_same_spikes_are_all_listed(x):
    """Where both biases are the same, it cannot be told from spikes which of them was left out."""
    rng = np.random.default_rng(3)
    bias = rng.normal(0.8, 0.2, 8)
    layer = Layer(rng.normal(0, 0.6, (6, 8)), bias / 2, np.full(8, 2.0), bias)
    found = diagnosed([layer], x, LIF_NEURON, ["dense bias left out"], layer="n1")
    assert set(found.mistakes) == {("dense bias left out",), ("neuron bias left out",)}
    text = str(found)
    assert "these data cannot tell them apart" in text
    assert text.endswith("or one other that fits.")


def test_with_one_gain_for_all_units_the_trained_kernel_transposed_is_the_exported_one_transposed(x):
    layers = random_layers(gains=(2.0332448, 2.0332448))
    assert diagnosed(layers, x, LIF_NEURON, ["trained kernel transposed"]).mistakes == (("kernel transposed",),)


@pytest.mark.parametrize("name", ["gain left out", "Euler instead of exact decay", "refractory period in whole steps"])
def test_a_mistake_in_every_layer_is_found_from_the_last_layer_alone(layers, x, name):
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n1": {name}, "n2": {name}})
    graph = as_graph(layers, LIF_NEURON)
    found = snnconv.diagnose(graph, x, spikes["n2"], layer="n2")
    assert found.mistakes == ((name,),)
    assert found.matches[0].everywhere
    assert "in every layer up to this one" in str(found)
    both = snnconv.diagnose(graph, x, spikes)
    assert [[finding.name for finding in layer.found.exact] for layer in both.layers] == [[name], [name]]


def test_a_mistake_before_the_layer_that_was_given_is_not_taken_for_one_in_it(layers, x):
    """n1 goes wrong, n2 does not: with n1 given, n2 is right."""
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n1": {"gain left out"}})
    first, second = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, spikes).layers
    assert (first.is_right, second.is_right) == (False, True)
    assert not second.comparison.is_equal
