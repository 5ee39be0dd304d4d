"""MODEL: looked at without TensorFlow, opened once, with the settings of --config."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl
from typer.testing import CliRunner

import snnconv
from snnconv.cli import app
from snnconv.cli.model import find_model, read_run
from snnconv.cli.options import KerasOptions
from snnconv.errors import ConfigError, ConversionWarning, ModelFileError
from snnconv.graph import Filter
from snnconv.graph.file import save

from ..helpers.command import run

SETTINGS = "[conversion]\nsynapse = 0.002\n\n[simulation]\nn_steps = 20\ndt = 0.004\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)
    lif = snnconv.layers.LIF(name="lif")
    model = keras.Sequential([keras.Input((4,)), kl.Dense(5, name="dense"), lif, kl.Dense(2, name="out")])
    model.save(folder / "model.keras")
    save(snnconv.convert(model, verbose=False), folder / "model.snn.h5", 0.003)
    (folder / "tuned.toml").write_text(SETTINGS)
    (folder / "text.h5").write_text("no model")
    np.save(folder / "x.npy", np.random.default_rng(0).random((3, 4)))
    return folder


def taus(graph):
    return [node.synapse.tau for node in graph.nodes if isinstance(node, Filter)]


def test_the_step_is_the_one_asked_for_then_the_settings_then_the_files_then_a_millisecond(folder):
    assert find_model(folder / "model.snn.h5", KerasOptions()).dt == 0.003
    assert find_model(folder / "model.snn.h5", KerasOptions(), 0.01).dt == 0.01
    assert find_model(folder / "model.keras", KerasOptions()).dt == 0.001
    tuned = KerasOptions(folder / "tuned.toml")
    for name in ("model.keras", "model.snn.h5"):
        assert find_model(folder / name, tuned).dt == 0.004
        assert find_model(folder / name, tuned, 0.01).dt == 0.01


@pytest.mark.parametrize("name", ["model.keras", "model.snn.h5"])
def test_what_is_exported_has_the_step_of_the_settings(folder, tmp_path, name):
    tuned = ("--config", folder / "tuned.toml")
    run("export", folder / name, *tuned, "-o", tmp_path / "tuned.snn.h5")
    exported = snnconv.load(tmp_path / "tuned.snn.h5")
    assert exported.dt == 0.004
    assert taus(exported) == [0.002]


def test_a_file_that_is_no_model_is_refused_before_tensorflow_is_imported(folder):
    code = (
        "import sys; from pathlib import Path; from snnconv.cli.model import find_model, KerasOptions\n"
        "from snnconv.errors import ModelFileError\n"
        f"try: find_model(Path({str(folder / 'text.h5')!r}), KerasOptions())\n"
        "except ModelFileError: print('refused', 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused", "False"]
    with pytest.raises(ModelFileError):
        find_model(folder / "missing.h5", KerasOptions())


def test_only_a_keras_model_has_sources(folder):
    network = find_model(folder / "model.keras", KerasOptions()).open()
    assert [source.layer for source in network.sources] == ["dense", "dense", "lif", "lif", "out", "out"]
    exported = find_model(folder / "model.snn.h5", KerasOptions()).open()
    assert exported.sources is None
    assert exported.dt == 0.003
    x = np.load(folder / "x.npy")
    np.testing.assert_array_equal(exported.graph.rate_output(x), network.graph.rate_output(x))


@pytest.mark.parametrize("name", ["model.keras", "model.snn.h5"])
def test_settings_and_arguments_change_the_network(folder, name):
    tuned = find_model(folder / name, KerasOptions(folder / "tuned.toml"))
    assert taus(find_model(folder / name, KerasOptions()).open().graph) == []
    assert taus(tuned.open().graph) == [0.002]
    assert taus(tuned.open(synapse=0.005).graph) == [0.005]  # in the place of the settings'
    said = "may spike up to 3 times in a step"  # the graph has steps of 3 ms, and then a refractory period of 1
    with pytest.warns(ConversionWarning, match=said) if name == "model.snn.h5" else nullcontext():
        faster = find_model(folder / name, KerasOptions()).open(scale_firing_rates=2).graph
    assert faster.populations["lif"].neuron.tau_rc == pytest.approx(0.01, rel=1e-12)  # 0.02 / 2, up to rounding


def test_a_run_is_as_asked_for_then_as_the_settings_say(folder):
    tuned, plain = KerasOptions(folder / "tuned.toml"), KerasOptions()
    assert read_run(find_model(folder / "model.snn.h5", plain), None) == (100, {})
    assert read_run(find_model(folder / "model.snn.h5", tuned), None)[0] == 20
    assert read_run(find_model(folder / "model.snn.h5", tuned), 5)[0] == 5


def test_a_training_config_is_not_for_a_converted_network(folder):
    config = Path(__file__).parents[2] / "configs" / "digits_mlp.toml"
    with pytest.raises(ConfigError, match="is a training config, and .* was converted already"):
        find_model(folder / "model.snn.h5", KerasOptions(config))


@pytest.mark.parametrize(("name", "beside"), [("net.snn.h5", "net.nir"), ("a.b.keras", "a.b.nir"), ("net", "net.nir")])
def test_files_beside_it_have_its_name(tmp_path, folder, name, beside):
    (tmp_path / name).write_bytes((folder / "model.snn.h5").read_bytes())
    assert find_model(tmp_path / name, KerasOptions()).beside(".nir") == tmp_path / beside


def test_explain_takes_the_settings_too(folder):
    arguments = ["explain", str(folder / "model.keras")]
    plain, tuned = (
        CliRunner().invoke(app, [*arguments, *more]).stdout for more in ([], ["--config", str(folder / "tuned.toml")])
    )
    assert "lowpass" not in plain.lower()
    assert "lowpass" in tuned.lower()
