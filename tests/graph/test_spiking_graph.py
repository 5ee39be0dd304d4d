"""The graph as data: frozen, saved and loaded whole, shown as a table."""

import dataclasses
import io
import subprocess
import sys

import h5py
import numpy as np
import pytest
from rich.console import Console

import snnconv
from snnconv.errors import InputError, ModelFileError, SnnconvError
from snnconv.graph import (
    NODES,
    Add,
    Affine,
    Dense,
    Filter,
    Input,
    Population,
    Readout,
    SpikingGraph,
)
from snnconv.graph import nodes as gn
from snnconv.graph.file import is_graph_file
from snnconv.graph.nodes import ConvTranspose, Crop, Difference, MaxPool, Pad, Permute, RunningSum, Upsample
from snnconv.neurons import IF, LIF, Follower
from snnconv.neurons.synapses import Alpha, Lowpass

from ..helpers.networks import random_cnn


@pytest.fixture(scope="module")
def graph():
    return snnconv.convert(random_cnn(), synapse={"hidden": Alpha(0.004)})


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((3, 12, 12, 2))


def every_node() -> SpikingGraph:
    """A graph with each kind of node, and with settings that are not the defaults."""
    rng = np.random.default_rng(0)
    p, q = ({"neuron_bias": rng.random(n), "gain": rng.random(n)} for n in (3, 6))
    nodes = (
        Input(name="in", shape=(6, 6, 2)),
        gn.Conv(
            name="conv", inputs=("in",), shape=(3, 3, 3), kernel=rng.random((3, 2, 2, 3)),
            bias=rng.random(3), strides=(2, 2), padding=((1, 1), (0, 1)), dilation=(1, 1), groups=1,
            trained={"kernel": rng.random((3, 2, 2, 3)).astype("float32")},
        ),
        Affine(name="affine", inputs=("conv",), shape=(3, 3, 3), scale=rng.random((3, 3, 3)), offset=rng.random(3)),
        Population(
            name="lif", inputs=("affine",), shape=(3, 3, 3), neuron=LIF(0.03, 0.001, 0.02, -0.5, 0.1), **p,
            trained={"bias": rng.random(3)},
        ),
        Filter(name="alpha", inputs=("lif",), shape=(3, 3, 3), synapse=Alpha(0.003)),
        gn.AveragePool(
            name="pool", inputs=("alpha",), shape=(2, 2, 3), size=(2, 2), strides=(2, 2), padding=((0, 1), (0, 1))
        ),
        RunningSum(name="total", inputs=("pool",), shape=(2, 2, 3)),
        MaxPool(name="max", inputs=("total",), shape=(2, 2, 3), size=(2, 1), strides=(1, 1), padding=((0, 1), (0, 0))),
        Difference(name="growth", inputs=("max",), shape=(2, 2, 3)),
        Upsample(name="up", inputs=("growth",), shape=(4, 2, 3), factors=(2, 1, 1), interpolation="linear"),
        Pad(name="pad", inputs=("up",), shape=(4, 5, 3), padding=((0, 0), (1, 2), (0, 0))),
        Permute(name="permute", inputs=("pad",), shape=(5, 4, 3), axes=(1, 0, 2)),
        ConvTranspose(
            name="transposed", inputs=("permute",), shape=(10, 5, 2), kernel=rng.random((2, 3, 3, 2)),
            bias=rng.random(2), strides=(2, 1), padding=((0, 0), (2, -1)), dilation=(1, 1),
        ),
        Crop(name="crop", inputs=("transposed",), shape=(3, 2, 2), start=(1, 2, 0)),
        gn.Reshape(name="flat", inputs=("crop",), shape=(12,)),
        Dense(name="dense", inputs=("flat",), shape=(3,), kernel=rng.random((12, 3))),
        Population(name="if", inputs=("dense",), shape=(3,), neuron=IF(0.5, -np.inf, 2), **p),
        Filter(name="low", inputs=("if",), shape=(3,), synapse=Lowpass(0.02)),
        Add(name="sum", inputs=("low", "dense"), shape=(3,)),
        gn.Concatenate(name="join", inputs=("sum", "low"), shape=(6,), axis=0),
        gn.Lookup(name="rows", inputs=("join",), shape=(6, 2), table=rng.random((5, 2))),
        gn.RunningMean(name="mean", inputs=("join",), shape=(6,), window=0.1),
        gn.Function(name="norm", inputs=("mean",), shape=(6,), function="standardise", settings='{"axis": [0]}'),
        Population(name="follower", inputs=("norm",), shape=(6,), neuron=Follower(0.5, 1, 0.1), **q),
        Readout(name="out", inputs=("follower",), shape=(6,), function="softmax"),
    )  # fmt: skip
    return SpikingGraph(nodes, {"y": "out", "middle": "sum"}, "all", {"made_by": "a test"})


def same(ours, theirs):
    assert (ours.name, dict(ours.outputs), dict(ours.metadata)) == (
        theirs.name,
        dict(theirs.outputs),
        dict(theirs.metadata),
    )
    assert [node.name for node in ours.nodes] == [node.name for node in theirs.nodes]
    for mine, other in zip(ours.nodes, theirs.nodes, strict=True):
        assert type(mine) is type(other)
        for field in dataclasses.fields(mine):
            a, b = getattr(mine, field.name), getattr(other, field.name)
            if field.name == "trained":
                assert set(a) == set(b)
                pairs = [(a[key], b[key]) for key in a]
            else:
                pairs = [(a, b)]
            for x, y in pairs:
                assert type(x) is type(y), (mine.name, field.name)
                if isinstance(x, np.ndarray):
                    assert x.dtype == y.dtype
                    np.testing.assert_array_equal(x, y)
                else:
                    assert x == y, (mine.name, field.name)


def test_every_kind_of_node_survives_the_file(tmp_path):
    graph = every_node()
    assert {node.kind for node in graph.nodes} == set(NODES), "a kind of node is missing in every_node()"
    graph.save(tmp_path / "all.snn.h5")
    same(snnconv.load(tmp_path / "all.snn.h5"), graph)


def test_a_converted_graph_survives_the_file(graph, images, tmp_path):
    graph.save(tmp_path / "cnn.snn.h5")
    loaded = snnconv.load(tmp_path / "cnn.snn.h5")
    same(loaded, graph)
    np.testing.assert_array_equal(loaded.rate_output(images), graph.rate_output(images))


def test_layout_of_the_file(graph, tmp_path):
    graph.save(tmp_path / "cnn.snn.h5")
    with h5py.File(tmp_path / "cnn.snn.h5") as file:
        assert (file.attrs["format"], file.attrs["version"], file.attrs["dt"]) == ("snnconv", 1, 0.001)
        for name, view in graph.populations.items():
            group = file["populations"][name]
            for key, expected in (
                ("kernel", view.kernel),
                ("dense_bias", view.dense_bias),
                ("neuron_bias", view.neuron_bias),
                ("gain", view.gain),
                ("trained/kernel", view.trained.kernel),
                ("trained/dense_bias", view.trained.dense_bias),
                ("trained/neuron_bias", view.trained.neuron_bias),
            ):
                np.testing.assert_array_equal(group[key][()], expected, err_msg=f"{name}/{key}")
            assert group.attrs["neuron"] == view.neuron.kind
            assert group.attrs["amplitude"] == view.amplitude
            assert group.attrs["input"] == view.input
            assert group.attrs["dt"] == 0.001
            assert f"nodes/{group.attrs['connection']}" in file
        lif = file["populations/lif1"].attrs
        assert (lif["tau_rc"], lif["tau_ref"], lif["min_voltage"]) == (0.02, 0.002, 0.0)
        readout = file["readout/classes"]
        np.testing.assert_array_equal(readout["kernel"][()], graph.readouts["classes"].kernel)
        assert readout.attrs["activation"] == "softmax"
        # one copy on disk under two names
        assert file["populations/lif1/kernel"] == file["nodes/conv1/kernel"]


def test_populations_and_readouts_are_views(graph):
    lif = graph.populations["lif1"]
    assert (lif.name, lif.shape, lif.tau_rc, lif.neuron) == ("lif1", (12, 12, 8), 0.02, LIF())
    with pytest.raises(AttributeError, match=r"population 'hidden' \(IF\) has no attribute 'tau_rc'"):
        _ = graph.populations["hidden"].tau_rc
    with pytest.raises(KeyError, match=r"no population is named 'lif9'. There are: \['lif1', 'lif2', 'hidden'\]"):
        graph.populations["lif9"]
    assert graph.populations["hidden"].trained.neuron_bias == 0
    assert graph.readouts["classes"].input == "hidden.synapse"
    assert "lif1" in repr(graph)
    assert "LIF" in repr(graph.populations)


def test_nothing_in_a_graph_can_be_changed(graph):
    with pytest.raises(ValueError, match="read-only"):
        graph.populations["lif1"].kernel[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.nodes[0].name = "other"
    with pytest.raises(TypeError):
        graph.outputs["more"] = "lif1"


def test_a_graph_that_does_not_hang_together_is_refused():
    a = Input(name="a", shape=(3,))
    dense = Dense(name="b", inputs=("a",), shape=(2,), kernel=np.ones((3, 2)))
    with pytest.raises(SnnconvError, match="node 'b' is fed by 'a', which does not come before it"):
        SpikingGraph((dense, a), {"y": "b"})
    with pytest.raises(SnnconvError, match="two nodes are named 'a'"):
        SpikingGraph((a, a), {"y": "a"})
    with pytest.raises(SnnconvError, match="output 'y' names node 'c'"):
        SpikingGraph((a, dense), {"y": "c"})


def test_summary_prints_itself(graph, capsys):
    shown = graph.summary()
    assert "hidden" in capsys.readouterr().out
    print(shown)
    assert capsys.readouterr().out == "\n", "and is not shown again"


def test_summary_fits_a_terminal_and_says_what_there_is(graph):
    console = Console(width=100, file=io.StringIO())
    console.print(graph.summary())
    text = console.file.getvalue()
    for word in ("conv1", "lif1", "hidden.synapse", "Alpha", "softmax", "20 ms", "2 ms", "total", "12×12×8"):
        assert word in text, word
    # counted by hand: two convolutions, two dense layers, the neurons' biases
    total = (9 * 2 * 8 + 8) + (9 * 8 * 12 + 12) + (48 * 20 + 20) + (20 * 5 + 5) + 8 + 12 + 1
    assert f"{total:,}" in text


def shorten(group, key):
    array = group[key][:-1]
    del group[key]
    group[key] = array


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.attrs.__delitem__("format"), "does not hold a spiking graph"),
        (lambda file: file.attrs.__setitem__("version", 99), "its layout has version 99; this snnconv reads up to 1"),
        (lambda file: file.__delitem__("order"), "damaged"),
        (lambda file: file["nodes/conv1"].__delitem__("kernel"), "damaged"),
        (lambda file: file["nodes/conv1"].attrs.__setitem__("kind", "Magic"), "unknown node kind 'Magic'"),
        (lambda file: file["populations/lif1"].attrs.__setitem__("neuron", "HH"), "unknown neuron kind 'HH'"),
        (lambda file: file["populations/lif1"].attrs.__setitem__("tau_rc", -1.0), "tau_rc must be a finite number"),
        (lambda file: shorten(file["nodes/conv1"], "bias"), r"bias \(7,\) of node 'conv1' does not fit its shape"),
        (lambda file: shorten(file["populations/lif1"], "neuron_bias"), r"neuron_bias \(7,\) of node 'lif1' does not"),
        (lambda file: file["nodes/conv1/bias"].__setitem__(0, np.nan), "'bias' of node 'conv1' holds NaN"),
        (lambda file: file["nodes/conv2"].attrs.__setitem__("inputs", ["nobody"]), "fed by 'nobody'"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(graph, tmp_path, damage, message):
    path = tmp_path / "cnn.snn.h5"
    graph.save(path)
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(ModelFileError, match=message) as error:
        snnconv.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path, graph):
    with pytest.raises(ModelFileError, match="there is no file"):
        snnconv.load(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(ModelFileError, match="damaged, or not an HDF5 file"):
        snnconv.load(tmp_path / "text.h5")
    graph.save(tmp_path / "cut.h5")
    assert is_graph_file(tmp_path / "cut.h5")
    whole = (tmp_path / "cut.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFileError, match="damaged"):
        snnconv.load(tmp_path / "cut.h5")
    assert not is_graph_file(tmp_path / "text.h5")


def test_saving_is_all_or_nothing(graph, tmp_path, monkeypatch):
    path = tmp_path / "cnn.snn.h5"
    graph.save(path)
    before = path.read_bytes()

    def fail(*_):
        raise RuntimeError("power cut")

    monkeypatch.setattr("snnconv.graph.file._link_connection", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        graph.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="cannot write"):
        graph.save(tmp_path / "no" / "such" / "folder.h5")
    with pytest.raises(ModelFileError, match="it is a folder"):
        graph.save(tmp_path)


def test_a_file_loads_without_keras_and_tensorflow(graph, tmp_path):
    graph.save(tmp_path / "cnn.snn.h5")
    program = (
        "import sys, numpy, snnconv\n"
        f"snnconv.reference.run(snnconv.load({str(tmp_path / 'cnn.snn.h5')!r}), numpy.ones((1, 12, 12, 2)), 3)\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_inputs_are_checked(graph):
    with pytest.raises(InputError, match=r"must have shape \(n, 12, 12, 2\). Received \(12, 12, 2\)"):
        graph.rate_output(np.zeros((12, 12, 2)))
    with pytest.raises(InputError, match=r"inputs must be named \['image'\]. Received \['picture'\]"):
        graph.rate_output({"picture": np.zeros((1, 12, 12, 2))})
    np.testing.assert_array_equal(
        graph.rate_output({"image": np.zeros((1, 12, 12, 2))}), graph.rate_output(np.zeros((1, 12, 12, 2), int))
    )


def test_rate_output_does_not_depend_on_batches(graph, images):
    np.testing.assert_allclose(graph.rate_output(images, batch_size=1), graph.rate_output(images), rtol=1e-12)
