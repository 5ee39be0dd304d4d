"""The network people ask about: every number out of it, and the same spikes from four sides."""

import re
from pathlib import Path

import nengo
import numpy as np
import pytest

import snnconv
from snnconv.cli import main

from ..helpers.networks import forum_model

N_STEPS = 300


@pytest.fixture(scope="module")
def forum(tmp_path_factory):
    """The folder with model.h5 and what `snnconv export model.h5` made of it, and the model."""
    folder = tmp_path_factory.mktemp("forum")
    model = forum_model()
    model.save(folder / "model.h5")
    with pytest.raises(SystemExit) as exit_:
        main(["export", str(folder / "model.h5")])
    assert not exit_.value.code
    return folder, model


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(6, 16))


def readme_reader() -> str:
    """The README's NumPy program that reads an exported file."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    blocks = [block for block in re.findall(r"```python\n(.*?)```", readme, re.S) if "h5py.File" in block]
    assert len(blocks) == 1
    assert len([line for line in blocks[0].splitlines() if line.strip()]) <= 22
    return blocks[0]


def nengo_spikes(model, x):
    """Spikes and output of a Nengo network with the trained, unfolded numbers; Nengo applies the gain itself."""
    kernel, dense_bias, neuron_bias, gain, kernel_out, bias_out = (
        np.asarray(weight, "float64")
        for weight in (
            *model.get_layer("dense").get_weights(),
            model.get_layer("lif").bias,
            model.get_layer("lif").gain,
            *model.get_layer("readout").get_weights(),
        )
    )
    spikes, outputs = [], []
    for sample in x:
        with nengo.Network() as network:
            neuron = nengo.LIF(
                tau_rc=0.02, tau_ref=0.002, amplitude=0.001, initial_state={"voltage": nengo.dists.Choice([0])}
            )
            ensemble = nengo.Ensemble(8, 1, gain=gain, bias=neuron_bias, neuron_type=neuron)
            nengo.Connection(nengo.Node(sample), ensemble.neurons, transform=kernel.T, synapse=None)
            nengo.Connection(nengo.Node(dense_bias), ensemble.neurons, synapse=None)
            out = nengo.Node(size_in=4)
            nengo.Connection(ensemble.neurons, out, transform=kernel_out.T, synapse=None)
            nengo.Connection(nengo.Node(bias_out), out, synapse=None)
            probes = nengo.Probe(ensemble.neurons), nengo.Probe(out)
        with nengo.Simulator(network, dt=0.001, progress_bar=False, optimize=False) as sim:
            sim.run_steps(N_STEPS)
        spikes.append(sim.data[probes[0]] > 0)
        outputs.append(sim.data[probes[1]])
    return np.array(spikes), np.array(outputs)


def test_exported_file_holds_each_number_apart(forum):
    folder, model = forum
    graph = snnconv.load(folder / "model.snn.h5")
    lif = graph.populations["lif"]
    kernel, dense_bias = model.get_layer("dense").get_weights()
    neuron_bias = np.asarray(model.get_layer("lif").bias)
    assert not np.allclose(neuron_bias, 1, atol=1e-3), "training left the neuron bias where it was"
    assert not np.allclose(dense_bias, 0, atol=1e-3)
    # the layer's gain is a float32
    np.testing.assert_allclose(lif.gain, 2.0332448, rtol=1e-7)
    np.testing.assert_allclose(lif.kernel, lif.gain * kernel.astype("float64"), rtol=1e-15)
    np.testing.assert_allclose(lif.dense_bias, lif.gain * dense_bias.astype("float64"), rtol=1e-15)
    np.testing.assert_array_equal(lif.neuron_bias, neuron_bias)
    np.testing.assert_array_equal(lif.trained.kernel, kernel)
    np.testing.assert_array_equal(lif.trained.dense_bias, dense_bias)
    assert (lif.tau_rc, lif.tau_ref, lif.amplitude, lif.min_voltage) == (0.02, 0.002, 0.001, 0)
    assert lif.input == graph.inputs[0].name


def test_readme_program_simulator_and_loop_give_nengos_spikes(forum, x, monkeypatch):
    folder, model = forum
    spikes, output = nengo_spikes(model, x)
    assert spikes.sum() > 500

    monkeypatch.chdir(folder)
    names = {"x": x, "n_steps": N_STEPS}
    exec(readme_reader(), names)
    np.testing.assert_array_equal(names["spikes"], spikes)
    # sums of four products of spikes, in another order than Nengo's
    np.testing.assert_allclose(names["outputs"], output, atol=1e-12)

    graph = snnconv.load("model.snn.h5")
    loop = snnconv.reference.run(graph, x, N_STEPS, record="lif")
    np.testing.assert_array_equal(loop.spikes["lif"], spikes)
    np.testing.assert_allclose(loop.output, output, atol=1e-12)
    fast = snnconv.Simulator(graph, dtype="float64").run(x, N_STEPS, record="lif")
    np.testing.assert_array_equal(fast.spikes["lif"], spikes)
    np.testing.assert_allclose(fast.output, output, atol=1e-12)


def test_rate_output_is_what_keras_computes(forum, x):
    folder, model = forum
    graph = snnconv.load(folder / "model.snn.h5")
    # Keras works in float32
    np.testing.assert_allclose(graph.rate_output(x), model(x), rtol=1e-4, atol=1e-5)


def test_forgetting_the_gain_gives_other_spikes(forum, x):
    """The mistake that the exported gain is there to prevent is one that the comparison above would catch."""
    folder, model = forum
    spikes, _ = nengo_spikes(model, x[:1])
    lif = snnconv.load(folder / "model.snn.h5").populations["lif"]
    J = x[:1] @ lif.trained.kernel + lif.trained.dense_bias + lif.neuron_bias
    state = lif.neuron.initial_state(J.shape)
    wrong = []
    for _ in range(N_STEPS):
        spiked, state = lif.neuron.step(J, state, 0.001)
        wrong.append(spiked > 0)
    assert (np.stack(wrong, 1) != spikes).mean() > 0.01
