"""Graph files: names of layers with slashes, and shapes that do not fit together."""

import h5py
import numpy as np
import pytest

import snnconv
from snnconv.errors import ModelFileError, SnnconvError
from snnconv.graph import Dense, Input, Reshape, SpikingGraph


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
