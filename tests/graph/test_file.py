"""Graph files: names of layers with slashes, and shapes that do not fit together."""

import dataclasses

import h5py
import numpy as np
import pytest

import snnconv
from snnconv.errors import ModelFileError, SnnconvError
from snnconv.graph import Dense, Input, Population, Reshape, SpikingGraph
from snnconv.graph.file import save
from snnconv.graph.nodes.kernels import scaled
from snnconv.neurons import LIF


def test_names_that_would_meet_in_a_file(tmp_path):
    def named(second):
        shape, kernel = (2,), np.eye(2)
        first = Dense(name="n", inputs=("x",), shape=shape, kernel=kernel)
        nodes = (Input(name="x", shape=shape), first, Dense(name=second, inputs=("n",), shape=shape, kernel=kernel * 2))
        return SpikingGraph(nodes, {"output": second})

    named("n/dense").save(tmp_path / "g.snn.h5")
    np.testing.assert_array_equal(snnconv.load(tmp_path / "g.snn.h5")["n/dense"].kernel, np.eye(2) * 2)
    with pytest.raises(SnnconvError, match="named 'n/kernel', and another 'n', whose 'kernel' stands there"):
        named("n/kernel")


@pytest.mark.parametrize(
    "names", [("x", "n", "n/lif", "y"), ("x", "y", "x/lif", "n"), ("x/y", "n", "lif", "x"), ("x", "n/m", "n", "n/o")]
)
def test_names_that_begin_with_those_of_other_nodes(tmp_path, names):
    x, dense, lif, y = names
    bias, gain = np.full(2, 3.0), np.full(2, 4.0)
    nodes = (
        Input(name=x, shape=(2,)),
        Dense(name=dense, inputs=(x,), shape=(2,), kernel=np.eye(2)),
        Population(name=lif, inputs=(dense,), shape=(2,), neuron=LIF(), neuron_bias=bias, gain=gain),
        Dense(name=y, inputs=(lif,), shape=(2,), kernel=np.eye(2) * 2),
    )
    SpikingGraph(nodes, {"out/y": y, "out": lif}).save(tmp_path / "g.snn.h5")
    found = snnconv.load(tmp_path / "g.snn.h5")
    assert [(node.name, node.kind) for node in found.nodes] == [(node.name, node.kind) for node in nodes]
    np.testing.assert_array_equal(found[y].kernel, np.eye(2) * 2)
    np.testing.assert_array_equal(found.populations[lif].gain, gain)


def test_a_shape_that_only_one_sample_fits_is_refused(tmp_path):
    nodes = (
        Input(name="x", shape=(2, 2)),
        Reshape(name="flat", inputs=("x",), shape=(4,)),
        Dense(name="out", inputs=("flat",), shape=(3,), kernel=np.ones((4, 3))),
    )
    SpikingGraph(nodes, {"output": "out"}).save(tmp_path / "g.snn.h5")
    with h5py.File(tmp_path / "g.snn.h5", "a") as file:
        file["nodes/flat"].attrs["shape"] = np.zeros(0, int)
    with pytest.raises(ModelFileError, match="do not fit together|node 'flat' gives"):
        snnconv.load(tmp_path / "g.snn.h5")


def test_layers_named_like_what_a_file_notes_of_kernels(tmp_path):
    """A layer may be named 'd/scales/0' beside 'd', whose kernel has factors."""
    shape, weights = (2,), np.eye(2, dtype="float32")
    first = Dense(
        name="d", inputs=("x",), shape=shape, kernel=scaled(weights, np.full(2, 3.0)), trained={"kernel": weights}
    )
    nodes = [Input(name="x", shape=shape), first]
    for name in ("d/scales", "d/scales/0", "scales/1"):
        nodes.append(Dense(name=name, inputs=(nodes[-1].name,), shape=shape, kernel=weights * 2))
    SpikingGraph(nodes, {"output": nodes[-1].name}).save(tmp_path / "g.snn.h5")
    found = snnconv.load(tmp_path / "g.snn.h5")
    assert [node.kernel[0, 0] for node in found.nodes[1:]] == [3, 2, 2, 2]


def test_the_step_of_a_file_is_that_of_its_graph(tmp_path):
    graph = SpikingGraph((Input(name="x", shape=(2,)),), {"output": "x"})
    for noted, dt, read in ((None, 0.001, {}), (None, 0.004, {"dt": "0.004"}), ("0.002", 0.001, {"dt": "0.001"})):
        made = dataclasses.replace(graph, metadata={} if noted is None else {"dt": noted})
        save(made, tmp_path / "g.snn.h5", dt)
        found = snnconv.load(tmp_path / "g.snn.h5")
        assert (found.dt, dict(found.metadata)) == (dt, read)
        found.save(tmp_path / "again.snn.h5")
        assert snnconv.load(tmp_path / "again.snn.h5").dt == dt
    with h5py.File(tmp_path / "g.snn.h5", "a") as file:
        file.attrs["dt"] = "soon"
    with pytest.raises(ModelFileError):
        snnconv.load(tmp_path / "g.snn.h5")
