"""What has no integer form, or does not fit into int32, is refused with advice."""

import math

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError
from snnconv.graph import Add, Affine, Concatenate, Difference, Input, MaxPool, RunningSum, SpikingGraph
from snnconv.neurons import LIF, Sigmoid, Tanh
from snnconv.neurons.synapses import Alpha
from snnconv.quantize import quantize

from ..helpers.integer_networks import Line, random_line


def test_everything_without_an_integer_form_is_listed_at_once():
    inputs = keras.Input((8, 8, 1), name="image")
    x = kl.Conv2D(2, 3, padding="same", name="conv")(inputs)
    x = kl.MaxPooling2D(2, name="max")(snnconv.layers.LIF(name="lif")(x))
    y = kl.Conv2D(2, 3, padding="same", activation="tanh", name="second")(x)
    x = kl.Flatten(name="flat")(kl.Add(name="sum")([x, y]))
    x = kl.Dense(4, activation="sigmoid", name="hidden")(x)
    graph = snnconv.convert(keras.Model(inputs, kl.Dense(2, name="out")(x)), synapse={"lif": Alpha()}, verbose=False)
    with pytest.raises(ConversionError) as caught:
        quantize(graph)
    message = str(caught.value)
    assert message.startswith("4 parts of the network")
    for part in ("'lif.synapse' (Filter)", "(Tanh)", "(Sigmoid)"):
        assert part in message
    assert "max pooling 'max.max' follows it" in message
    assert "swap_activations" in message


def sigmoid_line():
    return Line((2,)).dense("d", np.ones((2, 2))).neurons("s", Sigmoid()).dense("out", np.ones((2, 1)))


def joined_rows():
    line = Line((4, 4, 1)).conv("c", np.ones((1, 1, 1, 1)))
    return line.add(Concatenate, "join", (8, 4, 1), (line.nodes[0],), axis=0).neurons("n", LIF()).graph()


def largest_of_a_sum():
    line = Line((4, 4, 1)).conv("c", np.ones((1, 1, 1, 1))).neurons("n", LIF())
    line.plus("sum", line.last).add(RunningSum, "running")
    window = {"size": (2, 2), "strides": (2, 2), "padding": ((0, 0),) * 2}
    return line.add(MaxPool, "max", (2, 2, 1), **window).add(Difference, "d").neurons("n2", LIF()).graph()


def one_synapse():
    line = Line((2,)).neurons("n1", LIF())
    spikes = line.last
    return line.synapse("s").plus("sum", spikes).neurons("n2", LIF()).graph()


def doubled(n):
    line = Line((2,))
    for number in range(n):
        line.plus(f"sum{number}", line.last)
    return line.graph()


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (sigmoid_line().graph(), r"'s' \(Sigmoid\): only LIF and IF have an integer form"),
        (
            Line((2,)).dense("d", np.ones((2, 2))).neurons("t", Tanh()).graph(),
            r"'t' \(Tanh\): its spikes can be negative; .*swap_activations",
        ),
        (
            Line((5, 5, 1)).pool("p", 2, 2, padding=1).conv("c", np.ones((1, 1, 1, 1))).neurons("n", LIF()).graph(),
            r"'p' \(AveragePool\): windows at the border have other divisors",
        ),
        (
            Line((2,)).dense("d", np.ones((2, 2))).neurons("n", LIF()).synapse("a").synapse("b").graph(),
            r"'b' \(Filter\): a second synapse behind 'a'",
        ),
        (
            Line((2,)).dense("d", np.ones((2, 2)), [1.0, 2.0]).synapse("a").neurons("n", LIF()).graph(),
            r"'a' \(Filter\): it filters the bias of 'd' too; put it right behind neurons",
        ),
        (
            Line((4, 4, 1)).conv("c", np.ones((2, 2, 1, 1))).conv("d", np.ones((2, 2, 1, 1)), padding=1).graph(),
            r"'d' \(Conv\): it follows another linear layer",
        ),
        (
            Line((4, 4, 1))
            .conv("c", np.ones((2, 2, 1, 2)))
            .add(Affine, "gain", scale=np.arange(1.0, 19).reshape(3, 3, 2))
            .neurons("n", LIF())
            .graph(),
            r"'gain' \(Affine\): a gain per place behind a convolution",
        ),
        (Line((4, 4, 1)).pad("p", 1, 1).neurons("n", LIF()).graph(), r"'p' \(Pad\): it could not be folded"),
        (
            SpikingGraph(
                (
                    Input(name="a", shape=(2,)),
                    Input(name="b", shape=(2,)),
                    Add(name="sum", inputs=("a", "b"), shape=(2,)),
                ),
                {"y": "sum"},
            ),
            r"^1 part .*\(1\) 'b' \(Input\): an integer graph has one input",
        ),
        (joined_rows(), r"'join' \(Concatenate\): branches can be joined along the last axis"),
        (largest_of_a_sum(), r"'running' \(RunningSum\): it takes the largest of branches that are added or joined"),
        (one_synapse(), r"'s' \(Filter\): other branches that are added before population 'n2' have another synapse"),
        (doubled(7), r"more than 64 branches are added before output 'y'; put neurons between them"),
    ],
)
def test_what_has_no_integer_form_is_refused_with_advice(graph, message):
    with pytest.raises(ConversionError, match=message):
        quantize(graph)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fraction_bits": 4}, "layer 'n1': tau_rc = .* is too long for steps of 0.001 s with fraction_bits=4"),
        ({"threshold_bits": 18}, "layer 'n1': its threshold reaches .* bits .*; int32 has 32. Lower threshold_bits"),
        ({"n_steps": 1 << 24}, "layer 'y': its total reaches .* int32 has 32. Lower n_steps or weight_bits"),
    ],
)
def test_what_int32_does_not_hold_names_the_layer_and_what_to_change(settings, message):
    line = Line((4,)).dense("d1", np.ones((4, 400))).neurons("n1", LIF(tau_rc=0.05))
    graph = line.dense("out", np.random.default_rng(0).normal(size=(400, 2))).graph()
    with pytest.raises(ConversionError, match=message):
        quantize(graph, **settings)


def test_a_deep_floor_that_int32_does_not_hold():
    line = Line((40,)).dense("d", np.full((40, 1), -5.0)).neurons("n", LIF(tau_rc=0.1, min_voltage=-math.inf))
    graph = line.dense("out", [[1.0]]).graph()
    with pytest.raises(ConversionError, match="layer 'n': .* min_voltage nearer to 0"):
        quantize(graph, 16, fraction_bits=16, threshold_bits=12)
    assert quantize(graph).populations["n"].floor.min() < -150 * quantize(graph).populations["n"].threshold.max()


def test_approximations_name_every_layer():
    graph = random_line(1, synapse=True)
    lines = quantize(graph, 6).approximations
    assert [line for line in lines if line.startswith("x: inputs are rounded to 8 bits")]
    for name in ("n1", "n2"):
        assert [
            line for line in lines if line.startswith(f"{name}: weights are rounded to 6 bits, which changes them by")
        ]
        assert [line for line in lines if line.startswith(f"{name}: the refractory period is 2 whole steps")]
        assert [line for line in lines if line.startswith(f"{name}: tau_rc is ")]
    assert [line for line in lines if line.startswith("n2: the lowpass of its input has a time constant of")]
