"""Lava's .net files: Loihi's whole numbers, stepped bit for bit as Lava steps them."""

import dataclasses
import math

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnconv import export
from snnconv.errors import ExportError, InputError, ModelFileError
from snnconv.export.lava import input_bias
from snnconv.export.lava.file import read_file
from snnconv.export.lava.layers import Layer, simulate, threshold, whole_biases, whole_weights
from snnconv.graph import Affine, Dense, Filter, Input, MaxPool, Reshape, SpikingGraph
from snnconv.neurons import IF, LIF, Tanh
from snnconv.neurons.synapses import Alpha, Lowpass
from snnconv.runtime import reference

from ..helpers.small_graphs import OPERATIONS, graph_of, inputs_of, network, normal, op, population, with_neurons


def by_hand(layers, bias, n_steps):
    """Spikes of dense layers, neuron by neuron and step by step, in Python's own whole numbers."""
    u = [[0] * layer.shape[0] for layer in layers]
    v = [[0] * layer.shape[0] for layer in layers]
    last = [[0] * layer.shape[0] for layer in layers]
    found = [[] for _ in layers]
    for _ in range(n_steps):
        now = []
        for number, layer in enumerate(layers):
            now.append([])
            for neuron in range(layer.shape[0]):
                current, voltage = u[number][neuron], v[number][neuron]
                current = math.trunc(current * (4096 - layer.current_decay) / 4096)
                if number:
                    weights = layer.kernel[:, neuron].tolist()
                    current += sum(w * s for w, s in zip(weights, last[number - 1], strict=True)) * 64
                mantissa = int(bias[neuron] if number == 0 else layer.bias[neuron])
                voltage = math.trunc(voltage * (4096 - layer.voltage_decay) / 4096) + current + mantissa * 64
                spiked = voltage > layer.threshold * 64
                u[number][neuron], v[number][neuron] = current, 0 if spiked else voltage
                now[-1].append(int(spiked))
            found[number].append(now[-1])
        last = now
    return [np.array(steps) for steps in found]


def test_the_model_is_the_equations_of_loihi():
    rng = np.random.default_rng(0)
    layers = [
        Layer("a", (5,), 2000, 200, 4096, np.zeros(5, int)),
        Layer("b", (4,), 900, 300, 800, rng.integers(-200, 300, 4), rng.integers(-128, 128, (5, 4)) * 2),
        Layer("c", (3,), 500, 100, 4096, rng.integers(-50, 50, 3), rng.integers(-128, 128, (4, 3)) * 2),
    ]
    bias = rng.integers(-100, 400, (2, 5))
    found = simulate(layers, bias, 60)
    for sample in range(2):
        for number, expected in enumerate(by_hand(layers, bias[sample], 62)):
            # layer i is shown from its step i on
            received = found[layers[number].name][sample]
            np.testing.assert_array_equal(received, expected[number : number + 60])
            assert received.any()


def test_a_current_beyond_24_bits_comes_back_from_the_other_end():
    kernel = np.full((600, 1), 254)
    layers = [
        Layer("a", (600,), 1, 0, 4096, np.zeros(600, int)),
        Layer("b", (1,), 1000, 0, 4096, np.zeros(1, int), kernel),
    ]
    assert 600 * 254 << 6 > 1 << 23
    found = simulate(layers, np.full((1, 600), 4000), 5)
    assert found["a"].all()
    assert not found["b"].any()  # as 24 bits have it: a large negative current


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_file_holds_what_the_verdict_measures(name, tmp_path):
    graph = graph_of(name)
    x = inputs_of(graph, 3)
    verdict = export.export(graph, tmp_path / "x.net", "lava", x=x, n_steps=100)
    assert not verdict.exact
    assert "weights rounded to 8 bits" in str(verdict)
    first, second = verdict.measured.layers
    assert first.share < 0.1  # 13 bits of bias, 12 of decay
    # one layer of weights in 8 bits, and biases that act while the first spikes are under way
    assert abs(second.n_written - second.n_spikes) <= 0.2 * second.n_spikes + 3
    layers, inside, dt = read_file(tmp_path / "x.net")
    assert dt == 0.001
    np.testing.assert_array_equal(inside.rate_output(x), graph.rate_output(x))
    for layer in layers:
        assert 0 < layer.threshold < 1 << 17
        assert np.abs(layer.bias).max() < 1 << 12
        assert 0 <= layer.voltage_decay < 4096
        if layer.kernel is not None:
            assert layer.kernel.min() >= -256
            assert layer.kernel.max() <= 254
            assert not (layer.kernel % 2).any()
            assert np.abs(layer.kernel).max() > 100  # the range is used


def test_the_layout_is_that_of_netx(tmp_path):
    """Channels first, types as bytes in arrays of one, a flatten between three dimensions and one."""
    shape, nodes = OPERATIONS["conv2d same with strides"]
    nodes = (
        *network(nodes, shape, "op", (3, 4, 4)).nodes[:-3],
        Dense(name="hidden", inputs=("line",), shape=(5,), kernel=normal(48, 5) * 0.3, bias=normal(5)),
    )
    nodes = (*nodes[:-1], Reshape(name="line", inputs=("second",), shape=(48,)), nodes[-1])
    graph = SpikingGraph((*nodes, population("third", "hidden", (5,))), {"y": "third"})
    export.export(graph, tmp_path / "x.net", "lava", x=inputs_of(graph))
    with h5py.File(tmp_path / "x.net") as file:
        layers = [file[f"layer/{number}"] for number in range(len(file["layer"]))]
        assert [layer["type"][0] for layer in layers] == [b"input", b"conv", b"flatten", b"dense"]
        assert [layer["shape"][()].tolist() for layer in layers] == [[2, 6, 8], [4, 3, 4], [48], [5]]
        conv, dense = layers[1], layers[3]
        assert conv["weight"].shape == (4, 2, 4, 4)  # filters, channels, and a window with padding on one side
        assert conv["stride"][()].tolist() == [2, 2]
        assert dense["weight"].shape == (5, 48)
        assert sorted(conv["neuron"]) == ["gradedSpike", "iDecay", "refDelay", "type", "vDecay", "vThMant"]
        theta, share = dense["neuron/vThMant"][()], dense["neuron/vDecay"][()] / 4096
        scale = theta * share * 4.0  # amplitude / dt
        rows = np.moveaxis(graph["hidden"].kernel.reshape(3, 4, 4, 5), 2, 0).reshape(48, 5)
        assert np.abs(dense["weight"][()] - scale * rows.T).max() <= 1 + 1e-9  # rounded to even numbers
        bias = theta * share * (graph["hidden"].bias + graph["third"].neuron_bias)
        assert np.abs(dense["bias"][()] - bias).max() <= 0.5 + 1e-9


def test_a_synapse_is_the_decay_of_the_current(tmp_path):
    graph = graph_of("synapse")
    x = inputs_of(graph)
    verdict = export.export(graph, tmp_path / "x.net", "lava", x=x, n_steps=200)
    layers, _, _ = read_file(tmp_path / "x.net")
    assert layers[1].current_decay == round(4096 * -math.expm1(-0.001 / 0.005))
    assert layers[0].current_decay == 4096
    first, second = verdict.measured.layers
    assert first.share < 0.1
    assert abs(second.n_written - second.n_spikes) <= 0.1 * second.n_spikes + 2


def test_the_input_is_the_bias_of_the_first_layer(tmp_path):
    graph = graph_of("conv2d same")
    x = inputs_of(graph)
    export.export(graph, tmp_path / "x.net", "lava", x=x)
    layers, _, _ = read_file(tmp_path / "x.net")
    bias = input_bias(tmp_path / "x.net", x)
    currents = (x + graph["first"].neuron_bias).swapaxes(1, 2)  # Lava has width before height
    scale = layers[0].threshold * layers[0].voltage_decay / 4096
    np.testing.assert_array_equal(bias, np.rint(scale * currents))
    assert 4000 < np.abs(bias).max() < 4096  # the range is used
    assert np.abs(input_bias(tmp_path / "x.net", x * 100)).max() == 4095
    with pytest.raises(InputError, match="must have shape"):
        input_bias(tmp_path / "x.net", x[..., :1])


def test_inputs_may_vary_in_time(tmp_path):
    graph = graph_of("dense")
    x = np.random.default_rng(0).normal(1, 2, (2, 50, 5))
    verdict = export.export(graph, tmp_path / "x.net", "lava", x=x, n_steps=50)
    assert verdict.measured.layers[0].n_spikes > 10
    assert verdict.measured.layers[0].share < 0.1


@given(
    st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=20),
    st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=20),
)
def test_any_numbers_are_brought_into_the_ranges(weights, biases):
    weights, biases = np.array(weights), np.array(biases)
    theta = threshold(weights, biases)
    assert 1 <= theta < 1 << 17
    whole, mantissas = whole_weights(weights, theta), whole_biases(biases, theta)
    assert (whole % 2 == 0).all()
    assert ((whole >= -256) & (whole <= 254)).all()
    assert (np.abs(mantissas) <= 4095).all()
    if theta > 1:  # nothing had to be cut off
        assert (np.abs(whole - theta * weights) <= 1 + 1e-9).all()
        assert (np.abs(mantissas - theta * biases) <= 0.5 + 1e-9).all()


def test_what_loihi_cannot_hold_is_named_together(tmp_path):
    graph = graph_of("dense", first=LIF(), second=IF())
    message = (
        r"target 'lava' cannot hold the refractory period of 'first'; the voltage floor of 'first'; the IF neurons of "
        r"'second'\..*approximate=True"
    )
    with pytest.raises(ExportError, match=message):
        export.export(graph, tmp_path / "x.net", "lava")
    verdict = export.export(graph, tmp_path / "x.net", "lava", approximate=True, x=inputs_of(graph) * 3)
    assert "the refractory period of 'first' (left out)" in str(verdict)
    nodes = [
        op(MaxPool, (2, 2, 3), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0))),
        Affine(name="more", inputs=("op",), shape=(2, 2, 3), scale=np.ones(())),
    ]
    graph = with_neurons(network(nodes, (4, 4, 3), "more", (2, 2, 3)), second=Tanh())
    with pytest.raises(ExportError, match="the max pooling of 'op'; the Tanh neurons of 'second'"):
        export.export(graph, tmp_path / "y.net", "lava", approximate=True)
    nodes = [
        Filter(name="filter", inputs=("first",), shape=(5,), synapse=Alpha(0.005)),
        dataclasses.replace(op(Dense, (4,), kernel=normal(5, 4)), inputs=("filter",)),
    ]
    with pytest.raises(ExportError, match="the synapses other than Lowpass of 'filter'"):
        export.export(network(nodes, (5,), "op", (4,)), tmp_path / "y.net", "lava")
    assert not (tmp_path / "y.net").exists()


def test_only_chains_are_written(tmp_path):
    nodes = (
        Input(name="x", shape=(5,)),
        population("first", "x", (5,)),
        population("second", "x", (5,)),
        dataclasses.replace(op(Dense, (4,), kernel=normal(5, 4)), inputs=("second",)),
        population("third", "op", (4,)),
    )
    graph = SpikingGraph(nodes, {"y": "third"})
    with pytest.raises(ExportError, match="connections other than from the layer before of 'second'.*one chain"):
        export.export(graph, tmp_path / "x.net", "lava")
    nodes = (
        Input(name="x", shape=(5,)),
        Filter(name="filter", inputs=("x",), shape=(5,), synapse=Lowpass(0.005)),
        population("first", "filter", (5,)),
    )
    with pytest.raises(ExportError, match="the synapse before the first population of 'first'"):
        export.export(SpikingGraph(nodes, {"y": "first"}), tmp_path / "x.net", "lava")
    nodes = (Input(name="x", shape=(5,)), dataclasses.replace(op(Dense, (4,), kernel=normal(5, 4)), inputs=("x",)))
    with pytest.raises(ExportError, match="the absence of spiking neurons of 'silent'"):
        export.export(SpikingGraph(nodes, {"y": "op"}, "silent"), tmp_path / "x.net", "lava")


def test_a_file_of_another_program_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.net", "w") as file:
        file["layer/0/type"] = [b"input"]
    with pytest.raises(ModelFileError, match="there is no 'snnconv'"):
        input_bias(tmp_path / "x.net", np.zeros((1, 5)))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "x.net"
    export.export(graph_of("dense"), path, "lava", n_steps=1)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFileError, match="damaged"):
        input_bias(path, np.zeros((1, 5)))
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        file["snnconv/graph"][1000] ^= 255
    with pytest.raises(ModelFileError, match="the network in it has another checksum"):
        input_bias(path, np.zeros((1, 5)))


def test_the_outputs_are_what_the_last_layer_makes_of_the_spikes(tmp_path):
    graph = graph_of("dense")
    x = inputs_of(graph)
    verdict = export.export(graph, tmp_path / "x.net", "lava", x=x, n_steps=400)
    assert verdict.measured.n_other_predictions is not None
    expected = reference.run(graph, x, 400).output.mean(1)
    assert np.abs(expected).max() > 0
    assert verdict.measured.output_difference < 0.3
