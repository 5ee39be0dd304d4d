"""NeuroBench's harness counts what `snnconv.metrics` counts, on ten networks in PyTorch and through `KerasModel`.

It lives in an environment of its own, with tests/requirements-neurobench.txt; SNNCONV_NEUROBENCH_PYTHON names its
Python.
"""

import json
import math
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import snnconv
from snnconv.graph import (
    Add,
    AveragePool,
    Conv,
    Dense,
    Difference,
    Input,
    MaxPool,
    Population,
    Reshape,
    RunningSum,
    SpikingGraph,
)
from snnconv.neurons import IF, LIF

PYTHON = os.environ.get("SNNCONV_NEUROBENCH_PYTHON", "")
N_STEPS, N_SAMPLES, BATCH_SIZE, DT = 12, 5, 2, 1.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON, reason="SNNCONV_NEUROBENCH_PYTHON must name the Python of an environment with the harness"
    ),
]


def eighths(*shape):
    """Multiples of 1/8, whose sums have no rounding in any order."""
    return np.random.default_rng(shape).integers(-8, 13, shape) / 8


def neurons(name, source, shape, neuron):
    bias = eighths(shape[-1]) / 2
    return Population(name=name, inputs=(source,), shape=shape, neuron=neuron, neuron_bias=bias, gain=np.ones(()))


def conv(name, source, shape, kernel, padding=0, strides=1, groups=1):
    pairs, pair = ((padding, padding),) * 2, (strides,) * 2
    options = {"padding": pairs, "strides": pair, "dilation": (1, 1), "groups": groups}
    return Conv(name=name, inputs=(source,), shape=shape, kernel=kernel, bias=eighths(shape[-1]), **options)


def dense(name, source, kernel):
    return Dense(name=name, inputs=(source,), shape=kernel.shape[1:], kernel=kernel, bias=eighths(kernel.shape[1]))


def perceptron(neuron, kernel=None):
    kernel = eighths(6, 9) if kernel is None else kernel
    return (
        Input(name="x", shape=(6,)),
        dense("a", "x", kernel),
        neurons("first", "a", (9,), neuron),
        dense("b", "first", eighths(9, 7)),
        neurons("second", "b", (7,), neuron),
        dense("c", "second", eighths(7, 3)),
    )


def image(neuron, between=(), shape=(6, 6, 4), strides=1, groups=1):
    last = shape if not between else between[-1].shape
    out = tuple((n + 2 - 3) // strides + 1 for n in last[:2])
    flat = math.prod(out) * 8
    source = between[-1].name if between else "first"
    return (
        Input(name="x", shape=(6, 6, 2)),
        conv("a", "x", shape, eighths(3, 3, 2, 4), padding=1),
        neurons("first", "a", shape, neuron),
        *between,
        conv("b", source, (*out, 8), eighths(3, 3, 4 // groups, 8), 1, strides, groups),
        neurons("second", "b", (*out, 8), neuron),
        Reshape(name="flat", inputs=("second",), shape=(flat,)),
        dense("c", "flat", eighths(flat, 3)),
    )


def residual(neuron):
    return (
        Input(name="x", shape=(6,)),
        dense("a", "x", eighths(6, 6)),
        neurons("first", "a", (6,), neuron),
        dense("b", "first", eighths(6, 6)),
        neurons("second", "b", (6,), neuron),
        Add(name="sum", inputs=("first", "second"), shape=(6,)),
        dense("c", "sum", eighths(6, 3)),
    )


RELU, ONE = IF(amplitude=1.0, min_voltage=-math.inf), IF(amplitude=1.0, min_voltage=-math.inf, max_spikes=1)
LEAKY = LIF(tau_rc=20.0, tau_ref=2.0, amplitude=1.0)
AVERAGE = (
    AveragePool(name="p", inputs=("first",), shape=(3, 3, 4), size=(2, 2), strides=(2, 2), padding=((0, 0),) * 2),
)
LARGEST = (
    RunningSum(name="s", inputs=("first",), shape=(6, 6, 4)),
    MaxPool(name="m", inputs=("s",), shape=(3, 3, 4), size=(2, 2), strides=(2, 2), padding=((0, 0),) * 2),
    Difference(name="p", inputs=("m",), shape=(3, 3, 4)),
)
PRUNED = eighths(6, 9) * (np.random.default_rng(1).random((6, 9)) < 0.2)

NETWORKS = {
    "dense, IF": perceptron(ONE),
    "dense, several spikes": perceptron(RELU),
    "dense, LIF": perceptron(LEAKY),
    "dense, weights of 0": perceptron(ONE, PRUNED),
    "convolutions, IF": image(ONE),
    "convolutions, LIF": image(LEAKY),
    "convolutions, strides and groups": image(ONE, strides=2, groups=2),
    "average pooling": image(ONE, AVERAGE),
    "max pooling": image(ONE, LARGEST),
    "sum of spikes": residual(ONE),
}


def described(graph, folder):
    """Write a network so that the harness's side can build it."""
    nodes, arrays = [], {}
    for node in graph.nodes:
        own = {"name": node.name, "kind": node.kind, "inputs": node.inputs, "shape": node.shape}
        for key in ("strides", "padding", "dilation", "groups", "size"):
            if hasattr(node, key):
                own[key] = getattr(node, key)
        if isinstance(node, Population):
            own["parameters"] = node.neuron.parameters()
        nodes.append(own)
        arrays |= {f"{node.name}/{key}": np.asarray(value, "float32") for key, value in node.arrays().items()}
    (folder / "network.json").write_text(json.dumps(nodes))
    np.savez(folder / "arrays.npz", **arrays)


CASES = [(name, binary) for name in NETWORKS for binary in (False, True)]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Graph, inputs and folder of each case."""
    found = {}
    for name, binary in CASES:
        nodes, folder = NETWORKS[name], tmp_path_factory.mktemp("network")
        graph = SpikingGraph(nodes, {"y": nodes[-1].name})
        rng, shape = np.random.default_rng(0), (N_SAMPLES, N_STEPS, *graph.inputs[0].shape)
        x = (rng.random(shape) < 0.4 if binary else rng.integers(0, 9, shape) / 8).astype("float32")
        np.save(folder / "x.npy", x)
        described(graph, folder)
        graph.save(folder / "graph.snn.h5")
        found[name, binary] = graph, x, folder
    return found


@pytest.fixture(scope="module", params=["torch", "keras_model"])
def harness(request, cases):
    """The harness's results, by case: of torch's layers, and of `KerasModel`."""
    folders = [folder for _, _, folder in cases.values()]
    return dict(zip(cases, run_harness(request.param, *folders), strict=True))


def run_harness(kind, *folders):
    """The harness's results for the network in each folder."""
    script = Path(__file__).parents[1] / "helpers" / "harness.py"
    command = [PYTHON, script, kind, *map(str, (BATCH_SIZE, N_STEPS, DT)), *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def counts(found):
    """The integers behind the means of the harness's results."""
    operations = found["SynapticOperations"]
    return {
        "footprint": found["Footprint"],
        "connection_sparsity": found["ConnectionSparsity"],
        "activation_sparsity": round(found["ActivationSparsity"], 12),  # the mean of batches rounds otherwise
        "dense": round(operations["Dense"] * N_SAMPLES),
        "effective_macs": round(operations["Effective_MACs"] * N_SAMPLES),
        "effective_acs": round(operations["Effective_ACs"] * N_SAMPLES),
        "membrane_updates": round(found["MembraneUpdates"] * N_SAMPLES),
    }


def own_counts(found):
    operations = {name: round(value * N_SAMPLES) for name, value in found.synaptic_operations.items()}
    return {
        "footprint": found.footprint,
        "connection_sparsity": found.connection_sparsity,
        "activation_sparsity": round(found.activation_sparsity, 12),
        **operations,
        "membrane_updates": round(found.membrane_updates * N_SAMPLES),
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_integers_are_those_of_the_harness(case, cases, harness):
    graph, x, _ = cases[case]
    found = snnconv.metrics(graph, x, N_STEPS, DT, batch_size=BATCH_SIZE)
    assert 0 < found.activation_sparsity < 1
    assert own_counts(found) == counts(harness[case])


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("kernel", [None, PRUNED, "convolutions"], ids=["dense", "weights of 0", "convolutions"])
def test_the_integers_are_those_of_snntorch_behind_nir(kernel, binary, tmp_path):
    # what snnTorch reads exactly: a leak and a reset to 0. It gives IF a leak too, and NIR has no refractory period.
    neuron = LIF(tau_rc=2.0, tau_ref=0.0, amplitude=1.0, min_voltage=-math.inf)
    nodes = image(neuron) if isinstance(kernel, str) else perceptron(neuron, kernel)
    graph = SpikingGraph(nodes, {"y": nodes[-1].name})
    rng, shape = np.random.default_rng(0), (N_SAMPLES, N_STEPS, *graph.inputs[0].shape)
    x = (rng.random(shape) < 0.4 if binary else rng.integers(0, 9, shape) / 8).astype("float32")
    np.save(tmp_path / "x.npy", x)
    snnconv.export.export(graph, tmp_path / "network.nir", "nir", dt=DT)
    (harness,) = run_harness("nir", tmp_path)
    theirs, ours = counts(harness), own_counts(snnconv.metrics(graph, x, N_STEPS, DT, batch_size=BATCH_SIZE))
    del theirs["footprint"], ours["footprint"]  # snnTorch's neurons hold other parameters
    assert 0.2 < ours["activation_sparsity"] < 0.9
    assert ours == theirs
