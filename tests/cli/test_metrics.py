"""``snnconv metrics``: a table and JSON, of all samples."""

import json

import numpy as np

import snnconv

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
