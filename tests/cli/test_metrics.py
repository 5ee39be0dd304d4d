"""``snnconv metrics``: a table and JSON, of all samples."""

import json

import numpy as np

import snnconv
from snnconv.graph import Add, Input, SpikingGraph

from ..helpers.command import fails, run
from ..helpers.small_graphs import graph_of, inputs_of


def test_the_command(tmp_path):
    graph = graph_of("conv2d same with strides")
    path, data = tmp_path / "g.snn.h5", tmp_path / "x.npz"
    graph.save(path)
    np.savez(data, x=inputs_of(graph))
    printed = run("metrics", path, "--data", data, "--steps", 30, "--batch-size", 2)
    assert "effective ACs" in printed
    assert max(map(len, printed.splitlines())) <= 80
    found = json.loads(run("metrics", path, "--data", data, "--steps", 30, "--batch-size", 2, "--json"))
    expected = snnconv.metrics(graph, inputs_of(graph), 30, batch_size=2)
    assert found == json.loads(json.dumps(expected.to_dict()))
    assert json.loads(run("metrics", path, "--data", data, "--samples", 1, "--steps", 2, "--json"))["n_samples"] == 1
    fails("--samples must be a whole number above 0", "metrics", path, "--samples", 0)
    assert "real ones" in run("metrics", path, "--steps", 5)


def test_one_array_for_two_inputs_is_refused_with_what_to_name(tmp_path):
    nodes = (
        Input(name="left", shape=(3,)),
        Input(name="right", shape=(3,)),
        Add(name="sum", inputs=("left", "right"), shape=(3,)),
    )
    SpikingGraph(nodes, {"y": "sum"}).save(tmp_path / "g.snn.h5")
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    message = r"several inputs: name an .npz file with an array for each of \['left', 'right'\]"
    fails(message, "metrics", tmp_path / "g.snn.h5", "--data", tmp_path / "x.npy")
