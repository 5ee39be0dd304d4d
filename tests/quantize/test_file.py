"""Integer graphs in files: what is written reads back equal, and what is damaged is refused in one line."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

import snnconv
from snnconv.errors import ModelFileError
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF
from snnconv.quantize import LatencyCode, RateCode, load, quantize, run
from snnconv.quantize.file import is_integer_file

from ..helpers.branched_networks import random_branches
from ..helpers.damaged_copies import check
from ..helpers.integer_networks import Line, random_line


def graphs():
    yield "convolution", quantize(random_line(3, conv=True, synapse=True), 6, input=RateCode(spikes_per_step=0.5))
    yield "dense", quantize(random_line(1, min_voltage=-np.inf), 12, scale="layer")
    yield "branches", quantize(random_branches(3, "inverted"))
    yield "if", quantize(random_line(2, neuron="IF", min_voltage=None), input=LatencyCode(window=7, spike_value=0.5))


@pytest.mark.parametrize(("name", "graph"), list(graphs()))
def test_a_graph_survives_its_file(name, graph, tmp_path):
    graph.save(tmp_path / "net.int.h5")
    read = load(tmp_path / "net.int.h5")
    assert (read.name, read.settings, dict(read.outputs)) == (graph.name, graph.settings, dict(graph.outputs))
    assert read.approximations == graph.approximations
    for ours, theirs in zip(read.nodes, graph.nodes, strict=True):
        assert type(ours) is type(theirs)
        assert ours.ranges == theirs.ranges
        assert set(ours.arrays()) == set(theirs.arrays())
        for key, array in theirs.arrays().items():
            assert ours.arrays()[key].dtype == array.dtype
            np.testing.assert_array_equal(ours.arrays()[key], array)
        plain = [
            {key: value for key, value in vars(node).items() if key not in (*node.arrays(), "ranges")}
            for node in (ours, theirs)
        ]
        assert repr(plain[0]) == repr(plain[1])  # as text, since nan is not equal to itself
    x = np.random.default_rng(0).random((2, *graph.input.shape))
    np.testing.assert_array_equal(run(read, x, 10).output, run(graph, x, 10).output)


def test_names_that_begin_with_those_of_other_nodes(tmp_path):
    nodes = (
        Input(name="n/x", shape=(2,)),
        Dense(name="dense", inputs=("n/x",), shape=(2,), kernel=np.eye(2)),
        Population(name="n", inputs=("dense",), shape=(2,), neuron=IF(), neuron_bias=np.ones(2), gain=np.ones(2)),
        Dense(name="n/y", inputs=("n",), shape=(2,), kernel=np.eye(2)),
    )
    graph = quantize(SpikingGraph(nodes, {"y": "n/y"}))
    graph.save(tmp_path / "net.int.h5")
    assert [node.name for node in load(tmp_path / "net.int.h5").nodes] == [node.name for node in graph.nodes]


def test_the_layout_is_what_the_documentation_says(tmp_path):
    """Enough to run the network by hand, without snnconv."""
    graph = quantize(random_line(1))
    graph.save(tmp_path / "net.int.h5")
    with h5py.File(tmp_path / "net.int.h5") as file:
        assert (file.attrs["format"], file.attrs["version"], file.attrs["weight_bits"]) == ("snnconv-integer", 1, 8)
        assert [name.decode() for name in file["order"]] == ["x", "n1", "n2", "y"]
        assert file["outputs"][0].tolist() == [b"y", b"y"]
        lif = file["nodes/n1"]
        assert lif["kernel"].dtype == "int8"
        assert {lif[key].dtype.name for key in ("bias", "threshold", "floor", "ceiling")} == {"int32"}
        assert (lif.attrs["neuron"], lif.attrs["leak"]) == ("LIF", graph.populations["n1"].leak)
        assert lif.attrs["range.voltage"].tolist() == [0, graph.populations["n1"].threshold.max()]
        assert file["nodes/x"].attrs["code"] == "Analog"
        assert file["nodes/x"].attrs["code.bits"] == 8


def changed(path, change):
    with h5py.File(path, "a") as file:
        change(file)


def replace(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.update(format="snnconv"), "does not hold an integer graph"),
        (lambda file: file.attrs.update(version=2), "layout has version 2; this snnconv reads up to 1. Update"),
        (lambda file: file.attrs.update(weight_bits=40), "weight_bits must be a whole number from 2 to 16"),
        (lambda file: file.attrs.update(dt="soon"), "expected a number. Received 'soon'"),
        (lambda file: file["nodes/n1"].attrs.update(kind="Neurons"), "node 'n1' is of the unknown kind 'Neurons'"),
        (lambda file: file["nodes/n1"].attrs.pop("shift"), "node 'n1' has no 'shift'"),
        (lambda file: file["nodes/n1"].attrs.update(shift=2.5), "expected a whole number. Received 2.5"),
        (lambda file: file["nodes/n1"].attrs.update(shift=99), "node 'n1' do not fit together"),
        (lambda file: file["nodes/n1"].attrs.update(leak=1), "do not give the ranges that the file claims"),
        (lambda file: file["nodes/n1"].attrs.update(inputs=["z"]), "do not fit together"),
        (lambda file: file["nodes/x"].attrs.update(code="Morse"), "unknown code 'Morse'"),
        (replace("nodes/n1/kernel", np.zeros((7, 6), "int64")), "do not fit together"),
        (replace("nodes/n1/kernel", np.zeros((7, 6), "float32")), "do not fit together"),
        (replace("nodes/n1/kernel", np.zeros((6, 7), "int8")), "do not fit together"),
        (replace("nodes/n1/bias", np.zeros(6, "int32")), "node 'n1' do not give the ranges"),
        (replace("nodes/n1/scale", np.full(6, np.nan)), "do not fit together"),
        (replace("nodes/n1/bias", h5py.SoftLink("/nodes/n2/bias")), "link to another place"),
        (lambda file: file.pop("nodes/n2"), "there is no 'nodes/n2'"),
        (lambda file: file.pop("order"), "there is no 'order'"),
        (replace("order", ["x", "n1"]), "names 'y', which is no readout"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(change, message, tmp_path):
    path = tmp_path / "net.int.h5"
    quantize(random_line(1)).save(path)
    changed(path, change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"cannot read '{path}': ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["convolution", "if"])
def test_damage_of_any_kind_is_an_error_of_ours_or_none(name, tmp_path):
    dict(graphs())[name].save(tmp_path / "net.int.h5")
    check(tmp_path, "net.int.h5", 0, 40)


@pytest.mark.slow
def test_much_damage(tmp_path):
    dict(graphs())["convolution"].save(tmp_path / "net.int.h5")
    check(tmp_path, "net.int.h5", 40, 600)


def test_other_files_are_refused(tmp_path):
    graph = random_line(1)
    graph.save(tmp_path / "net.snn.h5")
    (tmp_path / "text.int.h5").write_text("no network")
    assert not is_integer_file(tmp_path / "net.snn.h5")
    assert not is_integer_file(tmp_path / "text.int.h5")
    with pytest.raises(ModelFileError, match="it does not hold an integer graph, as IntegerGraph.save"):
        load(tmp_path / "net.snn.h5")
    with pytest.raises(ModelFileError, match="damaged, or not an HDF5 file"):
        load(tmp_path / "text.int.h5")
    with pytest.raises(ModelFileError, match="there is no file"):
        load(tmp_path / "none.int.h5")
    quantize(graph).save(tmp_path / "net.int.h5")
    assert is_integer_file(tmp_path / "net.int.h5")
    with pytest.raises(ModelFileError, match="it holds a network in integers"):
        snnconv.load(tmp_path / "net.int.h5")


def test_saving_is_all_or_nothing(tmp_path):
    with pytest.raises(ModelFileError, match="cannot write"):
        quantize(random_line(1)).save(tmp_path / "nowhere" / "net.int.h5")
    assert not list(tmp_path.iterdir())


def test_quantising_and_running_need_no_tensorflow(tmp_path):
    """Nor does reading: what runs on a small machine is NumPy and h5py."""
    Line((3,)).dense("d", np.eye(3) * 50).neurons("n", IF()).dense("out", np.eye(3)).graph().save(tmp_path / "g.snn.h5")
    code = (
        "import json, sys, snnconv\n"
        "from snnconv.quantize import load, quantize, run\n"
        f"quantize(snnconv.load({str(tmp_path / 'g.snn.h5')!r})).save({str(tmp_path / 'g.int.h5')!r})\n"
        f"run(load({str(tmp_path / 'g.int.h5')!r}), [[1.0, 0.5, 0.0]], 5)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules} & {'tensorflow', 'keras', 'scipy'})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
