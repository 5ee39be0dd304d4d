"""NIR files in the frameworks themselves: snnTorch, Norse and SpikingJelly give the network's spikes.

They live in an environment of their own, with tests/requirements-torch.txt; SNNCONV_TORCH_PYTHON names its Python.
"""

import dataclasses
import os
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import export
from snnconv.runtime import reference

from ..helpers.networks import randomise

N_STEPS = 500
PYTHON = os.environ.get("SNNCONV_TORCH_PYTHON", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON, reason="SNNCONV_TORCH_PYTHON must name the Python of an environment with requirements-torch.txt"
    ),
]


def lif(name):
    return snnconv.layers.LIF((100, 200), (-0.5, 0.5), seed=1, tau_ref=0.0, min_voltage=-float("inf"), name=name)


def dense():
    return [keras.Input((16,)), kl.Dense(20), lif("lif1"), kl.Dense(12), lif("lif2"), kl.Dense(4)]


def convolutions():
    """What NIR's readers have trouble with: windows that are not square, strides, padding, groups, pooling, order."""
    return [
        keras.Input((12, 10, 2)),
        kl.Conv2D(8, (3, 2), padding="same"),
        kl.BatchNormalization(),
        lif("lif1"),
        kl.AveragePooling2D(2),
        kl.DepthwiseConv2D(3, strides=2, padding="same"),
        lif("lif2"),
        kl.Conv2D(6, 2),
        lif("lif3"),
        kl.Flatten(),
        kl.Dense(20),
        lif("lif4"),
        kl.Dense(5, activation="softmax"),
    ]


def graph_of(layers, **settings):
    keras.utils.set_random_seed(0)
    return snnconv.convert(randomise(keras.Sequential(layers)), verbose=False, **settings)


@pytest.fixture(scope="module", params=[dense, convolutions])
def graph(request):
    return graph_of(request.param())


CASES = [
    *(({}, framework) for framework in ("snntorch", "norse", "spikingjelly")),
    *(({"dtype": "float32"}, framework) for framework in ("snntorch", "norse", "spikingjelly")),
    *(({"resistance": "tau/dt"}, framework) for framework in ("snntorch", "spikingjelly")),  # Norse ignores r
]


@pytest.mark.parametrize(("settings", "framework"), CASES, ids=str)
def test_the_spikes_are_exactly_the_same(graph, framework, settings, tmp_path):
    assert_same_spikes(graph, framework, tmp_path, **settings)


@pytest.mark.parametrize("framework", ["snntorch", "norse", "spikingjelly"])
def test_synapses_in_neurons_give_exactly_the_same_spikes(framework, tmp_path):
    without_bias = kl.Dense(12, use_bias=False)
    layers = [keras.Input((16,)), kl.Dense(20), lif("lif1"), without_bias, lif("lif2"), kl.Dense(4)]
    graph = graph_of(layers, synapse={"lif1": 0.005})
    nodes = [
        dataclasses.replace(node, neuron_bias=np.zeros(12)) if node.name == "lif2" else node for node in graph.nodes
    ]
    assert_same_spikes(graph.replace(nodes), framework, tmp_path, synapse_node="CubaLIF")


def assert_same_spikes(graph, framework, folder, **settings):
    x = np.random.default_rng(1).random((3, *graph.inputs[0].shape)).astype("float32")
    np.save(folder / "x.npy", np.moveaxis(x, -1, 1))
    expected = reference.run(graph, x, N_STEPS, record="all")
    verdict = export.export(graph, folder / "x.nir", "nir", x=x, n_steps=N_STEPS, **settings)
    assert verdict.exact, verdict
    script = Path(__file__).parents[1] / "helpers" / "nir_importers.py"
    command = [PYTHON, script, framework, folder / "x.nir", folder / "x.npy", str(N_STEPS), folder / "out.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "out.npz") as found:
        for name, spikes in expected.spikes.items():
            assert spikes.any()
            received = found[name] if spikes.ndim == 3 else np.moveaxis(found[name], 2, -1)
            np.testing.assert_array_equal(received, spikes, err_msg=name)
        # single precision there, double precision here
        np.testing.assert_allclose(found["output"], expected.output, atol=1e-4)
