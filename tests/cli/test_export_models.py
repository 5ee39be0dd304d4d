"""``snnconv export`` of models and graphs: the file beside the model, other targets, and their list."""

import json
import os
import re

import numpy as np
import pytest

import snnconv
from snnconv.runtime import reference

from ..helpers.command import run


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
