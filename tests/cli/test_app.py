"""The command: what it prints and writes, and how it fails: one line, no traceback, nothing half-written."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers as kl
from typer.testing import CliRunner

import snnconv
from snnconv.cli import app
from snnconv.runtime import reference

from ..helpers.networks import forum_model
from .test_app_json import KEYS

CONFIG = """
name = "tiny"

[data]
dataset = "npz"
path = "data.npz"

[[model.layers]]
type = "Dense"
units = 12

[[model.layers]]
type = "LIF"
max_rates = {max_rates}
amplitude = 0.005
name = "lif"

[[model.layers]]
type = "Dense"
units = 3

[training]
epochs = 12
learning_rate = 0.02

[simulation]
n_steps = 30
dt = 0.002
"""


def run(*arguments, code=0):
    """Run the command in this process and return what it printed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, f"{result.stdout}\n{result.stderr}"
    return result.stdout if code in (0, 1) else result.stderr


def fails(pattern, *arguments):
    """The command must fail with one line that matches."""
    error = run(*arguments, code=2)
    assert error.startswith("snnconv: error: ")
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    assert re.search(pattern, error), error


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model in every format, and with everything that can be wrong with a file."""
    folder = tmp_path_factory.mktemp("files")
    model = forum_model()
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("absl.logging.warning", lambda *args: None)  # that HDF5 is the older format
        model.save(folder / "model.h5")
    snnconv.convert(model).save(folder / "graph.snn.h5")
    for name in ("model.keras", "model.h5", "graph.snn.h5"):
        whole = (folder / name).read_bytes()
        (folder / f"truncated.{name.partition('.')[2]}").write_bytes(whole[: len(whole) // 2])
    for name in ("text.h5", "text.keras", "text.txt"):
        (folder / name).write_text("no model")
    (folder / "empty.h5").touch()
    with zipfile.ZipFile(folder / "other.keras", "w") as archive:
        archive.writestr("note.txt", "no model")
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.normal(size=(20, 16)))
    np.save(folder / "y.npy", np.arange(20) % 4)
    np.savez(folder / "xy.npz", x=rng.normal(size=(20, 16)), y=np.arange(20) % 4)
    return folder


@pytest.fixture
def files(folder):
    """The same folder, which no test may change."""
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    yield folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


# --- export


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_export_writes_next_to_the_model(folder, tmp_path, name):
    (tmp_path / name).write_bytes((folder / name).read_bytes())
    printed = run("export", tmp_path / name)
    out = tmp_path / "model.snn.h5"
    assert sorted(os.listdir(tmp_path)) == sorted([name, "model.snn.h5"])
    assert str(out) in printed
    assert "J = input · kernel + dense_bias + neuron_bias" in printed
    assert re.search(r"lif +LIF +16×8 +2\.033", printed)
    graph, expected = snnconv.load(out), snnconv.convert(folder / "model.keras")
    x = np.random.default_rng(1).normal(size=(4, 16))
    np.testing.assert_array_equal(graph.rate_output(x), expected.rate_output(x))
    spikes = [reference.run(each, x, 100, record="lif").spikes["lif"] for each in (graph, expected)]
    assert spikes[0].any()
    np.testing.assert_array_equal(*spikes)


def test_export_to_other_targets_with_options(files, tmp_path):
    out = tmp_path / "x.json"
    run("export", files / "graph.snn.h5", "-o", out, "--target", "json", "--dt", 0.002, "--synapse", 0.005)
    contents = json.loads(out.read_text())
    assert contents["populations/lif/dt"] == contents["dt"] == 0.002
    assert contents["nodes/lif.synapse/tau"] == 0.005
    run("export", files / "model.keras", "-o", tmp_path / "x.npz", "-t", "npz", "--scale-firing-rates", 2)
    with np.load(tmp_path / "x.npz") as file:
        assert file["populations/lif/tau_rc"] == 0.01
        assert file["populations/lif/amplitude"] == 0.0005


def test_export_of_a_graph_keeps_its_dt(folder, tmp_path):
    path = tmp_path / "a.snn.h5"
    run("export", folder / "model.keras", "-o", path, "--dt", 0.0005)
    run("export", path, "--target", "npz")
    with np.load(tmp_path / "a.snn.npz") as file:
        assert file["dt"] == file["populations/lif/dt"] == 0.0005


def test_export_lists_its_targets():
    printed = run("export", "--list")
    for target in snnconv.export.TARGETS.values():
        assert target.name in printed
        assert target.suffix in printed


# --- inspect


def test_inspect_prints_the_layers_and_the_numbers_of_one(files):
    printed = run("inspect", files / "model.h5")
    assert all(name in printed for name in ("dense", "lif", "readout", "tau_rc", "20 ms"))
    printed = run("inspect", files / "graph.snn.h5", "--layer", "lif")
    for text in ("trained kernel", "neuron_bias", "0.02  s, membrane time constant", "J = ", "2.033"):
        assert text in printed
    assert "Output 'readout': 4, linear" in run("inspect", files / "graph.snn.h5", "--layer", "readout")


def test_tables_fit_80_columns_and_break_no_name(tmp_path):
    inputs = keras.Input((30, 30, 3), name="a_photograph")
    x = inputs
    for number in range(2):
        x = kl.Conv2D(100, 3, name=f"a_convolution_with_a_long_name_{number}")(x)
        x = snnconv.layers.LIF((150, 300), (-0.5, 0.5), seed=0, name=f"neurons_{number}")(x)
        x = kl.AveragePooling2D(2, name=f"average_pooling_{number}")(x)
    model = keras.Model(inputs, kl.Dense(10, name="classes")(kl.Flatten()(x)), name="photographs")
    graph = snnconv.convert(model)
    graph.save(tmp_path / "g.snn.h5")
    for arguments in (["inspect"], ["inspect", "--layer", "neurons_1"], ["export", "-t", "npz"]):
        printed = run(arguments[0], tmp_path / "g.snn.h5", *arguments[1:])
        rows = [line for line in printed.splitlines() if str(tmp_path) not in line]
        assert max(map(len, rows)) <= 80
        assert "…\n" not in "\n".join(line.rstrip() for line in rows if "neurons" in line)
    printed = run("inspect", tmp_path / "g.snn.h5")
    assert "tau_ref" in printed
    assert "a_convolution_" in printed


# --- simulate


def test_simulate_runs_records_and_scores(files, tmp_path):
    out = tmp_path / "run.npz"
    inputs = ("--input", files / "x.npy", "--labels", files / "y.npy")
    options = ("--steps", 40, "--dt", 0.002, "--dtype", "float64", "--record", "lif.spikes", "--record", "lif.rates")
    printed = run("simulate", files / "model.keras", *inputs, *options, "-o", out)
    x, y = np.load(files / "x.npy"), np.load(files / "y.npy")
    expected = reference.run(snnconv.load(files / "graph.snn.h5"), x, 40, 0.002, record="lif")
    with np.load(out) as file:
        assert set(file) == {"output", "spikes/lif", "rates/lif", "times", "dt"}
        np.testing.assert_array_equal(file["spikes/lif"], expected.spikes["lif"])
        np.testing.assert_allclose(file["output"], expected.output, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(file["times"][-1], 0.08)
    accuracy = np.mean(expected.output.mean(1).argmax(-1) == y)
    assert f"{accuracy:.1%}" in printed
    assert f"{expected.rates['lif'].mean():.1f} Hz" in printed
    assert "20 samples for 40 steps of 2 ms in float64" in printed


def test_simulate_takes_random_inputs_and_says_so(files):
    printed = run("simulate", files / "graph.snn.h5", "--steps", 20, "--initial-voltage", "uniform", "--seed", 3)
    assert "8 random samples (no --input)" in printed


def test_simulate_reads_an_npz_file_with_both(files):
    arguments = ("--input", files / "xy.npz", "--labels", files / "xy.npz", "--steps", 10)
    assert "accuracy" in run("simulate", files / "graph.snn.h5", *arguments)


# --- verify


def test_verify_passes_and_fails(folder, tmp_path):
    printed = run("verify", folder / "model.keras", "--steps", 50)
    assert "Passed: the rates are those of Keras" in printed
    printed = run("verify", folder / "graph.snn.h5", "--keras", folder / "model.keras", "--input", folder / "x.npy")
    assert "8 samples, 200 steps" in printed
    assert "Passed" in printed

    tampered = tmp_path / "tampered.snn.h5"
    tampered.write_bytes((folder / "graph.snn.h5").read_bytes())
    with h5py.File(tampered, "r+") as file:
        file["populations/lif/kernel"][...] *= 1.02
    assert "Passed" in run("verify", tampered, "--steps", 20), "alone it is consistent with itself"
    printed = run("verify", tampered, "--keras", folder / "model.keras", "--steps", 20, code=1)
    assert "Failed: 'lif': rates differ from Keras by up to" in printed
    assert "FAILED" in printed


# --- train


@pytest.fixture
def config(tmp_path):
    """A config and a dataset of three classes that are easy to tell apart."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = (np.eye(3)[y].repeat(4, 1) * 0.8 + 0.2 * rng.random((300, 12))).astype("float32")
    np.savez(tmp_path / "data.npz", x_train=x[:240], y_train=y[:240], x_test=x[240:], y_test=y[240:])
    (tmp_path / "config.toml").write_text(CONFIG.format(max_rates="200.0"))
    return tmp_path / "config.toml"


def test_train_writes_a_model_and_its_graph(config, tmp_path):
    printed = run("train", config, "--output", tmp_path / "out" / "deep")
    assert re.search(r"rate accuracy (9\d\.\d|100\.0)%", printed), printed
    assert re.search(r"spiking accuracy (9\d\.\d|100\.0)%", printed), printed
    assert "epoch 12/12" in printed
    assert [int(step) for step in re.findall(r"^ *(\d+) +\d+ ms", printed, re.M)] == [5, 10, 20, 30]
    files = tmp_path / "out" / "deep"
    assert sorted(os.listdir(files)) == ["model.keras", "model.snn.h5"]
    graph = snnconv.load(files / "model.snn.h5")
    x = np.random.default_rng(0).random((5, 12), "float32")
    expected = keras.models.load_model(files / "model.keras").predict(x, verbose=0)
    np.testing.assert_allclose(graph.rate_output(x), expected, rtol=1e-3, atol=1e-3)
    with h5py.File(files / "model.snn.h5") as file:
        assert file.attrs["dt"] == 0.002


def test_train_takes_epochs_and_data_from_the_command(config, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data.npz").rename(tmp_path / "elsewhere" / "data.npz")
    fails("there is no file or folder", "train", config, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    options = ("--epochs", 2, "--data-path", tmp_path / "elsewhere" / "data.npz")
    printed = run("train", config, *options, "-o", tmp_path / "out", "--json")
    found = json.loads(printed)
    assert printed.count("\n") == 1
    assert set(found) == KEYS["train"][""]
    assert (found["n_epochs"], found["n_train"], found["n_test"]) == (2, 240, 60)
    assert Path(found["graph"]).is_file()


def test_train_refuses_rates_that_no_neuron_can_reach(config, tmp_path):
    config.write_text(CONFIG.format(max_rates="600.0"))
    fails(r"max_rates must be below 1/tau_ref = 500 Hz.*Received 600", "train", config, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_train_finds_out_before_training_what_does_not_convert(config, tmp_path, monkeypatch):
    monkeypatch.setattr("snnconv.training.train", lambda *_, **__: pytest.fail("it trained"))
    neurons = 'type = "LIF"\nmax_rates = {max_rates}\namplitude = 0.005\nname = "lif"'
    assert neurons in CONFIG
    config.write_text(CONFIG.replace(neurons, 'type = "LayerNormalization"'))
    fails(r"LayerNormalization\) has no spiking equivalent", "train", config, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- errors


@pytest.mark.parametrize("command", ["export", "inspect", "simulate", "verify"])
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("missing.keras", r"there is no file '.*missing\.keras'"),
        ("", "is a folder"),
        ("text.txt", r"not a Keras model: expected \.keras, \.h5, \.hdf5"),
        ("text.h5", "damaged, or not?( an)? HDF5 file"),
        ("empty.h5", "damaged, or not?( an)? HDF5 file"),
        ("text.keras", r"damaged, or no \.keras file"),
        ("other.keras", "no model.weights.h5 in it"),
        ("truncated.h5", "damaged, or not?( an)? HDF5 file"),
        ("truncated.keras", r"damaged, or no \.keras file"),
        ("truncated.snn.h5", "damaged, or not?( an)? HDF5 file"),
        ("model.weights.h5", r"weights, but no config.*model\.save\(\)"),
    ],
)
def test_files_that_are_no_models(files, command, name, pattern):
    fails(pattern, command, files / name)


@pytest.mark.parametrize(
    ("damage", "pattern"),
    [
        (lambda file: file["populations"].pop("lif"), "cannot read"),
        (lambda file: file["populations/lif"].pop("neuron_bias"), "cannot read"),
        (lambda file: file["populations/lif/kernel"].__setitem__((0, 0), np.nan), "NaN"),
        (lambda file: file.attrs.__setitem__("version", 99), "version 99"),
        (lambda file: file.pop("order"), "cannot read"),
    ],
    ids=["no population", "no bias", "NaN", "later version", "no order"],
)
def test_damaged_graphs(folder, tmp_path, damage, pattern):
    path = tmp_path / "damaged.snn.h5"
    path.write_bytes((folder / "graph.snn.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        damage(file)
    fails(pattern, "export", path, "-t", "npz")
    fails(pattern, "verify", path)
    assert os.listdir(tmp_path) == ["damaged.snn.h5"]


def unconvertible():
    inputs = keras.Input((5, 8))
    yield keras.Model(inputs, kl.MultiHeadAttention(2, 4, name="heads")(inputs, inputs)), r"'heads' \(MultiHeadAtt"
    inputs = keras.Input((4,))
    yield keras.Model(inputs, kl.Dense(2, activation="gelu", name="hidden")(inputs)), "'gelu'.*no spiking equivalent"
    model = keras.Sequential([keras.Input((4,)), kl.Dense(3, name="hidden"), snnconv.layers.LIF(), kl.Dense(2)])
    kernel, bias = model.layers[0].get_weights()
    kernel[1, 2] = np.nan
    model.layers[0].set_weights([kernel, bias])
    yield model, "'hidden' .* has NaN or infinity in its kernel"


@pytest.mark.parametrize("number", range(3), ids=["MultiHeadAttention", "gelu", "NaN in weights"])
def test_models_that_cannot_be_converted(tmp_path, number):
    model, pattern = list(unconvertible())[number]
    model.save(tmp_path / "m.keras")
    (tmp_path / "m.snn.h5").write_text("old")
    for command in ("export", "inspect", "verify"):
        fails(pattern, command, tmp_path / "m.keras")
    assert sorted(os.listdir(tmp_path)) == ["m.keras", "m.snn.h5"]
    assert (tmp_path / "m.snn.h5").read_text() == "old"


DOUBLED = """
import keras

class Doubled(keras.layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)
"""


def test_a_class_of_the_user_is_named_and_must_be_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "doubled_layers.py").write_text(DOUBLED)
    names: dict = {"__name__": "doubled_layers"}
    exec(DOUBLED, names)
    keras.Sequential([keras.Input((4,)), names["Doubled"](2, name="twice")]).save("m.keras")
    fails("'twice' .*Doubled.*--custom-objects", "export", "m.keras")
    fails("cannot import 'nowhere'", "export", "m.keras", "--custom-objects", "nowhere")
    arguments = ("export", "m.keras", "--custom-objects", "doubled_layers")
    fails(r"'twice' \(Doubled\) has no spiking equivalent. It is a subclass of Dense", *arguments)
    assert not list(tmp_path.glob("*.h5"))


def test_weights_and_the_json_of_the_model(files, tmp_path):
    config = tmp_path / "model.json"
    config.write_text(keras.models.load_model(files / "model.keras").to_json())
    out = tmp_path / "x.snn.h5"
    run("export", files / "model.weights.h5", "--config", config, "-o", out)
    kernel = snnconv.load(out).populations["lif"].kernel
    np.testing.assert_array_equal(kernel, snnconv.load(files / "graph.snn.h5").populations["lif"].kernel)
    assert "Passed" in run("verify", out, "--keras", files / "model.weights.h5", "--config", config, "--steps", 10)
    fails("no file", "inspect", files / "model.weights.h5", "--config", tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--steps", 0], "n_steps must be a whole number above 0. Received 0"),
        (["--steps", "many"], "'--steps'"),
        (["--dt", 0], "dt must be above 0"),
        (["--dt", "nan"], "dt must be above 0"),
        (["--dtype", "float16"], "float32 or float64"),
        (["--initial-voltage", "2"], "initial_voltage must be"),
        (["--initial-voltage", "high"], "must be 'uniform' or a number"),
        (["--record", "lif"], "Name it with -o"),
        (["--record", "lfi", "-o", "run.npz"], r"cannot record 'lfi'. Populations are \['lif'\]"),
        (["-o", "nowhere/run.npz"], "no folder 'nowhere'"),
        (["--input", "missing.npy"], "no file 'missing.npy'"),
        (["--input", "{files}/text.txt"], "damaged"),
        (["--input", "wrong.npy"], r"must have shape \(n, 16\).* Received \(20, 15\)"),
        (["--input", "nan.npy"], "holds NaN or infinity"),
        (["--input", "objects.npy"], "holds Python objects"),
        (["--input", "others.npz"], r"must hold an array 'input.*It holds \['a', 'b'\]"),
        (["--input", "empty.npy"], "holds no samples"),
        (["--input", "{files}/x.npy", "--labels", "few.npy"], "one for each of the 20 samples"),
        (["--input", "{files}/x.npy", "--labels", "high.npy"], "whole numbers from 0 to 3"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_bad_runs(files, tmp_path, monkeypatch, arguments, pattern):
    monkeypatch.chdir(tmp_path)
    x = np.load(files / "x.npy")
    np.save("wrong.npy", x[:, 1:])
    np.save("nan.npy", np.where(x > 2, np.nan, x))
    np.save("objects.npy", np.array([{}]), allow_pickle=True)
    np.savez("others.npz", a=x, b=x)
    np.save("empty.npy", x[:0])
    np.save("few.npy", np.zeros(7))
    np.save("high.npy", np.full(20, 4))
    before = sorted(os.listdir())
    arguments = [str(argument).format(files=files) for argument in arguments]
    fails(pattern, "simulate", files / "graph.snn.h5", *arguments)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["export"], "needs a MODEL"),
        (["export", "{files}/model.keras", "-t", "vhdl"], "no export target 'vhdl'. There are: hdf5, npz, json"),
        (["export", "{files}/model.keras", "-o", "{files}/model.keras"], "is the model itself"),
        (["export", "{files}/graph.snn.h5"], "is the model itself"),
        (["export", "{files}/model.keras", "-o", "{files}"], "it is a folder"),
        (["export", "{files}/model.keras", "-o", "{files}/nowhere/x.h5"], "there is no folder"),
        (["export", "{files}/model.keras", "-o", "{files}/text.txt/x.h5"], "there is no folder"),
        (["export", "{files}/model.keras", "-o", "x", "--synapse", "-1"], "tau must be a finite number above 0"),
        (["export", "{files}/graph.snn.h5", "-o", "x", "--scale-firing-rates", "0"], "must be above 0"),
        (["export", "{files}/graph.snn.h5", "-o", "x", "--dt", "-1"], "dt must be above 0"),
        (["inspect", "{files}/graph.snn.h5", "--layer", "lfi"], "no population or output .* There are: lif, readout"),
        (["verify", "{files}/graph.snn.h5", "--steps", "-3"], "n_steps"),
        (["verify", "{files}/graph.snn.h5", "--samples", "0"], "--samples"),
        (["verify", "{files}/model.keras", "--keras", "{files}/model.keras"], "--keras names the Keras file"),
        (["train", "missing.toml"], "there is no file 'missing.toml'"),
        (["train", "{files}/text.txt"], "not valid TOML"),
        (["train", "{config}", "-o", "{files}/text.txt/out"], "is not a folder"),
        (["train", "{config}", "--epochs", "0"], "--epochs must be"),
        (["demo", "-o", "{files}/text.txt"], "is not a folder"),
        (["frobnicate"], "No such command 'frobnicate'. See 'snnconv --help'"),
        (["export", "--frobnicate"], "No such option.*See 'snnconv export --help'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage(files, config, tmp_path, monkeypatch, arguments, pattern):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    fails(pattern, *(argument.format(files=files, config=config) for argument in arguments))
    assert sorted(os.listdir()) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(files, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    fails("may not be written to", "export", files / "graph.snn.h5", "-o", locked / "x.snn.h5")


def test_running_out_of_memory_is_one_line(files, monkeypatch):
    def run_out(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("snnconv.runtime.batches.Batches.run", run_out)
    fails("not enough memory", "simulate", files / "graph.snn.h5")


# --- the process itself


def process(*arguments, **options):
    command = [sys.executable, "-m", "snnconv", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def test_help_and_version():
    assert f"snnconv {snnconv.__version__}\n" == run("--version")
    printed = run("--help")
    for command in ("demo", "train", "export", "inspect", "simulate", "verify"):
        assert command in printed
        assert "Usage: snnconv" in run(command, "--help").replace("\n", " ").replace("root", "snnconv")


def test_a_process_says_nothing_on_standard_error_but_errors(folder, tmp_path):
    done = process("export", folder / "model.h5", "-o", tmp_path / "x.snn.h5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wrote" in done.stdout
    done = process("export", folder / "truncated.h5", "-o", tmp_path / "y.snn.h5")
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"snnconv: error: cannot read [^\n]*\n", done.stderr)
    assert os.listdir(tmp_path) == ["x.snn.h5"]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_an_interrupt_is_one_line(folder, tmp_path):
    arguments = ["simulate", folder / "graph.snn.h5", "--steps", "2000000", "-o", tmp_path / "run.npz"]
    command = [sys.executable, "-c", "import snnconv.cli as c; print('ready', flush=True); c.main()"]
    started = subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    started.stdout.readline()
    time.sleep(1.5)
    started.send_signal(signal.SIGINT)
    _, error = started.communicate(timeout=60)
    assert (started.returncode, error) == (130, "snnconv: interrupted\n")
    assert not os.listdir(tmp_path)


def test_module_and_script_are_the_same_command():
    assert Path(snnconv.__file__).with_name("__main__.py").is_file()
    assert process("--version").stdout == f"snnconv {snnconv.__version__}\n"
