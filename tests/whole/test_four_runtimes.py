"""One integer network in NumPy, in TensorFlow, as a C program and as a circuit: not one spike differs.

C and Verilog are used as their readers use them: exported with golden vectors, and verified as by ``snnconv verify
FOLDER``, which compiles and simulates what lies in the folder.
"""

import dataclasses
import math
import re

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import snnconv
from snnconv import export, quantize
from snnconv.errors import DataError
from snnconv.export import verify_folder
from snnconv.graph import Population
from snnconv.layers import LIF, SteppedLIF
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.training import datasets

from ..helpers.golden import expected, n_spikes_of
from ..helpers.integer_networks import random_line
from ..quantize.test_simulator import assert_same


def agree(graph, x, n_steps, folder, targets=("c", "verilog"), **options):
    """All forms of the graph in integers give the same; returns how many spikes that are.

    A target whose compiler or simulator is missing is left out.
    """
    kept = {}
    for target in targets:
        (folder / target).parent.mkdir(exist_ok=True)
        export.export(graph, folder / target, target, x=x, n_steps=n_steps, golden=len(x), **options)
        kept[target] = quantize.load(folder / target / "network.int.h5")
    integers = kept[targets[0]]
    for other in kept.values():
        for ours, theirs in zip(integers.nodes, other.nodes, strict=True):
            for name, array in ours.arrays().items():
                np.testing.assert_array_equal(theirs.arrays()[name], array, err_msg=f"{ours.name}.{name}")
    in_numpy = quantize.run(integers, x, n_steps, record="all")
    assert_same(IntegerSimulator(integers, jit=False).run(x, n_steps, record="all"), in_numpy)
    n_spikes = sum(int(spikes.sum()) for spikes in in_numpy.spikes.values())
    for target in targets:
        for check in verify_folder(folder / target):
            assert check.passed or "there is no" in check.said, check
            if check.passed and check.what != "files":
                assert re.search(rf"\b{len(x)} samples? of {n_steps} steps", check.said), check  # and of no fewer
                if target == "verilog":
                    golden = expected(integers, x, n_steps, len(x))
                    assert f"with {n_spikes_of(golden)} spikes in" in check.said
    return n_spikes


def in_whole_steps(graph):
    """The graph with its LIF neurons as SteppedLIF ones."""
    nodes = []
    for node in graph.nodes:
        if isinstance(node, Population):
            own = {key: value for key, value in node.neuron.parameters().items() if key != "smoothing"}
            node = dataclasses.replace(node, neuron=snnconv.neurons.SteppedLIF(**own))
        nodes.append(node)
    return graph.replace(nodes)


def images(graph, n, seed=0):
    return np.random.default_rng(seed).random((n, *graph.inputs[0].shape))


@pytest.mark.parametrize(
    ("graph", "n_steps", "bits"),
    [
        (random_line(3, synapse=True), 30, 8),
        (in_whole_steps(random_line(3)), 30, 4),
        (random_line(9, conv=True), 12, 6),
    ],
    ids=["synapses", "whole steps, 4 bits", "convolutions"],
)
def test_small_networks(graph, n_steps, bits, tmp_path):
    assert agree(graph, images(graph, 2), n_steps, tmp_path, bits=bits) > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_networks(seed, tmp_path):
    """Dense and convolutional by turns; every third with synapses, every fifth of IF neurons, every fourth stepped."""
    rng = np.random.default_rng(seed)
    neuron = "IF" if seed % 5 == 4 else "LIF"
    graph = random_line(
        100 + seed,
        conv=bool(seed % 2),
        neuron=neuron,
        synapse=seed % 3 == 0,
        tau_ref=float(rng.choice([0.0, 0.001, 0.002, 0.005])),
        min_voltage=float(rng.choice([0.0, -0.7, -math.inf])),
    )
    if seed % 4 == 1 and neuron == "LIF":
        graph = in_whole_steps(graph)
    scale = str(rng.choice(["neuron", "layer", "power_of_two"]))
    x = rng.uniform(-1, 1, (4, *graph.inputs[0].shape))
    assert agree(graph, x, 30, tmp_path, bits=int(rng.integers(2, 13)), scale=scale, low=-1.0) > 10


def trained(layers, x, y, epochs):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("kind", [LIF, SteppedLIF])
@pytest.mark.parametrize("bits", [8, 4])
def test_a_perceptron_for_digits(kind, bits, tmp_path):
    digits = load_digits()
    x, y = (digits.data / 16).astype("float32"), digits.target
    layers = [keras.layers.Dense(64), kind(), keras.layers.Dense(64), kind(), keras.layers.Dense(10)]
    graph = snnconv.convert(trained(layers, x[:1400], y[:1400], 5), synapse=0.005, verbose=False)
    assert agree(graph, x[1400:1403], 40, tmp_path, bits=bits) > 300


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 4])
def test_the_cnn_for_fashion_mnist(bits, tmp_path):
    """That of configs/fashion_mnist_cnn.toml after 2,000 images; a circuit of it takes hours to simulate."""
    try:
        data = datasets.load("fashion_mnist")
    except DataError as error:
        pytest.skip(str(error))
    settings = {"max_rates": (200.0, 250.0), "amplitude": 0.004, "seed": 0}
    layers = [
        keras.layers.Conv2D(32, 3, strides=2, padding="same"), LIF(**settings),
        keras.layers.Conv2D(64, 3, strides=2, padding="same"), LIF(**settings),
        keras.layers.Flatten(), keras.layers.Dense(128), LIF(**settings), keras.layers.Dense(10),
    ]  # fmt: skip
    model = trained(layers, data.x_train[:2000], data.y_train[:2000], 1)
    graph = snnconv.convert(model, synapse=0.005, verbose=False)
    for number in range(3):  # golden vectors hold some 250,000 entries, of 9,536 neurons here
        x = data.x_test[number : number + 1]
        assert agree(graph, x, 25, tmp_path / str(number), targets=("c",), bits=bits) > 500
