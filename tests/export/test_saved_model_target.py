"""The target saved_model: what it writes runs in TensorFlow alone, and its verdict comes from the file itself."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from typer.testing import CliRunner

import snnconv
from snnconv.cli import app
from snnconv.errors import ParameterError
from snnconv.export import TARGETS, export
from snnconv.files.manifest import read_manifest
from snnconv.runtime import reference

N_STEPS, DT = 40, 0.002


@pytest.fixture(scope="module")
def graph():
    keras.utils.set_random_seed(0)
    lif = snnconv.layers.LIF(200.0, name="lif")
    layers = [keras.Input((6,), name="x"), kl.Dense(8), lif, kl.Dense(5, "tanh", name="tanh"), kl.Dense(3, "softmax")]
    return snnconv.convert(keras.Sequential(layers), synapse={"lif": 0.004}, verbose=False)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(0, 2, (4, 6))


def call(folder, signature, **inputs):
    """A signature of a SavedModel, of NumPy arrays by name."""
    loaded = tf.saved_model.load(str(folder))
    found = loaded.signatures[signature](**{name: tf.constant(each, "float64") for name, each in inputs.items()})
    return {name: value.numpy() for name, value in found.items()}


def test_the_verdict_compares_every_spike_of_the_file(graph, x, tmp_path):
    verdict = export(graph, tmp_path / "net", "saved_model", DT, x=x, n_steps=N_STEPS, dtype="float64", rates=True)
    ours = reference.run(graph, x, N_STEPS, DT, record="all.spikes")
    found = call(tmp_path / "net", "steps", x=x)
    for name, spikes in ours.spikes.items():
        assert spikes.any()
        np.testing.assert_array_equal(found[f"{name}.spikes"], spikes)
    assert verdict.exact
    assert {layer.name: layer.n_spikes for layer in verdict.measured.layers} == {
        name: np.abs(spikes.astype(int)).sum() for name, spikes in ours.spikes.items()
    }
    answers = call(tmp_path / "net", "serving_default", x=x)
    simulator = snnconv.Simulator(graph, DT, "float64")
    (label,) = graph.outputs
    # the loop over time adds up in another order
    np.testing.assert_allclose(answers[label], simulator.predict(x, N_STEPS), atol=1e-12)
    assert set(answers) == {label, "lif.rates", "tanh.rates"}


def test_an_input_varies_in_time_where_its_samples_do(graph, x, tmp_path):
    over_time = np.random.default_rng(1).uniform(0, 2, (3, N_STEPS, 6))
    verdict = export(graph, tmp_path / "net", "saved_model", DT, x=over_time, n_steps=N_STEPS, dtype="float64")
    assert verdict.exact
    assert "input 'x' varies in time, as its samples do" in verdict.notes
    found = call(tmp_path / "net", "serving_default", x=over_time)
    expected = snnconv.Simulator(graph, DT, "float64").predict(over_time, N_STEPS)
    np.testing.assert_allclose(next(iter(found.values())), expected, atol=1e-12)  # sums in another order


def test_the_function_writes_the_same_answers_and_one_signature(graph, x, tmp_path):
    export(graph, tmp_path / "target", "saved_model", DT, x=x, n_steps=N_STEPS, dtype="float64", reduce="last")
    snnconv.export_saved_model(graph, tmp_path / "function", N_STEPS, DT, dtype="float64", reduce="last")
    ours, theirs = (call(tmp_path / name, "serving_default", x=x) for name in ("target", "function"))
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name])
    assert set(tf.saved_model.load(str(tmp_path / "function")).signatures) == {"serving_default"}


def test_options_are_checked(graph, tmp_path):
    with pytest.raises(ParameterError, match="--reduce must be one of mean, last"):
        export(graph, tmp_path / "net", "saved_model", reduce="sum")
    with pytest.raises(ParameterError, match="target 'saved_model' has no option --bits"):
        export(graph, tmp_path / "net", "saved_model", bits=8)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_a_folder_and_its_verdict(graph, tmp_path):
    graph.save(tmp_path / "net.snn.h5")
    arguments = ["export", str(tmp_path / "net.snn.h5"), "-t", "saved_model", "--steps", "30", "--json"]
    done = CliRunner().invoke(app, [*arguments, "--dtype", "float64"])
    assert done.exit_code == 0, done.output
    contents = json.loads(done.stdout)
    assert contents["path"] == str(tmp_path / "net_saved_model")
    assert contents["measured"]["n_steps"] == 30
    assert any("every call runs 30 steps of 1 ms" in note for note in contents["notes"])
    manifest = read_manifest(tmp_path / "net_saved_model")
    assert (manifest["target"], manifest["options"]["dtype"]) == ("saved_model", "float64")


def test_the_list_has_a_blank_behind_a_long_name():
    printed = CliRunner().invoke(app, ["export", "--list"]).stdout
    assert "\nsaved_model folder NAME_saved_model\n" in printed


def test_tensorflow_is_imported_only_to_write():
    code = "import sys, snnconv.export as e; assert e.TARGETS; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
    assert [target.name for target in TARGETS.values() if target.uses_tensorflow] == ["saved_model", "xla"]
