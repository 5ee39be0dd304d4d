"""Mistakes made in an independent loop are named, alone and in pairs; what cannot be told apart is listed."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import snnconv
from snnconv.analysis.diagnose.mistakes import MISTAKES
from snnconv.cli import app
from snnconv.errors import InputError, ParameterError
from snnconv.graph import Add, AveragePool, Conv, Dense, Input, Population, Reshape, SpikingGraph
from snnconv.neurons import IF, NEURONS

from ..helpers.by_hand import IF_NEURON, LIF_NEURON, Layer, as_graph, random_layers, run_by_hand

N, N_STEPS, SYNAPSE = 4, 120, 0.006
IF_GAINS = (200, 900)

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
BY_NAME = {mistake.name: mistake for mistake in MISTAKES}


@pytest.fixture(scope="module")
def layers():
    return random_layers()


@pytest.fixture(scope="module")
def x():
    """Inputs that change every ten steps, so that voltages fall as well as rise."""
    return np.repeat(np.random.default_rng(1).normal(0.5, 1, (N, N_STEPS // 10, 6)), 10, axis=1)


def diagnosed(layers, x, neuron, wrong, synapse=None, layer="n2"):
    """The diagnosis of a hand-written run with mistakes in one layer, which must differ from the right one."""
    graph = as_graph(layers, neuron, synapse)
    spikes = run_by_hand(layers, x, N_STEPS, neuron, {layer: set(wrong)}, synapse=synapse)
    right = run_by_hand(layers, x, N_STEPS, neuron, synapse=synapse)
    assert not np.array_equal(spikes[layer], right[layer]), "the mistake makes no difference on these data"
    return snnconv.diagnose(graph, x, spikes)


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


# --- how spikes are written down


@pytest.fixture(scope="module")
def image_network():
    """Convolution - IF - pooling - flatten - dense - LIF, with its inputs and the reference's spikes."""
    rng = np.random.default_rng(7)
    padding, ones = ((1, 1), (1, 1)), (1, 1)
    kernel, dense = rng.normal(0, 160, (3, 3, 2, 3)), rng.normal(0, 0.9, (12, 7))
    gain = rng.uniform(1.5, 2.5, 7)
    nodes = (
        Input(name="image", shape=(4, 4, 2)),
        Conv(
            name="conv", inputs=("image",), shape=(4, 4, 3), kernel=kernel, bias=rng.normal(0, 50, 3),
            strides=ones, padding=padding, dilation=ones,
        ),
        Population(
            name="n1", inputs=("conv",), shape=(4, 4, 3),
            neuron=IF(amplitude=0.004), neuron_bias=np.zeros(()), gain=np.ones(()),
        ),
        AveragePool(
            name="pool", inputs=("n1",), shape=(2, 2, 3), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)),
        ),
        Reshape(name="flatten", inputs=("pool",), shape=(12,)),
        Dense(
            name="dense", inputs=("flatten",), shape=(7,), kernel=dense * gain, bias=rng.normal(0, 0.3, 7),
            trained={"kernel": dense}, folded=("n2.gain",),
        ),
        Population(
            name="n2", inputs=("dense",), shape=(7,), neuron=LIF_NEURON, neuron_bias=np.full(7, 1.1), gain=gain,
        ),
    )  # fmt: skip
    graph, x = SpikingGraph(nodes, {"out": "n2"}), rng.normal(0, 1, (3, 4, 4, 2))
    return graph, x, dict(snnconv.reference.run(graph, x, 80, record="all").spikes)


def by_hand_from(image_network, kernel=None, order=(1, 2, 3)):
    """Spikes of both populations with another kernel of the convolution, or another order in the flattening."""
    graph, x, _ = image_network
    kernel = graph["conv"].kernel if kernel is None else kernel
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))  # (n, 4, 4, channels, 3, 3)
    J = np.einsum("nijcab,abcf->nijf", windows, kernel) + graph["conv"].bias
    v, v2, rest = np.zeros_like(J), np.zeros((3, 7)), np.zeros((3, 7))
    spikes, spikes2 = [], []
    for _ in range(80):
        v = v + np.maximum(J * 0.001, 0)
        fired = np.floor(v)
        v = v - fired
        pooled = (fired * 4).reshape(3, 2, 2, 2, 2, 3).mean((2, 4)).transpose(0, *order).reshape(3, 12)
        J2 = pooled @ graph["dense"].kernel + graph["dense"].bias + 1.1
        rest -= 0.001
        free = np.clip(0.001 - rest, 0, 0.001)
        v2 = J2 + (v2 - J2) * np.exp(-free / 0.02)
        fired2 = v2 > 1
        late = -0.02 * np.log(np.where(fired2, (J2 - v2) / np.where(fired2, J2 - 1, 1), 1))
        rest = np.where(fired2, LIF_NEURON.tau_ref - late + 0.001, rest)
        v2 = np.where(fired2, 0, np.maximum(v2, 0))
        spikes.append(fired.astype(int))
        spikes2.append(fired2)
    return {"n1": np.stack(spikes, 1), "n2": np.stack(spikes2, 1)}


def test_an_image_network_by_hand(image_network):
    graph, x, spikes = image_network
    assert snnconv.diagnose(graph, x, by_hand_from(image_network)).equal
    assert all(array.sum() > 60 for array in spikes.values())
    assert spikes["n1"].max() > 1


def test_a_flipped_kernel(image_network):
    graph, x, _ = image_network
    spikes = by_hand_from(image_network, kernel=graph["conv"].kernel[::-1, ::-1])
    assert snnconv.diagnose(graph, x, spikes).mistakes == (("kernel of the convolution flipped",),)


def test_flattening_with_channels_first(image_network):
    graph, x, _ = image_network
    found = snnconv.diagnose(graph, x, by_hand_from(image_network, order=(3, 1, 2)))
    assert (found.first.name, found.mistakes) == ("n2", (("flatten in channels-first order",),))


WRITTEN = {
    "steps before samples": lambda spikes: np.swapaxes(spikes, 0, 1),
    "steps behind the units": lambda spikes: np.moveaxis(spikes, 1, -1),
    "units in channels-first order": lambda spikes: np.moveaxis(spikes, -1, 2).reshape(3, 80, -1),
    "0 or 1 written for counts": lambda spikes: np.minimum(spikes, 1),
    "sums over time written for spikes": lambda spikes: np.cumsum(spikes, 1),
    "written down one step late": lambda spikes: np.concatenate([0 * spikes[:, :1], spikes[:, :-1]], 1),
}


@pytest.mark.parametrize(
    "names",
    [
        *((name,) for name in WRITTEN),
        # one array has one order of axes, and one kind of values
        *(pair for pair in itertools.combinations(WRITTEN, 2) if BY_NAME[pair[0]].slot != BY_NAME[pair[1]].slot),
    ],
    ids=" + ".join,
)
def test_spikes_written_down_otherwise(image_network, names):
    graph, x, spikes = image_network
    array = spikes["n1"].astype("int64")
    for name in reversed(names):  # what is last in the table is done first to the spikes, and last to the axes
        array = WRITTEN[name](array)
    assert names in snnconv.diagnose(graph, x, {"n1": array}).mistakes


def test_a_mistake_in_a_layer_and_in_the_order_of_axes(layers, x):
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n1": {"gain left out"}})["n1"]
    found = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, np.swapaxes(spikes, 0, 1), layer="n1")
    assert found.mistakes == (("gain left out", "steps before samples"),)


def test_units_may_be_flattened_and_one_sample_may_go_without_its_axis(image_network):
    graph, x, spikes = image_network
    assert snnconv.diagnose(graph, x, {"n1": spikes["n1"].reshape(3, 80, -1)}).equal
    assert snnconv.diagnose(graph, x[:1], {"n1": spikes["n1"][0], "n2": spikes["n2"][0] > 0}).equal


def test_heights_without_amplitude_are_told(layers, x):
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON)["n1"]
    found = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, spikes * 1000.0, layer="n1")
    assert found.equal
    assert "have the height 1000 (1/dt, without the amplitude)" in str(found)


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


# --- the command


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command(layers, x, tmp_path):
    as_graph(layers, LIF_NEURON).save(tmp_path / "net.snn.h5")
    np.save(tmp_path / "x.npy", x)
    right = run_by_hand(layers, x, N_STEPS, LIF_NEURON)
    wrong = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n2": {"gain left out"}})
    np.savez(tmp_path / "right.npz", **{f"spikes/{name}": array for name, array in right.items()}, dt=0.001)
    np.savez(tmp_path / "wrong.npz", **wrong)
    command = ("diagnose", tmp_path / "net.snn.h5", "--input", tmp_path / "x.npy", "--spikes")

    equal = run(*command, tmp_path / "right.npz")
    assert equal.exit_code == 0
    assert "Equal: all" in equal.stdout
    different = run(*command, tmp_path / "wrong.npz")
    assert different.exit_code == 1
    assert "Different in 'n2': gain left out." in different.stdout
    assert max(map(len, different.stdout.splitlines())) <= 80
    report = run(*command, tmp_path / "wrong.npz", "--json")
    assert report.exit_code == 1
    data = json.loads(report.stdout)
    assert data["first"] == "n2"
    assert data["layers"][1]["matches"][0]["mistakes"] == ["gain left out"]
    failed = run(*command, tmp_path / "nothing.npy")
    assert failed.exit_code == 2
    assert failed.stderr.startswith("snnconv: error: there is no file")
