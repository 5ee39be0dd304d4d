"""Export targets: the same numbers in every format, written whole or not at all."""

import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest

import snnconv
from snnconv import export
from snnconv.errors import ModelFileError, ParameterError
from snnconv.runtime import reference

from ..helpers.networks import forum_model, random_cnn

COMPLETE = ("hdf5", "npz", "json")  # targets that hold every number
EACH_TARGET = pytest.mark.parametrize("name", COMPLETE)
DT = 0.002


@pytest.fixture(scope="module")
def models():
    return {"forum": forum_model(), "cnn": random_cnn()}


@pytest.fixture(scope="module")
def graphs(models):
    return {name: snnconv.convert(model) for name, model in models.items()}


@pytest.fixture(params=["forum", "cnn"])
def graph(request, graphs):
    return graphs[request.param]


def hdf5_contents(path: Path) -> dict[str, object]:
    """Every dataset and attribute by its path, read without the package."""
    found = {}

    def visit(item, prefix):
        found.update({prefix + key: value for key, value in item.attrs.items()})
        for key in item if isinstance(item, h5py.Group) else ():
            if isinstance(item[key], h5py.Group):
                visit(item[key], f"{prefix}{key}/")
            else:
                found[prefix + key] = item[key][()]

    with h5py.File(path, "r") as file:
        visit(file, "")
    return found


def plain(value):
    """Numbers as float64 arrays, strings as lists of str."""
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        return [text.decode() if isinstance(text, bytes) else str(text) for text in array.reshape(-1)]
    return array.astype("float64")


def test_every_target_module_is_registered_once():
    folder = Path(export.__file__).parent
    names = [path.stem for path in folder.glob("*.py")] + [path.parent.name for path in folder.glob("*/__init__.py")]
    modules = [import_module(f"snnconv.export.{name}") for name in names if name != "__init__"]
    found = [each for module in modules for each in vars(module).values() if isinstance(each, export.Target)]
    found += [each for module in modules for each in vars(module).get("TARGETS", ()) if isinstance(each, export.Target)]
    assert sorted(map(id, found)) == sorted(map(id, export.TARGETS.values()))
    suffixes = [target.suffix for target in export.TARGETS.values()]
    assert len(set(suffixes)) == len(suffixes)


@EACH_TARGET
def test_targets_that_hold_everything_say_so(graphs, name, tmp_path):
    verdict = export.export(graphs["forum"], tmp_path / "x", name)
    assert verdict.exact
    assert str(verdict) == "exact: it holds every number of the network as it is."


def test_hdf5_reads_back_to_the_same_rates_and_spikes(graph, tmp_path):
    export.export(graph, tmp_path / "x.snn.h5", dt=DT)
    loaded = snnconv.load(tmp_path / "x.snn.h5")
    x = np.random.default_rng(0).random((3, *graph.inputs[0].shape))
    np.testing.assert_array_equal(loaded.rate_output(x), graph.rate_output(x))
    ours, theirs = (reference.run(each, x, 50, DT, record="all") for each in (loaded, graph))
    np.testing.assert_array_equal(ours.output, theirs.output)
    for name in graph.populations:
        assert ours.spikes[name].any()
        np.testing.assert_array_equal(ours.spikes[name], theirs.spikes[name])


@pytest.mark.parametrize("name", ["npz", "json"])
def test_other_targets_hold_what_hdf5_holds(graph, name, tmp_path):
    export.export(graph, tmp_path / "x.snn.h5", dt=DT)
    path = tmp_path / f"x{export.TARGETS[name].suffix}"
    export.export(graph, path, name, DT)
    expected = hdf5_contents(tmp_path / "x.snn.h5")
    origin = expected.pop("origin")  # that of a zip is its comment, and an entry of JSON
    if name == "npz":
        with np.load(path, allow_pickle=False) as file:
            received = dict(file)
    else:
        received = json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
    assert received.pop("origin", origin.decode()) == origin.decode()
    assert set(received) == set(expected)
    for key, value in expected.items():
        given = received[key]
        if name == "json" and np.asarray(given).dtype.kind == "U" and np.asarray(value).dtype.kind == "f":
            given = np.asarray(given, "float64")  # "-inf"
        np.testing.assert_array_equal(plain(given), plain(value), err_msg=key, strict=True)


@EACH_TARGET
def test_dt_stands_beside_every_population(graphs, name, tmp_path):
    path = tmp_path / "x"
    export.export(graphs["cnn"], path, name, DT)
    read = {
        "hdf5": hdf5_contents,
        "npz": np.load,
        "json": lambda path: json.loads(path.read_text()),
    }[name]
    contents = read(path)
    assert [float(contents[f"populations/{each}/dt"]) for each in graphs["cnn"].populations] == [DT] * 3


def test_gain_is_in_kernel_and_dense_bias_and_not_in_neuron_bias(models, graphs, tmp_path):
    export.export(graphs["forum"], tmp_path / "x.snn.json", "json")
    contents = json.loads((tmp_path / "x.snn.json").read_text())
    array = {key: np.array(contents[f"populations/lif/{key}"]) for key in ("kernel", "dense_bias", "neuron_bias")}
    gain = np.array(contents["populations/lif/gain"])
    kernel, dense_bias = (weight.numpy().astype("float64") for weight in models["forum"].get_layer("dense").weights)
    neuron_bias = models["forum"].get_layer("lif").bias.numpy()
    np.testing.assert_allclose(gain, 2.0332448, rtol=1e-6)
    np.testing.assert_allclose(array["kernel"], gain * kernel, rtol=1e-12)
    np.testing.assert_allclose(array["dense_bias"], gain * dense_bias, rtol=1e-12)
    np.testing.assert_array_equal(array["neuron_bias"], neuron_bias)
    np.testing.assert_array_equal(contents["populations/lif/trained/kernel"], kernel)
    assert np.abs(neuron_bias - 1).max() > 1e-3, "the test needs biases that training moved"


def test_the_cnn_keeps_its_three_kinds_of_bias_apart(graphs, tmp_path):
    export.export(graphs["cnn"], tmp_path / "x.snn.npz", "npz")
    with np.load(tmp_path / "x.snn.npz") as file:
        assert file["populations/lif1/kernel"].shape == (3, 3, 2, 8)
        assert file["populations/hidden/min_voltage"] == -np.inf
        assert file["populations/lif1/neuron_bias"].any()
        assert file["populations/lif1/dense_bias"].any()
        assert str(file["readout/classes/activation"]) == "softmax"


@EACH_TARGET
def test_a_writer_that_fails_leaves_the_old_file(graphs, name, tmp_path, monkeypatch):
    path = tmp_path / "x"
    export.export(graphs["forum"], path, name)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("snnconv.files.writing.os.fsync", fail)
    with pytest.raises(ModelFileError, match="cannot write .*No space left"):
        export.export(graphs["cnn"], path, name)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x"]


KILLED = """
import os, signal, sys
import snnconv
from snnconv.graph import file

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

file._link_connection = die  # after the arrays were written, before the file is complete
snnconv.load(sys.argv[1]).save(sys.argv[2])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_export_leaves_the_old_file_whole(graphs, tmp_path):
    old, new = tmp_path / "old.snn.h5", tmp_path / "new.snn.h5"
    export.export(graphs["forum"], old)
    export.export(graphs["cnn"], new)
    before = old.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, new, old], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert old.read_bytes() == before
    assert list(snnconv.load(old).populations) == ["lif"]
    visible = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert visible == ["new.snn.h5", "old.snn.h5"]
    export.export(graphs["cnn"], old)
    assert list(snnconv.load(old).populations) == ["lif1", "lif2", "hidden"]


def test_an_unknown_target_and_a_bad_dt_are_refused(graphs, tmp_path):
    with pytest.raises(ParameterError, match=r"no export target 'vhdl'. There are: hdf5, npz, json"):
        export.export(graphs["forum"], tmp_path / "x", "vhdl")
    for dt in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="dt must be above 0"):
            export.export(graphs["forum"], tmp_path / "x", dt=dt)
    assert not list(tmp_path.iterdir())


@EACH_TARGET
def test_a_folder_that_is_not_there_is_named(graphs, name, tmp_path):
    with pytest.raises(ModelFileError, match="cannot write .*nowhere"):
        export.export(graphs["forum"], tmp_path / "nowhere" / "x", name)
