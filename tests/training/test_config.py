"""Configs: what is parsed, and one line for everything that is not understood."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from snnconv.errors import ConfigError
from snnconv.training import config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))
SMALL = """
name = "small"
[data]
dataset = "digits"
[[model.layers]]
type = "Dense"
units = 10
"""


def load(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_text(text)
    return config.load(path)


def test_defaults(tmp_path):
    loaded = load(tmp_path, SMALL)
    assert loaded == config.Config(
        name="small",
        seed=0,
        data=config.DataConfig("digits", path=None),
        model=config.ModelConfig((config.LayerConfig("Dense", {"units": 10}),)),
        training=config.TrainingConfig(10, 64, "adam", 0.001, "constant", "sparse_categorical_crossentropy"),
        conversion=config.ConversionConfig(None, None),
        simulation=config.SimulationConfig(100, 0.001),
        output=config.OutputConfig(Path("runs")),
        source=str(tmp_path / "x.toml"),
    )


def test_every_key(tmp_path):
    (tmp_path / "few.npy").touch()
    loaded = load(
        tmp_path,
        """
        name = "all"
        seed = 3
        [data]
        dataset = "npz"
        path = "data/x.npz"
        [[model.layers]]
        type = "LIF"
        max_rates = { low = 100, high = 200 }
        [[model.layers]]
        type = "Dense"
        units = 2
        [training]
        epochs = 2
        batch_size = 8
        optimizer = "sgd"
        learning_rate = 1
        learning_rate_schedule = "cosine"
        loss = "mean_squared_error"
        [conversion]
        synapse = 0.005
        scale_firing_rates = { lif = 2.5 }
        tau_rc = 0.03
        tau_ref = 0.001
        refit = true
        calibrate = "few.npy"
        calibrate_steps = 8
        n_samples = 100
        [simulation]
        n_steps = 20
        dt = 0.002
        [output]
        folder = "out"
        """,
    )
    assert loaded.data.path == tmp_path / "data" / "x.npz"
    assert loaded.model.layers[0] == config.LayerConfig("LIF", {"max_rates": {"low": 100, "high": 200}})
    assert loaded.training == config.TrainingConfig(2, 8, "sgd", 1.0, "cosine", "mean_squared_error")
    assert isinstance(loaded.training.learning_rate, float)
    few = tmp_path / "few.npy"
    assert loaded.conversion == config.ConversionConfig(0.005, {"lif": 2.5}, 0.03, 0.001, True, few, 8, n_samples=100)
    assert loaded.simulation == config.SimulationConfig(20, 0.002)
    assert loaded.output == config.OutputConfig(Path("out"))


@pytest.mark.parametrize("name", ["", "..", "../up", "a/b"])
def test_a_name_is_that_of_one_folder(tmp_path, name):
    with pytest.raises(ConfigError, match=rf"name must be that of a folder.* Received '{re.escape(name)}'"):
        load(tmp_path, re.sub('name = ".*"', f'name = "{name}"', SMALL, count=1))


def test_absolute_path_of_the_data_stays(tmp_path):
    assert load(tmp_path, SMALL.replace('"digits"', '"mnist"\npath = "/data"')).data.path == Path("/data")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepoch = 3", r"\[training\] has no key 'epoch'\. Did you mean 'epochs'\?"),
        ("[training]\nEpochs = 3", r"\[training\] has no key 'Epochs'\. Did you mean 'epochs'\?"),
        ("[simulation]\nxyz = 3", r"\[simulation\] has no key 'xyz'\. It has: dt, n_steps\."),
        ("[trainings]\nepochs = 3", r"the top level has no key 'trainings'\. Did you mean 'training'\?"),
        ("source = 'x'", "the top level has no key 'source'"),
        ("[training]\nepochs = 2.5", r"\[training\] epochs must be a whole number above 0\. Received 2\.5\."),
        ("seed = -1", r"'seed' must be a whole number from 0 to 4294967295\. Received -1\."),
        ("[training]\nepochs = 0", r"\[training\] epochs must be a whole number above 0\. Received 0\."),
        ("[training]\nepochs = true", r"\[training\] epochs must be a whole number above 0\. Received True\."),
        (
            "[training]\nlearning_rate = '1e-3'",
            r"\[training\] learning_rate must be a number above 0\. Received '1e-3'",
        ),
        ("[training]\nlearning_rate = nan", r"\[training\] learning_rate must be a number above 0\. Received nan"),
        ("[training]\noptimizer = 1", r"\[training\] optimizer must be a string\. Received 1\."),
        ("[training]\nloss = 'mse'", r"\[training\] loss has no choice 'mse'\. It has: mean_squared_error, sparse"),
        (
            "[training]\nlearning_rate_schedule = 'cosin'",
            r"\[training\] learning_rate_schedule has no choice 'cosin'\. Did you mean 'cosine'\?",
        ),
        ("[conversion]\nsynapse = 'x'", r"\[conversion\] synapse must be a number above 0 or a table\. Received 'x'\."),
        ("[conversion]\nsynapse = {lif = 'x'}", r"\[conversion\] synapse\.lif must be a number above 0"),
        ("[conversion]\ncalibrated = true", r"\[conversion\] has no key 'calibrated'\. Did you mean 'calibrate'\?"),
        ("[conversion]\ncalibrate = 3", r"\[conversion\] calibrate must be true or false or a path\. Received 3\."),
        ("[conversion]\ntau_rc = 0.03", r"\[conversion\] tau_rc needs refit: a file of inputs, or true for"),
        ("[conversion]\ncalibrate = 'few.npy'", r"\[conversion\] calibrate names a file that is not there: '.*few"),
        (
            "[conversion]\ncalibrate_steps = 8",
            r"\[conversion\] calibrate_steps and spikes say how to calibrate, which needs",
        ),
        ("[conversion]\nrefit = true", r"\[conversion\] refit is for scale_firing_rates, tau_rc or tau_ref"),
        ("[output]\nfolder = 1", r"\[output\] folder must be a path\. Received 1\."),
        ("training = 1", r"\[training\] must be a table\. Received 1\."),
        ("seed = 'x'", r"'seed' must be a whole number from 0 to 4294967295\. Received 'x'\."),
    ],
)
def test_what_is_not_understood(tmp_path, text, message):
    table, _, rest = SMALL.partition("[data]")
    text = f"{table}{text}\n[data]{rest}" if not text.startswith("[") else SMALL + text
    with pytest.raises(ConfigError, match=rf"x\.toml: {message}") as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"the top level lacks the key 'name'\."),
        ("name = 'x'", r"the top level lacks the section \[data\]\."),
        ("name = 'x'\n[data]\n[model]", r"\[data\] lacks the key 'dataset'\."),
        ("name = 'x'\n[data]\ndataset = 'digits'", r"the top level lacks the section \[model\]\."),
        ("name = 'x'\n[data]\ndataset = 'digits'\n[model]", r"\[model\] lacks the key 'layers'\."),
        ("name = 'x'\n[data]\ndataset = 'minst'\n[model]", r"\[data\] dataset has no choice 'minst'\. .*'mnist'\?"),
        (
            "name = 'x'\n[data]\ndataset = 'digits'\n[model]\nlayers = []",
            r"\[\[model\.layers\]\] must be a list of tables, one or more\. Received \[\]\.",
        ),
        (
            "name = 'x'\n[data]\ndataset = 'digits'\n[[model.layers]]\nunits = 1",
            r"\[\[model\.layers\]\] 1 lacks the key 'type'\.",
        ),
        ("name = ", "not valid TOML: "),
        ("a = 1\na = 2", "not valid TOML: "),
    ],
)
def test_what_is_missing_or_no_toml(tmp_path, text, message):
    with pytest.raises(ConfigError, match=rf"x\.toml: {message}") as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no file '.*none\.toml'"):
        config.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        config.load(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read"):
        config.load(tmp_path / "x.toml")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs(path):
    loaded = config.load(path)
    assert loaded.name == path.stem


def test_settings_without_data_have_no_training_data(tmp_path):
    (tmp_path / "s.toml").write_text("[conversion]\ncalibrate = true\n")
    with pytest.raises(ConfigError, match=r"calibrate = true stands for training data, and there is no \[data\]"):
        config.load_settings(tmp_path / "s.toml")
    (tmp_path / "s.toml").write_text("[conversion]\ncalibrate = 'x/few.npy'\n")
    assert config.load_settings(tmp_path / "s.toml").conversion.calibrate == tmp_path / "x" / "few.npy"


def test_parsing_imports_neither_keras_nor_tensorflow():
    code = (
        f"import sys; from snnconv import config; config.load({str(CONFIGS[0])!r}); "
        "print(*{'keras', 'tensorflow', 'sklearn'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""
